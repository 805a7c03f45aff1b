"""Journeys: what is asked for → points → frames, in order, each as soon as its batch is decoded.

Where a journey leads is `paths`' and `ends`' business; what a face looks like, the model's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from playground.events import Done, Ended, Event, Frame, LatentResult, Picture, Started
from playground.latent.edits import edited, shift
from playground.latent.ends import corners, stops
from playground.latent.loaded import LatentModel, load
from playground.latent.paths import grid, lerp, slerp_about, walk
from playground.latent.points import to_text
from playground.likeness import strides
from playground.recipes import LatentRecipe

__all__ = ["SHARED", "generate", "load"]  # what the engine asks of a modality

SHARED = True  # a model keeps nothing between two frames, and queues them itself
FIRST, BATCH = 1, 8  # frames: one soon, then as many as are quick together and a person waits for without noticing


def generate(model: LatentModel, recipe: LatentRecipe) -> Iterator[Event]:
    """Yield `Started`, a `Frame` for every picture in order, then `Ended` and `Done`.

    Closing the iterator ends it at the next frame; nothing is kept.

    Raises:
        PlaygroundError: an end, an edit or a direction can't be read.
    """
    points = journey(model, recipe)
    yield Started(recipe)
    began = time.perf_counter()
    pictures: list[Picture] = []
    for start, stop in batches(len(points)):
        for picture in pictures_of(model.decode(points[start:stop])):
            pictures.append(picture)
            left = (time.perf_counter() - began) / stop * (len(points) - stop)
            yield Frame(len(pictures) - 1, len(points), left, picture, to_text(points[len(pictures) - 1]))
    seconds = time.perf_counter() - began
    columns = recipe.side if recipe.layout == "grid" else 0
    result = LatentResult(recipe.seed, tuple(pictures), tuple(map(to_text, points)), columns, "arrived")
    yield Ended(0, result)
    stats = {"seconds": seconds, "frames": len(points), "frames_per_second": len(points) / seconds}
    yield Done(recipe, (result,), stats=stats | ({} if columns else strides(pictures)))


def journey(model: LatentModel, recipe: LatentRecipe) -> np.ndarray:
    """The points of a recipe's frames: (frames, D) float32, or (side², D) of a grid, row by row.

    Raises:
        PlaygroundError: as `generate`.
    """
    middle = model.draw(0, 0.0)  # without spread all seeds are the same
    way = lerp if recipe.interpolation == "lerp" else slerp_about(middle)
    if recipe.layout == "grid":
        points = grid(corners(model, recipe), recipe.side, way)
    else:
        points = walk(stops(model, recipe), recipe.frames, way, recipe.easing, recipe.loop)
    return edited(points, shift(model, recipe.edits, recipe.directions))


def batches(frames: int) -> Iterator[tuple[int, int]]:
    """Where each batch of frames starts and stops."""
    start, size = 0, FIRST
    while start < frames:
        yield start, min(start + size, frames)
        start, size = start + size, BATCH


def pictures_of(pixels: np.ndarray) -> Iterator[Picture]:
    """(B, S, S, 3) bytes as pictures."""
    for one in pixels:
        yield Picture(one.shape[1], one.shape[0], one.tobytes())
