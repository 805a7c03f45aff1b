"""Words → pixels: how much of its attention each place of a picture pays to a word of the prompt, while it is drawn.

Looks over the denoiser's shoulder and leaves what it computes alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from diffusers import UNet2DConditionModel
from torch.nn import functional

from playground.image.prompts import Prompt

COARSEST = 4  # layers that see the picture more than so many times coarser than the finest are left out
_MARKS = r"\s!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u205e\u3000-\u303f"  # blanks and punctuation
_WORD = re.compile(rf"[^{_MARKS}]+(?:['’-][^{_MARKS}]+)*")


class Word(NamedTuple):
    """A word of a prompt, as the person wrote it, and where in the picture it counts.

    Attributes:
        start, end: of its characters in the prompt.
        map: rows of floats from 0, where it counts least, to 1, where it counts most.
        share: of the attention that all words get together, 0 … 1.
    """

    text: str
    start: int
    end: int
    map: tuple[tuple[float, ...], ...]
    share: float


@torch.inference_mode()
def attend(unet: UNet2DConditionModel, latents: torch.Tensor, t: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """The cross-attention of a step, averaged over heads and over the layers that see enough of the picture.

    Args:
        latents: (1, C, h, w), as the denoiser takes them at time `t`.
        words: (1, L, D) states of the prompt.

    Returns:
        (L, h, w) float32: the share that each token has of a place's attention; they add up to 1. (0, h, w) where the
        denoiser has no such layers.
    """
    with _watched(unet) as maps:
        unet(latents.to(unet.dtype), t, encoder_hidden_states=words.to(unet.dtype), return_dict=False)
    finest = max((len(found) for found in maps), default=0)
    useful = [found for found in maps if len(found) * COARSEST**2 >= finest]
    height, width = latents.shape[2:]
    total = torch.zeros(words.shape[1] if useful else 0, height, width)
    for found in useful:
        across = round(math.sqrt(len(found) * width / height))
        grid = found.T.reshape(1, -1, len(found) // across, across)
        total += functional.interpolate(grid.float(), (height, width), mode="bilinear")[0] / len(useful)
    return total


@contextmanager
def _watched(unet: UNet2DConditionModel) -> Iterator[list[torch.Tensor]]:
    """Within it, every cross-attention of the denoiser leaves its (h·w, L) weights, averaged over heads, in a list."""
    maps: list[torch.Tensor] = []

    def look(layer: torch.nn.Module, given: tuple, named: dict) -> None:
        states, words = given[0], named["encoder_hidden_states"]
        query, key = layer.head_to_batch_dim(layer.to_q(states)), layer.head_to_batch_dim(layer.to_k(words))
        maps.append(layer.get_attention_scores(query, key).mean(dim=0))

    layers = [layer for name, layer in unet.named_modules() if name.endswith(".attn2")]
    handles = [layer.register_forward_pre_hook(look, with_kwargs=True) for layer in layers]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def words_of(prompt: Prompt, attention: torch.Tensor) -> tuple[Word, ...]:
    """The words that the model has read, with their part of the attention.

    Args:
        attention: (L, h, w), as `attend` gives it.
    """
    found, shares = [], []
    for match in _WORD.finditer(prompt.text):
        tokens = [
            token
            for token, (start, end) in enumerate(prompt.spans[:-1])
            if token and start < match.end() and end > match.start()
        ]
        if tokens and len(attention):
            found.append((match, attention[tokens].mean(dim=0)))
            shares.append(attention[tokens].sum().item())
    total = sum(shares) or 1.0
    return tuple(
        Word(match.group(), match.start(), match.end(), _stretched(weights), share / total)
        for (match, weights), share in zip(found, shares, strict=True)
    )


def _stretched(weights: torch.Tensor) -> tuple[tuple[float, ...], ...]:
    """(h, w) → rows from 0 to 1; all 0 where there is no difference."""
    low, high = weights.min(), weights.max()
    scaled = (weights - low) / (high - low) if high > low else torch.zeros_like(weights)
    return tuple(map(tuple, scaled.tolist()))
