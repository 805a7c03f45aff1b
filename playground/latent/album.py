"""Faces of the world as pixels, drawn at their first use and kept in a file that any process can map.

Entry i is face i of the series; which are there never changes what a batch holds.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from playground.latent.portrait import SIDE
from playground.latent.world import draw_face, render

PROBES = 24  # faces that tell one version of the world from another


class Album:
    """The first `count` faces of the series `seed`, `SIDE` pixels wide."""

    def __init__(self, folder: Path, *, seed: int, count: int) -> None:
        self._seed, self.count = seed, count
        own = folder / f"{world_version()}-{seed}"
        own.mkdir(parents=True, exist_ok=True)
        self._pixels = _map(own / "pixels.u8", (count, SIDE, SIDE, 3))
        self._filled = _map(own / "filled.u8", (count,))

    def read(self, indices: np.ndarray, size: int = SIDE) -> np.ndarray:
        """Pictures, drawing what is missing.

        Args:
            indices: (B,), of the series; from `count` on they begin again at 0.
            size: pixels of a side: `SIDE`, or a half of it and so on, as means of the pixels.

        Returns:
            (B, size, size, 3) uint8.
        """
        indices = indices % self.count
        for index in np.unique(indices[self._filled[indices] == 0]):
            self._pixels[index] = draw(self._seed, int(index))
            self._filled[index] = 1  # last: an entry that counts as there is whole
        return shrink(self._pixels[indices], size)


def draw(seed: int, index: int) -> np.ndarray:
    """The picture of a face of the world, (SIDE, SIDE, 3) uint8."""
    return np.asarray(render(draw_face(seed, index)))


def shrink(pixels: np.ndarray, size: int) -> np.ndarray:
    """(B, S, S, 3) uint8 → (B, size, size, 3) uint8, each pixel the mean of a square of pixels."""
    times = pixels.shape[1] // size
    if times == 1:
        return pixels
    squares = pixels.reshape(len(pixels), size, times, size, times, 3)
    return ((squares.sum(axis=(2, 4), dtype=np.uint32) + times * times // 2) // (times * times)).astype(np.uint8)


def world_version() -> str:
    """8 hex digits that change whenever faces are drawn otherwise: old pictures are never taken for new ones."""
    content = hashlib.sha256()
    for index in range(PROBES):
        content.update(draw(0, index).tobytes())
    return content.hexdigest()[:8]


def _map(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A file of bytes as an array, made of zeros (which take no room yet) where it is not there; grown if shorter."""
    size = int(np.prod(shape))
    with path.open("ab") as file:
        if file.tell() < size:
            file.truncate(size)
    return np.memmap(path, dtype=np.uint8, mode="r+", shape=shape)
