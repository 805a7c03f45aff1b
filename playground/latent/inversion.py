"""The way back through a generator: a network guesses the point of a picture, and a few steps improve the guess.

The guess begins as the VAE's. It is trained on the generator's own pictures, whose points are known, and on real faces,
which must come back (Zhu et al. 2020, "In-domain GAN inversion"). The steps start there and are held near it, where
points mean something.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from playground.latent.album import Album, draw, shrink
from playground.latent.gan import FaceGenerator, FaceInverter, inverter_of
from playground.latent.pixels import signal_to_noise, through, to_bytes, to_tensor, write_sheet
from playground.latent.reconstruction import SHARD, distance
from playground.latent.vae import FaceVAE
from playground.latent.world import HELD_OUT
from playground.training import Plan

POINT_WEIGHT = 0.3  # of a guess's squared error, in variances of points, beside the distance of pictures
KEPT_NEAR = 0.02  # weight of the squared way from the guess, in variances, while it is improved
REFINED, RATE = 32, 0.15  # steps of improvement, and their size in standard deviations of points
FRESH, SHOWN = 96, 12
PLAN = Plan(
    steps=500,
    batch_size=24,
    lr=3e-4,
    betas=(0.9, 0.99),
    weight_decay=0.0,
    hold=0.5,
    final_lr=0.02,
    ema=0.995,
)


@dataclass
class Sights:
    """Real pictures, (B, 3, S, S) uint8, and noise for as many of the generator's, (B, D)."""

    pixels: torch.Tensor
    noise: torch.Tensor

    def to(self, device: torch.device) -> Sights:
        return Sights(self.pixels.to(device), self.noise.to(device))


class Inversion(nn.Module):
    """`forward(sights)`: how far guessed points are off, and the pictures that are made from them; a scalar."""

    def __init__(self, generator: FaceGenerator, inverter: FaceInverter) -> None:
        super().__init__()
        self.generator, self.inverter = generator.requires_grad_(False), inverter

    def forward(self, sights: Sights) -> torch.Tensor:
        real = sights.pixels.float() / 127.5 - 1
        with torch.no_grad():
            points = self.generator.map(sights.noise).float()
            made = self.generator.synthesise(points).float()
        guesses = self.inverter(torch.cat([real, made])).float()
        again = self.generator.synthesise(guesses).float()
        off = (guesses[len(real) :] - points).square().mean() / points.var(dim=0).mean()
        return distance(again, torch.cat([real, made])) + POINT_WEIGHT * off


def refine(generator: FaceGenerator, guesses: torch.Tensor, pixels: torch.Tensor, steps: int = REFINED) -> torch.Tensor:
    """Points whose pictures come nearer to given ones; (B, D) → (B, D) float32. Adam, each row by itself.

    Args:
        guesses: (B, D), where to start. pixels: (B, 3, S, S) of −1 … 1.
    """
    with torch.inference_mode(False), torch.enable_grad():
        start, pixels, scale = guesses.detach().clone(), pixels.clone(), points_scale(generator)
        ways = torch.zeros_like(start, requires_grad=True)
        optimizer = torch.optim.Adam([ways], lr=RATE, betas=(0.9, 0.9))
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            made = generator.synthesise(start + ways * scale)
            loss = len(start) * distance(made, pixels) + KEPT_NEAR * ways.square().mean(dim=1).sum()
            (ways.grad,) = torch.autograd.grad(loss, ways)
            optimizer.step()
        return (start + ways * scale).detach()


def points_scale(generator: FaceGenerator, count: int = 2000) -> torch.Tensor:
    """Standard deviation of points in each dimension, (D,)."""
    noise = torch.randn(count, generator.config.dims, generator=torch.Generator().manual_seed(0))
    return through(generator.map, noise).std(dim=0)


class InversionJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        generator: folder of a trained one. vae: what the inverter begins as.
        out: where `save_pretrained` writes the inverter.
    """

    def __init__(self, album: Album, generator: Path, vae: FaceVAE, out: Path, plan: Plan) -> None:
        self._album, self._generator, self._vae, self._out, self._plan = album, generator, vae, out, plan
        self._size, self._dims = vae.config.size, vae.config.dims

    def build(self) -> nn.Module:
        networks = FaceGenerator.from_pretrained(self._generator, torch_dtype=torch.float32), inverter_of(self._vae)
        return Inversion(*(network.to(memory_format=torch.channels_last) for network in networks))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Sights:
        mine = slice(rank, None, world)
        places = np.arange(cursor, cursor + self._plan.batch_size)[mine]
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor)
        noise = torch.randn(self._plan.batch_size, self._dims, generator=dice)[mine]
        return Sights(torch.from_numpy(self._album.read(places, self._size)).permute(0, 3, 1, 2), noise)

    def report(self, module: Inversion, final: bool) -> dict[str, float]:
        """What becomes of held-out faces, and a sheet: faces, what a guess gives back, what is left after refining."""
        fresh = shrink(np.stack([draw(HELD_OUT, index) for index in range(FRESH)]), self._size)
        guesses = through(module.inverter, fresh)
        back = to_bytes(through(module.generator.synthesise, guesses))
        shown = to_tensor(fresh[:SHOWN])
        refined = to_bytes(through(module.generator.synthesise, refine(module.generator, guesses[:SHOWN], shown)))
        found = {
            "valid_psnr_db": float(signal_to_noise(back, fresh).mean()),
            "refined_psnr_db": float(signal_to_noise(refined, fresh[:SHOWN]).mean()),
        }
        print("\nheld-out faces: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items()), file=sys.stderr)
        write_sheet([fresh[:SHOWN], back[:SHOWN], refined], self._out.parent / "preview.png")
        return found

    def export(self, module: Inversion) -> None:
        copy.deepcopy(module.inverter).half().save_pretrained(self._out, max_shard_size=SHARD)
