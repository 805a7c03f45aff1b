"""Tells a text: a loop over a causal language model with a KV cache that yields one event per token.

Works on token ids; what a prompt looks like is `model.py`'s, how a token is chosen `sampling.py`'s business. Each
sample is decoded by itself, so that it is the same alone and beside others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache

from playground.errors import PlaygroundError
from playground.events import Done, Ended, Event, Started, TextResult, Token
from playground.recipes import TextRecipe
from playground.text.loaded import TextModel, load
from playground.text.prompts import prompt_ids
from playground.text.sampling import alternatives, distribution, pick, uniform
from playground.text.stream import TextStream

__all__ = ["generate", "load"]  # what the engine asks of a modality


@dataclass
class _Sample:
    """One text in the making."""

    index: int
    seed: int
    ids: torch.Tensor  # (1, T) prompt and what came after it
    cache: DynamicCache
    stream: TextStream
    generator: torch.Generator
    tokens: list[Token] = field(default_factory=list)
    ended: str | None = None

    def result(self) -> TextResult:
        return TextResult(self.seed, self.stream.text, tuple(self.tokens), self.ended or "stopped")


def generate(model: TextModel, recipe: TextRecipe) -> Iterator[Event]:
    """Yield `Started`, then per token a `Token` (samples taking turns), per sample an `Ended`, and `Done` at last.

    Closing the iterator ends it at the next token; nothing is kept.

    Raises:
        PlaygroundError: see `prompt_ids`.
    """
    ids = prompt_ids(model, recipe)
    yield Started(recipe, tuple(ids))
    began, times = time.perf_counter(), []
    samples = [_begin(recipe.with_seed(recipe.seed + k), k, ids) for k in range(recipe.samples)]
    running = list(samples)
    while running:
        for sample in running:
            token = _step(model, recipe, sample)
            times.append(time.perf_counter())
            yield token
            if sample.ended:
                yield Ended(sample.index, sample.result())
        running = [sample for sample in running if not sample.ended]
    seconds = time.perf_counter() - began
    stats = {
        "tokens": len(times),
        "seconds": seconds,
        "tokens_per_second": len(times) / seconds,
        "time_to_first_token": times[0] - began,
    }
    yield Done(recipe, tuple(sample.result() for sample in samples), tuple(ids), stats)


def _begin(recipe: TextRecipe, index: int, ids: list[int]) -> _Sample:
    generator = torch.Generator().manual_seed(recipe.seed)
    stream = TextStream(recipe.stop_strings)
    return _Sample(index, recipe.seed, torch.tensor([ids]), DynamicCache(), stream, generator)


@torch.inference_mode()
def _step(model: TextModel, recipe: TextRecipe, sample: _Sample) -> Token:
    """Feed what the cache has not seen yet, choose the next token, and say whether it is the last."""
    unseen = sample.ids[:, sample.cache.get_seq_length() :]
    logits = model.model(unseen, past_key_values=sample.cache, use_cache=True, logits_to_keep=1).logits[0, -1]
    if not torch.isfinite(logits).all():
        raise PlaygroundError("The model's numbers overflowed: its weights are damaged or do not fit its code.")
    before = logits.double().softmax(-1)
    after = distribution(logits, sample.ids, recipe)
    chosen = pick(after, uniform(sample.generator))
    sample.ids = torch.cat([sample.ids, torch.tensor([[chosen]])], dim=1)
    text, shown = sample.stream.add(model.bytes[chosen])
    sample.ended = _ending(model, recipe, sample, chosen)
    if sample.ended:
        shown += sample.stream.close()
    logprob = math.log(max(before[chosen].item(), 1e-300))
    ten = alternatives(before, after, model.texts)
    token = Token(sample.index, len(sample.tokens), chosen, text, shown, logprob, ten)
    sample.tokens.append(token)
    return token


def _ending(model: TextModel, recipe: TextRecipe, sample: _Sample, chosen: int) -> str | None:
    ends = model.model.generation_config.eos_token_id
    if chosen in (ends if isinstance(ends, list) else [ends]):
        return "end"
    if sample.stream.stopped:
        return "stop"
    if len(sample.tokens) + 1 >= recipe.max_new_tokens:
        return "length"
    return "context" if sample.ids.shape[1] >= model.context else None
