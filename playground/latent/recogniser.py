"""Looks at a picture of a face and reads every factor off it.

It measures what the models draw and has no part in drawing it: trained by itself, on renders. It sees pictures at 64 px
whatever their size, so that models of different sizes are judged alike, and learns on spoilt ones, so that what is
a little soft or rough is not read wrongly for that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from playground.augmentation import augment
from playground.compact import load_network, save_network
from playground.latent.album import Album, draw
from playground.latent.factors import DISCRETE
from playground.latent.pixels import CHUNK, to_tensor
from playground.latent.readings import FACTORS, PLACES, WIDTH, applying, score, truth
from playground.latent.vae import Block
from playground.latent.world import HELD_OUT, draw_face, labels
from playground.manifests import digest
from playground.training import Plan, fit, processes, write_once

FILE = "recogniser.safetensors"
FOLDER = "recogniser"  # of its run, beside the drawn faces
SIZE = 64  # px at which it looks
WIDTHS, TINY = (32, 48, 96, 96), (4, 4, 8, 8)  # at 32, 16, 8 and 4 px
HIDDEN = 128  # of the last hidden layer, whose values are the features
FRESH = HELD_OUT + 1  # a series: pictures that nothing trains on
MODELS = ("faces-vae", "faces-gan")  # that are judged by it
PICTURES, SMOKE_PICTURES = 40_000, 64  # that the models are trained on
SEEN = 20_000  # of them: drawing a face costs as much as learning from it
SMOKE = {"steps": 3, "batch_size": 4, "minutes": None, "report_every_s": float("inf")}
PLAN = Plan(
    steps=2_000,
    batch_size=64,
    lr=1e-3,
    muon_lr=2e-3,
    betas=(0.9, 0.98),
    weight_decay=0.02,
    hold=0.4,
    final_lr=0.01,
    ema=0.99,
    report_every_s=120.0,
)


@dataclass
class Views:
    """Pictures, (B, 3, 64, 64) of −1 … 1, with what is true of them: (B, R), and which factors apply, (B, factors)."""

    pixels: torch.Tensor
    truth: torch.Tensor
    applied: torch.Tensor

    def to(self, device: torch.device) -> Views:
        return Views(*(value.to(device) for value in vars(self).values()))


class Recogniser(nn.Module):
    """`forward(pixels)`: (B, 3, S, S) of −1 … 1 → (B, R) numbers, choices as logits; and (B, 128) features."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first, second, third, last = widths
        self.conv_in = nn.Conv2d(3, first, 4, 2, 1)
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(first, second, 4, 2, 1),
            Block(second),
            nn.SiLU(),
            nn.Conv2d(second, third, 4, 2, 1),
            Block(third),
            nn.SiLU(),
            nn.Conv2d(third, last, 4, 2, 1),
            Block(last),
            nn.SiLU(),
        )
        self.hidden = nn.Linear(last * (SIZE >> len(widths)) ** 2, HIDDEN)
        self.head = nn.Linear(HIDDEN, WIDTH)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(pixels)
        return self.head(features.to(self.head.weight.dtype)).float(), features

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) of −1 … 1 → (B, 128) float32, the last hidden layer."""
        x = self.body(self.conv_in(F.adaptive_avg_pool2d(pixels, SIZE)))
        return F.silu(self.hidden(x.flatten(1))).float()

    @torch.inference_mode()
    def look(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What pictures show.

        Args:
            pictures: (N, S, S, 3) uint8.

        Returns:
            (N, R) readings, choices as shares, see `readings`; and (N, 128) features; float32.
        """
        rows, features = [], []
        for start in range(0, len(pictures), CHUNK):
            row, feature = self(to_tensor(pictures[start : start + CHUNK]))
            for name in DISCRETE:
                row[:, PLACES[name]] = row[:, PLACES[name]].softmax(dim=1)
            rows.append(row.numpy())
            features.append(feature.numpy())
        return np.concatenate(rows), np.concatenate(features)


class Recognition(nn.Module):
    """`forward(views)`: mean over factors of how badly they are read, each about 1 where nothing is known."""

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__()
        self.recogniser = recogniser

    def forward(self, views: Views) -> torch.Tensor:
        rows, _ = self.recogniser(views.pixels)
        losses = []
        for place, name in enumerate(FACTORS):
            said, held, counts = rows[:, PLACES[name]], views.truth[:, PLACES[name]], views.applied[:, place].float()
            if name in DISCRETE:
                loss = -(held * said.log_softmax(dim=1)).sum(dim=1)
            else:
                loss = (said - held).square().sum(dim=1)
            losses.append((loss * counts).sum() / counts.sum().clamp(min=1))
        return torch.stack(losses).mean()


