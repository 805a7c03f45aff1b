"""What a recogniser is trained on: pictures with numbers for all that is true of them, mirrored and a little spoilt.

Knows scenes and their pixels, no network.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageFilter

from playground.image import phrases
from playground.image.model import SIZE
from playground.image.nouns import read_nouns
from playground.image.world import Scene

CELLS = 8  # attention maps are 8 × 8
OF_SCENE: dict[str, tuple[object, ...]] = {
    "place": tuple(phrases.PLACES),
    "time": (None, *phrases.TIMES),
    "layout": (1, 2, 3, "left of", "above"),  # how many alike, or how the first of a pair stands to the second
    "position": (None, *phrases.POSITIONS),
}
OF_THING: dict[str, tuple[object, ...]] = {
    "noun": tuple(read_nouns()),
    "colour": (None, *phrases.COLOURS),
    "worn": (None, *phrases.WORN),
    "size": tuple(phrases.SIZES),
}
_MIRRORED = {"left": "right", "right": "left"}


@dataclass
class Views:
    """Pictures and what is on them.

    pixels: (B, 3, 128, 128) float32 of −1 … 1. scene: (B, 4) numbers of values of OF_SCENE. things: (B, 2, 4) of
    OF_THING. maps: (B, 2, 64) float32 shares of where each thing is, which sum to 1.
    """

    pixels: torch.Tensor
    scene: torch.Tensor
    things: torch.Tensor
    maps: torch.Tensor

    def to(self, device: torch.device) -> Views:
        return Views(*(value.to(device) for value in vars(self).values()))


def scale(pictures: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 → (B, 3, H, W) float32 of −1 … 1."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def collate(rendered: Sequence[tuple[Scene, np.ndarray, np.ndarray, bool]]) -> Views:
    """A batch of (scene, picture, mask, whether to mirror it)."""
    pixels = np.stack([picture[:, ::-1] if mirror else picture for _, picture, _, mirror in rendered])
    labels = [_label(scene, mirror) for scene, _, _, mirror in rendered]
    maps = np.stack(
        [
            _maps(mask[:, ::-1] if flip else mask, order)
            for (_, _, mask, flip), (*_, order) in zip(rendered, labels, strict=True)
        ]
    )
    return Views(
        scale(torch.from_numpy(pixels)),
        torch.tensor([scene for scene, *_ in labels]),
        torch.tensor([things for _, things, _ in labels]),
        torch.from_numpy(maps),
    )


def _label(scene: Scene, mirror: bool) -> tuple[list[int], list[list[int]], tuple[int, ...]]:
    """Numbers of values, and for both maps which things of the mask they look at; 0 = all."""
    layout, order = scene.relation or scene.number, (0, 0)
    things = scene.named * (1 if scene.relation else 2)
    if scene.relation:
        order = (1, 2)
        if mirror and scene.relation in ("left of", "right of"):
            layout = "left of" if scene.relation == "right of" else "right of"
        if layout in ("right of", "below"):
            layout, order, things = ("left of" if layout == "right of" else "above"), (2, 1), things[::-1]
    position = _MIRRORED.get(scene.position, scene.position) if mirror else scene.position
    shown = {"place": scene.place, "time": scene.time or None, "layout": layout, "position": position}
    return (
        [values.index(shown[name]) for name, values in OF_SCENE.items()],
        [[values.index(getattr(thing, name)) for name, values in OF_THING.items()] for thing in things],
        order,
    )


def _maps(mask: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """(2, 64) float32: how a thing's pixels spread over the cells."""
    chosen = np.stack([mask == thing if thing else mask > 0 for thing in order])
    side = SIZE // CELLS
    shares = chosen.reshape(2, CELLS, side, CELLS, side).mean(axis=(2, 4), dtype=np.float32).reshape(2, -1)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)


def wear(picture: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """A picture as an autoencoder might leave it, with edges but without fine detail; two in five as they are.

    Without this, what an autoencoder of 27 dB had rendered cost a fifth of the pairs.

    Args:
        picture: (128, 128, 3) uint8; the result is alike.
    """
    way = dice.random()
    if way < 0.4:
        return picture
    image = Image.fromarray(picture)
    if way < 0.8:
        return np.asarray(image.filter(ImageFilter.MedianFilter(3 if way < 0.6 else 5)))
    side = round(SIZE * dice.uniform(0.5, 0.9))
    image = image.resize((side, side), Image.Resampling.BOX).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    image.save(file := io.BytesIO(), "JPEG", quality=int(dice.integers(15, 60)))
    return np.asarray(Image.open(file))
