"""Scenes → pictures and masks: a background, soft shadows, and sprites laid over it.

The same scene gives the same pixels in any process; nothing here throws dice.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from playground.image.emoji import Sprites
from playground.image.places import INDOORS, background
from playground.image.scenery import SIZE
from playground.image.world import Scene, Thing

SHADOW = 0.3  # how dark at its middle


class Renderer:
    """Draws scenes with the emoji of one font."""

    def __init__(self, font: Path | None = None) -> None:
        self._sprites = Sprites(font)
        self.font = self._sprites.path

    def render(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """A scene as a picture.

        Returns:
            (128, 128, 3) uint8 RGB, and (128, 128) uint8: 0 for the background, k for the k-th thing.
        """
        ground = background(scene.place, scene.time, scene.variant)
        picture = np.array(ground[:, ::-1] if scene.mirrored else ground, dtype=np.float32)
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        for thing in scene.things:
            if thing.grounded and scene.place not in INDOORS - {"table"}:
                _shade(picture, thing)
        for number, thing in enumerate(scene.things, 1):
            left, top, side = thing.box
            pixels, alpha, solid = self._sprites.sprite(
                thing.drawing,
                side=side,
                grounded=thing.grounded,
                colour=thing.colour,
                worn=thing.worn_drawing,
                flip=thing.flip,
                tilt=thing.tilt,
                shade=thing.shade,
            )
            part = picture[top : top + side, left : left + side]
            part *= 1 - alpha
            part += pixels
            mask[top : top + side, left : left + side][solid] = number
        return (picture + 0.5).astype(np.uint8), mask


@cache
def shared_renderer() -> Renderer:
    """The renderer with the system's font; made once a process."""
    return Renderer()


def render(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """`Renderer.render` with the font that `emoji.find_font` finds."""
    return shared_renderer().render(scene)


def _shade(picture: np.ndarray, thing: Thing) -> None:
    """Darken the ground under a thing."""
    left, top, side = thing.box
    soft = _shadow(side)
    first = top + side - soft.shape[0] // 2 - 2
    rows = picture[first : first + soft.shape[0], left : left + side]
    rows *= soft[: rows.shape[0]]


@lru_cache(maxsize=8)
def _shadow(side: int) -> np.ndarray:
    """(side // 5, side, 1) float32 gains of a flat, soft ellipse."""
    height = side // 5
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(side) + 0.5) / side * 2 - 1
    distance = (x[None] / 0.86) ** 2 + y[:, None] ** 2
    return (1 - SHADOW * np.clip(1.25 * (1 - distance), 0, 1)).astype(np.float32)[..., None]