class RecogniserJob:
    """Data, module, reports and export; see `training.Job`. Writes FILE into `out`.

    Args:
        count: faces of the album that it learns from, over and over.
    """

    def __init__(self, album: Album, count: int, out: Path, plan: Plan, *, tiny: bool) -> None:
        self._album, self._count, self._out, self._plan, self._tiny = album, count, out, plan, tiny

    def build(self) -> nn.Module:
        return Recognition(Recogniser(TINY if self._tiny else WIDTHS).to(memory_format=torch.channels_last))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Views:
        places = np.arange(cursor, cursor + self._plan.batch_size)[rank::world] % self._count
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor + rank)
        pixels = augment(to_tensor(self._album.read(places, SIZE)), dice)
        known = [labels(draw_face(self._plan.seed, int(index))) for index in places]
        applied = applying([one["kind"] for one in known])
        return Views(pixels, torch.from_numpy(truth(known)), torch.from_numpy(applied))

    @torch.no_grad()
    def report(self, module: Recognition, final: bool) -> dict[str, float]:
        """Shares and R² on fresh renders."""
        found = accuracy(module.recogniser, 16 if self._tiny else 1_000 if final else 300)
        print("\nfresh: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), file=sys.stderr)
        return {f"valid_{name}": value for name, value in found.items()}

    def export(self, module: Recognition) -> None:
        save(module.recogniser, self._out)


def train_recogniser(
    runs: Path, out: Path, *, smoke: bool = False, minutes: float | None = None, seed: int = 0
) -> Path:
    """Train (or go on training) the recogniser and give a copy to the models of faces.

    Args:
        runs: holds the drawn faces, which the models share, and gets the run's folder.
        out: the models stand beside it.
        smoke: a tiny network for a few steps. minutes: time of training in all; else the plan's steps.

    Returns:
        The run's folder, with FILE.

    Raises:
        PlaygroundError: a state of another network in `runs`.
    """
    count, seen = (SMOKE_PICTURES, SMOKE_PICTURES) if smoke else (PICTURES, SEEN)
    folder = runs / FOLDER
    plan = replace(PLAN, seed=seed, minutes=minutes)
    if smoke:
        plan = replace(plan, **SMOKE)
    with processes().main_process_first():
        album = Album(runs, seed=seed, count=count)
    fit(RecogniserJob(album, seen, folder, plan, tiny=smoke), plan, folder)
    for model in MODELS:
        if (out.parent / model).is_dir():
            write_once(install, runs, out.parent / model)
    return folder


def install(runs: Path, folder: Path) -> None:
    """Copy the recogniser of `runs`, if there is one, into a checkpoint folder; no fingerprint changes."""
    path = runs / FOLDER / FILE
    if path.is_file():
        part = folder / f"{FILE}.part"
        part.write_bytes(path.read_bytes())
        part.chmod(0o644)
        part.replace(folder / FILE)


def accuracy(recogniser: Recogniser, count: int) -> dict[str, float]:
    """`readings.score` on `count` fresh renders."""
    known = [labels(draw_face(FRESH, index)) for index in range(count)]
    rows, _ = recogniser.look(np.stack([draw(FRESH, index) for index in range(count)]))
    return score(rows, truth(known), applying([one["kind"] for one in known]))


def save(recogniser: Recogniser, folder: Path) -> None:
    """Write FILE into `folder`: float16 weights with their widths, and which factors they read."""
    save_network(recogniser, folder / FILE, recogniser.widths, _names())


def load(folder: Path) -> Recogniser:
    """The recogniser in `folder`, ready to look, computing in float32.

    Raises:
        PlaygroundError: there is none, or it is damaged or of another world.
    """
    return load_network(folder / FILE, Recogniser, _names(), "`python -m playground train faces` makes it")


def _names() -> str:
    """Changes whenever what the outputs mean, or their order, does."""
    table: list[Any] = [(name, DISCRETE[name].values if name in DISCRETE else None) for name in FACTORS]
    return digest([repr(table)])
