"""How the next token is chosen: samplers in one fixed order, then one uniform number through the inverse CDF.

Order: repetition penalty → temperature → top-k → top-p → min-p. Plain functions over one sample's logits; knows
neither models nor recipes' defaults.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from playground.events import Alternative
from playground.recipes import TextRecipe

ORDER = ("repetition penalty", "temperature", "top-k", "top-p", "min-p")
ALTERNATIVES = 10


def samplers(recipe: TextRecipe) -> dict[str, LogitsProcessor]:
    """The processors that the recipe's knobs switch on, by name, in `ORDER`.

    At temperature 0 the choice is the likeliest token, which no other sampler than the repetition penalty can change.
    """
    chosen: dict[str, LogitsProcessor] = {}
    if recipe.repetition_penalty > 1:
        chosen["repetition penalty"] = RepetitionPenaltyLogitsProcessor(recipe.repetition_penalty)
    if recipe.temperature == 0:
        return chosen
    if recipe.temperature != 1:
        chosen["temperature"] = TemperatureLogitsWarper(recipe.temperature)
    if recipe.top_k > 0:
        chosen["top-k"] = TopKLogitsWarper(recipe.top_k)
    if recipe.top_p < 1:
        chosen["top-p"] = TopPLogitsWarper(recipe.top_p)
    if recipe.min_p > 0:
        chosen["min-p"] = MinPLogitsWarper(recipe.min_p)
    return chosen


def uniform(generator: torch.Generator) -> float:
    """The sample's next random number in [0, 1); one is drawn per token, whatever the knobs are."""
    return torch.rand((), generator=generator, dtype=torch.float64).item()


def distribution(logits: torch.Tensor, ids: torch.Tensor, recipe: TextRecipe) -> torch.Tensor:
    """Probabilities after the samplers, (V,) float64.

    Args:
        logits: (V,) of the next token.
        ids: (1, T) tokens so far, prompt included; the repetition penalty looks at them.
    """
    scores = LogitsProcessorList(samplers(recipe).values())(ids, logits[None].float())[0]
    if recipe.temperature == 0:
        return torch.nn.functional.one_hot(scores.argmax(), len(scores)).double()
    return scores.double().softmax(-1)


def pick(probabilities: torch.Tensor, u: float) -> int:
    """Inverse CDF over the tokens in the order of their ids.

    The order is fixed, so that a slightly changed knob moves every boundary slightly and the same `u` mostly picks the
    same token (sorting by probability would let near-equal neighbours swap places).
    """
    cumulative = probabilities.cumsum(0)
    index = int(torch.searchsorted(cumulative, u * cumulative[-1].item(), right=True))
    return min(index, int(probabilities.nonzero()[-1]))


def alternatives(before: torch.Tensor, after: torch.Tensor, texts: Sequence[str]) -> tuple[Alternative, ...]:
    """The likeliest tokens before the samplers, with both probabilities.

    Args:
        before, after: (V,) probabilities.
        texts: of every token id.
    """
    top = before.topk(min(ALTERNATIVES, len(before)))
    return tuple(
        Alternative(index, texts[index], probability, after[index].item())
        for probability, index in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    )
