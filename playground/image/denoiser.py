"""Trains the denoiser, and the text encoder with it: v-prediction on cached latents, weighted on the objects.

Object identity is what costs samples, so objects weigh nine times as much as backgrounds, single ones come first, and
matrices and kernels are Muon's.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from playground.image.captions import write_caption
from playground.image.details import add_details, write_details
from playground.image.imagining import complete
from playground.image.latents import LatentCache
from playground.image.model import GUIDANCE, STEPS, make_pipeline, make_scheduler, make_unet, tokenize
from playground.image.nouns import read_nouns
from playground.image.world import Scene, draw_scene
from playground.training import Plan

PLAN = Plan(
    steps=16_000,
    batch_size=96,  # Muon's step takes as long as 15 pictures
    lr=8e-4,
    muon_lr=2e-3,
    betas=(0.9, 0.98),
    weight_decay=0.01,
    warmup=0.01,
    hold=0.55,
    final_lr=0.01,
    ema=0.999,
)
DROPOUT = 0.1  # share of captions that are emptied, for classifier-free guidance (Ho & Salimans 2022)
OBJECT_WEIGHT = 8.0  # added to the loss where an object is
TIME_POWER = 0.75  # t = 1000·u^0.75 leans towards noise, where what a picture shows is decided
CURRICULUM = {  # shares of the layouts from this share of the run on
    0.0: {"single": 0.70, "worn": 0.12, "count": 0.09, "pair": 0.09},
    0.5: {"single": 0.36, "worn": 0.17, "count": 0.13, "pair": 0.34},
    0.75: {"single": 0.24, "worn": 0.16, "count": 0.14, "pair": 0.46},
    0.88: {"single": 0.18, "worn": 0.14, "count": 0.10, "pair": 0.58},
}
# Share of scenes with something recoloured, from that share of the run on. As often as the world has them, they lagged
# behind: after 1.4 M pictures a recogniser named 94 % of the things in their own colours, and 64 % of the others.
RECOLOURED = {0.0: 0.45, 0.5: 0.7}
# Things that a recogniser named in fewer than four of five pictures after 2 M of them: most are thin and aslant, or
# others at first sight. From half of the run on scenes with one come that many times as often as others.
SLOW = frozenset(
    {
        *("bicycle", "bird", "camel", "carrot", "crab", "dog", "dolphin", "eagle", "fish", "giraffe", "grapes"),
        *("helicopter", "ice cream", "kangaroo", "key", "ladybug", "lemon", "lollipop", "moon", "mouse", "rabbit"),
        *("racing car", "rocket", "rooster", "seal", "spider", "squirrel", "swan", "sword", "t-rex", "teapot"),
        *("tractor", "trumpet"),
    }
)
# From that share of the run on, how often scenes with something slow come, and scenes with something mirrored. A mirror
# image is another shape to learn, and until it is, all pictures of the thing are drawn as a mixture of both.
OFTEN = {0.0: (1.0, 1.0), 0.5: (2.5, 0.15)}
UPRIGHT = 0.6  # up to this share of the run nothing is tilted: what a thing looks like is learnt sooner
PREVIEWS = (
    "a cat",
    "a red car on a beach at night",
    "a cat wearing a crown on a beach at sunset",
    "a blue elephant in the snow",
    "a small purple dragon in a forest",
    "three apples on a wooden table",
    "two penguins in space",
    "a dog to the left of a tree",
    "a frog above a green book on a pink background",
    "a robot wearing a hat in a city at night",
    "a hamburger and a guitar in the living room",
    "a white rabbit with glasses in a garden",
)
SEEDS = 4  # of each preview


@dataclass
class Noised:
    """A batch. latents, noise: (B, 8, 16, 16). masks: (B, 1, 16, 16). steps: (B,) of 0 … 999. ids: (B, 48)."""

    latents: torch.Tensor
    noise: torch.Tensor
    masks: torch.Tensor
    steps: torch.Tensor
    ids: torch.Tensor

    def to(self, device: torch.device) -> Noised:
        return Noised(*(value.to(device) for value in vars(self).values()))


class Denoiser(nn.Module):
    """`forward(batch)`: mean weighted squared error of v = α·noise − σ·latents (Salimans & Ho 2022)."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder
        self.register_buffer("alphas_cumprod", make_scheduler().alphas_cumprod, persistent=False)

    def forward(self, batch: Noised) -> torch.Tensor:
        noisy, v = self.mix(batch)
        words = self.text_encoder(input_ids=batch.ids).last_hidden_state  # (B, 48, C)
        return weigh(self.unet(noisy, batch.steps, encoder_hidden_states=words).sample.float() - v, batch.masks)

    def mix(self, batch: Noised) -> tuple[torch.Tensor, torch.Tensor]:
        """What the denoiser is shown, and the v that it should tell; both (B, 8, 16, 16)."""
        kept = self.alphas_cumprod[batch.steps][:, None, None, None]
        alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
        return alpha * batch.latents + sigma * batch.noise, alpha * batch.noise - sigma * batch.latents


