"""Trains the text encoder by itself, for a few minutes: to name from its last state what a caption and its details say.

The denoiser then starts from words that already mean something, and goes on training the encoder.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from playground.image import phrases
from playground.image.captions import write_caption
from playground.image.details import SIGNS, add_details, read_details
from playground.image.model import make_text_encoder, tokenize
from playground.image.nouns import read_nouns
from playground.image.reading import Named, read_caption
from playground.image.world import draw_scene
from playground.training import Plan

PLAN = Plan(steps=1_500, batch_size=128, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, ema=0.99)
FRESH = 1_000_000
_OF_THING = {
    "noun": tuple(read_nouns()),
    "colour": tuple(phrases.COLOURS),
    "size": tuple(phrases.SIZES),
    "worn": tuple(phrases.WORN),
}
_OF_SCENE = {
    "relation": tuple(phrases.RELATIONS),
    "position": tuple(phrases.POSITIONS),
    "place": tuple(phrases.PLACES),
    "time": tuple(phrases.TIMES),
}
FACTORS: dict[str, tuple[object, ...]] = {
    **{f"{name} {slot}": (None, *values) for slot in (1, 2) for name, values in _OF_THING.items()},
    **{name: (None, *values) for name, values in _OF_SCENE.items()},
    "number": tuple(phrases.NUMBERS),
    **{f"{name} {slot}": (None, *signs) for slot in (1, 2) for name, signs in SIGNS.items()},
}


@dataclass
class Captions:
    """Token ids, (B, 48), and for each factor the number of what is said of it, (B, factors); 0 = nothing."""

    ids: torch.Tensor
    said: torch.Tensor

    def to(self, device: torch.device) -> Captions:
        return Captions(self.ids.to(device), self.said.to(device))


class Namer(nn.Module):
    """`forward(captions)`: mean cross-entropy, in nats, of all factors."""

    def __init__(self, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        width = text_encoder.config.hidden_size
        self.heads = nn.ModuleList([nn.Linear(width, len(values)) for values in FACTORS.values()])

    def logits(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """For each factor (B, values)."""
        state = self.text_encoder(input_ids=ids).pooler_output  # (B, C), the state at the end mark
        return [head(state).float() for head in self.heads]

    def forward(self, captions: Captions) -> torch.Tensor:
        losses = [F.cross_entropy(x, said) for x, said in zip(self.logits(captions.ids), captions.said.T, strict=True)]
        return torch.stack(losses).mean()


class NamingJob:
    """Data, module, reports and export; see `training.Job`. Writes `text_encoder` and `tokenizer` into `out`."""

    def __init__(self, tokenizer: CLIPTokenizer, out: Path, plan: Plan, *, tiny: bool) -> None:
        self._tokenizer, self._out, self._plan, self._tiny = tokenizer, out, plan, tiny

    def build(self) -> nn.Module:
        return Namer(make_text_encoder(len(self._tokenizer), tiny=self._tiny))

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Captions:
        return self._captions(self._plan.seed, range(cursor + rank, cursor + self._plan.batch_size, world))

    def _captions(self, seed: int, places: range) -> Captions:
        scenes = [draw_scene(seed, place) for place in places]
        texts = [add_details(scene, write_caption(scene, 0), 0) for scene in scenes]
        return Captions(tokenize(self._tokenizer, texts), torch.tensor([name_factors(text) for text in texts]))

    @torch.no_grad()
    def report(self, module: Namer, final: bool) -> dict[str, float]:
        """Share of factors named rightly, over fresh captions."""
        captions = self._captions(FRESH, range(64 if self._tiny else 512))
        named = torch.stack([logits.argmax(-1) for logits in module.logits(captions.ids)], dim=1)
        right = (named == captions.said).float().mean(dim=0)
        worst = min(zip(right.tolist(), FACTORS, strict=True))
        print(f"\nnamed rightly: {right.mean():.1%}, least {worst[1]} {worst[0]:.1%}", file=sys.stderr)
        return {"named": right.mean().item(), "least_named": worst[0]}

    def export(self, module: Namer) -> None:
        module.text_encoder.save_pretrained(self._out / "text_encoder")
        self._tokenizer.save_pretrained(self._out / "tokenizer")


def name_factors(text: str) -> list[int]:
    """For each of FACTORS the number of the value that `text` says, 0 where it says none."""
    saying = read_caption(text)
    things = (*saying.things, Named(""), Named(""))[:2]
    said: dict[str, object] = {
        f"{name} {k}": getattr(t, name) or None for k, t in enumerate(things, 1) for name in _OF_THING
    }
    said |= {name: getattr(saying, name) for name in _OF_SCENE}
    said["number"] = things[0].number
    for k, signs in enumerate((*read_details(text), {}, {})[:2], 1):
        said |= {f"{name} {k}": signs.get(name) for name in SIGNS}
    return [values.index(said[name]) for name, values in FACTORS.items()]
