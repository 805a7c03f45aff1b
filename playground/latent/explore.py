"""What the page asks of a model besides journeys: its map, the face at a point, uploads, copies, one's own directions.

Pure functions of a `LatentModel`, which `Engine.model` lends for the time of a call; nothing is kept between two calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.latent.copies import Neighbour, Neighbours, neighbours
from playground.latent.directions import join_directions, make_direction, read_direction
from playground.latent.edits import edited, shift
from playground.latent.ends import point as point_of
from playground.latent.factors import CONTINUOUS, DISCRETE
from playground.latent.generate import journey, pictures_of
from playground.latent.loaded import LatentModel
from playground.latent.mirror import Reconstruction, encode, reconstruct
from playground.latent.points import to_text
from playground.recipes import LatentRecipe

__all__ = [  # what there is to ask, in one place
    "Look",
    "Neighbour",
    "Neighbours",
    "Reconstruction",
    "atlas_of",
    "encode",
    "join_directions",
    "look",
    "look_all",
    "make_direction",
    "neighbours",
    "places",
    "read_direction",
    "reconstruct",
    "trace",
]

MOST_FACES = 64  # at once


@dataclass(frozen=True)
class Look:
    """The face at a point.

    Attributes:
        point: "point:" and base64, which is an expression again, so an end of a journey too.
        places: (x, y) of the point on each plane of the map: "pca" and "tsne".
        unusual: how far it is from what the model knows; 1 is the limit that 95 % of held-out faces keep.
    """

    picture: Picture
    point: str
    places: dict[str, tuple[float, float]]
    unusual: float


def atlas_of(model: LatentModel) -> dict[str, Any]:
    """The map as plain JSON.

    Returns:
        model, fingerprint, kind ("vae" or "gan"), size (px), dims;
        places: plane → list of [x, y], one for each of the n training samples on the map, rounded to 3 digits;
        factors: name → {"label": …, "values": list of n numbers, booleans or names, "low", "high": of numbers,
            "words": [what low and high look like], "choices": names, where they are};
        directions: names of the learnt directions that `edits` takes; presets: names that `preset:` takes.
    """
    atlas = model.atlas
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "kind": model.kind,
        "size": model.size,
        "dims": model.dims,
        "places": {
            "pca": _rounded((atlas.points - atlas.mean) @ atlas.axes.T / atlas.scales),
            "tsne": _rounded(atlas.embedding),
        },
        "factors": {name: _column(model, name) for name in (*DISCRETE, *CONTINUOUS)},
        "directions": list(atlas.directions),
        "presets": list(atlas.presets),
    }


def look(
    model: LatentModel,
    expression: str,
    edits: str = "",
    directions: str = "",
    *,
    seed: int = 0,
    spread: float = 1.0,
) -> Look:
    """The face at an expression, edited; what a drag on the map shows.

    Args:
        expression: as `a` of a `LatentRecipe`, so that "at:0.3,-1.2" is a place on the PCA plane and "near:1,-0.5"
            one on the t-SNE plane; "" is the seed's face.
        edits, directions, spread: as of a `LatentRecipe`.
        seed: of the face that "" stands for.

    Raises:
        PlaygroundError: one sentence about what can't be read.
    """
    return look_all(model, [expression], edits, directions, seed=seed, spread=spread)[0]


def look_all(
    model: LatentModel,
    expressions: Sequence[str],
    edits: str = "",
    directions: str = "",
    *,
    seed: int = 0,
    spread: float = 1.0,
) -> list[Look]:
    """`look` of several expressions, decoded together, as for random draws: ["seed:7", "seed:8", …]."""
    if len(expressions) > MOST_FACES:
        raise PlaygroundError(f"{len(expressions)} faces are asked for at once; at most {MOST_FACES} are allowed.")
    asked = [text.strip() or f"seed:{seed}" for text in expressions]
    if not asked:
        return []
    points = np.stack([point_of(model, text, spread) for text in asked])
    points = edited(points, shift(model, edits, directions))
    return [
        Look(picture, to_text(point), places(model, point), model.unusual(point))
        for point, picture in zip(points, pictures_of(model.decode(points)), strict=True)
    ]


def places(model: LatentModel, point: np.ndarray) -> dict[str, tuple[float, float]]:
    """Where a (D,) point stands on each plane of the map, by its name."""
    return {"pca": model.atlas.place(point), "tsne": model.atlas.place_by_neighbours(point)}


def trace(model: LatentModel, recipe: LatentRecipe) -> dict[str, Any]:
    """What is known of the frames of a recipe without decoding them, as plain JSON.

    Returns:
        places: plane → [x, y] of each; unusual: of each, as of `Look`.

    Raises:
        PlaygroundError: an end, an edit or a direction can't be read.
    """
    points = journey(model, recipe)
    found = [places(model, point) for point in points]
    return {
        "places": {plane: [[round(x, 3) for x in place[plane]] for place in found] for plane in ("pca", "tsne")},
        "unusual": [round(model.unusual(point), 3) for point in points],
    }


def _rounded(plane: np.ndarray) -> list[list[float]]:
    return np.round(plane.astype(np.float64), 3).tolist()


def _column(model: LatentModel, name: str) -> dict[str, Any]:
    values = [found[name] for found in model.atlas.labels]
    if name in DISCRETE:
        return {"label": DISCRETE[name].label, "values": values, "choices": list(DISCRETE[name].values)}
    factor = CONTINUOUS[name]
    return {
        "label": factor.label,
        "values": [None if value is None else round(value, 3) for value in values],
        "low": factor.low,
        "high": factor.high,
        "words": [factor.low_word, factor.high_word],
        "cyclic": factor.cyclic,
    }
