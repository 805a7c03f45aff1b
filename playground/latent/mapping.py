"""Trains a generator's mapping: noise becomes points like those of real faces, in a contest with a judge of points.

Points of faces fill the Gaussian of the VAE's prior unevenly: a draw of the prior may lie where no face does. Points
are small, so that this contest sees thousands of times as many of them as there is time for pictures.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from playground.latent.album import Album
from playground.latent.contest import contest, falling
from playground.latent.gan import Mapping, PointDiscriminator
from playground.latent.pixels import through
from playground.latent.vae import FaceVAE
from playground.latent.world import HELD_OUT
from playground.training import Plan

POINTS, FILE = "points.npy", "mapping.safetensors"
KNOWN = 40_000  # faces whose points are known
BLUR = 0.3  # noise of a point, as a share of the VAE's own
GAMMA = (2.0, 0.5)  # weight of R1 and R2, at first and in the end
MEASURED = 2000
PLAN = Plan(
    steps=10_000,
    batch_size=512,
    lr=1e-3,
    betas=(0.0, 0.99),
    weight_decay=0.0,
    warmup=0.01,
    hold=0.5,
    final_lr=0.05,
    clip=1000.0,
    ema=0.999,
)


@dataclass
class Bout:
    """Points of real faces and noise for as many others, (B, D) each; gamma, a scalar."""

    points: torch.Tensor
    noise: torch.Tensor
    gamma: torch.Tensor

    def to(self, device: torch.device) -> Bout:
        return Bout(self.points.to(device), self.noise.to(device), self.gamma.to(device))


class PointContest(nn.Module):
    """`forward(bout)`: the contest's loss, a scalar."""

    def __init__(self, mapping: Mapping, discriminator: PointDiscriminator) -> None:
        super().__init__()
        self.mapping, self.discriminator = mapping, discriminator

    def forward(self, bout: Bout) -> torch.Tensor:
        return contest(self.discriminator, bout.points, self.mapping(bout.noise).float(), bout.gamma)


class MappingJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        vae: whose points are learnt. out: the folder that keeps them, and gets the mapping.
    """

    def __init__(self, album: Album, vae: FaceVAE, out: Path, plan: Plan) -> None:
        self._album, self._vae, self._out, self._plan = album, vae, out, plan

    def build(self) -> nn.Module:
        self._points = self._read_points()
        dims = self._vae.config.dims
        return PointContest(Mapping(dims), PointDiscriminator(dims))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Bout:
        size, dims = self._plan.batch_size, self._vae.config.dims
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor)
        places = torch.randint(len(self._points), (size,), generator=dice)[rank::world]
        noise, blur = torch.randn(2, size, dims, generator=dice)[:, rank::world]
        mean, logvar = self._points[places].chunk(2, dim=1)
        points = mean + BLUR * blur * (logvar / 2).exp()
        return Bout(points, noise, falling(GAMMA, progress / self._plan.hold))

    def report(self, module: PointContest, final: bool) -> dict[str, float]:
        """How far mapped noise, and noise as it is, are from points of faces: energy distances; 0 is the same."""
        dice = torch.Generator().manual_seed(0)
        dims = self._vae.config.dims
        real = self._points[torch.randint(len(self._points), (MEASURED,), generator=dice), :dims]
        noise = torch.randn(MEASURED, dims, generator=dice)
        found = {
            "energy_distance": energy_distance(through(module.mapping, noise), real),
            "energy_distance_of_noise": energy_distance(noise, real),
        }
        print("\npoints: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()), file=sys.stderr)
        return found

    def export(self, module: PointContest) -> None:
        save_file(module.mapping.state_dict(), self._out / FILE)

    def _read_points(self) -> torch.Tensor:
        """Means and logarithms of variances of the album's faces, (N, 2D); kept beside the run."""
        path, count = self._out / POINTS, min(KNOWN, self._album.count)
        if not path.exists():
            faces = (self._album.read(np.arange(at, min(at + 500, count))) for at in range(0, count, 500))
            np.save(path, torch.cat([through(self._vae.encoder, some) for some in faces]).numpy())
        return torch.from_numpy(np.load(path))


def energy_distance(points: torch.Tensor, others: torch.Tensor) -> float:
    """Székely & Rizzo (2013): twice the mean distance between two sets of points, less those within each; ≥ 0."""
    across, own, theirs = (torch.cdist(a, b).mean() for a, b in ((points, others), (points, points), (others, others)))
    return (2 * across - own - theirs).item()
