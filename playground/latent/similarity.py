"""How alike two pictures look: structural similarity (Wang et al. 2004)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

WINDOW, SIGMA = 11, 1.5  # px of the Gaussian window
STEADY = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)  # the paper's C1 and C2


@torch.no_grad()
def structural_similarity(picture: np.ndarray, other: np.ndarray) -> float:
    """SSIM of two pictures, the mean over colours and over all places where the whole window fits.

    Args:
        picture, other: (H, W, 3) uint8, at least 11 px each way.

    Returns:
        −1 … 1; 1 where they are equal.
    """
    x, y = (torch.from_numpy(one.astype(np.float64)).permute(2, 0, 1)[:, None] for one in (picture, other))
    mean_x, mean_y = _blurred(x), _blurred(y)
    spread_x, spread_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    both = _blurred(x * y) - mean_x * mean_y
    light, structure = STEADY
    above = (2 * mean_x * mean_y + light) * (2 * both + structure)
    below = (mean_x**2 + mean_y**2 + light) * (spread_x + spread_y + structure)
    return (above / below).mean().item()


def _blurred(planes: torch.Tensor) -> torch.Tensor:
    """(C, 1, H, W) → (C, 1, H − 10, W − 10)."""
    steps = torch.arange(WINDOW, dtype=planes.dtype) - WINDOW // 2
    bell = torch.exp(-(steps**2) / (2 * SIGMA**2))
    bell = bell / bell.sum()
    return F.conv2d(F.conv2d(planes, bell.view(1, 1, -1, 1)), bell.view(1, 1, 1, -1))
