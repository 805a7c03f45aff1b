"""t-SNE: a map on which points that are neighbours stand together (van der Maaten & Hinton 2008).

Exact, in numpy, for some thousands of points. The same points give the same map.
"""

from __future__ import annotations

import numpy as np

PERPLEXITY = 30.0  # about how many neighbours a point has
STEPS, PUSHED = 500, 150  # of gradient descent, and how many of them first with stronger attraction
PUSH = 12.0
SPREAD = 1e-4  # of the first places
_LEAST = 1e-12  # so that equal points have a map, too
SEARCH = 40  # halvings until a point's neighbourhood has the right width


def embed(points: np.ndarray) -> np.ndarray:
    """Places of (n, D) points on a map, (n, 2) float32, centred, with a standard deviation of 1 along the wider axis.

    Starts from the two principal components, so that what is far apart stays so (Kobak & Berens 2019).
    """
    count = len(points)
    wanted = _affinities(points.astype(np.float64), min(PERPLEXITY, max(2.0, (count - 1) / 3))).astype(np.float32)
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    places = (places / max(places[:, 0].std(), _LEAST) * SPREAD).astype(np.float32)
    speed, gains = np.zeros_like(places), np.ones_like(places)
    rate = max(count / PUSH, 50.0) / 4  # Belkina et al. (2019); a fourth, because 4 stands in the gradient
    for step in range(STEPS):
        push, momentum = (PUSH, 0.5) if step < PUSHED else (1.0, 0.8)
        slope = _gradient(places, wanted, push)
        gains = np.where(np.sign(slope) != np.sign(speed), gains + 0.2, np.maximum(gains * 0.8, 0.01))
        speed = (momentum * speed - rate * 4 * gains * slope).astype(np.float32)
        places = places + speed
    places = places - places.mean(axis=0)
    return (places / max(places.std(axis=0).max(), _LEAST)).astype(np.float32)


def _gradient(places: np.ndarray, wanted: np.ndarray, push: float) -> np.ndarray:
    """Of the divergence between wanted and present affinities, but for the factor 4; (n, 2)."""
    near = 1 / (1 + _squares(places))
    np.fill_diagonal(near, 0)
    pull = (push * wanted - near / near.sum()) * near
    return pull.sum(axis=1, keepdims=True) * places - pull @ places


def _affinities(points: np.ndarray, perplexity: float) -> np.ndarray:
    """Symmetric, (n, n), summing to 1; each point's Gaussian is as wide as gives it so many neighbours."""
    squares, target = _squares(points), np.log(perplexity)
    shares = np.zeros_like(squares)
    for place, row in enumerate(squares):
        others = np.delete(row, place)
        others = others - others.min()
        low, high, precision = 0.0, np.inf, 1 / max(float(others.mean()), _LEAST)
        for _ in range(SEARCH):
            weights = np.exp(-others * precision)
            entropy = np.log(weights.sum()) + precision * (others @ weights) / weights.sum()
            low, high = (precision, high) if entropy > target else (low, precision)
            precision = precision * 2 if np.isinf(high) else (low + high) / 2
        shares[place] = np.insert(weights / weights.sum(), place, 0)
    return (shares + shares.T) / (2 * len(points))


def _squares(points: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs, (n, n)."""
    lengths = (points**2).sum(axis=1)
    return np.maximum(lengths[:, None] + lengths - 2 * points @ points.T, 0)
