"""Trains the VAE: pictures come back from a noisy point, and the points of all faces together fill a normal Gaussian.

Noise and divergence are let in slowly: from the beginning they would drown what young points say, and the model would
settle on one mean face. Each dimension may say `FREE` nats for nothing (Kingma et al. 2016, "free bits").
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from playground.latent.album import Album, draw
from playground.latent.pixels import signal_to_noise, through, to_bytes, write_sheet
from playground.latent.vae import FaceVAE, make_vae, normalise
from playground.latent.world import HELD_OUT
from playground.training import Plan

GRADIENT = 1.0  # weight of the loss on differences between neighbouring pixels: sharp edges
KNEE = 0.02  # below which the loss on a pixel is quadratic (Charbonnier), of −1 … 1
BETA = 3e-4  # weight of the divergence in nats, beside a mean over pixels
FREE = 0.05  # nats of each dimension that cost nothing
NOISE_UNTIL, BETA_FROM, BETA_UNTIL = 0.05, 0.05, 0.35  # shares of the run
FRESH, SHOWN = 128, 10  # held-out faces that are measured, and that are shown
COUNTED = 4096  # training faces whose points are brought to mean 0 and covariance I
SHARD = "8MB"
PLAN = Plan(
    steps=8_000,
    batch_size=24,
    lr=1e-3,
    muon_lr=2e-3,
    betas=(0.9, 0.99),
    weight_decay=0.0,
    hold=0.5,
    final_lr=0.02,
    ema=0.998,
)


@dataclass
class Faces:
    """Pictures, (B, 3, S, S) uint8; noise for their points, (B, D); beta, a scalar, the weight of the divergence."""

    pixels: torch.Tensor
    noise: torch.Tensor
    beta: torch.Tensor

    def to(self, device: torch.device) -> Faces:
        return Faces(self.pixels.to(device), self.noise.to(device), self.beta.to(device))


class Reconstruction(nn.Module):
    """`forward(faces)`: how far pictures come back changed, plus what their points tell beyond N(0, I)."""

    def __init__(self, vae: FaceVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, faces: Faces) -> torch.Tensor:
        pixels = faces.pixels.float() / 127.5 - 1
        mean, logvar = (part.float() for part in self.vae.encode(pixels))
        decoded = self.vae.decode(mean + faces.noise * (logvar / 2).exp()).float()
        told = divergence(mean, logvar).mean(dim=0).clamp(min=FREE).sum()
        return distance(decoded, pixels) + faces.beta * told


def divergence(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """Kullback–Leibler divergence of each dimension from N(0, 1), in nats; (B, D)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def distance(decoded: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Mean Charbonnier distance of pixels, and of their differences; (B, 3, S, S) of −1 … 1 → a scalar."""
    error = decoded - pixels
    return _charbonnier(error) + GRADIENT * (_charbonnier(error.diff(dim=2)) + _charbonnier(error.diff(dim=3)))


def _charbonnier(error: torch.Tensor) -> torch.Tensor:
    return (error.square() + KNEE**2).sqrt().mean() - KNEE


class ReconstructionJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        out: where `save_pretrained` writes the model; previews lie beside it.
    """

    def __init__(self, album: Album, out: Path, plan: Plan, *, tiny: bool) -> None:
        self._album, self._out, self._plan, self._tiny = album, out, plan, tiny
        self._fresh, self._counted = (SHOWN, 32) if tiny else (FRESH, COUNTED)
        self._dims = make_vae(tiny=tiny).config.dims

    def build(self) -> nn.Module:
        return Reconstruction(make_vae(tiny=self._tiny).to(memory_format=torch.channels_last))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Faces:
        mine = slice(rank, None, world)
        places = np.arange(cursor, cursor + self._plan.batch_size)[mine]
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor)
        noise = torch.randn(self._plan.batch_size, self._dims, generator=dice)[mine] * min(1.0, progress / NOISE_UNTIL)
        share = (progress - BETA_FROM) / (BETA_UNTIL - BETA_FROM)
        pixels = torch.from_numpy(self._album.read(places)).permute(0, 3, 1, 2)
        return Faces(pixels, noise, torch.tensor(BETA * min(1.0, max(0.0, share))))

    def report(self, module: Reconstruction, final: bool) -> dict[str, float]:
        """What became of held-out faces, and a sheet: faces, what they come back as, two rows drawn from the prior."""
        vae, fresh = module.vae, np.stack([draw(HELD_OUT, index) for index in range(self._fresh)])
        mean, logvar = through(vae.encoder, fresh).chunk(2, dim=1)
        decoded = to_bytes(through(vae.decode, mean))
        told = divergence(mean, logvar).mean(dim=0)
        found = {
            "valid_psnr_db": float(signal_to_noise(decoded, fresh).mean()),
            "nats": told.sum().item(),
            "dims_in_use": int((told > 2 * FREE).sum()),
        }
        print("\nheld-out faces: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items()), file=sys.stderr)
        dice = torch.Generator().manual_seed(0)
        drawn = to_bytes(through(vae.decode, torch.randn(2 * SHOWN, self._dims, generator=dice)))
        sheet = [fresh[:SHOWN], decoded[:SHOWN], drawn[:SHOWN], drawn[SHOWN:]]
        write_sheet(sheet, self._out.parent / "preview.png")
        return found

    def export(self, module: Reconstruction) -> None:
        vae = copy.deepcopy(module.vae)
        mean, logvar = through(vae.encoder, self._album.read(np.arange(self._counted))).chunk(2, dim=1)
        normalise(vae, mean.mean(dim=0), mean.T.cov() + logvar.exp().mean(dim=0).diag())  # of points with their noise
        vae.half().save_pretrained(self._out, max_shard_size=SHARD)
