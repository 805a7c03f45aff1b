"""How the next token is chosen: samplers in one fixed order, then one uniform number through the inverse CDF.

Order: repetition penalty → temperature → top-k → top-p → min-p, each as `transformers`' processor of that name has it.
Rows of logits are treated several at once; what becomes of a row does not depend on the others, bit for bit, because
rows are grouped by their own knobs alone and sums run along a row in order. Knows neither models nor defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from playground.recipes import TextRecipe

ORDER = ("repetition penalty", "temperature", "top-k", "top-p", "min-p")
ALTERNATIVES = 10
FEW, SOME = 64, 200  # candidates that are sorted at all, where top-k allows no more; sorting all of them takes longer


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of one row: the token, its log-probability before the samplers, and the ten likeliest tokens then.

    Attributes:
        ids: of the likeliest tokens before the samplers, likeliest first.
        before, after: their probabilities before and after the samplers.
    """

    id: int
    logprob: float
    ids: list[int]
    before: list[float]
    after: list[float]


@dataclass(frozen=True, slots=True)
class Row:
    """What decides a row besides its logits.

    Attributes:
        seen: (V,) bool, the tokens so far; needed where there is a repetition penalty.
        uniform: the row's random number in [0, 1).
        forced: a token that stands fixed, whatever the samplers would choose.
    """

    recipe: TextRecipe
    uniform: float = 0.0
    seen: torch.Tensor | None = None
    forced: int | None = None


def uniform(generator: torch.Generator) -> float:
    """The sample's next random number in [0, 1); one is drawn per token, whatever the knobs are."""
    return torch.rand((), generator=generator, dtype=torch.float64).item()


