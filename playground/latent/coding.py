"""The factors of a face as numbers, as linear maps take them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from playground.latent.factors import CONTINUOUS, DISCRETE


def code_names() -> tuple[str, ...]:
    """What each number of a code is of, in order."""
    names: list[str] = []
    for name, factor in CONTINUOUS.items():
        names += [f"{name} cos", f"{name} sin"] if factor.cyclic else [name]
    for name, choice in DISCRETE.items():
        names += [f"{name} {value}" for value in choice.values[1:]]
    return tuple(names)


def code(found: Mapping[str, Any]) -> np.ndarray:
    """A face in numbers, (F,) float64: ranges as −1 … 1, hues as cosine and sine, a choice as a row of zeros and a one.

    Args:
        found: factors by name. What is None or not there counts as the middle of its range, or as the first choice.
    """
    row: list[float] = []
    for name, factor in CONTINUOUS.items():
        value = found.get(name)
        share = 0.0 if value is None else (value - factor.middle) / (factor.high - factor.low)
        if not factor.cyclic:
            row.append(2 * share)
        else:
            turn = 2 * math.pi * (share + 0.5)
            row += [0.0, 0.0] if value is None else [math.cos(turn), math.sin(turn)]
    for name, choice in DISCRETE.items():
        row += [float(found.get(name) == value) for value in choice.values[1:]]
    return np.array(row)
