"""What can be read off a face, as a row of numbers: the truth of a face and what a recogniser says come in one layout.

A row holds each range in standard deviations of its draw, each hue as cosine and sine, each choice as a share for each
of its values. Knows no network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.latent.factors import CONTINUOUS, DISCRETE, applies

NUMBERS = tuple(name for name, factor in CONTINUOUS.items() if not factor.cyclic)
HUES = tuple(name for name, factor in CONTINUOUS.items() if factor.cyclic)
FACTORS = (*NUMBERS, *HUES, *DISCRETE)


def _places() -> dict[str, slice]:
    places, start = {}, 0
    for name in FACTORS:
        width = len(DISCRETE[name].values) if name in DISCRETE else 2 if name in HUES else 1
        places[name] = slice(start, start + width)
        start += width
    return places


PLACES = _places()  # factor → where in a row it stands
WIDTH = PLACES[FACTORS[-1]].stop  # R, numbers in a row
CERTAIN = 1e-7  # nearest that a share comes to 0 or 1 where its logarithm is taken: as near as float32 tells


def truth(labels: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Labelled faces, as `world.labels` gives them → (B, R) float32; zeros where a factor does not apply."""
    rows = np.zeros((len(labels), WIDTH), np.float32)
    for row, known in zip(rows, labels, strict=True):
        for name in FACTORS:
            if known[name] is not None:
                row[PLACES[name]] = _told(name, known[name])
    return rows


def _told(name: str, value: Any) -> Sequence[float]:
    if name in DISCRETE:
        return [float(value == one) for one in DISCRETE[name].values]
    factor = CONTINUOUS[name]
    share = (value - factor.low) / (factor.high - factor.low)
    if factor.cyclic:
        return [math.cos(2 * math.pi * share), math.sin(2 * math.pi * share)]
    return [(share - 0.5) * math.sqrt(12)]  # the standard deviation of an even draw is its range / √12


def applying(kinds: Sequence[str]) -> np.ndarray:
    """(B, factors) bool: which of `FACTORS` show on faces of these kinds."""
    return np.array([[applies(name, kind) for name in FACTORS] for kind in kinds])


def score(rows: np.ndarray, true: np.ndarray, applied: np.ndarray) -> dict[str, float]:
    """How well factors are read, over the faces that they apply to.

    Args:
        rows, true: (B, R). applied: (B, factors).

    Returns:
        By factor: of a choice the share that is read rightly; of a range or a hue R², the share of variance read.
    """
    found = {}
    for name, chosen in zip(FACTORS, applied.T, strict=True):
        said, held = rows[chosen, PLACES[name]], true[chosen, PLACES[name]]
        if len(said) < 2:
            continue
        if name in DISCRETE:
            found[name] = float((said.argmax(axis=1) == held.argmax(axis=1)).mean())
        else:
            found[name] = float(1 - np.square(said - held).sum() / np.square(held - held.mean(axis=0)).sum())
    return found


def column(rows: np.ndarray, name: str, value: Any = None) -> np.ndarray:
    """One number for each row that grows with a factor, (B,) float64.

    Args:
        name: of a range: its own number; of a choice: the logarithm of the odds of a value.
        value: of the choice; by default anything but its first one ("glasses", "any hat").
    """
    found = rows[:, PLACES[name]].astype(np.float64)
    if name not in DISCRETE:
        return found[:, 0]
    share = 1 - found[:, 0] if value is None else found[:, DISCRETE[name].values.index(value)]
    share = share.clip(CERTAIN, 1 - CERTAIN)
    return np.log(share / (1 - share))
