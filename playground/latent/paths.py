"""Ways through a latent space: straight lines and arcs, by way of several points, and grids between four corners.

Knows vectors, not models. Everything is computed in float64, and at both ends of a leg the end itself comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from playground.arcs import slerp as arc

Way = Callable[[np.ndarray, np.ndarray, float], np.ndarray]

EASES: dict[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "smooth": lambda share: share * share * (3 - 2 * share),  # smoothstep
    "in": lambda share: share * share,
    "out": lambda share: share * (2 - share),
}


def lerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """The point a share (0 … 1) of the straight way from one (D,) point to another."""
    if share in (0, 1):
        return (end if share else start).copy()
    a, b = start.astype(np.float64), end.astype(np.float64)
    return (a + share * (b - a)).astype(np.float32)


def slerp_about(centre: np.ndarray) -> Way:
    """The way along the great arc about `centre` (Shoemake 1985), distances from it changing evenly.

    Prior samples of a VAE lie on a shell about 0, those of a GAN's w about their mean; between two of them a straight
    line leads through the middle, where faces are bland, and the arc does not.
    """

    def way(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
        if share in (0, 1):
            return (end if share else start).copy()
        a, b = (torch.from_numpy(point.astype(np.float64) - centre) for point in (start, end))
        return (arc(a, b, share).numpy() + centre).astype(np.float32)

    return way


def walk(stops: Sequence[np.ndarray], frames: int, way: Way, easing: str, loop: str) -> np.ndarray:
    """Points along the stops, in order, every leg of the same number of frames.

    Args:
        stops: two (D,) points or more.
        frames: 2 or more.
        easing: a key of `EASES`; of every leg, so that "smooth" lingers at every stop.
        loop: "once" ends at the last stop; "back" returns by the same way, and "round" straight to the first stop, both
            without repeating the first frame at the end, so that a film can go on for ever.

    Returns:
        (frames, D) float32.
    """
    stops = [*stops, stops[0]] if loop == "round" else list(stops)
    ease = EASES[easing]
    points = []
    for leg, share in places(frames, len(stops) - 1, loop):
        points.append(way(stops[leg], stops[leg + 1], ease(share)))
    return np.stack(points)


def places(frames: int, legs: int, loop: str) -> list[tuple[int, float]]:
    """For every frame the leg that it is on, and which share (0 … 1) of it lies behind; whole numbers until the end."""
    span = frames - 1 if loop == "once" else frames
    found = []
    for frame in range(frames):
        passed = 2 * min(frame, frames - frame) if loop == "back" else frame
        leg = min(passed * legs // span, legs - 1)
        found.append((leg, (passed * legs - leg * span) / span))
    return found


def grid(corners: Sequence[np.ndarray], side: int, way: Way) -> np.ndarray:
    """Points between four corners: along the upper and the lower edge, then from the one to the other.

    Bilinear for a straight way, and the like of it along arcs.

    Args:
        corners: upper left, upper right, lower left, lower right; (D,) each.
        side: 2 or more.

    Returns:
        (side², D) float32, row by row.
    """
    a, b, c, d = corners
    shares = [step / (side - 1) for step in range(side)]
    edges = [(way(a, b, share), way(c, d, share)) for share in shares]
    return np.stack([way(upper, lower, share) for share in shares for upper, lower in edges])
