"""The variational autoencoder of faces: a picture becomes a Gaussian over points, a point becomes a picture.

Without normalisation layers: they cost a third of the time on a CPU, and with branches that start at zero
(Zhang et al. 2019, "Fixup") nothing needs them. The point reaches every depth of the decoder as scales and shifts
(Perez et al. 2018, "FiLM"), not only its first layer; of what a depth has learnt of each place, too, so that a head
that turns can take its eyes along.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

SIZE, DIMS = 128, 48
ENCODER, DECODER = (32, 64, 128, 192, 256), (32, 64, 128, 192, 256)  # widths at 64, 32, 16, 8 and 4 px
BLOCKS = (0, 0, 1, 1, 0)  # residual blocks of the encoder at these sizes
CURVED, FINE = 256, 16  # of the decoder
TINY = (4, 8, 8, 8, 8)
START = -3.0  # natural logarithm of the variance at first: little noise, so that there is something to learn from


class Block(nn.Module):
    """A residual block of two convolutions; `forward(x)`: (B, C, H, W) → the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class Conditioned(Block):
    """A block whose input a point scales and shifts, channel by channel; `forward(x, z)`.

    Args:
        side: of pictures to which it adds what it has learnt of each place; 0: of none. A point scales that, too, so
            that it can move what it draws.
    """

    def __init__(self, width: int, dims: int, side: int = 0) -> None:
        super().__init__(width)
        self.style = nn.Linear(dims, 2 * width)
        nn.init.normal_(self.style.weight, std=0.02)
        nn.init.zeros_(self.style.bias)
        self.places = nn.Parameter(0.1 * torch.randn(width, side, side)) if side else None

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        scale, shift = self.style(z)[:, :, None, None].chunk(2, dim=1)
        given = x if self.places is None else x + self.places
        return x + self.second(F.silu(self.first(F.silu(torch.addcmul(shift, given, 1 + scale)))))


class Encoder(nn.Module):
    """`forward(x)`: (B, 3, S, S) of −1 … 1 → (B, 2D), means and then logarithms of variances."""

    def __init__(self, size: int, dims: int, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 4, 2, 1)
        layers: list[nn.Module] = []
        for place, width in enumerate(widths):
            if place:
                layers += [nn.SiLU(), nn.Conv2d(widths[place - 1], width, 4, 2, 1)]
            layers += [Block(width) for _ in range(blocks[place])]
        self.body = nn.Sequential(*layers, nn.SiLU())
        side = size >> len(widths)
        self.head = nn.Linear(widths[-1] * side * side, 2 * dims)
        nn.init.zeros_(self.head.weight[dims:])
        nn.init.constant_(self.head.bias[dims:], START)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.conv_in(x)).flatten(1))


