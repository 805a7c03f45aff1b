"""Edits: so many standard deviations along named directions, those that the model learnt and those of one's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from playground.errors import PlaygroundError
from playground.latent.directions import read_direction
from playground.latent.ends import number
from playground.latent.loaded import LatentModel
from playground.recipes import show

MOST_SIGMA = 5.0  # beyond that nothing is a face any more


def shift(model: LatentModel, edits: str, directions: str) -> np.ndarray | None:
    """What the edits of a recipe add to every point: (D,) float64, or None where there are none.

    Args:
        edits, directions: of a `LatentRecipe`.

    Raises:
        PlaygroundError: one of the two can't be read, or an edit names no direction that there is.
    """
    own = read_direction(model, directions)
    known: Mapping[str, np.ndarray] = {**model.atlas.directions, **own}
    total = None
    for name, sigma in read_edits(edits).items():
        if name not in known:
            raise PlaygroundError(f"edits names {show(name)}; there is: {', '.join(known) or 'no direction'}.")
        total = (0 if total is None else total) + sigma * known[name].astype(np.float64)
    return total


def edited(points: np.ndarray, moved: np.ndarray | None) -> np.ndarray:
    """(…, D) float32 points, all moved by `shift`."""
    return points if moved is None else (points.astype(np.float64) + moved).astype(np.float32)


def read_edits(text: str) -> dict[str, float]:
    """ "smile=1.2, age=-0.5" → by name, in standard deviations.

    Raises:
        PlaygroundError: a part is not NAME=NUMBER, beyond `MOST_SIGMA`, or names what an earlier one does.
    """
    found: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        sigma = number(value)
        if not sign or not name or not abs(sigma) <= MOST_SIGMA:
            raise PlaygroundError(
                f"edits has {show(part.strip())}; NAME=NUMBER is allowed, of {-MOST_SIGMA:g} to {MOST_SIGMA:g} σ."
            )
        if name in found:
            raise PlaygroundError(f"edits names {show(name)} twice.")
        found[name] = sigma
    return found
