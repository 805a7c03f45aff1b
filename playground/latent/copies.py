"""Is it a copy? The training faces that stand next to a point, and how near unseen faces come to theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.events import Picture
from playground.latent.ends import point
from playground.latent.generate import pictures_of
from playground.latent.loaded import LatentModel
from playground.latent.world import draw_face, labels, render

SAME = 0.25  # of the usual distance to the nearest face, below which it is that face


@dataclass(frozen=True)
class Neighbour:
    """A face of the training data, drawn again from its (seed, index). `distance` is in the units of the points."""

    picture: Picture
    distance: float
    seed: int
    index: int
    labels: dict[str, Any]


@dataclass(frozen=True)
class Neighbours:
    """The training faces next to a point, nearest first, and how near held-out faces come to theirs.

    Attributes:
        usual: median, and far: 95 % quantile, of the distance of held-out faces to their nearest training face.
        verdict: a sentence.
    """

    faces: tuple[Neighbour, ...]
    usual: float
    far: float
    verdict: str


def neighbours(model: LatentModel, expression: str, count: int = 3) -> Neighbours:
    """The nearest training faces of the map's samples: is it a copy?

    Args:
        expression: as of `look`; usually a `Look.point`.

    Raises:
        PlaygroundError: the expression can't be read.
    """
    here, atlas = point(model, expression, 1.0), model.atlas
    order, distances = atlas.nearest(here, min(max(1, count), len(atlas.points)))
    faces = []
    for place, distance in zip(order, distances, strict=True):
        seed, index = map(int, atlas.samples[place])
        face = draw_face(seed, index)
        (picture,) = pictures_of(np.asarray(render(face))[None])
        faces.append(Neighbour(picture, float(distance), seed, index, labels(face)))
    usual, far = atlas.usual.distance, atlas.usual.far_distance
    return Neighbours(tuple(faces), usual, far, _verdict(faces[0].distance, usual, far, len(atlas.points)))


def _verdict(distance: float, usual: float, far: float, count: int) -> str:
    measured = f"{distance:.2f}; of faces that it never saw {usual:.2f} is usual, and {far:.2f} is far"
    if distance < SAME * usual:
        return f"Nearly a copy of the first: the distance is {measured}."
    if distance > far:
        return f"No copy, and unlike any of them: the distance to the nearest of {count:,} is {measured}."
    return f"No copy: the distance to the nearest of {count:,} is {measured}."