class Doubling(nn.Conv2d):
    """A 3×3 convolution to pictures of twice the side: (B, C, H, W) → (B, 3, 2H, 2W).

    Four outputs of a position become four pixels. They are alike at first (Aitken et al. 2017), so that no checkerboard
    has to be unlearnt.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, 12, 3, padding=1)
        with torch.no_grad():
            self.weight.copy_(self.weight[::4].repeat_interleave(4, dim=0))
            self.bias.copy_(self.bias[::4].repeat_interleave(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(super().forward(x), 2)


class Finish(nn.Module):
    """What only the full size can show, and nothing at first: (B, C, H, W) → (B, 3, 2H, 2W)."""

    def __init__(self, width: int, fine: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, 4 * fine, 3, padding=1)
        self.conv_out = nn.Conv2d(fine, 3, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_out(F.silu(F.pixel_shuffle(self.first(x), 2)))


class Decoder(nn.Module):
    """`forward(z)`: (B, D) → (B, 3, S, S); each level doubles the sides.

    Args:
        curved: width of layers through which a point is seen, too, wherever it scales and shifts: what follows from
            several factors together is no straight line. 0: there are none, nor what blocks know of places.
        fine: channels of a layer at the full size; 0: there is none.
    """

    def __init__(self, size: int, dims: int, widths: Sequence[int], curved: int = 0, fine: int = 0) -> None:
        super().__init__()
        self.width, self.side = widths[-1], size >> len(widths)
        self.first = nn.Linear(dims, self.width * self.side * self.side)
        sides = [self.side << level if curved else 0 for level in range(len(widths))]
        levels = zip(reversed(widths), sides, strict=True)
        self.blocks = nn.ModuleList(Conditioned(width, dims + curved, side) for width, side in levels)
        pairs = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.narrow = nn.ModuleList(nn.Conv2d(wide, slim, 1) for wide, slim in pairs)
        self.curve = _curve(dims, curved) if curved else None
        self.finish = Finish(widths[0], fine) if fine else None
        self.conv_out = Doubling(widths[0])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.first(z).view(-1, self.width, self.side, self.side)
        seen = z if self.curve is None else torch.cat([z, self.curve(z)], dim=1)
        x = self.blocks[0](x.contiguous(memory_format=torch.channels_last), seen)
        for narrow, block in zip(self.narrow, self.blocks[1:], strict=True):
            x = block(F.interpolate(narrow(x), scale_factor=2.0, mode="nearest"), seen)
        x = F.silu(x)
        return self.conv_out(x) if self.finish is None else self.conv_out(x) + self.finish(x)

    def takes_points(self) -> list[nn.Linear]:
        """The layers of whose inputs the first D are a point."""
        curved = [] if self.curve is None else [self.curve[0]]
        return [self.first, *(block.style for block in self.blocks), *curved]


def _curve(dims: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dims, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())


class FaceVAE(ModelMixin, ConfigMixin):
    """Kingma & Welling (2014), "Auto-encoding variational Bayes".

    Args:
        size: pixels of a side. dims: D, of a point.
        encoder_widths, decoder_widths: at size/2, size/4, …; encoder_blocks: residual blocks of the encoder there.
        curved, fine: see `Decoder`.
    """

    @register_to_config
    def __init__(
        self,
        size: int = SIZE,
        dims: int = DIMS,
        encoder_widths: Sequence[int] = ENCODER,
        decoder_widths: Sequence[int] = DECODER,
        encoder_blocks: Sequence[int] = BLOCKS,
        curved: int = 0,
        fine: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(size, dims, encoder_widths, encoder_blocks)
        self.decoder = Decoder(size, dims, decoder_widths, curved, fine)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, S, S) of −1 … 1 → means and logarithms of variances, (B, D) each."""
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        return mean, logvar

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """(B, D) → (B, 3, S, S), about −1 … 1."""
        return self.decoder(z)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What becomes of pictures, (B, 3, S, S), by way of their means."""
        return self.decode(self.encode(x)[0])


def make_vae(*, tiny: bool = False) -> FaceVAE:
    """An untrained model; `tiny` for tests."""
    if not tiny:
        return FaceVAE(curved=CURVED, fine=FINE)
    blocks = (0,) * len(TINY)
    return FaceVAE(dims=8, encoder_widths=TINY, decoder_widths=TINY, encoder_blocks=blocks, curved=8, fine=2)


@torch.no_grad()
def normalise(vae: FaceVAE, mean: torch.Tensor, covariance: torch.Tensor) -> None:
    """Move and stretch the space of points by changing a few layers: N(mean, covariance) becomes N(0, I).

    Pictures stay. The change is the symmetric one, Σ^−½ (z − mean): it turns the axes least. What the encoder tells of
    variances stays one number for each axis: exact only as far as the axes were not correlated.

    Args:
        mean: (D,), covariance: (D, D), of the points of training faces.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=1e-12).sqrt() @ vectors.T
    inverse = vectors * values.clamp(min=1e-12).rsqrt() @ vectors.T
    head, dims = vae.encoder.head, len(mean)
    head.weight[:dims] = inverse @ head.weight[:dims]
    head.bias[:dims] = inverse @ (head.bias[:dims] - mean)
    head.bias[dims:] += 2 * inverse.diagonal().log()
    for layer in vae.decoder.takes_points():
        of_points = layer.weight[:, :dims]
        layer.bias += of_points @ mean
        of_points.copy_(of_points @ root)
