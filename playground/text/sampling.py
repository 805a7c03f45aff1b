"""How the next token is chosen: samplers in one fixed order, then one uniform number through the inverse CDF.

Order: repetition penalty → temperature → top-k → top-p → min-p, each as `transformers`' processor of that name has it.
Rows of logits are treated several at once; what becomes of a row does not depend on the others, bit for bit, because
rows are grouped by their own knobs alone and sums run along a row in order. What every token goes through is compiled
by TorchScript: dozens of operations on few numbers. Knows neither models nor defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

from playground.compiled import compiled
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


@compiled
def pick(weights: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Inverse CDF along the rows of `weights`, (M, N) float64 in the order of the tokens' ids → places, (M,).

    The order is fixed, so that a slightly changed knob moves every boundary slightly and the same `u`, (M,) float64,
    mostly picks the same token (sorting by probability would let near-equal neighbours swap places).
    """
    cumulative = weights.cumsum(-1)
    total = cumulative[:, -1:]
    target = u.unsqueeze(1) * total
    return (cumulative <= target.minimum(total.nextafter(torch.zeros_like(total)))).sum(-1)


def _group(recipe: TextRecipe, size: int) -> tuple[int, bool, bool]:
    """Rows of one group take the same operations: how many candidates, whether penalised, whether sorted."""
    few = FEW if recipe.top_k <= FEW else SOME
    count = few if recipe.top_k > 0 and few < size else size
    if recipe.temperature == 0:
        count = min(FEW, size)
    is_sorted = count < size or recipe.top_p < 1 or recipe.top_k > 0 or recipe.temperature == 0
    return count, recipe.repetition_penalty > 1, is_sorted


class _Knobs(NamedTuple):
    """The samplers' knobs of M rows.

    Attributes:
        count: how many candidates there are.
        temperature: (M, 1) float32, 1 where it is 0.
        last: (M, 1) int64, the place of the last candidate that top-k keeps.
        reach: (M, 1) float64, top-p, infinite where it is off.
        least: (M, 1) float32, min-p.
        greedy: (M, 1) bool, where the temperature is 0; `any_greedy`, `any_reach`: whether there are any at all.
    """

    count: int
    temperature: torch.Tensor
    last: torch.Tensor
    reach: torch.Tensor
    least: torch.Tensor
    greedy: torch.Tensor
    any_greedy: bool
    any_reach: bool


def _knobs(recipes: Sequence[TextRecipe], size: int) -> _Knobs:
    knobs = tuple((recipe.temperature, recipe.top_k, recipe.top_p, recipe.min_p) for recipe in recipes)
    return _tensors(knobs, _group(recipes[0], size)[0])


@lru_cache(maxsize=256)
def _tensors(knobs: tuple[tuple[float, int, float, float], ...], count: int) -> _Knobs:
    temperature, top_k, top_p, min_p = zip(*knobs, strict=True)
    with torch.inference_mode(False):  # they are kept, and may be used anywhere
        return _Knobs(
            count=count,
            temperature=_column([t or 1.0 for t in temperature]),
            last=torch.tensor([min(k or count, count) - 1 for k in top_k])[:, None],
            reach=_column([p if p < 1 else torch.inf for p in top_p]).double(),
            least=_column(min_p),
            greedy=torch.tensor([t == 0 for t in temperature])[:, None],
            any_greedy=0 in temperature,
            any_reach=min(top_p) < 1,
        )


def _choose(logits: torch.Tensor, rows: Sequence[Row]) -> list[Choice]:
    recipes, size = [row.recipe for row in rows], logits.shape[1]
    count, penalised, _ = _group(recipes[0], size)
    uniforms = torch.tensor([row.uniform for row in rows], dtype=torch.float64)
    forced = torch.tensor([-1 if row.forced is None else row.forced for row in rows])
    if count < size and not penalised:
        ids, weights = _candidates(logits, _knobs(recipes, size))
        columns = _of_candidates(logits, ids, weights, uniforms, forced, ALTERNATIVES)
    else:
        weights = _weights(_penalised(logits, rows), recipes)
        columns = _of_all(logits, weights, uniforms, forced, ALTERNATIVES)
    return [Choice(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


_Columns = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]  # of `Choice`, a row each


@compiled
def _told(
    logits: torch.Tensor,
    chosen: torch.Tensor,
    forced: torch.Tensor,
    ten: torch.Tensor,
    after: torch.Tensor,
    weights: torch.Tensor,
) -> _Columns:
    chosen = torch.where(forced.unsqueeze(1) >= 0, forced.unsqueeze(1), chosen)
    top = logits.amax(-1, keepdim=True)
    total = (logits - top).exp_().sum(-1, keepdim=True, dtype=torch.float64).log_() + top  # log Σ exp
    after = after / weights.cumsum(-1)[:, -1:]
    return chosen[:, 0], (logits.gather(1, chosen) - total)[:, 0], ten, (logits.gather(1, ten) - total).exp_(), after


@compiled
def _of_candidates(
    logits: torch.Tensor,
    ids: torch.Tensor,
    weights: torch.Tensor,
    uniforms: torch.Tensor,
    forced: torch.Tensor,
    few: int,
) -> _Columns:
    """The choice where the candidates, likeliest first, hold the ten likeliest and all that may be chosen."""
    in_order, order = ids.sort(-1)
    weights_in_order = weights.gather(1, order)
    chosen = in_order.gather(1, pick(weights_in_order, uniforms).unsqueeze(1))
    return _told(logits, chosen, forced, ids[:, :few], weights[:, :few], weights_in_order)


@compiled
def _of_all(
    logits: torch.Tensor, weights: torch.Tensor, uniforms: torch.Tensor, forced: torch.Tensor, few: int
) -> _Columns:
    """The choice where each token of the vocabulary has its weight."""
    ten = logits.topk(min(few, logits.size(1))).indices
    return _told(logits, pick(weights, uniforms).unsqueeze(1), forced, ten, weights.gather(1, ten), weights)


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
        ids, weights = _candidates(scores, _knobs(recipes, scores.shape[1]))
        return torch.zeros_like(scores, dtype=torch.float64).scatter_add_(1, ids, weights)
    scores = scores / _column([recipe.temperature for recipe in recipes])
    weights = (scores - scores.amax(-1, keepdim=True)).double().exp()
    return weights.mul_(weights >= _column([recipe.min_p for recipe in recipes]))


@compiled
def _candidates(scores: torch.Tensor, knobs: _Knobs) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and weights of the candidates, both (M, N), likeliest first: temperature, top-k, top-p (Holtzman et al. 2020)
    and min-p (Nguyen et al. 2024)."""
    if knobs.count < scores.size(1):
        values, ids = scores.topk(knobs.count)
    else:
        values, ids = torch.sort(scores, dim=-1, descending=True, stable=True)
    values = values / knobs.temperature
    weights = (values - values[:, :1]).double().exp_()
    weights.mul_(values >= values.gather(1, knobs.last))  # as many as are as likely as the last one
    if knobs.any_reach:
        cumulative = weights.cumsum(-1)
        kept = cumulative - weights < knobs.reach * cumulative[:, -1:]
        kept[:, 0] = True
        weights.mul_(kept)
    weights.mul_(weights >= knobs.least)
    if knobs.any_greedy:  # the first of equals, which topk does not promise
        ids[:, :1] = torch.where(knobs.greedy, scores.argmax(-1, keepdim=True), ids[:, :1])
        weights[:, 1:] = torch.where(knobs.greedy, torch.zeros_like(weights[:, 1:]), weights[:, 1:])
    return ids, weights


def _column(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None]
