"""How far the axes of a space of points belong to one factor each, and each factor to one axis.

DCI: disentanglement, completeness and informativeness of linear predictors with an L1 penalty (Eastwood & Williams
2018, "A framework for the quantitative evaluation of disentangled representations"). MIG: mutual information gap (Chen
et al. 2018, "Isolating sources of disentanglement in variational autoencoders"). Knows points and readings, no network.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from playground.latent.readings import FACTORS, PLACES

PENALTY = 0.02  # of the lasso, where points and factors have unit variance
SWEEPS = 200
BINS = 20  # of a point's number, and of a factor that is a range, in equal shares
LEAST = 24  # faces that a factor must apply to, to be counted


def disentanglement(
    points: np.ndarray,
    true: np.ndarray,
    applied: np.ndarray,
    fresh: np.ndarray,
    fresh_true: np.ndarray,
    told: np.ndarray,
) -> dict[str, Any]:
    """DCI and MIG of a space.

    Args:
        points: (N, D) of labelled faces, true: (N, R) and applied: (N, factors) of `readings`.
        fresh, fresh_true, told: the same of other faces, on which informativeness is measured.

    Returns:
        `disentanglement`, `completeness`, `informativeness` and `mig`, each 0 … 1, 1 is best; and `by`, for each factor
        its completeness, informativeness (R² of the linear predictor) and gap.
    """
    importance, by = {}, {}
    for name, rows, others in zip(FACTORS, applied.T, told.T, strict=True):
        if rows.sum() < LEAST or others.sum() < 2:
            continue
        place = PLACES[name]
        weights, explained = _predict(points[rows], true[rows, place], fresh[others], fresh_true[others, place])
        importance[name] = weights
        by[name] = {
            "completeness": 1 - _entropy(weights),
            "informativeness": explained,
            "mig": _gap(points[rows], _sorted_into(true[rows, place])),
        }
    table = np.stack(list(importance.values()), axis=1)  # (D, factors)
    shares = table.sum(axis=1) / max(table.sum(), 1e-12)
    apart = np.array([1 - _entropy(row) for row in table])
    means = {name: float(np.mean([row[name] for row in by.values()])) for name in next(iter(by.values()))}
    return {"disentanglement": float(shares @ apart), **means, "by": by, "faces": len(points)}


def _predict(
    points: np.ndarray, wanted: np.ndarray, fresh: np.ndarray, fresh_wanted: np.ndarray
) -> tuple[np.ndarray, float]:
    """How much each axis matters to a factor, (D,), and R² on other faces.

    A factor of several columns is predicted column by column, and what matters to any of them matters to it.
    """
    scale, spread = points.std(axis=0) + 1e-9, wanted.std(axis=0) + 1e-9
    middle, mean = points.mean(axis=0), wanted.mean(axis=0)
    weights = lasso((points - middle) / scale, (wanted - mean) / spread)
    left = (fresh_wanted - mean) / spread - (fresh - middle) / scale @ weights
    around = (fresh_wanted - fresh_wanted.mean(axis=0)) / spread
    explained = 1 - np.square(left).sum() / max(np.square(around).sum(), 1e-12)
    return np.abs(weights).sum(axis=1), float(max(0.0, explained))


def lasso(points: np.ndarray, wanted: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """Least squares with an L1 penalty, by coordinate descent (Friedman et al. 2010).

    Args:
        points: (N, D), wanted: (N, K), both with mean 0 and variance 1.

    Returns:
        (D, K) weights that minimise |wanted − points · weights|² / 2N + penalty · Σ|weights|.
    """
    gram, towards = points.T @ points / len(points), points.T @ wanted / len(points)
    weights = np.zeros_like(towards)
    for _ in range(SWEEPS):
        before = weights.copy()
        for axis in range(len(gram)):
            pull = towards[axis] - gram[axis] @ weights + gram[axis, axis] * weights[axis]
            shrunk = np.sign(pull) * np.maximum(np.abs(pull) - penalty, 0)
            weights[axis] = shrunk / max(gram[axis, axis], 1e-9)
        if np.abs(weights - before).max() < 1e-5:
            break
    return weights


def _entropy(row: np.ndarray) -> float:
    """Of the shares of a row, in logarithms to the base of its length: 0 where one has all, 1 where all have the same.

    A row without any importance counts as 1.
    """
    total = row.sum()
    if total <= 0 or len(row) < 2:
        return 1.0
    shares = row[row > 0] / total
    return float(-(shares * np.log(shares)).sum() / math.log(len(row)))


def _sorted_into(true: np.ndarray) -> np.ndarray:
    """The class of each face: of a choice its value, of a range or an angle one of `BINS`."""
    if true.shape[1] > 2 or set(np.unique(true)) <= {0.0, 1.0}:
        return true.argmax(axis=1)
    along = true[:, 0] if true.shape[1] == 1 else np.arctan2(true[:, 1], true[:, 0])
    return _binned(along)


def _binned(values: np.ndarray) -> np.ndarray:
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, values)


def _gap(points: np.ndarray, classes: np.ndarray) -> float:
    """Mutual information of a factor with its best axis less that with the next one, as a share of its entropy."""
    counts = np.bincount(classes) / len(classes)
    entropy = -(counts[counts > 0] * np.log(counts[counts > 0])).sum()
    told = sorted(_information(_binned(axis), classes) for axis in points.T)
    return float((told[-1] - told[-2]) / entropy) if entropy > 0 and len(told) > 1 else 0.0


def _information(first: np.ndarray, second: np.ndarray) -> float:
    """Mutual information of two rows of classes, in nats."""
    joint = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(joint, (first, second), 1 / len(first))
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log(joint[filled] / apart[filled])).sum())
