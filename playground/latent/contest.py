"""Trains a generator and a discriminator against each other: R3GAN (Huang et al. 2024, "The GAN is dead; long live …").

Each fake is judged against a real one (a relativistic pairing), and the discriminator's slope is kept small on reals
and on fakes (R1 and R2). That converges without tricks. Both networks move in the same step, so that the loop needs no
turns: what each of them sees of the other is detached.

A small processor has no time for millions of pictures. So the generator of faces begins as the VAE's decoder, behind a
mapping that has been through a contest of its own, and half of its fakes are real faces that came back from their
points: those are judged against the very face, and held near it, so that points keep their meaning.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from playground.latent.album import Album
from playground.latent.gan import FaceDiscriminator, FaceGenerator, FaceInverter, generator_of, inverter_of
from playground.latent.pixels import signal_to_noise, through, to_bytes, write_sheet
from playground.latent.reconstruction import SHARD, distance
from playground.latent.vae import FaceVAE
from playground.latent.world import HELD_OUT
from playground.training import Plan

GAMMA = (1.0, 0.3)  # weight of R1 and R2, at first and in the end
ANCHOR = 5.0  # weight of the distance of what came back from the real face
COUNTED = 20_000  # points whose mean a truncation goes towards
SHOWN = 12
PLAN = Plan(
    steps=2_000,
    batch_size=24,
    lr=4e-4,
    paces={"generator.": 0.25},  # it has been trained before
    betas=(0.0, 0.99),
    weight_decay=0.0,
    warmup=0.01,
    hold=0.5,
    final_lr=0.1,
    clip=20.0,  # of both networks together, for the rare step that would throw them off
    ema=0.998,
)


class Discriminator(Protocol):
    """What tells reals from fakes: `judge(look(x))`, of which `look` does not learn."""

    def look(self, given: torch.Tensor) -> torch.Tensor: ...

    def judge(self, seen: torch.Tensor) -> torch.Tensor: ...


def contest(discriminator: Discriminator, real: torch.Tensor, fake: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """A scalar whose gradients are each network's own; R1 and R2 are taken where the discriminator looks.

    Its value is the discriminator's loss: what is added for whoever made the fakes is worth nothing, but has a slope.

    Args:
        real, fake: (B, …) as the discriminator looks at them; the k-th fake is judged against the k-th real one.
        gamma: a scalar, the weight of the penalties.
    """
    seen_real, seen_fake = discriminator.look(real).detach().requires_grad_(), discriminator.look(fake)
    shown = seen_fake.detach().requires_grad_()
    logits = discriminator.judge(torch.cat([seen_real, shown])).float()
    real_logits, fake_logits = logits.chunk(2)
    slopes = torch.autograd.grad(logits.sum(), (seen_real, shown), create_graph=True)
    penalty = sum(slope.square().flatten(1).sum(dim=1) for slope in slopes)  # (B,), R1 + R2
    lead = real_logits - fake_logits
    loss = (F.softplus(-lead) + gamma / 2 * penalty).mean()
    return loss + _without_value((seen_fake * _pull(lead, slopes[1])).sum() / len(fake))


def _pull(lead: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """The slope of the generator's loss, softplus(lead), where fakes are looked at; of the shape of `slope`.

    R2 has worked out the discriminator's slope there already, so that it is not asked a second time.
    """
    return -(torch.sigmoid(lead).view(-1, *[1] * (slope.ndim - 1)) * slope).detach()


def _without_value(term: torch.Tensor) -> torch.Tensor:
    return term - term.detach()


@dataclass
class Round:
    """Real pictures, (B, 3, S, S) uint8; noise for the fakes beyond the first half, (⌊B/2⌋, D); gamma, a scalar."""

    pixels: torch.Tensor
    noise: torch.Tensor
    gamma: torch.Tensor

    def to(self, device: torch.device) -> Round:
        return Round(self.pixels.to(device), self.noise.to(device), self.gamma.to(device))


class Contest(nn.Module):
    """`forward(round)`: the contest's loss, and how far faces are changed that come back; a scalar."""

    def __init__(self, generator: FaceGenerator, discriminator: FaceDiscriminator, inverter: FaceInverter) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.inverter = inverter.requires_grad_(False)

    def forward(self, round: Round) -> torch.Tensor:
        real = round.pixels.float() / 127.5 - 1
        back = len(real) - len(round.noise)
        with torch.no_grad():
            points = self.inverter(real[:back]).float()
        fake = self.generator.synthesise(torch.cat([points, self.generator.map(round.noise).float()])).float()
        kept = distance(fake[:back], real[:back])
        return contest(self.discriminator, real, fake, round.gamma) + ANCHOR * _without_value(kept)


