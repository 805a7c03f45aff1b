"""How far sets of pictures are from one another, measured on feature vectors. Plain NumPy; knows no pictures."""

from __future__ import annotations

import numpy as np


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Fréchet distance of two normal distributions with the sets' means and covariances (Heusel et al. 2017).

    |m₁ − m₂|² + tr(C₁ + C₂ − 2·(C₁C₂)^½). The root's trace is that of (√C₁ C₂ √C₁)^½, which is symmetric: its
    eigenvalues are real. It depends on how many samples there are, so compare only among sets of one size.

    Args:
        first, second: (N, D) and (M, D), N and M at least 2.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    means = first.mean(0) - second.mean(0)
    one, other = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (first, second))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ other @ root)
    trace = np.trace(one) + np.trace(other) - 2 * np.sqrt(np.maximum(mixed, 0)).sum()
    return float(means @ means + max(0.0, trace))


def nearest(features: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """(N,) Euclidean distances from each of (N, D) features to the nearest of the (M, D) `pool`."""
    return np.sqrt(np.maximum(_squares(features, pool).min(axis=1), 0))


def spread(features: np.ndarray) -> float:
    """Mean Euclidean distance between two of the (N, D) features, N at least 2."""
    pairs = np.triu_indices(len(features), 1)
    return float(np.sqrt(np.maximum(_squares(features, features)[pairs], 0)).mean())


def quantiles(distances: np.ndarray) -> dict[str, float]:
    """What a record keeps of many distances: the least, the 1 % and the 10 % quantile, and the median."""
    shares = {"least": 0, "p1": 1, "p10": 10, "median": 50}
    return {key: round(float(np.percentile(distances, share)), 4) for key, share in shares.items()}


def _squares(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, M) squared distances."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    return (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * first @ second.T
