"""How many floating-point operations a step of a denoiser takes, as torch counts them in its plain forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench import _floor
from bench._image_drawn import HALF, OURS, Drawn

ONCE = (".attn2.to_k", ".attn2.to_v")  # what ours makes of a prompt before the first step


def count(unet: UNet2DConditionModel, side: int, length: int, answers: int) -> dict[str, int]:
    """Operations of a step of one picture: `plain`, and `ours`, which leaves out what no step changes.

    Products and convolutions count, a multiplication and an addition each; norms and activations do not.

    Args:
        side: of the latents.
        length: of a prompt, in tokens.
        answers: that a step takes; two where there is guidance.
    """
    latents = torch.zeros(1, unet.config.in_channels, side, side)
    words = torch.zeros(1, length, unet.config.cross_attention_dim)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        unet(latents, 500, encoder_hidden_states=words)  # the fused attention of a CPU would not be counted
    found = {name: sum(operations.values()) for name, operations in counter.get_flop_counts().items()}
    once = sum(operations for name, operations in found.items() if name.endswith(ONCE))
    whole = counter.get_total_flops()
    return {"plain": answers * whole, "ours": answers * (whole - once)}


def achieved(found: Mapping[str, Sequence[Drawn]], operations: Mapping[str, int]) -> list[dict[str, Any]]:
    """A step of one picture, each way: its time, its operations, and how they compare with products of matrices.

    Args:
        found: runs of each way, one picture each.
        operations: as `count` has them.
    """
    rows = []
    for way, drawings in found.items():
        step_s, threads = median(drawn.step_s for drawn in drawings), drawings[0].threads
        count = operations["ours" if way == OURS else "plain"]
        peak = _floor.measure_peak(threads, torch.bfloat16 if way == HALF else torch.float32)
        rows.append(
            {
                "way": way,
                "threads": threads,
                "step_s": step_s,
                "gflop": count / 1e9,
                "gflop_s": count / step_s / 1e9,
                "peak_gflop_s": peak / 1e9,
                "share": count / step_s / peak,
            }
        )
    return rows
