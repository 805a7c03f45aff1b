"""Trains the autoencoder, in two stages: encoder and decoder together, then the decoder alone on normalised latents.

After the first stage each latent channel is scaled to mean 0 and variance 1 within the encoder's last layer, because a
stock pipeline knows no shift of latents. The decoder can go on by itself for ever: latents stay what they are.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import nn

from playground.image.latents import encode
from playground.image.model import LATENT_CHANNELS, make_autoencoder
from playground.image.render import Renderer
from playground.image.world import draw_scene
from playground.training import Plan

CROP = 64  # px
CROPS = 4  # of each picture: rendering costs a fifth of a step otherwise
GRADIENT = 1.0  # weight of the loss on differences between neighbouring pixels: sharp edges
DECIBELS = 0.3  # weight of the squared error's logarithm, by picture, where the decoder goes on alone
NOISE = 0.15  # largest standard deviation of the noise that the decoder learns to bear on one half of all latents
FRESH = 1_000_000  # added to a seed: pictures that training never sees
PLAN = Plan(  # Muon took the loss after a minute of one core from 0.40, where AdamW stood, to 0.29
    steps=10_000,
    batch_size=16,
    lr=1e-3,
    muon_lr=2e-3,
    betas=(0.9, 0.99),
    weight_decay=0.0,
    hold=0.5,
    final_lr=0.02,
    ema=0.998,
)
DECODER_PLAN = replace(PLAN, batch_size=4, lr=7e-4, muon_lr=1e-3)  # whole pictures: as many pixels


@dataclass
class Crops:
    """Pieces of pictures, (B, 3, S, S) uint8, and noise for their latents, (B, 8, S / 8, S / 8)."""

    pixels: torch.Tensor
    noise: torch.Tensor

    def to(self, device: torch.device) -> Crops:
        return Crops(self.pixels.to(device), self.noise.to(device))


class Reconstruction(nn.Module):
    """`forward(crops)`: mean L1 distance of pixels and of their differences, between crops and what is decoded.

    Of the decoder alone the decibels of each picture count too, which is why it is shown whole ones.
    """

    def __init__(self, vae: AutoencoderTiny, *, decoder_only: bool) -> None:
        super().__init__()
        self.vae, self.decoder_only = vae, decoder_only
        vae.encoder.requires_grad_(not decoder_only)

    def forward(self, crops: Crops) -> torch.Tensor:
        pixels = crops.pixels.float() / 127.5 - 1
        latents = self.vae.encode(pixels).latents
        if self.decoder_only:
            latents = latents.detach() + crops.noise
        decoded = self.vae.decode(latents).sample.float()
        error = decoded - pixels
        loss = error.abs().mean() + GRADIENT * (error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean())
        if self.decoder_only:
            loss = loss + DECIBELS * error.square().mean(dim=(1, 2, 3)).clamp(min=1e-5).log().mean()
        return loss


class AutoencoderJob:
    """Data, module, reports and export of a stage; see `training.Job`.

    Args:
        start: folder of the autoencoder whose decoder goes on alone; None for the first stage.
        out: where `save_pretrained` writes it.
    """

    def __init__(self, renderer: Renderer, out: Path, plan: Plan, *, start: Path | None, tiny: bool) -> None:
        self._renderer, self._out, self._plan, self._start, self._tiny = renderer, out, plan, start, tiny
        self._fresh = 8 if tiny else 64

    def build(self) -> nn.Module:
        vae = AutoencoderTiny.from_pretrained(self._start) if self._start else make_autoencoder(tiny=self._tiny)
        return Reconstruction(vae.to(memory_format=torch.channels_last), decoder_only=self._start is not None)

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Crops:
        places = range(cursor + rank, cursor + self._plan.batch_size, world)
        pixels = np.stack([self._render(self._plan.seed, k) if self._start else self._crop(k) for k in places])
        dice = torch.Generator().manual_seed(self._plan.seed * FRESH + cursor + rank)
        side = pixels.shape[1] // 8
        spread = (2 * torch.rand(len(pixels), 1, 1, 1, generator=dice) - 1).clamp(min=0) * NOISE
        noise = torch.randn(len(pixels), LATENT_CHANNELS, side, side, generator=dice) * spread
        return Crops(torch.from_numpy(pixels).permute(0, 3, 1, 2), noise)

    def _crop(self, place: int) -> np.ndarray:
        picture = self._render(self._plan.seed, place // CROPS)
        dice = np.random.default_rng([self._plan.seed, place])
        top, left = 8 * dice.integers(0, (len(picture) - CROP) // 8 + 1, 2)
        return picture[top : top + CROP, left : left + CROP]

    def _render(self, seed: int, index: int) -> np.ndarray:
        return self._renderer.render(draw_scene(seed, index, "all"))[0]

    @torch.no_grad()
    def report(self, module: Reconstruction, final: bool) -> dict[str, float]:
        """Signal to noise ratio on fresh pictures, and a sheet of some of them above what became of them."""
        fresh = torch.from_numpy(np.stack([self._render(FRESH, index) for index in range(self._fresh)]))
        decoded = torch.cat([decode(module.vae, encode(module.vae, part)) for part in fresh.split(8)])
        error = (decoded.float() - fresh.float()).square().mean(dim=(1, 2, 3)).clamp(min=1e-3)
        psnr = (20 * torch.log10(255 / error.sqrt())).mean().item()
        print(f"\nfresh pictures: {psnr:.2f} dB", file=sys.stderr)
        rows = [torch.cat(list(part[:8]), dim=1) for part in (fresh, decoded)]
        self._out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(torch.cat(rows).numpy()).save(self._out.parent / "preview.png")
        return {"psnr_db": psnr}

    def export(self, module: Reconstruction) -> None:
        if self._start is None:
            pictures = [self._render(self._plan.seed, index) for index in range(self._fresh * 4)]
            normalise(module.vae, torch.from_numpy(np.stack(pictures)))
        module.vae.save_pretrained(self._out)


@torch.no_grad()
def decode(vae: AutoencoderTiny, latents: torch.Tensor) -> torch.Tensor:
    """(B, 8, h, w) latents → (B, 8h, 8w, 3) uint8 pixels on the CPU."""
    pixels = vae.decode(latents.to(vae.device)).sample.float().clamp(-1, 1)
    return ((pixels + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()


@torch.no_grad()
def normalise(vae: AutoencoderTiny, pixels: torch.Tensor) -> None:
    """Give each latent channel mean 0 and variance 1 over `pixels`, (B, H, W, 3) uint8, by changing two layers.

    The encoder's last layer takes the change, the decoder's first undoes it: what is decoded stays nearly the same.
    """
    latents = torch.cat([encode(vae, part) for part in pixels.split(8)])
    mean, spread = latents.mean(dim=(0, 2, 3)).to(vae.device), latents.std(dim=(0, 2, 3)).to(vae.device)
    last, first = vae.encoder.layers[-1], vae.decoder.layers[0]
    last.weight /= spread[:, None, None, None]
    last.bias.copy_((last.bias - mean) / spread)
    first.bias += (first.weight.sum(dim=(2, 3)) * mean).sum(dim=1)
    first.weight *= spread[None, :, None, None]


def fingerprint(folder: Path) -> str:
    """8 hex digits that change whenever the encoder of a saved autoencoder, and with it the latents, do."""
    digest = hashlib.sha256()
    for _, weight in sorted(AutoencoderTiny.from_pretrained(folder).encoder.state_dict().items()):
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()[:8]
