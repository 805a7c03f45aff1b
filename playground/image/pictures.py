"""Between pictures and latents: the autoencoder, and a linear map that costs next to nothing and tells nearly as much.

Pixels of an autoencoder are (1, 3, H, W) float32 of −1 … 1. Its latents here are float32, whatever it computes in, and
scaled as a denoiser takes them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch.nn import functional

from playground.errors import PlaygroundError
from playground.events import Picture

Autoencoder = AutoencoderTiny | AutoencoderKL

DETAIL = 4  # pixels of a preview along the side of a latent
REACH = 3  # so many latents, along and across, decide what a preview shows in the middle one
PATTERNS, PATTERN_SIZE = 6, 128  # pictures that the map is fitted on, and their px
OCTAVES = (2, 4, 8, 16, 32)  # px of a pattern's noise before it is enlarged: as in photographs, coarse weighs most


class Preview(NamedTuple):
    """A convolution of latents to rough pixels: (3·F·F, C, 3, 3) weights and (3·F·F,) bias, for F × F pixels each."""

    weight: torch.Tensor
    bias: torch.Tensor


def cell(vae: Autoencoder) -> int:
    """Pixels along the side of a latent."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


@torch.inference_mode()
def encode(vae: Autoencoder, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) pixels → (B, C, h, w) latents; of an autoencoder that spreads them, the likeliest."""
    encoded = vae.encode(pixels.to(vae.dtype).contiguous(memory_format=torch.channels_last))
    latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    return latents.float() * vae.config.scaling_factor


@torch.inference_mode()
def decode_pixels(vae: Autoencoder, latents: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) latents → (B, 3, H, W) pixels, which may go a little beyond −1 … 1.

    Raises:
        PlaygroundError: the autoencoder's numbers overflowed.
    """
    scaled = (latents / vae.config.scaling_factor).to(vae.dtype)
    pixels = vae.decode(scaled, return_dict=False)[0].float()
    check_finite(pixels)
    return pixels


def decode(vae: Autoencoder, latents: torch.Tensor) -> Picture:
    """(1, C, h, w) latents → the picture.

    Raises:
        PlaygroundError: as `decode_pixels`.
    """
    return to_picture(decode_pixels(vae, latents))


def check_finite(values: torch.Tensor) -> None:
    """Let no black picture pass for a result.

    Raises:
        PlaygroundError: a value is NaN or infinite.
    """
    if not torch.isfinite(values).all():
        raise PlaygroundError("The model's numbers overflowed: its weights are damaged, or a knob is set too high.")


def to_picture(pixels: torch.Tensor) -> Picture:
    """(1, 3, H, W) pixels → a picture, rounded as diffusers does it."""
    levels = ((pixels[0] / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Picture(levels.shape[2], levels.shape[1], levels.permute(1, 2, 0).contiguous().numpy().tobytes())


def to_pixels(picture: Picture) -> torch.Tensor:
    """A picture → (1, 3, H, W) pixels."""
    levels = torch.frombuffer(bytearray(picture.rgb), dtype=torch.uint8).view(1, picture.height, picture.width, 3)
    return levels.permute(0, 3, 1, 2).float() / 255 * 2 - 1


@torch.inference_mode()
def preview(fitted: Preview, latents: torch.Tensor) -> Picture:
    """(1, C, h, w) latents → roughly what they would be decoded to, DETAIL × (h, w) px or less."""
    pixels = functional.conv2d(latents, fitted.weight, fitted.bias, padding=REACH // 2)
    detail = int((len(fitted.bias) // 3) ** 0.5)
    return to_picture(functional.pixel_shuffle(pixels, detail).nan_to_num())


@torch.inference_mode()
def fit_preview(vae: Autoencoder) -> Preview:
    """The linear map that comes nearest to an autoencoder, by least squares on patterns that are always the same."""
    detail = min(DETAIL, cell(vae))
    latents = torch.cat([encode(vae, pattern[None]) for pattern in _patterns()])
    pixels = torch.cat([decode_pixels(vae, part) for part in latents.split(1)]).clamp(-1, 1)
    near = functional.unfold(latents, REACH, padding=REACH // 2).transpose(1, 2).flatten(0, 1)  # (N, C·REACH²)
    rough = functional.adaptive_avg_pool2d(pixels, latents.shape[-1] * detail)
    wanted = functional.pixel_unshuffle(rough, detail).flatten(2).transpose(1, 2).flatten(0, 1)  # (N, 3·F·F)
    known = torch.cat([near, torch.ones(len(near), 1)], dim=1).double()
    ridge = 1e-4 * len(known) * torch.eye(known.shape[1], dtype=torch.float64)
    found = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted.double()).float().T
    return Preview(found[:, :-1].reshape(-1, latents.shape[1], REACH, REACH).contiguous(), found[:, -1].contiguous())


def _patterns() -> torch.Tensor:
    """(PATTERNS, 3, PATTERN_SIZE, PATTERN_SIZE) pixels: clouds of colour, with shapes of other clouds cut out."""
    dice = torch.Generator().manual_seed(0)

    def clouds(channels: int) -> torch.Tensor:
        layers = [torch.randn(PATTERNS, channels, side, side, generator=dice) / side**0.5 for side in OCTAVES]
        enlarged = [functional.interpolate(layer, PATTERN_SIZE, mode="bilinear") for layer in layers]
        return torch.stack(enlarged).sum(dim=0)

    below, above, shape = clouds(3), clouds(3), clouds(1)
    return torch.where(shape > 0, above, below).clamp(-1, 1)
