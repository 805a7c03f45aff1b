"""Pictures a little spoilt, so that what looks at them learns what matters. Knows no modality."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def augment(pixels: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Pictures moved by a pixel, blurred, lighter or darker, noisy; each a little.

    Args:
        pixels: (B, 3, H, W) of −1 … 1; the result is alike.
    """
    count, _, height, width = pixels.shape
    padded = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
    moves = torch.randint(0, 3, (count, 2), generator=dice).tolist()
    moved = torch.stack([p[:, y : y + height, x : x + width] for p, (y, x) in zip(padded, moves, strict=True)])
    soft = F.avg_pool2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amounts = torch.rand(4, count, 1, 1, 1, generator=dice)
    blurred = moved.lerp(soft, amounts[0])
    noise = torch.randn(pixels.shape, generator=dice)
    gain, lift = 0.94 + 0.12 * amounts[1], 0.08 * (amounts[2] - 0.5)
    return blurred * gain + lift + 0.06 * amounts[3].square() * noise
