"""Latents of the training world, encoded at their first use and kept in files that any process can map.

Entry i belongs to scene i of the series; which are there never changes what a batch holds. Knows the autoencoder's
encoder, not the denoiser.
"""

from __future__ import annotations

import hashlib
import json
from itertools import product
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from playground.image.model import LATENT_CHANNELS, LATENT_SIZE, SIZE
from playground.image.nouns import read_nouns
from playground.image.render import Renderer
from playground.image.world import LAYOUTS, draw_scene, layout_of
from playground.machine import has_bf16

CHUNK = 64  # pictures encoded at once
PROBES = 100  # scenes that tell one version of the world from another


class LatentCache:
    """The first `count` training scenes of a series as latents and object masks, in a folder of their own in `folder`.

    Attributes:
        seed: of the series. vae: encodes, and can decode.
        pools: for each layout, without and with a thing recoloured, the indices of its scenes, first those in which
            nothing is tilted.
        upright: as `pools`, how many these are.
        nouns: (count, 2) uint8, the numbers in `read_nouns()` of what captions name; twice the same where it is one.
        mirrored: (count,) bool, whether something in a scene is.
    """

    def __init__(self, folder: Path, vae: AutoencoderTiny, renderer: Renderer, *, seed: int, count: int) -> None:
        folder = folder / f"{world_version(renderer)}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        self.seed, self.vae, self._renderer = seed, vae.eval().requires_grad_(False), renderer
        latent, mask = (LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE), (LATENT_SIZE, LATENT_SIZE)
        self._latents = _map(folder / "latents.f16", np.float16, (count, *latent))
        self._masks = _map(folder / "masks.u8", np.uint8, (count, *mask))
        self._filled = _map(folder / "filled.u8", np.uint8, (count,))
        layouts = np.array([layout_of(seed, index) for index in range(count)])
        facts = self._facts(folder, count)
        tilted, recoloured, self.mirrored = (facts[:, 1:4] > 0).T
        self.nouns = facts[:, 4:]
        self.pools: dict[tuple[str, bool], np.ndarray] = {}
        self.upright: dict[tuple[str, bool], int] = {}
        for layout, coloured in product(LAYOUTS, (False, True)):
            there = (layouts == layout) & (recoloured == coloured)
            upright = np.flatnonzero(there & ~tilted)
            self.pools[layout, coloured] = np.concatenate([upright, np.flatnonzero(there & tilted)])
            self.upright[layout, coloured] = len(upright)

    def _facts(self, folder: Path, count: int) -> np.ndarray:
        """(count, 6) uint8: 1, whether something is tilted, recoloured, mirrored, both nouns.

        Kept, because drawing all scenes takes a while.
        """
        known, numbers = _map(folder / "facts-6.u8", np.uint8, (count, 6)), {n: k for k, n in enumerate(read_nouns())}
        for index in np.flatnonzero(known[:, 0] == 0):
            scene = draw_scene(self.seed, int(index))
            things, named = scene.things, scene.named
            tilted, coloured, mirrored = (any(getattr(t, what) for t in things) for what in ("tilt", "colour", "flip"))
            known[index] = 1, tilted, coloured, mirrored, numbers[named[0].noun], numbers[named[-1].noun]
        return np.array(known)

    def read(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Entries, encoding what is missing.

        Args:
            indices: (B,) of scenes.

        Returns:
            (B, 8, 16, 16) float32 latents; (B, 1, 16, 16) float32, the share of each latent that an object covers.
        """
        missing = np.unique(indices[self._filled[indices] == 0])
        for start in range(0, len(missing), CHUNK):
            self._fill(missing[start : start + CHUNK])
        latents = torch.from_numpy(self._latents[indices].astype(np.float32))
        masks = torch.from_numpy(self._masks[indices].astype(np.float32) / 255)
        return latents, masks[:, None]

    def _fill(self, indices: np.ndarray) -> None:
        rendered = [self._renderer.render(draw_scene(self.seed, int(index))) for index in indices]
        pixels = torch.from_numpy(np.stack([picture for picture, _ in rendered]))
        with torch.autocast(self.vae.device.type, torch.bfloat16, enabled=has_bf16()):  # twice as fast
            self._latents[indices] = encode(self.vae, pixels).numpy().astype(np.float16)
        self._masks[indices] = shrink_masks(np.stack([mask for _, mask in rendered]))
        self._filled[indices] = 1  # last: an entry that counts as there is whole


def world_version(renderer: Renderer) -> str:
    """8 hex digits that change whenever scenes are drawn otherwise: old latents are never taken for new ones."""
    scenes = [draw_scene(0, index) for index in range(PROBES)]
    content = hashlib.sha256(json.dumps([scene.labels() for scene in scenes]).encode())
    for scene in scenes:
        content.update(renderer.render(scene)[0].tobytes())
    return content.hexdigest()[:8]


@torch.no_grad()
def encode(vae: AutoencoderTiny, pixels: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 pixels → (B, 8, H/8, W/8) float32 latents on the CPU."""
    scaled = pixels.to(vae.device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return vae.encode(scaled).latents.float().cpu()


def shrink_masks(masks: np.ndarray) -> np.ndarray:
    """(B, 128, 128) object numbers → (B, 16, 16) uint8, 255 where a latent's 8 × 8 px are all of an object."""
    cell = SIZE // LATENT_SIZE
    cells = (masks > 0).reshape(len(masks), LATENT_SIZE, cell, LATENT_SIZE, cell)
    return np.round(cells.mean(axis=(2, 4)) * 255).astype(np.uint8)


def _map(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """A file as an array, made of zeros (which take no room yet) where it is not there; grown where it is shorter."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with path.open("ab") as file:
        if file.tell() < size:
            file.truncate(size)
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape)
