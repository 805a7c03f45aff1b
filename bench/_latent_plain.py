"""Runner: the plain modules, opened by `from_pretrained`, a frame at a time, as one writes it first."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench._image_drawn import packed
from bench._latent_walked import PLAIN, Walked
from bench._streams import Job, Way
from playground.latent.gan import FaceGenerator
from playground.latent.generate import journey
from playground.latent.loaded import GENERATOR, LatentModel
from playground.latent.loaded import load as load_ours
from playground.latent.vae import FaceVAE
from playground.manifests import read_entry


def load(path: Path) -> dict[str, Way]:
    """The model of a folder; where its journeys lead, ours is asked beforehand."""
    model = load_ours(path, read_entry(path).manifest)
    if model.kind == "vae":
        decode = FaceVAE.from_pretrained(path, torch_dtype=torch.float32).eval().decode
    else:
        decode = FaceGenerator.from_pretrained(path / GENERATOR, torch_dtype=torch.float32).eval().synthesise
    return {PLAIN: partial(walk, model, decode, torch.get_num_threads())}


def walk(model: LatentModel, decode: Callable[[torch.Tensor], torch.Tensor], threads: int, job: Job) -> Walked:
    """Every frame of the recipe by itself."""
    torch.set_num_threads(job.threads or threads)
    points = torch.from_numpy(journey(model, job.recipes[0]))
    began = time.perf_counter()
    frames = [_bytes(decode, point) for point in points.split(1)]
    seconds = time.perf_counter() - began
    return Walked(seconds, torch.get_num_threads(), [packed(frame.tobytes()) for frame in frames])


@torch.no_grad()
def _bytes(decode: Callable[[torch.Tensor], torch.Tensor], point: torch.Tensor) -> np.ndarray:
    """(S, S, 3) uint8."""
    pixels = (decode(point)[0].clamp(-1, 1) + 1) * 127.5
    return pixels.round().to(torch.uint8).permute(1, 2, 0).numpy()
