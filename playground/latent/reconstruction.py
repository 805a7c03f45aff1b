"""Trains the VAE: pictures come back from a noisy point, and the points of all faces together fill a normal Gaussian.

Some faces come with a counterpart that differs in one factor alone. One straight step for each factor, learnt beside
the model, has to lead from the point of the one to the picture of the other, so that edits along straight lines are
what the space is good for.

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
from playground.latent.atlas import read_atlas
from playground.latent.coding import code_names
from playground.latent.counterparts import counterpart
from playground.latent.pixels import signal_to_noise, through, to_bytes, write_sheet
from playground.latent.vae import FaceVAE, make_vae, normalise
from playground.latent.world import HELD_OUT, render
from playground.training import Plan

GRADIENT = 0.7  # weight of the loss on differences between neighbouring pixels: sharp edges
SQUARE = (
    10.0  # weight of the squared error: what is far off (eyes, frames of glasses) counts more than what is nearly right
)
KNEE = 0.02  # below which the loss on a pixel is quadratic (Charbonnier), of −1 … 1
BETA = 4e-4  # weight of the divergence in nats beside a mean over pixels; with 1e-4 samples were ghosts
PAIRED = 1 / 3  # share of a batch that are counterparts of others in it
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
    """Pictures, (B, 3, S, S) uint8; noise for their points, (B, D); beta, a scalar, the weight of the divergence.

    The last P pictures are counterparts of the first P; change, (P, F), is what their codes have beyond those.
    """

    pixels: torch.Tensor
    noise: torch.Tensor
    beta: torch.Tensor
    change: torch.Tensor

    def to(self, device: torch.device) -> Faces:
        return Faces(*(value.to(device) for value in vars(self).values()))


class Reconstruction(nn.Module):
    """`forward(faces)`: how far pictures come back changed, plus what their points tell beyond N(0, I).

    `head` is what a unit of each number of a code adds to a point. Points that it moved must decode to the
    counterparts, and lie where those do: the divergence of the one Gaussian from the other is paid for, too.
    """

    def __init__(self, vae: FaceVAE) -> None:
        super().__init__()
        self.vae = vae
        self.head = nn.Linear(len(code_names()), vae.config.dims, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, faces: Faces) -> torch.Tensor:
        pixels, pairs = faces.pixels.float() / 127.5 - 1, len(faces.change)
        mean, logvar = (part.float() for part in self.vae.encode(pixels))
        points, step = mean + faces.noise * (logvar / 2).exp(), self.head(faces.change).float()
        decoded = self.vae.decode(torch.cat([points, points[:pairs] + step])).float()
        told = divergence(mean, logvar).mean(dim=0).clamp(min=FREE).sum()
        apart = mean[len(mean) - pairs :] - mean[:pairs] - step
        missed = 0.5 * (apart.square() / logvar[:pairs].detach().exp()).sum() / len(mean)
        return distance(decoded, torch.cat([pixels, pixels[len(mean) - pairs :]])) + faces.beta * (told + missed)


def divergence(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """Kullback–Leibler divergence of each dimension from N(0, 1), in nats; (B, D)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def distance(decoded: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Mean Charbonnier and squared distance of pixels, and the former of their differences.

    Args:
        decoded, pixels: (B, 3, S, S) of −1 … 1.

    Returns:
        A scalar.
    """
    error = decoded - pixels
    edges = _charbonnier(error.diff(dim=2)) + _charbonnier(error.diff(dim=3))
    return _charbonnier(error) + SQUARE * error.square().mean() + GRADIENT * edges


def _charbonnier(error: torch.Tensor) -> torch.Tensor:
    return (error.square() + KNEE**2).sqrt().mean() - KNEE


class ReconstructionJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        out: where `save_pretrained` writes the model; previews lie beside it.
        start: a checkpoint whose weights it goes on from.
    """

    def __init__(self, album: Album, out: Path, plan: Plan, *, tiny: bool, start: Path | None = None) -> None:
        self._album, self._out, self._plan, self._tiny, self._start = album, out, plan, tiny, start
        self._fresh, self._counted = (SHOWN, 32) if tiny else (FRESH, COUNTED)
        self._dims = make_vae(tiny=tiny).config.dims

    def build(self) -> nn.Module:
        vae = (
            make_vae(tiny=self._tiny)
            if self._start is None
            else FaceVAE.from_pretrained(self._start, torch_dtype=torch.float32)
        )
        module = Reconstruction(vae.to(memory_format=torch.channels_last))
        if self._start is not None:
            weights = torch.from_numpy(read_atlas(self._start, vae.config.dims).weights)  # (F, D), of a regression
            module.head.weight.data.copy_(weights.T)
        return module

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Faces:
        size, seed = self._plan.batch_size, self._plan.seed
        paired, first = round(size * PAIRED), cursor - round(cursor * PAIRED)
        places = np.arange(first, first + size - paired)[rank::world] % self._album.count
        originals = places[: len(range(rank, paired, world))]
        others, changes = zip(*(counterpart(seed, int(place), cursor) for place in originals), strict=True)
        pixels = np.concatenate([self._album.read(places), np.stack([np.asarray(render(face)) for face in others])])
        dice = torch.Generator().manual_seed(seed * HELD_OUT + cursor)
        drawn = torch.randn(size, self._dims, generator=dice).split([size - paired, paired])
        noise = torch.cat([part[rank::world] for part in drawn]) * min(1.0, progress / NOISE_UNTIL)
        share = (progress - BETA_FROM) / (BETA_UNTIL - BETA_FROM)
        beta = torch.tensor(BETA * min(1.0, max(0.0, share)))
        return Faces(torch.from_numpy(pixels).permute(0, 3, 1, 2), noise, beta, torch.from_numpy(np.stack(changes)))

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
