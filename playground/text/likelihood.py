"""How well a model foretells stories that it has not seen: bits per byte, nats per token, next-token accuracy.

Knows token ids and a model; which stories, and what stands before them, is `evaluate.py`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

BATCH_TOKENS = 4_096  # inputs at once
RESAMPLES = 2_000


@dataclass(frozen=True)
class Passage:
    """What is scored: `text` (token ids, of `size` bytes) after `prefix`, which the model sees but is not asked for."""

    prefix: tuple[int, ...]
    text: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Score:
    """Sums over one passage: negative log-likelihood in nats, tokens, tokens that were the likeliest, bytes."""

    nats: float
    tokens: int
    right: int
    size: int


def spans(first: int, last: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Sliding windows over a sequence of which the tokens `first` … `last` are to be foretold.

    Windows are `context` long and start every `context // 2` tokens, so that a token is scored exactly once, with all
    that stands before it as long as that fits, and with at least half a context later on. (The sliding window of
    Baevski & Auli 2019, "Adaptive input representations", with half a context as stride.)

    Yields:
        (start, first, end): inputs `start` … `end − 1` foretell `start + 1` … `end`, of which `first` … `end` count.
    """
    start = 0
    while first <= last:
        end = min(start + context, last)
        if end >= first:
            yield start, first, end
            first = end + 1
        start += context // 2


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    passages: Sequence[Passage],
    context: int,
    progress: Callable[[float], object] = lambda share: None,
) -> list[Score]:
    """Score every token of every passage once; see `spans` for how much of what came before the model sees.

    In the model's own precision (no autocast). Windows of like length run together; what pads the shorter ones stands
    to their right, where causal attention does not look.

    Args:
        model: a causal language model whose logits are its output embedding of the last hidden state, as Llama's.
        context: longest input of the model, in tokens.
        progress: is told the share that is done, 0 … 1.
    """
    sequences = [np.array([*p.prefix, *p.text]) for p in passages]
    windows = [
        (n, *span)
        for n, (passage, ids) in enumerate(zip(passages, sequences, strict=True))
        for span in spans(len(passage.prefix), len(ids) - 1, context)
    ]
    windows.sort(key=lambda window: window[1] - window[3])  # longest first
    head = model.get_output_embeddings()
    nats, right, done = np.zeros(len(passages)), np.zeros(len(passages), int), 0
    while done < len(windows):
        width = windows[done][3] - windows[done][1]
        batch = windows[done : done + max(1, BATCH_TOKENS // width)]
        inputs = torch.zeros(len(batch), width, dtype=torch.long)
        for row, (n, start, _, end) in enumerate(batch):
            inputs[row, : end - start] = torch.from_numpy(sequences[n][start:end])
        hidden = model.base_model(inputs, use_cache=False).last_hidden_state  # (B, L, C)
        for row, (n, start, first, end) in enumerate(batch):
            scored = head(hidden[row, first - 1 - start : end - start])  # (tokens, V)
            targets = torch.from_numpy(sequences[n][first : end + 1])
            nats[n] += F.cross_entropy(scored, targets, reduction="none").double().sum().item()
            right[n] += int((scored.argmax(-1) == targets).sum())
        done += len(batch)
        progress(done / len(windows))
    counts = [len(p.text) for p in passages]
    return [Score(float(a), b, int(c), p.size) for a, b, c, p in zip(nats, counts, right, passages, strict=True)]


def summarise(scores: Sequence[Score]) -> dict[str, float]:
    """Totals of `scores`.

    Returns:
        bits_per_byte (all bits over all bytes) with the ends of its 95 % interval by a bootstrap over passages (Efron
        1979), nats_per_token, accuracy (0 … 1), and the counts passages, tokens and bytes.
    """
    nats, size = np.array([s.nats for s in scores]), np.array([s.size for s in scores])
    tokens = sum(s.tokens for s in scores)
    drawn = np.random.default_rng(0).integers(len(scores), size=(RESAMPLES, len(scores)))
    low, high = np.quantile(nats[drawn].sum(1) / size[drawn].sum(1), [0.025, 0.975]) / math.log(2)
    return {
        "bits_per_byte": float(nats.sum() / size.sum() / math.log(2)),
        "bits_per_byte_low": float(low),
        "bits_per_byte_high": float(high),
        "nats_per_token": float(nats.sum() / tokens),
        "accuracy": sum(s.right for s in scores) / tokens,
        "passages": len(scores),
        "tokens": tokens,
        "bytes": int(size.sum()),
    }
