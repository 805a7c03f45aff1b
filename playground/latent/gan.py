"""The adversarial networks of faces: a generator with a mapping, the discriminators that train it, and a way back.

The generator maps noise z to a point w (Karras et al. 2019, "A style-based generator"), whose scales and shifts reach
every depth of a decoder that is built as the VAE's is. So the two models differ in what they were trained for, and in
nothing else. Knows nothing of how they are trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from playground.latent.vae import BLOCKS, DECODER, DIMS, ENCODER, SIZE, Decoder, Encoder, FaceVAE

MAPPED, JUDGED = 256, 256  # widths of the networks that make and judge points
DEEP = 2  # residual blocks of each of them
SQUARE = 4  # pixels of a side that a discriminator looks at as one place
JUDGES = (64, 128, 192, 256)  # its widths at size/4, size/8, …
SLOPE = 0.2


class Residual(nn.Module):
    """Two layers beside the way straight on, which starts alone; `forward(x)`: (B, W) → the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, SLOPE)), SLOPE))


def _perceptron(given: int, made: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(given, width),
        *(Residual(width) for _ in range(DEEP)),
        nn.LeakyReLU(SLOPE),
        nn.Linear(width, made),
    )


class Mapping(nn.Module):
    """`forward(z)`: (B, D) noise → (B, D) points w; untrained, it leaves z where it is."""

    def __init__(self, dims: int, width: int = MAPPED) -> None:
        super().__init__()
        self.layers = _perceptron(dims, dims, width)
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z + self.layers(z)


class FaceGenerator(ModelMixin, ConfigMixin):
    """Noise z → point w → picture.

    Args:
        size: pixels of a side. dims: D, of z and of w.
        widths: of the decoder at size/2, size/4, …; mapped: of the mapping.
        curved, fine: see `Decoder`.
    """

    @register_to_config
    def __init__(
        self,
        size: int = SIZE,
        dims: int = DIMS,
        widths: Sequence[int] = DECODER,
        mapped: int = MAPPED,
        curved: int = 0,
        fine: int = 0,
    ) -> None:
        super().__init__()
        self.mapping = Mapping(dims, mapped)
        self.decoder = Decoder(size, dims, widths, curved, fine)
        self.register_buffer("mean", torch.zeros(dims))

    def map(self, z: torch.Tensor) -> torch.Tensor:
        """(B, D) of N(0, I) → (B, D) points w. Their mean is the buffer `mean`."""
        return self.mapping(z)

    def synthesise(self, w: torch.Tensor) -> torch.Tensor:
        """(B, D) points → (B, 3, S, S), about −1 … 1."""
        return self.decoder(w)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(B, D) noise → (B, 3, S, S)."""
        return self.synthesise(self.map(z))


class PointDiscriminator(nn.Module):
    """Tells points of real faces from mapped noise; `judge`: (B, D) → (B,) logits, high for what it takes for real."""

    def __init__(self, dims: int, width: int = JUDGED) -> None:
        super().__init__()
        self.layers = _perceptron(dims, 1, width)

    def look(self, points: torch.Tensor) -> torch.Tensor:
        """Points as they are judged: as they are."""
        return points

    def judge(self, points: torch.Tensor) -> torch.Tensor:
        return self.layers(points).squeeze(1)


class FaceDiscriminator(nn.Module):
    """Tells real pictures from made ones. Needed in training alone.

    Squares of pixels become channels first, which loses nothing and is quick. A logit is the sum of the whole face's
    and of those of its places at each side, as means, so that what is sharp counts as well as what is likely.
    """

    def __init__(self, size: int = SIZE, widths: Sequence[int] = JUDGES) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3 * SQUARE**2, widths[0], 3, padding=1)
        pairs = zip(widths, widths[1:], strict=False)
        self.levels = nn.ModuleList(nn.Conv2d(slim, wide, 4, 2, 1) for slim, wide in pairs)
        self.places = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in widths[:-1])
        side = size // SQUARE >> len(self.levels)
        self.head = nn.Linear(widths[-1] * side * side, 1)

    def look(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) of −1 … 1, as they are."""
        return pictures

    def judge(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) → (B,) logits, high for pictures that it takes for real."""
        squares = F.pixel_unshuffle(pictures, SQUARE).contiguous(memory_format=torch.channels_last)
        x, logits = F.leaky_relu(self.conv_in(squares), SLOPE), []
        for level, place in zip(self.levels, self.places, strict=True):
            logits.append(place(x).mean(dim=(1, 2, 3)))
            x = F.leaky_relu(level(x), SLOPE)
        return sum(logits) + self.head(x.flatten(1)).squeeze(1)


class FaceInverter(ModelMixin, ConfigMixin):
    """Picture → the point from which a generator makes it; `forward(x)`: (B, 3, S, S) → (B, D).

    Args:
        size, dims: of the generator. widths: at size/2, size/4, …; blocks: residual blocks there.
    """

    @register_to_config
    def __init__(
        self, size: int = SIZE, dims: int = DIMS, widths: Sequence[int] = ENCODER, blocks: Sequence[int] = BLOCKS
    ) -> None:
        super().__init__()
        self.encoder = Encoder(size, dims, widths, blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x).chunk(2, dim=1)[0]


def generator_of(vae: FaceVAE) -> FaceGenerator:
    """A generator that draws what a VAE draws, from the same noise."""
    config = vae.config
    generator = FaceGenerator(config.size, config.dims, config.decoder_widths, curved=config.curved, fine=config.fine)
    generator.decoder.load_state_dict(vae.decoder.state_dict())
    return generator


def inverter_of(vae: FaceVAE) -> FaceInverter:
    """An inverter that finds the points which a VAE's encoder takes for the likeliest."""
    config = vae.config
    inverter = FaceInverter(config.size, config.dims, config.encoder_widths, config.encoder_blocks)
    inverter.encoder.load_state_dict(vae.encoder.state_dict())
    return inverter
