"""Works out an atlas from points of labelled faces: regressions, means, maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.latent.atlas import Atlas, Usual, distances
from playground.latent.coding import code, code_names
from playground.latent.correction import Again, correct
from playground.latent.embedding import embed
from playground.latent.factors import CONTINUOUS, DISCRETE
from playground.latent.world import draw_face, labels

ON_MAP = 2000  # faces that are kept; regressions may see more
OF_PEOPLE = ("age",)  # what people show in another way than animals: wrinkles and grey hair, not pale fur
RIDGE = 1e-3  # share of a number's variance that is added, so that rare ones do not run wild


def make_atlas(
    points: np.ndarray,
    samples: np.ndarray,
    held_out: np.ndarray,
    errors: np.ndarray,
    presets: Mapping[str, np.ndarray],
    again: Again,
) -> Atlas:
    """Work all of it out.

    Args:
        points: (n, D) of training faces; samples: (n, 2), the (seed, index) of each.
        held_out: (m, D) points of faces that were never trained on; errors: (m,), see `Usual`.
        presets: name → (D,).
        again: (B, D) points → those that an encoder finds for the faces which a decoder draws there.
    """
    kept = points[:ON_MAP].astype(np.float32)
    known = [labels(draw_face(int(seed), int(index))) for seed, index in samples]
    table = np.stack([code(found) for found in known])
    mean = points.mean(axis=0)
    _, stretch, axes = np.linalg.svd(kept - kept.mean(axis=0), full_matrices=False)
    base, weights = _regress(table, points)
    std = points.std(axis=0)
    gaps = [distances(kept, point, std).min() for point in held_out]
    arrays = {
        "points": kept,
        "samples": samples[:ON_MAP].astype(np.int64),
        "embedding": embed(kept),
        "mean": mean,
        "std": std,
        "axes": _upright(axes[:2]),
        "scales": stretch[:2] / math.sqrt(len(kept)),
        "base": base,
        "weights": weights,
    }
    return Atlas(
        **{name: value if name == "samples" else value.astype(np.float32) for name, value in arrays.items()},
        directions=correct(
            _directions(weights, known) | _directions_of_people(table, points, known), points, known, again
        ),
        presets={name: point.astype(np.float32) for name, point in presets.items()},
        usual=Usual(
            *(float(np.quantile(gaps, share)) for share in (0.5, 0.95)),
            *(float(np.quantile(errors, share)) for share in (0.5, 0.95)),
        ),
    )


def _upright(axes: np.ndarray) -> np.ndarray:
    """Axes whose largest entry is positive: an axis is as good as its opposite, and this takes the same one always."""
    largest = np.abs(axes).argmax(axis=1)
    return axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]


def _regress(table: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Base and weights of a ridge regression of points on whole codes, so that each weight is of one factor alone."""
    middle = table.mean(axis=0)
    centred, wanted = table - middle, points - points.mean(axis=0)
    gram = centred.T @ centred
    gram += np.diag(RIDGE * np.diag(gram) + 1e-9)
    weights = np.linalg.solve(gram, centred.T @ wanted)
    return points.mean(axis=0) - middle @ weights, weights


def _directions(weights: np.ndarray, known: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """What one standard deviation more of each factor does, among the faces that it applies to.

    Hues go round and have no direction; kinds are presets. A choice of several ("hat") has one direction for each value
    against all others, and one for any value against none where there is a "none".
    """
    rows = dict(zip(code_names(), weights, strict=True))
    found: dict[str, np.ndarray] = {}
    for name, factor in CONTINUOUS.items():
        if not factor.cyclic:
            found[name] = rows[name] * (2 / (factor.high - factor.low)) * _deviation(known, name)
    for name, choice in DISCRETE.items():
        if choice.values == (False, True):
            found[name] = rows[f"{name} True"] * _deviation(known, name)
        elif name != "kind":
            found |= _against_others(name, choice.values, rows, known)
    return {name: row.astype(np.float32) for name, row in found.items()}


def _directions_of_people(
    table: np.ndarray, points: np.ndarray, known: Sequence[Mapping[str, Any]]
) -> dict[str, np.ndarray]:
    """Directions that are learnt from people alone: a mean over all kinds would change a person's other factors."""
    people = np.array([face["kind"] == "person" for face in known])
    if not people.any():
        return {}
    _, weights = _regress(table[people], points[people])
    found = _directions(weights, [face for face, chosen in zip(known, people, strict=True) if chosen])
    return {name: found[name] for name in OF_PEOPLE}


def _against_others(
    name: str, values: Sequence[Any], rows: Mapping[str, np.ndarray], known: Sequence[Mapping[str, Any]]
) -> dict[str, np.ndarray]:
    held = [found[name] for found in known if found.get(name) is not None]
    shares = {value: held.count(value) / max(1, len(held)) for value in values}
    effects = {value: rows.get(f"{name} {value}", np.zeros_like(next(iter(rows.values())))) for value in values}
    total = sum(shares[value] * effects[value] for value in values)
    found = {}
    for value, share in shares.items():
        if 0 < share < 1:
            others = (total - share * effects[value]) / (1 - share)
            row = (effects[value] - others) * math.sqrt(share * (1 - share))
            found |= {name: -row} if value == "none" else {str(value): row}
    return found


def _deviation(known: Sequence[Mapping[str, Any]], name: str) -> float:
    values = [float(found[name]) for found in known if found.get(name) is not None]
    return float(np.std(values)) if values else 0.0
