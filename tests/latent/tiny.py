"""Tiny but real models of faces: every part of the shipped ones at a small size, with random weights.

Their atlases are made as the shipped ones' are, from faces of the real world. What they draw is noise, but noise that
the point decides.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import ModelMixin
    from torch import nn

CHARTED, CHECKED = 48, 8  # faces that the atlas knows, and held-out ones
JOURNEY = {"a": "preset:cat", "b": "preset:dog", "frames": 5, "seed": 7}
SIZE, DIMS = 128, 8


def make_checkpoint(folder: Path, kind: str = "vae", *, seed: int = 0) -> Path:
    """Write a model as a checkpoint folder, which is named as the model is: `faces-vae` usually.

    Args:
        kind: "vae" or "gan". seed: of the weights.

    Returns:
        `folder`.
    """
    import numpy as np
    import torch

    from playground.latent.atlas import write_atlas
    from playground.latent.charting import make_atlas
    from playground.latent.pixels import through
    from playground.latent.presets import PRESETS
    from playground.registry import write_manifest

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts, encode = _make_vae() if kind == "vae" else _make_gan()
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
        part.float()  # with the rounding of what was saved
    points = through(encode, _faces(SIZE)).numpy()
    samples = np.stack([np.zeros(CHARTED, int), np.arange(CHARTED)], axis=1)
    errors = np.linspace(20, 40, CHECKED)
    presets = dict(zip(PRESETS, points, strict=False))
    blind = np.zeros_like  # an untrained encoder finds nothing that a direction could be corrected by
    write_atlas(make_atlas(points[:CHARTED], samples, points[CHARTED:], errors, presets, blind), folder)
    write_manifest(
        folder,
        "latent",
        summary="A tiny model for tests.",
        licence="apache-2.0",
        parameters=sum(part.num_parameters() for part in parts.values()),
        details={"network": kind, "size": SIZE, "dims": DIMS},
    )
    return folder


def _make_vae() -> tuple[dict[str, ModelMixin], nn.Module]:
    import torch

    from playground.latent.pixels import through
    from playground.latent.vae import make_vae, normalise

    vae = make_vae(tiny=True).eval()
    points = through(lambda pixels: vae.encode(pixels)[0], _faces(SIZE))
    normalise(vae, points.mean(dim=0), points.T.cov())
    torch.nn.init.normal_(vae.decoder.first.weight)  # so that points matter
    _spread(vae.decode, vae.decoder.conv_out, torch.randn(16, DIMS))
    return {"": vae}, lambda pixels: vae.encode(pixels)[0]


def _make_gan() -> tuple[dict[str, ModelMixin], nn.Module]:
    import torch

    from playground.latent.gan import generator_of, inverter_of
    from playground.latent.pixels import through
    from playground.latent.vae import make_vae

    vae = make_vae(tiny=True).eval()
    generator, inverter = generator_of(vae).eval(), inverter_of(vae).eval()
    with torch.no_grad():
        torch.nn.init.normal_(generator.mapping.layers[-1].weight, std=0.1)  # so that noise and points differ
        torch.nn.init.normal_(generator.decoder.first.weight)  # and points matter
        points = generator.map(torch.randn(256, DIMS))
        generator.mean.copy_(points.mean(dim=0))
        guesses, head = through(inverter, _faces(SIZE)), inverter.encoder.head
        scale = points.std(dim=0) / guesses.std(dim=0)
        head.weight[:DIMS] *= scale[:, None]
        head.bias[:DIMS] = (head.bias[:DIMS] - guesses.mean(dim=0)) * scale + generator.mean
    _spread(generator.synthesise, generator.decoder.conv_out, points[:16])
    return {"generator": generator, "inverter": inverter}, inverter


def _spread(decode: nn.Module, last: nn.Conv2d, points) -> None:
    """Make pictures of strong contrast; weights as they are initialised draw plain grey."""
    import torch

    with torch.no_grad():
        made = decode(points)
        last.weight *= 0.5 / made.std()
        last.bias.copy_((last.bias - made.mean()) * 0.5 / made.std())


@cache
def _faces(size: int):
    import numpy as np

    from playground.latent.album import draw, shrink
    from playground.latent.world import HELD_OUT

    known = [draw(0, index) for index in range(CHARTED)]
    return shrink(np.stack([*known, *(draw(HELD_OUT, index) for index in range(CHECKED))]), size)
