"""Directions of one's own: built from faces, written as JSON, read back, for the one model that they were made with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import PlaygroundError
from playground.latent.ends import point
from playground.latent.loaded import LatentModel
from playground.latent.points import packed, unpacked
from playground.recipes import show

MOST_FACES = 64  # of each side of a direction
MOST_OWN = 64  # directions in a text


def make_direction(model: LatentModel, name: str, plus: Sequence[str], minus: Sequence[str]) -> str:
    """A direction of one's own: from the mean of some faces to the mean of others, ±1 = 1 σ of the training samples.

    Args:
        name: 1 … 40 letters, digits, spaces, - and _, not that of a learnt direction.
        plus, minus: expressions, usually `Look.point`s: of faces that have more of it, and of faces that have less. One
            of the two may be empty: the mean of all samples stands for it.

    Returns:
        JSON as the recipe's `directions` takes it: {name: {"vector": base64, "fingerprint": …, "model": …}}.

    Raises:
        PlaygroundError: the name can't be used, there are no faces, or both means are the same point.
    """
    name = check_name(model, name)
    if not plus and not minus:
        raise PlaygroundError("A direction needs faces: choose some that have more of it, or some that have less.")
    step = _mean(model, plus, "plus") - _mean(model, minus, "minus")
    length = float(np.linalg.norm(step))
    if not length > 1e-6:
        raise PlaygroundError(
            "The faces of both sides are the same in the mean, so there is no direction from one side."
        )
    unit = step / length
    sigma = float((model.atlas.points.astype(np.float64) @ unit).std())
    return write_directions(model, {name: (sigma * unit).astype(np.float32)})


def read_direction(model: LatentModel, text: str) -> dict[str, np.ndarray]:
    """Directions of one's own, by name: (D,) float32 each, ±1 of which is one standard deviation.

    Args:
        text: as `write_directions` makes it; anybody may have written it. "" holds none.

    Raises:
        PlaygroundError: not JSON, damaged, of another model, or named as a direction that the model learnt.
    """
    if not text.strip():
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlaygroundError("directions is not JSON.") from error
    if not isinstance(content, dict):
        raise PlaygroundError("directions is not a JSON object of directions by name.")
    _check_count(len(content))
    return {check_name(model, name): _direction(model, name, entry) for name, entry in content.items()}


def join_directions(model: LatentModel, texts: Sequence[str]) -> str:
    """Several JSON texts of directions as one; of two directions of one name the later one counts.

    Raises:
        PlaygroundError: as `read_direction`, or they are too many.
    """
    joined: dict[str, np.ndarray] = {}
    for text in texts:
        joined |= read_direction(model, text)
    _check_count(len(joined))
    return write_directions(model, joined) if joined else ""


def write_directions(model: LatentModel, directions: Mapping[str, np.ndarray]) -> str:
    """JSON that `read_direction` takes, of this model alone."""
    about = {"fingerprint": model.fingerprint, "model": model.name}
    return json.dumps({name: {"vector": packed(vector), **about} for name, vector in directions.items()})


def check_name(model: LatentModel, name: str) -> str:
    """The name of a direction of one's own, trimmed.

    Raises:
        PlaygroundError: empty, too long, with marks that `edits` parts by, or that of a learnt direction.
    """
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= 40 or not all(mark.isalnum() or mark in " _-" for mark in trimmed):
        raise PlaygroundError(
            f"A direction can't be named {show(name)}; 1 to 40 letters, digits, spaces, - and _ are allowed."
        )
    if trimmed in model.atlas.directions:
        raise PlaygroundError(f"The model has learnt a direction {show(trimmed)} itself: choose another name.")
    return trimmed


def _check_count(count: int) -> None:
    if count > MOST_OWN:
        raise PlaygroundError(f"directions holds {count} of them; at most {MOST_OWN} are allowed.")


def _direction(model: LatentModel, name: str, entry: Any) -> np.ndarray:
    what = f"The direction {show(name)}"
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("vector", "fingerprint")):
        raise PlaygroundError(f"{what} is damaged: it has no vector and fingerprint.")
    if entry["fingerprint"] != model.fingerprint:
        whose = show(entry["model"]) if isinstance(entry.get("model"), str) else "another model"
        raise PlaygroundError(
            f"{what} was made with other weights ({whose}, {show(entry['fingerprint'])}) than these "
            f"({model.name}, {model.fingerprint}): build it anew."
        )
    return unpacked(entry["vector"], model.dims, what)


def _mean(model: LatentModel, expressions: Sequence[str], what: str) -> np.ndarray:
    if len(expressions) > MOST_FACES:
        raise PlaygroundError(f"There are {len(expressions)} faces in {what}; at most {MOST_FACES} are allowed.")
    if not expressions:
        return model.atlas.mean.astype(np.float64)
    points = [point(model, text, 1.0, f"{what} {number}") for number, text in enumerate(expressions, 1)]
    return np.stack(points).astype(np.float64).mean(axis=0)