class ContestJob:
    """Data, module, reports and export; see `training.Job`.

    Args:
        vae: what all networks begin as. mapping: the generator's, after its own contest.
        out: where `save_pretrained` writes the generator; previews lie beside it.
    """

    def __init__(self, album: Album, vae: FaceVAE, mapping: nn.Module, out: Path, plan: Plan) -> None:
        self._album, self._vae, self._mapping, self._out, self._plan = album, vae, mapping, out, plan
        self._size, self._dims = vae.config.size, vae.config.dims

    def build(self) -> nn.Module:
        generator = generator_of(self._vae)
        generator.mapping.load_state_dict(self._mapping.state_dict())
        generator.mapping.requires_grad_(False)  # which faces there are is settled, how they look is not
        networks = generator, FaceDiscriminator(self._size), inverter_of(self._vae)
        return Contest(*(network.to(memory_format=torch.channels_last) for network in networks))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Round:
        size = self._plan.batch_size
        places = np.arange(cursor, cursor + size)[rank::world]
        dice = torch.Generator().manual_seed(self._plan.seed * HELD_OUT + cursor)
        noise = torch.randn(size, self._dims, generator=dice)[rank::world][: len(places) // 2]
        pixels = torch.from_numpy(self._album.read(places, self._size)).permute(0, 3, 1, 2)
        return Round(pixels, noise, falling(GAMMA, progress / self._plan.hold))

    def report(self, module: Contest, final: bool) -> dict[str, float]:
        """How far reals are told from fakes, and a sheet: faces, what comes back of them, three rows of fakes."""
        dice = torch.Generator().manual_seed(0)
        noise = torch.randn(5 * SHOWN, self._dims, generator=dice)
        reals = self._album.read(np.arange(5 * SHOWN), self._size)
        fakes = through(module.generator, noise)
        back = to_bytes(through(lambda pixels: module.generator.synthesise(module.inverter(pixels)), reals))
        judge = module.discriminator
        judged = [through(lambda pixels: judge.judge(judge.look(pixels)), shown) for shown in (reals, fakes)]
        found = {
            "lead": (judged[0].mean() - judged[1].mean()).item(),
            "back_psnr_db": float(signal_to_noise(back, reals).mean()),
            "spread_of_fakes": fakes.std(dim=0).mean().item(),
            "spread_of_reals": float(reals.std(axis=0).mean() / 127.5),
        }
        print("\nfaces: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), file=sys.stderr)
        rows = to_bytes(fakes).reshape(5, SHOWN, *reals.shape[1:])
        write_sheet([reals[:SHOWN], back[:SHOWN], *rows[:3]], self._out.parent / "preview.png")
        return found

    def export(self, module: Contest) -> None:
        generator = copy.deepcopy(module.generator)
        noise = torch.randn(COUNTED, self._dims, generator=torch.Generator().manual_seed(0))
        generator.mean.copy_(through(generator.map, noise).mean(dim=0))
        generator.half().save_pretrained(self._out, max_shard_size=SHARD)


def falling(ends: tuple[float, float], share: float) -> torch.Tensor:
    """A weight that falls from the first to the second while `share` goes to 1, by the same factor in equal times."""
    first, last = ends
    return torch.tensor(first * (last / first) ** min(1.0, share))
