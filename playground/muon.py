"""Muon: each update is the nearest orthogonal matrix to the momentum; for convolution kernels too.

For matrices the arithmetic is that of `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, which refuses kernels
and is not there before torch 2.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that drives singular values towards 1


class Muon(torch.optim.Optimizer):
    """Jordan et al. (2024), "Muon"; kernels (O, I, H, W) are taken as matrices (O, I·H·W).

    Args:
        lr: the root mean square of an update's entries is about 0.2 × `lr`, as AdamW's is (Liu et al. 2025).
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95, ns_steps: int = 5
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "ns_steps": ns_steps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p.grad)
                average = state["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(average, group["momentum"]).flatten(1)  # Nesterov's look ahead
                update = orthogonalise(ahead, group["ns_steps"]).view(p.shape)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(ahead.shape)))
        return loss


def orthogonalise(matrix: torch.Tensor, steps: int) -> torch.Tensor:
    """About U·Vᵀ of the (m, n) `matrix` U·S·Vᵀ, by Newton–Schulz iterations in bfloat16."""
    tall = matrix.size(0) > matrix.size(1)
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
