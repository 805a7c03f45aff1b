"""What is measured of drawn faces beside what they show: how sharp they are, how evenly a way leads through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from playground.latent.paths import Way
from playground.latent.pixels import to_tensor

STEP = 1e-3  # ε of a path length: small, and yet far above the rounding of float32
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpness(pictures: np.ndarray, size: int | None = None) -> float:
    """Mean variance of the Laplacian of pictures' grey (Pech-Pacheco et al. 2000), in −1 … 1: more is sharper.

    Args:
        pictures: (N, S, S, 3) uint8. size: pixels of a side that they are averaged down to first.
    """
    found = []
    for start in range(0, len(pictures), 256):
        pixels = to_tensor(pictures[start : start + 256])
        if size:
            pixels = F.adaptive_avg_pool2d(pixels, size)
        edges = F.conv2d(pixels.mean(dim=1, keepdim=True), LAPLACIAN[None, None])
        found.append(edges.flatten(1).var(dim=1))
    return torch.cat(found).mean().item()


def path_length(
    features: Callable[[np.ndarray], np.ndarray],
    starts: np.ndarray,
    ends: np.ndarray,
    way: Way,
    shares: Sequence[float],
) -> dict[str, float]:
    """Perceptual path length (Karras et al. 2019, "A style-based generator", section 4.1), in features of one's own.

    The squared distance of two pictures ε apart on a way, over ε², in the mean. A way that goes from one end's features
    to the other's straight and evenly has that of its ends themselves, the least there is.

    Args:
        features: (B, D) points → (B, F) features of what they show.
        starts, ends: (N, D) each. shares: N of 0 … 1 − ε, where on each way it is measured.

    Returns:
        `length`, and `detour`: how many times that of a straight and even way it is, as a ratio of means.
    """
    pairs = list(zip(starts, ends, shares, strict=True))
    here, ahead = (
        features(np.stack([way(a, b, share + step) for a, b, share in pairs])).astype(np.float64) for step in (0, STEP)
    )
    first, last = (features(ends_of).astype(np.float64) for ends_of in (starts, ends))
    length = float(np.square((ahead - here) / STEP).sum(axis=1).mean())
    direct = float(np.square(last - first).sum(axis=1).mean())
    return {"length": length, "detour": length / max(direct, 1e-12)}
