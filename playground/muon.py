"""Muon: each update is the nearest orthogonal matrix to the momentum; for convolution kernels too.

For matrices the arithmetic is that of `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, which refuses kernels
and is not there before torch 2.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import distributed, nn

from playground.machine import has_bf16

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
        self._dtype = torch.bfloat16 if has_bf16() else torch.float32

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            for p, update in zip(moved, self._updates(moved, group), strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(p.flatten(1).shape)))
        return loss

    def _updates(self, params: list[nn.Parameter], group: dict[str, Any]) -> list[torch.Tensor]:
        """What each parameter moves along; of several processes each works out its share and tells the others."""
        several = distributed.is_available() and distributed.is_initialized()
        rank, world = (distributed.get_rank(), distributed.get_world_size()) if several else (0, 1)
        owners = share_out([work(p) for p in params], world)
        updates: list[torch.Tensor] = [torch.empty_like(p, dtype=self._dtype) for p in params]
        for place, p in enumerate(params):
            state = self.state[p]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(p.grad)
            average = state["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
            if owners[place] == rank:
                ahead = p.grad.lerp(average, group["momentum"])  # Nesterov's look ahead
                updates[place] = orthogonalise(ahead.flatten(1).to(self._dtype), group["ns_steps"]).view(p.shape)
        for owner in range(world if several else 0):
            theirs = [place for place in range(len(params)) if owners[place] == owner]
            if not theirs:
                continue
            flat = torch.cat([updates[place].flatten() for place in theirs])
            distributed.broadcast(flat.view(torch.uint8), src=owner)
            for place, update in zip(theirs, flat.split([params[place].numel() for place in theirs]), strict=True):
                updates[place] = update.view(params[place].shape)
        return updates


def work(matrix: torch.Tensor) -> int:
    """Multiplications of one Newton–Schulz iteration."""
    short, long = sorted(matrix.flatten(1).shape)
    return short * short * (2 * long + short)


def share_out(costs: list[int], world: int) -> list[int]:
    """Who does what, so that all of `world` are done at about the same time: the dearest goes to the idlest."""
    owners, loads = [0] * len(costs), [0] * world
    for place in sorted(range(len(costs)), key=costs.__getitem__, reverse=True):
        owners[place] = loads.index(min(loads))
        loads[owners[place]] += costs[place]
    return owners


def orthogonalise(matrix: torch.Tensor, steps: int) -> torch.Tensor:
    """About U·Vᵀ of the (m, n) `matrix` U·S·Vᵀ, by Newton–Schulz iterations in its own precision."""
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