def choose(logits: torch.Tensor, rows: Sequence[Row]) -> list[Choice]:
    """Choose the next token of each row of logits, (M, V) float32."""
    groups: dict[tuple[int, bool, bool], list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(_group(row.recipe, logits.shape[1]), []).append(index)
    if len(groups) == 1:
        return _choose(logits, rows)
    found: dict[int, Choice] = {}
    for members in groups.values():
        found |= zip(members, _choose(logits[members], [rows[m] for m in members]), strict=True)
    return [found[index] for index in range(len(rows))]


def distribution(logits: torch.Tensor, seen: torch.Tensor, recipe: TextRecipe) -> torch.Tensor:
    """Probabilities after the samplers, (V,) float64.

    Args:
        logits: (V,) of the next token.
        seen: (V,) bool, the tokens so far, prompt included; the repetition penalty looks at them.
    """
    weights = _weights(_penalised(logits[None], [Row(recipe, seen=seen)]), [recipe])[0]
    return weights / weights.sum()


def seen_tokens(ids: Sequence[int], size: int) -> torch.Tensor:
    """(size,) bool: which tokens stand in `ids`."""
    seen = torch.zeros(size, dtype=torch.bool)
    seen[torch.tensor(ids, dtype=torch.long)] = True
    return seen


def pick(weights: torch.Tensor, u: Sequence[float]) -> torch.Tensor:
    """Inverse CDF along the rows of `weights`, (M, N) float64 in the order of the tokens' ids → places, (M,).

    The order is fixed, so that a slightly changed knob moves every boundary slightly and the same `u` mostly picks the
    same token (sorting by probability would let near-equal neighbours swap places).
    """
    cumulative = weights.cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.tensor(u, dtype=torch.float64)[:, None] * total
    return (cumulative <= target.minimum(total.nextafter(torch.zeros_like(total)))).sum(-1)


def _group(recipe: TextRecipe, size: int) -> tuple[int, bool, bool]:
    """Rows of one group take the same operations: how many candidates, whether penalised, whether sorted."""
    few = FEW if recipe.top_k <= FEW else SOME
    count = few if recipe.top_k > 0 and few < size else size
    if recipe.temperature == 0:
        count = min(FEW, size)
    is_sorted = count < size or recipe.top_p < 1 or recipe.top_k > 0 or recipe.temperature == 0
    return count, recipe.repetition_penalty > 1, is_sorted


def _choose(logits: torch.Tensor, rows: Sequence[Row]) -> list[Choice]:
    recipes = [row.recipe for row in rows]
    count, penalised, _ = _group(recipes[0], logits.shape[1])
    logprobs = logits.double().log_softmax(-1)
    if count < logits.shape[1] and not penalised:  # the candidates hold the ten likeliest and all that may be chosen
        ids, weights = _candidates(logits, recipes)
        ten, after = ids[:, :ALTERNATIVES], weights[:, :ALTERNATIVES]
        order = ids.argsort(-1)
        ids, weights = ids.gather(1, order), weights.gather(1, order)
        chosen = ids.gather(1, pick(weights, [row.uniform for row in rows])[:, None])
    else:
        weights = _weights(_penalised(logits, rows), recipes)
        ten = logits.topk(min(ALTERNATIVES, logits.shape[1])).indices
        after = weights.gather(1, ten)
        chosen = pick(weights, [row.uniform for row in rows])[:, None]
    forced = [row.forced for row in rows]
    if any(token is not None for token in forced):
        drawn = chosen[:, 0].tolist()
        chosen = torch.tensor([[d if f is None else f] for d, f in zip(drawn, forced, strict=True)])
    after = after / weights.cumsum(-1)[:, -1:]
    columns = (chosen[:, 0], logprobs.gather(1, chosen)[:, 0], ten, logprobs.gather(1, ten).exp(), after)
    return [Choice(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _penalised(logits: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """Scores after the repetition penalty (Keskar et al. 2019, section 4.1)."""
    if all(row.recipe.repetition_penalty <= 1 for row in rows):
        return logits
    penalty = torch.tensor([row.recipe.repetition_penalty for row in rows])[:, None]
    seen = torch.stack([row.seen for row in rows])
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def _weights(scores: torch.Tensor, recipes: Sequence[TextRecipe]) -> torch.Tensor:
    """(M, V) float64 in the order of the ids: what each token weighs after the samplers, 0 where it is cut."""
    if _group(recipes[0], scores.shape[1])[2]:
        ids, weights = _candidates(scores, recipes)
        return torch.zeros_like(scores, dtype=torch.float64).scatter_add_(1, ids, weights)
    scores = scores / _column([recipe.temperature for recipe in recipes])
    weights = (scores - scores.amax(-1, keepdim=True)).double().exp()
    return weights.mul_(weights >= _column([recipe.min_p for recipe in recipes]))


def _candidates(scores: torch.Tensor, recipes: Sequence[TextRecipe]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and weights of the candidates, both (M, N), likeliest first: temperature, top-k, top-p (Holtzman et al. 2020)
    and min-p (Nguyen et al. 2024)."""
    size = scores.shape[1]
    count = _group(recipes[0], size)[0]
    top = scores.topk(count) if count < size else torch.sort(scores, dim=-1, descending=True, stable=True)
    values = top.values / _column([recipe.temperature or 1.0 for recipe in recipes])
    weights = (values - values[:, :1]).double().exp()
    last = torch.tensor([min(recipe.top_k or count, count) - 1 for recipe in recipes])[:, None]
    weights.mul_(values >= values.gather(1, last))  # as many as are as likely as the last one
    if any(recipe.top_p < 1 for recipe in recipes):
        cumulative = weights.cumsum(-1)
        reach = _column([recipe.top_p if recipe.top_p < 1 else torch.inf for recipe in recipes]).double()
        kept = cumulative - weights < reach * cumulative[:, -1:]
        kept[:, 0] = True
        weights.mul_(kept)
    weights.mul_(weights >= _column([recipe.min_p for recipe in recipes]))
    ids = top.indices
    for row, recipe in enumerate(recipes):
        if recipe.temperature == 0:
            ids[row, 0] = scores[row].argmax()  # the first of equals, which topk does not promise
            weights[row, 1:] = 0
    return ids, weights


def _column(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None]
