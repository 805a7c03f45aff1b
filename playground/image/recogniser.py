"""Looks at a picture and says what it shows in the terms of a caption: things, colours, place, time, number, order.

It measures what the denoiser draws and has no part in drawing it: trained by itself, on renders of a series of its own.
Two attention maps, taught from object masks, look at the left or upper and at the right or lower thing of a pair; where
there is but one kind of thing, both look at that.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from playground.augmentation import augment
from playground.compact import load_network, save_network
from playground.image.adherence import judge, tally, truth
from playground.image.reading import Named, Saying
from playground.image.render import Renderer
from playground.image.views import CELLS, OF_SCENE, OF_THING, Views, collate, scale, wear
from playground.image.world import Scene, draw_scene
from playground.manifests import digest
from playground.training import Plan

FILE = "recogniser.safetensors"
PLAN = Plan(
    steps=3_000,
    batch_size=64,
    lr=1e-3,
    muon_lr=3e-3,
    betas=(0.9, 0.98),
    weight_decay=0.02,
    hold=0.4,
    final_lr=0.01,
    ema=0.99,
)
SERIES = 2_000_000  # added to a seed: pictures that this trains on and nothing else does
FRESH = 1_000_000  # added to a seed: pictures that nothing trains on
VIEWS = 2  # of each render, one mirrored: rendering costs a fifth of a step
WIDTHS, TINY_WIDTHS = (32, 64, 128, 176), (8, 16, 16, 32)
DOUBT = 2.0  # nats by which a drawing's own colour must be likelier than a colour word: tomatoes are red anyway
MAP_WEIGHT = 0.5  # of the loss on where the attention maps look


@dataclass
class Output:
    """Logits by factor, (B, values) of the scene and (B, 2, values) of things; maps as (B, 2, 64) log shares.

    features: (B, 3C) float32, the last hidden layer: of the scene and of both things.
    """

    scene: dict[str, torch.Tensor]
    things: dict[str, torch.Tensor]
    maps: torch.Tensor
    features: torch.Tensor


class Block(nn.Module):
    """A residual block of two convolutions, normalised before each (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, width) for _ in range(2)])
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            branch = conv(F.relu(norm(branch)))
        return x + branch


