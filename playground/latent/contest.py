"""Trains generator and discriminator against each other: R3GAN (Huang et al. 2024, "The GAN is dead; long live …").

Each fake is judged against a real picture (a relativistic pairing), and the discriminator's slope is kept small on real
pictures and on fakes (R1 and R2). That converges without tricks. Both networks move in the same step, so that the loop
needs no turns: what each of them sees of the other is detached.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from playground.latent.album import Album
from playground.latent.gan import SIZE, FaceDiscriminator, FaceGenerator, make_networks
from playground.latent.pixels import through, to_bytes, write_sheet
from playground.latent.reconstruction import SHARD
from playground.latent.world import HELD_OUT
from playground.training import Plan

GAMMA = (2.0, 0.2)  # weight of R1 and R2, at first and in the end
COUNTED = 20_000  # points whose mean a truncation goes towards
SHOWN = 12
PLAN = Plan(
    steps=12_000,
    batch_size=32,
    lr=2e-4,
    betas=(0.0, 0.99),
    weight_decay=0.0,
    warmup=0.01,
    hold=0.5,
    final_lr=0.1,
    clip=1000.0,  # of both networks together: one is not to slow the other down
    ema=0.999,
)


@dataclass
class Round:
    """Real pictures, (B, 3, S, S) uint8; noise for as many fakes, (B, D); gamma, a scalar."""

    pixels: torch.Tensor
    noise: torch.Tensor
    gamma: torch.Tensor

    def to(self, device: torch.device) -> Round:
        return Round(self.pixels.to(device), self.noise.to(device), self.gamma.to(device))


class Contest(nn.Module):
    """`forward(round)`: a scalar whose gradients are each network's own.

    Its value is the discriminator's loss: what is added for the generator is worth nothing, but has a slope.
    """

    def __init__(self, generator: FaceGenerator, discriminator: FaceDiscriminator) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, round: Round) -> torch.Tensor:
        real = (round.pixels.float() / 127.5 - 1).requires_grad_()
        fake = self.generator(round.noise).float()
        shown = fake.detach().requires_grad_()
        real_logits, fake_logits = self.discriminator(torch.cat([real, shown])).float().chunk(2)
        slopes = torch.autograd.grad((real_logits.sum() + fake_logits.sum()), (real, shown), create_graph=True)
        penalty = sum(slope.square().sum(dim=(1, 2, 3)) for slope in slopes)  # (B,), R1 + R2
        lead = real_logits - fake_logits
        loss = (F.softplus(-lead) + round.gamma / 2 * penalty).mean()
        return loss + _without_value((fake * self._pull(lead, slopes[1])).sum() / len(fake))

    @staticmethod
    def _pull(lead: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        """The slope of the generator's loss, softplus(lead), at the pixels of fakes; (B, 3, S, S).

        R2 has worked out the discriminator's slope there already, so that it is not asked a second time.
        """
        return -(torch.sigmoid(lead)[:, None, None, None] * slope).detach()


def _without_value(term: torch.Tensor) -> torch.Tensor:
    return term - term.detach()


class ContestJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        out: where `save_pretrained` writes the generator; previews lie beside it.
    """

    def __init__(self, album: Album, out: Path, plan: Plan, *, tiny: bool) -> None:
        self._album, self._out, self._plan, self._tiny = album, out, plan, tiny
        self._dims = make_networks(tiny=tiny)[0].config.dims

    def build(self) -> nn.Module:
        networks = (network.to(memory_format=torch.channels_last) for network in make_networks(tiny=self._tiny))
        return Contest(*networks)

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Round:
        mine = slice(rank, None, world)
        places = np.arange(cursor, cursor + self._plan.batch_size)[mine]
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor)
        noise = torch.randn(self._plan.batch_size, self._dims, generator=dice)[mine]
        pixels = torch.from_numpy(self._album.read(places, SIZE)).permute(0, 3, 1, 2)
        first, last = GAMMA
        return Round(pixels, noise, torch.tensor(first * (last / first) ** min(1.0, progress / self._plan.hold)))

    def report(self, module: Contest, final: bool) -> dict[str, float]:
        """How far the discriminator tells reals from fakes, and a sheet: real faces above three rows of fakes."""
        dice = torch.Generator().manual_seed(0)
        noise = torch.randn(5 * SHOWN, self._dims, generator=dice)
        reals = self._album.read(np.arange(5 * SHOWN), SIZE)
        fakes = through(module.generator, noise)
        judged = through(module.discriminator, reals), through(module.discriminator, fakes)
        found = {
            "lead": (judged[0].mean() - judged[1].mean()).item(),
            "spread_of_fakes": fakes.std(dim=0).mean().item(),
            "spread_of_reals": float(reals.std(axis=0).mean() / 127.5),
        }
        print("\nfaces: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), file=sys.stderr)
        rows = to_bytes(fakes).reshape(5, SHOWN, SIZE, SIZE, 3)
        write_sheet([reals[:SHOWN], *rows], self._out.parent / "preview.png")
        return found

    def export(self, module: Contest) -> None:
        generator = copy.deepcopy(module.generator)
        noise = torch.randn(COUNTED, self._dims, generator=torch.Generator().manual_seed(0))
        generator.mean.copy_(through(generator.map, noise).mean(dim=0))
        generator.half().save_pretrained(self._out, max_shard_size=SHARD)
