"""Trains a model of faces, the VAE or the GAN, and writes it as a checkpoint with its atlas; resumes by itself.

A stage's folder in `runs` holds its state and what it exports. The pictures, which both models share, lie beside.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_model

from playground.cards import LOSS, read_training, write_record
from playground.errors import PlaygroundError
from playground.latent import contest, inversion, mapping, reconstruction
from playground.latent.album import Album, draw, shrink
from playground.latent.atlas import write_atlas
from playground.latent.card import write_cards
from playground.latent.charting import make_atlas
from playground.latent.contest import ContestJob
from playground.latent.gan import FaceGenerator, FaceInverter, Mapping
from playground.latent.inversion import InversionJob, refine
from playground.latent.loaded import GENERATOR, INVERTER
from playground.latent.mapping import MappingJob
from playground.latent.pixels import CHUNK, squared_error, through, to_bytes, to_tensor
from playground.latent.presets import PRESETS, pictures_of
from playground.latent.recogniser import FILE, install
from playground.latent.reconstruction import ReconstructionJob
from playground.latent.vae import FaceVAE, make_vae
from playground.latent.world import HELD_OUT
from playground.machine import has_bf16
from playground.recipes import show
from playground.registry import TRAINING, write_manifest
from playground.stages import restore_stages, restored, summarise
from playground.training import HISTORY, Plan, fit, processes, write_once

PICTURES = 40_000  # that are drawn once and kept, 2 GB
CHARTED, CHECKED = 8000, 200  # training faces that an atlas learns from, held-out ones
MAPPING = "mapping"  # folder of the first stage of a GAN
SHARES = {MAPPING: 0.1, GENERATOR: 0.75, INVERTER: 0.15}  # of the time for a GAN
SMOKE = {"steps": 3, "batch_size": 6, "minutes": None, "report_every_s": math.inf}
SMOKE_PICTURES, SMOKE_CHECKED = 64, 8
SUMMARIES = {
    "vae": "Cartoon faces from points of 48 dimensions, by a variational autoencoder trained from scratch.",
    "gan": "Cartoon faces from points of 48 dimensions, by a small adversarial network that began as the VAE.",
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
        kind: "vae" or "gan"; a GAN begins as the VAE that lies beside `out`.
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
        PlaygroundError: no such kind, a state of another model in `runs`, nothing to go on from, or no VAE.
    """
    if kind not in SUMMARIES:
        raise PlaygroundError(f"There is no kind of model {show(kind)} for faces; there is: {', '.join(SUMMARIES)}.")
    world = pictures or runs.parent / "faces"
    with processes().main_process_first():
        album = Album(world, seed=seed, count=SMOKE_PICTURES if smoke else PICTURES)

    def plan(own: Plan, share: float = 1.0) -> Plan:
        timed = replace(own, seed=seed, minutes=minutes and minutes * share)
        return replace(timed, **SMOKE) if smoke else timed

    if warm and kind == "gan":
        raise PlaygroundError("The model faces-gan can't be trained from its checkpoint; leave --warm out.")
    with processes().main_process_first():
        if warm and not (runs / HISTORY).exists():
            restore_stages(read_training(out / TRAINING), {"vae": runs})
    stages = _train_vae(album, runs, plan, smoke, out) if kind == "vae" else _train_gan(album, runs, plan, smoke, out)
    write_once(_write_checkpoint, kind, album, stages, out, seed, smoke)
    write_once(install, world, out)
    write_once(write_cards, out)
    return out


def _train_vae(album: Album, runs: Path, plan: Callable[..., Plan], smoke: bool, out: Path) -> dict[str, Path]:
    own, earlier = plan(reconstruction.PLAN), restored(runs)
    job = ReconstructionJob(album, runs / "model", own, tiny=smoke, start=out if earlier else None)
    fit(job, own, runs, earlier=earlier)
    return {"": runs}