class Recogniser(nn.Module):
    """`forward(pixels)`: (B, 3, 128, 128) of −1 … 1 → `Output`."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first, second, third, last = widths
        self.conv_in = nn.Conv2d(3, first, 4, 2, 1)  # to 64 × 64
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(first, second, 3, 2, 1),  # to 32 × 32
            Block(second),
            nn.Conv2d(second, third, 3, 2, 1),  # to 16 × 16
            Block(third),
            Block(third),
            nn.Conv2d(third, last, 3, 2, 1),  # to 8 × 8
        )
        self.where_embed = nn.Parameter(torch.zeros(1, last, CELLS, CELLS))
        self.top = nn.Sequential(Block(last), Block(last), nn.GroupNorm(8, last), nn.ReLU())
        self.map_head = nn.Conv2d(last, 2, 1)
        self.scene = nn.Linear(4 * last, last)
        self.thing = nn.Linear(last, last)
        self.scene_heads = nn.ModuleDict({name: nn.Linear(last, len(values)) for name, values in OF_SCENE.items()})
        self.thing_heads = nn.ModuleDict({name: nn.Linear(last, len(values)) for name, values in OF_THING.items()})

    def forward(self, pixels: torch.Tensor) -> Output:
        x = self.top(self.body(self.conv_in(pixels)) + self.where_embed)  # (B, C, 8, 8)
        maps = self.map_head(x).flatten(2).float().log_softmax(-1)  # (B, 2, 64)
        looked = maps.exp().to(x.dtype) @ x.flatten(2).mT  # (B, 2, C)
        quarters = F.avg_pool2d(x, CELLS // 2).flatten(1)  # (B, 4C)
        scene, things = F.relu(self.scene(quarters)), F.relu(self.thing(looked))
        return Output(
            {name: head(scene).float() for name, head in self.scene_heads.items()},
            {name: head(things).float() for name, head in self.thing_heads.items()},
            maps,
            torch.cat([scene, things.flatten(1)], dim=1).float(),
        )

    @torch.inference_mode()
    def look(self, pictures: np.ndarray, batch: int = 64) -> tuple[list[Saying], np.ndarray]:
        """What pictures show.

        Args:
            pictures: (N, 128, 128, 3) uint8.

        Returns:
            N sayings, and the (N, 3C) float32 last hidden layer.
        """
        said, features = [], []
        for start in range(0, len(pictures), batch):
            output = self(scale(torch.from_numpy(pictures[start : start + batch])).to(self.where_embed.device))
            said += _say(output)
            features.append(output.features.cpu().numpy())
        return said, np.concatenate(features)


class Recognition(nn.Module):
    """`forward(views)`: mean cross-entropy of all factors, in nats, and how far the maps are off."""

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__()
        self.recogniser = recogniser

    def forward(self, views: Views) -> torch.Tensor:
        output = self.recogniser(views.pixels)
        losses = [F.cross_entropy(output.scene[name], views.scene[:, k]) for k, name in enumerate(OF_SCENE)]
        losses += [
            F.cross_entropy(output.things[name].flatten(0, 1), views.things[..., k].flatten())
            for k, name in enumerate(OF_THING)
        ]
        return sum(losses) + MAP_WEIGHT * F.kl_div(
            output.maps.flatten(0, 1), views.maps.flatten(0, 1), reduction="batchmean"
        )


class RecogniserJob:
    """Data, module, reports and export; see `training.Job`. Writes FILE into `out`.

    Args:
        start: folder with a FILE to go on from; None to begin.
    """

    def __init__(self, renderer: Renderer, out: Path, plan: Plan, *, tiny: bool, start: Path | None = None) -> None:
        self._renderer, self._out, self._plan, self._tiny, self._start = renderer, out, plan, tiny, start

    def build(self) -> nn.Module:
        start = load(self._start) if self._start else Recogniser(TINY_WIDTHS if self._tiny else WIDTHS)
        return Recognition(start.requires_grad_(True).train().to(memory_format=torch.channels_last))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Views:
        places = range(cursor + rank, cursor + self._plan.batch_size, world)
        rendered = {}
        for index in {place // VIEWS for place in places}:
            scene = draw_scene(self._plan.seed + SERIES, index, "all")
            rendered[index] = (scene, *self._renderer.render(scene))
        worn_down = []
        for place in places:
            scene, picture, mask = rendered[place // VIEWS]
            picture = wear(picture, np.random.default_rng([self._plan.seed, place]))
            worn_down.append((scene, picture, mask, place % VIEWS == 1))
        views = collate(worn_down)
        views.pixels = augment(views.pixels, torch.Generator().manual_seed(self._plan.seed * FRESH + cursor + rank))
        return views

    @torch.no_grad()
    def report(self, module: Recognition, final: bool) -> dict[str, float]:
        """Shares named rightly on fresh renders."""
        count = 16 if self._tiny else 2_000 if final else 400
        scenes = [draw_scene(self._plan.seed + FRESH, index, "all") for index in range(count)]
        found = accuracy(module.recogniser, self._renderer, scenes)
        told = ", ".join(f"{name} {row['share']:.1%}" for name, row in found.items())
        print(f"\nfresh renders: {told}", file=sys.stderr)
        return {f"valid_{name}": row["share"] for name, row in found.items()}

    def export(self, module: Recognition) -> None:
        save(module.recogniser, self._out)


def accuracy(recogniser: Recogniser, renderer: Renderer, scenes: Sequence[Scene]) -> dict[str, dict[str, float]]:
    """`adherence.tally` of all that is true of renders of `scenes`."""
    seen, _ = recogniser.look(np.stack([renderer.render(scene)[0] for scene in scenes]))
    return tally(judge(truth(scene), saying) for scene, saying in zip(scenes, seen, strict=True))


def _say(output: Output) -> list[Saying]:
    """The likeliest values; of one kind of thing, by both maps together."""
    scenes = {name: output.scene[name].argmax(-1).tolist() for name in OF_SCENE}
    things = {name: output.things[name].log_softmax(-1) for name in OF_THING}
    things["colour"][..., 0] -= DOUBT
    apart = {name: things[name].argmax(-1).tolist() for name in OF_THING}
    both = {name: things[name].sum(1).argmax(-1).tolist() for name in OF_THING}
    said = []
    for k in range(len(output.features)):
        shown = {name: values[scenes[name][k]] for name, values in OF_SCENE.items()}
        layout = shown.pop("layout")
        pair = isinstance(layout, str)
        slots = [{name: values[apart[name][k][slot]] for name, values in OF_THING.items()} for slot in (0, 1)]
        alike = {name: values[both[name][k]] for name, values in OF_THING.items()}
        named = [Named(**slot) for slot in slots] if pair else [Named(**alike, number=layout)]
        said.append(Saying(tuple(named), relation=layout if pair else None, **shown))
    return said


def save(recogniser: Recogniser, folder: Path) -> None:
    """Write FILE into `folder`: float16 weights with their widths, and which values they name."""
    save_network(recogniser, folder / FILE, recogniser.widths, _names())


def load(folder: Path) -> Recogniser:
    """The recogniser in `folder`, ready to look, computing in float32.

    Raises:
        PlaygroundError: there is none, or it is damaged or of another world.
    """
    return load_network(folder / FILE, Recogniser, _names(), "`python -m playground train` makes it")


def _names() -> str:
    """Changes whenever the values that the heads name, or their order, do."""
    return digest([json.dumps([OF_SCENE, OF_THING])])
