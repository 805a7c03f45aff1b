"""Trains a model of faces, the VAE or the GAN, and writes it as a checkpoint with its atlas; resumes by itself.

A stage's folder in `runs` holds its state and what it exports. The pictures, which both models share, lie beside.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playground.cards import LOSS, read_training, write_record
from playground.errors import PlaygroundError
from playground.latent import contest, inversion, reconstruction
from playground.latent.album import Album, draw, shrink
from playground.latent.atlas import write_atlas
from playground.latent.card import write_cards
from playground.latent.charting import make_atlas
from playground.latent.contest import ContestJob
from playground.latent.gan import FaceGenerator, FaceInverter
from playground.latent.inversion import InversionJob, refine
from playground.latent.loaded import GENERATOR, INVERTER
from playground.latent.pixels import CHUNK, squared_error, through, to_bytes, to_tensor
from playground.latent.recogniser import FILE, install
from playground.latent.reconstruction import ReconstructionJob
from playground.latent.vae import FaceVAE
from playground.latent.world import HELD_OUT
from playground.machine import has_bf16
from playground.recipes import show
from playground.registry import TRAINING, write_manifest
from playground.stages import restore_stages, restored, summarise
from playground.training import HISTORY, Plan, fit

PICTURES = 40_000  # that are drawn once and kept, 2 GB
CHARTED, CHECKED = {"vae": 8000, "gan": 2000}, 200  # training faces that an atlas learns from, held-out ones
CONTEST_SHARE = 0.85  # of the time for a GAN; the inverter has the rest
SMOKE = {"steps": 3, "batch_size": 4, "minutes": None, "report_every_s": math.inf}
SMOKE_PICTURES, SMOKE_CHECKED = 64, 8
SUMMARIES = {
    "vae": "Cartoon faces from points of 48 dimensions, by a variational autoencoder trained from scratch.",
    "gan": "Cartoon faces from points of 64 dimensions, by a small adversarial network trained from scratch.",
}


def train_faces(
    kind: str,
    runs: Path,
    out: Path,
    *,
    smoke: bool = False,
    minutes: float | None = None,
    warm: bool = False,
    seed: int = 0,
    pictures: Path | None = None,
) -> Path:
    """Train (or go on training) a model of faces and write its checkpoint.

    Args:
        kind: "vae" or "gan".
        runs: where the resumable states are kept.
        out: the checkpoint folder.
        smoke: tiny networks for a few steps, to test the way.
        minutes: time of training in all; else the plans' steps.
        warm: where `runs` holds no run, go on from the weights and the record of the VAE in `out`, with optimisers
            started anew. A GAN can't: its discriminator is not shipped.
        pictures: where drawn faces are kept, and the recogniser if there is one; beside `runs` by default.

    Returns:
        `out`.

    Raises:
        PlaygroundError: no such kind, a state of another model in `runs`, or nothing to go on from.
    """
    if kind not in SUMMARIES:
        raise PlaygroundError(f"There is no kind of model {show(kind)} for faces; there is: {', '.join(SUMMARIES)}.")
    world = pictures or runs.parent / "faces"
    album = Album(world, seed=seed, count=SMOKE_PICTURES if smoke else PICTURES)

    def plan(own: Plan, share: float = 1.0) -> Plan:
        timed = replace(own, seed=seed, minutes=minutes and minutes * share)
        return replace(timed, **SMOKE) if smoke else timed

    if warm and kind == "gan":
        raise PlaygroundError("The model faces-gan can't be trained from its checkpoint; leave --warm out.")
    if warm and not (runs / HISTORY).exists():
        restore_stages(read_training(out / TRAINING), {"vae": runs})
    stages = _train_vae(album, runs, plan, smoke, out) if kind == "vae" else _train_gan(album, runs, plan, smoke)
    _write_checkpoint(kind, album, stages, out, seed, smoke)
    install(world, out)
    write_cards(out)
    return out


def _train_vae(album: Album, runs: Path, plan: Callable[..., Plan], smoke: bool, out: Path) -> dict[str, Path]:
    own, earlier = plan(reconstruction.PLAN), restored(runs)
    job = ReconstructionJob(album, runs / "model", own, tiny=smoke, start=out if earlier else None)
    fit(job, own, runs, earlier=earlier)
    return {"": runs}


def _train_gan(album: Album, runs: Path, plan: Callable[..., Plan], smoke: bool) -> dict[str, Path]:
    generator, inverter = runs / GENERATOR, runs / INVERTER
    own = plan(contest.PLAN, CONTEST_SHARE)
    fit(ContestJob(album, generator / "model", own, tiny=smoke), own, generator)
    own = plan(inversion.PLAN, 1 - CONTEST_SHARE)
    fit(InversionJob(album, generator / "model", inverter / "model", own, tiny=smoke), own, inverter)
    return {GENERATOR: generator, INVERTER: inverter}


def _write_checkpoint(kind: str, album: Album, stages: dict[str, Path], out: Path, seed: int, smoke: bool) -> None:
    """The newest parts of a run with their atlas, manifest and records.

    Args:
        stages: folder of each stage, by the subfolder of the checkpoint that its model goes to.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in out.rglob("*.safetensors*"):  # of a model with more shards
        if old.name != FILE:
            old.unlink()
    for name, stage in stages.items():
        shutil.copytree(stage / "model", out / name, dirs_exist_ok=True)
    for path in out.rglob("*.safetensors"):
        path.chmod(0o644)
    encode, decode, config, parameters = (_open_vae if kind == "vae" else _open_gan)(out)
    count, checked = (SMOKE_PICTURES, SMOKE_CHECKED) if smoke else (CHARTED[kind], CHECKED)
    fresh = shrink(np.stack([draw(HELD_OUT, index) for index in range(checked)]), config.size)
    held_out = encode(fresh)
    errors = np.sqrt(squared_error(to_bytes(through(decode, held_out)), fresh))
    points = encode(album.read(np.arange(count), config.size)).numpy()
    samples = np.stack([np.full(count, seed), np.arange(count)], axis=1)
    write_atlas(make_atlas(points, samples, held_out.numpy(), errors), out)
    shutil.copyfile(next(iter(stages.values())) / LOSS, out / LOSS)
    write_record(out / TRAINING, {"stages": {name or "vae": summarise(stage) for name, stage in stages.items()}})
    write_manifest(
        out,
        "latent",
        summary=SUMMARIES[kind],
        licence="apache-2.0",
        parameters=parameters,
        details={"network": kind, "size": config.size, "dims": config.dims},
        files=lambda path: path.suffix in {".safetensors", ".json"} and path.name != FILE,  # which draws nothing
    )


def _open_vae(folder: Path) -> tuple[Any, Any, Any, int]:
    """Pixels → points, points → pictures, the settings, and the number of parameters."""
    vae = FaceVAE.from_pretrained(folder, torch_dtype=torch.float32)
    return lambda pixels: through(lambda x: vae.encode(x)[0], pixels), vae.decode, vae.config, vae.num_parameters()


def _open_gan(folder: Path) -> tuple[Any, Any, Any, int]:
    generator = FaceGenerator.from_pretrained(folder / GENERATOR, torch_dtype=torch.float32)
    inverter = FaceInverter.from_pretrained(folder / INVERTER, torch_dtype=torch.float32)

    def encode(pixels: np.ndarray) -> torch.Tensor:
        guesses, parts = through(inverter, pixels), []
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):  # minutes instead of a quarter of an hour
            for at in range(0, len(pixels), CHUNK):
                parts.append(refine(generator, guesses[at : at + CHUNK], to_tensor(pixels[at : at + CHUNK])))
        return torch.cat(parts)

    parameters = generator.num_parameters() + inverter.num_parameters()
    return encode, generator.synthesise, generator.config, parameters