def _train_gan(album: Album, runs: Path, plan: Callable[..., Plan], smoke: bool, out: Path) -> dict[str, Path]:
    vae = make_vae(tiny=True) if smoke else _beside(out)
    stages = {name: runs / name for name in SHARES}
    parts = {MAPPING: mapping.PLAN, GENERATOR: contest.PLAN, INVERTER: inversion.PLAN}
    plans = {name: plan(own, SHARES[name]) for name, own in parts.items()}
    fit(MappingJob(album, vae, stages[MAPPING], plans[MAPPING]), plans[MAPPING], stages[MAPPING])
    mapped = Mapping(vae.config.dims)
    load_model(mapped, stages[MAPPING] / mapping.FILE)
    job = ContestJob(album, vae, mapped, stages[GENERATOR] / "model", plans[GENERATOR])
    fit(job, plans[GENERATOR], stages[GENERATOR])
    job = InversionJob(album, stages[GENERATOR] / "model", vae, stages[INVERTER] / "model", plans[INVERTER])
    fit(job, plans[INVERTER], stages[INVERTER])
    return stages


def _beside(out: Path) -> FaceVAE:
    """The VAE of the folder in which a GAN's checkpoint is to lie."""
    folder = out.parent / "faces-vae"
    try:
        return FaceVAE.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True).eval()
    except OSError as error:
        raise PlaygroundError(
            f"faces-gan begins as faces-vae, and there is none in {show(str(out.parent))}."
        ) from error


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
        if (stage / "model").is_dir():
            shutil.copytree(stage / "model", out / name, dirs_exist_ok=True)
    for path in out.rglob("*.safetensors"):
        path.chmod(0o644)
    model = (_open_vae if kind == "vae" else _open_gan)(out)
    count, checked = (SMOKE_PICTURES, SMOKE_CHECKED) if smoke else (CHARTED, CHECKED)
    fresh = shrink(np.stack([draw(HELD_OUT, index) for index in range(checked)]), model.config.size)
    held_out = model.encode(fresh)
    errors = np.sqrt(squared_error(to_bytes(through(model.decode, held_out)), fresh))
    points = model.guess(album.read(np.arange(count), model.config.size)).numpy()
    samples = np.stack([np.full(count, seed), np.arange(count)], axis=1)
    presets = {
        name: model.encode(shrink(pictures_of(name), model.config.size)).numpy().mean(axis=0) for name in PRESETS
    }

    def again(points: np.ndarray) -> np.ndarray:
        return model.guess(to_bytes(through(model.decode, torch.from_numpy(points)))).numpy()

    write_atlas(make_atlas(points, samples, held_out.numpy(), errors, presets, again), out)
    shutil.copyfile(stages[GENERATOR if kind == "gan" else ""] / LOSS, out / LOSS)
    write_record(out / TRAINING, {"stages": {name or "vae": summarise(stage) for name, stage in stages.items()}})
    write_manifest(
        out,
        "latent",
        summary=SUMMARIES[kind],
        licence="apache-2.0",
        parameters=model.parameters,
        details={"network": kind, "size": model.config.size, "dims": model.config.dims},
        files=lambda path: path.suffix in {".safetensors", ".json"} and path.name != FILE,  # which draws nothing
    )


class _Opened(NamedTuple):
    """Pixels → points, as uploads become points and by a guess alone; points → pictures; settings and size."""

    encode: Callable[[np.ndarray], torch.Tensor]
    guess: Callable[[np.ndarray], torch.Tensor]
    decode: Callable[[torch.Tensor], torch.Tensor]
    config: Any
    parameters: int


def _open_vae(folder: Path) -> _Opened:
    vae = FaceVAE.from_pretrained(folder, torch_dtype=torch.float32)

    def encode(pixels: np.ndarray) -> torch.Tensor:
        return through(lambda x: vae.encode(x)[0], pixels)

    return _Opened(encode, encode, vae.decode, vae.config, vae.num_parameters())


def _open_gan(folder: Path) -> _Opened:
    generator = FaceGenerator.from_pretrained(folder / GENERATOR, torch_dtype=torch.float32)
    inverter = FaceInverter.from_pretrained(folder / INVERTER, torch_dtype=torch.float32)

    def guess(pixels: np.ndarray) -> torch.Tensor:
        return through(inverter, pixels)

    def encode(pixels: np.ndarray) -> torch.Tensor:
        guesses, parts = guess(pixels), []
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            for at in range(0, len(pixels), CHUNK):
                parts.append(refine(generator, guesses[at : at + CHUNK], to_tensor(pixels[at : at + CHUNK])))
        return torch.cat(parts)

    parameters = generator.num_parameters() + inverter.num_parameters()
    return _Opened(encode, guess, generator.synthesise, generator.config, parameters)
