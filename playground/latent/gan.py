"""The adversarial networks of faces: a generator with styles, the discriminator that trains it, and a way back.

The generator is StyleGAN2's at a small size (Karras et al. 2020): a mapping of noise z to points w, and convolutions
whose channels w weighs and whose outputs are brought back to unit variance. The discriminator is R3GAN's (Huang et al.
2024): residual, without normalisation. Knows nothing of how they are trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from playground.latent.layers import Doubling

SIZE, DIMS = 64, 64
WIDTHS = (64, 128, 192, 256)  # at 32, 16, 8 and 4 px
CRITIC = (48, 96, 192, 256)
INVERTER = (32, 64, 128, 192)
TINY = (4, 8, 8, 8)
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # what keeps the variance behind a leaky ReLU


class Mapping(nn.Module):
    """`forward(z)`: (B, D) noise → (B, D) points w; the noise is brought to unit length per dimension first."""

    def __init__(self, dims: int, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(dims, dims) for _ in range(layers))
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=1 / math.sqrt(dims))
            nn.init.zeros_(layer.bias)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = GAIN * F.leaky_relu(layer(w), SLOPE)
        return w


class Modulated(nn.Module):
    """A 3×3 convolution, of whose weights w makes each sample's own; `forward(x, w)`.

    Weights are never formed sample by sample: scaling what goes in by the styles, and what comes out by the length
    that each output's weights then have, is the same (Karras et al. 2020, section 2.2).
    """

    def __init__(self, width: int, dims: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(width, width, 3, 3) / math.sqrt(9 * width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.style = nn.Linear(dims, width)
        nn.init.normal_(self.style.weight, std=1 / math.sqrt(dims))
        nn.init.ones_(self.style.bias)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        style = self.style(w).float()  # (B, I)
        lengths = style.square() @ self.kernel.float().square().sum(dim=(2, 3)).T  # (B, O)
        scale = torch.rsqrt(lengths + 1e-8)[:, :, None, None].to(x.dtype)
        x = F.conv2d(x * style[:, :, None, None].to(x.dtype), self.kernel, padding=1)
        return F.leaky_relu(x * scale + self.bias[:, None, None].to(x.dtype), SLOPE) * GAIN


class FaceGenerator(ModelMixin, ConfigMixin):
    """Noise z → point w → picture.

    Args:
        size: pixels of a side. dims: D, of z and of w.
        widths: at size/2, size/4, …
    """

    @register_to_config
    def __init__(self, size: int = SIZE, dims: int = DIMS, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        side = size >> len(widths)
        self.mapping = Mapping(dims)
        self.start = nn.Parameter(torch.randn(1, widths[-1], side, side))
        self.levels = nn.ModuleList(
            nn.ModuleList([Modulated(width, dims), Modulated(width, dims)]) for width in reversed(widths)
        )
        pairs = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.narrow = nn.ModuleList(nn.Conv2d(wide, slim, 1) for wide, slim in pairs)
        self.conv_out = Doubling(widths[0])
        self.register_buffer("mean", torch.zeros(dims))

    def map(self, z: torch.Tensor) -> torch.Tensor:
        """(B, D) of N(0, I) → (B, D) points w. Their mean is the buffer `mean`."""
        return self.mapping(z)

    def synthesise(self, w: torch.Tensor) -> torch.Tensor:
        """(B, D) points → (B, 3, S, S), about −1 … 1."""
        x = self.start.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        for place, (first, second) in enumerate(self.levels):
            if place:
                x = F.interpolate(self.narrow[place - 1](x), scale_factor=2.0, mode="nearest")
            x = second(first(x, w), w)
        return self.conv_out(x)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(B, D) noise → (B, 3, S, S)."""
        return self.synthesise(self.map(z))


class Judging(nn.Module):
    """A residual block of R3GAN: no normalisation, a branch that starts at zero; `forward(x)`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, SLOPE)), SLOPE))


def _descent(widths: Sequence[int]) -> nn.Sequential:
    """From pixels to the smallest side, halving before each width.

    Halves are means, never every other pixel: a discriminator that treats pixels unlike teaches checkerboards.
    """
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1), nn.LeakyReLU(SLOPE)]
    for place, width in enumerate(widths):
        layers += [nn.AvgPool2d(2), nn.Conv2d(widths[max(0, place - 1)], width, 1), Judging(width)]
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE))


class FaceDiscriminator(nn.Module):
    """`forward(x)`: (B, 3, S, S) → (B,) logits, high for pictures that it takes for real. Needed in training alone."""

    def __init__(self, size: int = SIZE, widths: Sequence[int] = CRITIC) -> None:
        super().__init__()
        self.body = _descent(widths)
        side = size >> len(widths)
        self.gather = nn.Conv2d(widths[-1], widths[-1], side, groups=widths[-1])
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gather(self.body(x)).flatten(1)).squeeze(1)


class FaceInverter(ModelMixin, ConfigMixin):
    """Picture → the point from which a generator makes it; `forward(x)`: (B, 3, S, S) → (B, D).

    Args:
        size, dims: of the generator. widths: at size/2, size/4, …
    """

    @register_to_config
    def __init__(self, size: int = SIZE, dims: int = DIMS, widths: Sequence[int] = INVERTER) -> None:
        super().__init__()
        self.body = _descent(widths)
        self.head = nn.Linear(widths[-1] * (size >> len(widths)) ** 2, dims)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).flatten(1))


def make_networks(*, tiny: bool = False) -> tuple[FaceGenerator, FaceDiscriminator]:
    """Untrained ones; `tiny` for tests."""
    if tiny:
        return FaceGenerator(dims=8, widths=TINY), FaceDiscriminator(widths=TINY)
    return FaceGenerator(), FaceDiscriminator()


def make_inverter(generator: FaceGenerator, *, tiny: bool = False) -> FaceInverter:
    """An untrained one that fits a generator; `tiny` for tests."""
    config = generator.config
    return FaceInverter(config.size, config.dims, TINY if tiny else INVERTER)