def weigh(error: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean square of (B, 8, 16, 16) errors, in which objects, by (B, 1, 16, 16) masks, count for more."""
    weight = 1 + OBJECT_WEIGHT * masks
    return (weight * error.square()).mean() / weight.mean()


class DenoiserJob:
    """Data, module, reports and export; see `training.Job`. Writes `unet` and `text_encoder` into `out`.

    Args:
        fresh: latents of scenes that training never sees, for the held-out loss.
        text: folder with the `text_encoder` to start from.
        start: folder with a `unet` and the `text_encoder` trained with it, to go on from; None to begin.
    """

    guidance = GUIDANCE  # of previews

    def __init__(
        self,
        cache: LatentCache,
        fresh: LatentCache,
        tokenizer: CLIPTokenizer,
        text: Path,
        out: Path,
        plan: Plan,
        *,
        tiny: bool,
        start: Path | None = None,
    ) -> None:
        self._cache, self._fresh, self._tokenizer, self._text = cache, fresh, tokenizer, start or text
        self._out, self._plan, self._tiny, self._start = out, plan, tiny, start

    def build(self) -> nn.Module:
        """Attention is spelled out as products: PyTorch's fused one takes five times as long backwards on a CPU."""
        start = UNet2DConditionModel.from_pretrained(self._start / "unet") if self._start else None
        unet = (start or make_unet(tiny=self._tiny)).to(memory_format=torch.channels_last)
        unet.set_attn_processor(AttnProcessor())
        text = CLIPTextModel.from_pretrained(self._text / "text_encoder", attn_implementation="eager")
        return Denoiser(unet, text)

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Noised:
        mix, recoloured = _newest(CURRICULUM, progress), _newest(RECOLOURED, progress)
        dice = np.random.default_rng([self._plan.seed, cursor])
        layouts = dice.choice(list(mix), self._plan.batch_size, p=list(mix.values()))
        chances = dice.random((4, self._plan.batch_size))
        kinds = [self._kind(layout, chance < recoloured) for layout, chance in zip(layouts, chances[3], strict=True)]
        indices = np.array([self._draw(kind, chance, progress) for kind, chance in zip(kinds, chances[0], strict=True)])
        mine = slice(rank, None, world)
        texts = [
            "" if drop < DROPOUT else _tell(draw_scene(self._cache.seed, int(index)), cursor + place)
            for place, (index, drop) in enumerate(zip(indices, chances[1], strict=True))
        ]
        latents, masks = self._cache.read(indices[mine])
        generator = torch.Generator().manual_seed(int(dice.integers(2**62)))
        noise = torch.randn(len(indices), *latents.shape[1:], generator=generator)[mine]
        steps = torch.from_numpy((1000 * chances[2] ** TIME_POWER).astype(np.int64))[mine]
        return Noised(latents, noise, masks, steps, tokenize(self._tokenizer, texts[mine]))

    def _kind(self, layout: str, recoloured: bool) -> tuple[str, bool]:
        """A key of the cache's pools; the other one of a layout where a small cache has nothing of the kind."""
        return (layout, recoloured if len(self._cache.pools[layout, recoloured]) else not recoloured)

    def _draw(self, kind: tuple[str, bool], chance: float, progress: float) -> int:
        """The scene of a kind on which a chance of 0 … 1 falls."""
        pool, odds = self._cache.pools[kind], self._odds[kind, _newest(OFTEN, progress)]
        reach = len(pool) if progress >= UPRIGHT else self._cache.upright[kind] or len(pool)
        return int(pool[np.searchsorted(odds, chance * odds[reach - 1], side="right")])

    @cached_property
    def _odds(self) -> dict[tuple[tuple[str, bool], tuple[float, float]], np.ndarray]:
        """By kind and by a value of `OFTEN`, the summed weights of the cache's scenes of that kind."""
        slow = np.array([noun in SLOW for noun in read_nouns()])[self._cache.nouns].any(axis=1)  # (scenes,)
        turned = self._cache.mirrored
        return {
            (kind, often): np.cumsum(np.where(slow[pool], often[0], 1.0) * np.where(turned[pool], often[1], 1.0))
            for kind, pool in self._cache.pools.items()
            for often in OFTEN.values()
        }

    @torch.no_grad()
    def report(self, module: Denoiser, final: bool) -> dict[str, float]:
        """Loss on fresh scenes, always with the same noise and steps; and a sheet of pictures."""
        count = 16 if self._tiny else 256
        latents, masks = self._fresh.read(np.arange(count))
        scenes = [draw_scene(self._fresh.seed, index) for index in range(count)]
        captions = [write_caption(scene, 0) for scene in scenes]
        texts = [f"{c} {write_details(scene, c)}" for c, scene in zip(captions, scenes, strict=True)]
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        steps = ((torch.arange(count) + 0.5) / count * 1000).long()
        batch = Noised(latents, noise, masks, steps, tokenize(self._tokenizer, texts))
        device = module.unet.device
        losses = []
        for start in range(0, count, 64):
            part = Noised(*(value[start : start + 64] for value in vars(batch).values()))
            losses.append(module(part.to(device)).item())
        loss = sum(losses) / len(losses)
        path = self._draw_sheet(module)
        print(f"\nfresh scenes: loss {loss:.4f}; pictures in {path}", file=sys.stderr)
        return {"valid_loss": loss}

    def _draw_sheet(self, module: Denoiser) -> Path:
        """Previews as a new file of the run's folder."""
        pipeline = make_pipeline(self._fresh.vae, module.text_encoder, self._tokenizer, module.unet)
        rows, seeds = (PREVIEWS[:2], 1) if self._tiny else (PREVIEWS, SEEDS)
        pictures = {}
        for prompt in rows:
            generators = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
            pictures[prompt] = pipeline(
                [complete(prompt, seed) for seed in range(seeds)],
                num_inference_steps=STEPS,
                guidance_scale=self.guidance,
                generator=generators,
            ).images
        folder = self._out.parent / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{len(list(folder.iterdir())):04d}.png"
        make_sheet(pictures).save(path)
        return path

    def export(self, module: Denoiser) -> None:
        shutil.rmtree(self._out / "unet", ignore_errors=True)  # an index of shards there would hide the new weights
        module.unet.save_pretrained(self._out / "unet")
        module.text_encoder.save_pretrained(self._out / "text_encoder")


def _newest(phases: Mapping[float, Any], progress: float) -> Any:
    """Of values by the share of a run from which on they hold, the one at `progress`."""
    return phases[max(start for start in phases if start <= progress)]


def _tell(scene: Scene, telling: int) -> str:
    return add_details(scene, write_caption(scene, telling), telling)


def make_sheet(pictures: dict[str, list[Image.Image]]) -> Image.Image:
    """Rows of pictures under their prompts, two prompts beside each other."""
    side = next(iter(pictures.values()))[0].width
    wide, tall = max(map(len, pictures.values())) * side, side + 14
    sheet = Image.new("RGB", (2 * wide + 8, -(-len(pictures) // 2) * tall), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (prompt, row) in enumerate(pictures.items()):
        left, top = number % 2 * (wide + 8), number // 2 * tall
        pen.text((left + 2, top), prompt, fill="black", font=ImageFont.load_default(10))
        for place, picture in enumerate(row):
            sheet.paste(picture, (left + place * side, top + 14))
    return sheet
