"""Faces that differ from others in one factor alone, and by how much their codes do: what an edit should come to."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from playground.latent.coding import code
from playground.latent.face import Face
from playground.latent.factors import CONTINUOUS, DISCRETE, applies
from playground.latent.readings import NUMBERS
from playground.latent.world import draw_face, labels

EDITED = (*NUMBERS, *(name for name in DISCRETE if name != "kind"))  # factors that have directions


def counterpart(seed: int, index: int, number: int) -> tuple[Face, np.ndarray]:
    """Face `index` of the series `seed` with another value of one factor, drawn evenly.

    Args:
        number: which of its counterparts; the same three numbers give the same one always.

    Returns:
        The face, and its code less that of the original, (F,) float32.
    """
    face = draw_face(seed, index)
    throw = random.Random(f"faces/{seed}/{index}/{number}").random
    names = [name for name in EDITED if applies(name, face.kind)]
    name = names[int(throw() * len(names))]
    if name in DISCRETE:
        others = [value for value in DISCRETE[name].values if value != getattr(face, name)]
        value = others[int(throw() * len(others))]
    else:
        value = CONTINUOUS[name].low + (CONTINUOUS[name].high - CONTINUOUS[name].low) * throw()
    other = replace(face, **{name: value})
    return other, (code(labels(other)) - code(labels(face))).astype(np.float32)
