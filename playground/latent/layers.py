"""Layers that the networks of both kinds of model have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Doubling(nn.Conv2d):
    """A 3×3 convolution to pictures of twice the side: (B, C, H, W) → (B, 3, 2H, 2W).

    Four outputs of a position become four pixels. They are alike at first (Aitken et al. 2017), so that no checkerboard
    has to be unlearnt.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, 12, 3, padding=1)
        with torch.no_grad():
            self.weight.copy_(self.weight[::4].repeat_interleave(4, dim=0))
            self.bias.copy_(self.bias[::4].repeat_interleave(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(super().forward(x), 2)
