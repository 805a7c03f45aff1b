"""Samplers: transformers' processors in the documented order, then the inverse CDF; the ends of every knob."""

import pytest
import torch
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from playground.recipes import TextRecipe
from playground.text.sampling import Row, choose, distribution, pick, seen_tokens, uniform

PLAIN = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repetition_penalty": 1}
ALL = {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3}


def f64(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def recipe(**values) -> TextRecipe:
    return TextRecipe.make({**PLAIN, **values})


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(50, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ids(logits) -> torch.Tensor:
    return seen_tokens([int(logits.argmax()), int(logits.argmin()), 7], len(logits))


def by_transformers(logits: torch.Tensor, ids: list[int], given: TextRecipe) -> torch.Tensor:
    """What the processors of transformers leave, in the documented order."""
    scores = RepetitionPenaltyLogitsProcessor(given.repetition_penalty)(torch.tensor([ids]), logits[None])
    for process in (
        TemperatureLogitsWarper(given.temperature),
        TopKLogitsWarper(given.top_k or len(logits)),
        TopPLogitsWarper(given.top_p),
        *([MinPLogitsWarper(given.min_p)] if given.min_p else []),
    ):
        scores = process(torch.tensor([ids]), scores)
    return scores[0].double().softmax(-1)


SETTINGS = [
    ALL,
    {},
    {"top_k": 5},
    {"top_k": 150},
    {"top_p": 0.5},
    {"min_p": 0.2},
    {"temperature": 0.5},
    {"temperature": 2, "top_k": 64, "top_p": 0.3},
    {"repetition_penalty": 1.5},
    {"repetition_penalty": 1.1, "top_k": 40, "top_p": 0.95, "temperature": 0.8},
    {"temperature": 1.5, "min_p": 0.01, "top_p": 0.99},
]


@pytest.mark.parametrize("size", [50, 4096])
@pytest.mark.parametrize("values", SETTINGS, ids=str)
def test_every_setting_is_transformers_in_that_order(values, size):
    generator = torch.Generator().manual_seed(size)
    for _ in range(20):
        logits = 3 * torch.randn(size, generator=generator)
        ids = torch.randint(size, (12,), generator=generator).tolist()
        expected = by_transformers(logits, ids, recipe(**values))
        found = distribution(logits, seen_tokens(ids, size), recipe(**values))
        assert torch.equal(found > 0, expected > 0)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_a_row_is_chosen_alike_alone_and_beside_others():
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(3 * len(SETTINGS), 4096, generator=generator)
    rows = [
        Row(recipe(**values), uniform(generator), seen_tokens([n, 5], 4096), 7 if n == 4 else None)
        for n, values in enumerate([*SETTINGS, {"temperature": 0}, {"temperature": 0, "repetition_penalty": 1.2}] * 3)
    ][: len(logits)]
    together = choose(logits, rows)
    assert together == [choose(logits[n : n + 1], [row])[0] for n, row in enumerate(rows)]
    order = torch.randperm(len(rows), generator=generator).tolist()
    assert choose(logits[order], [rows[n] for n in order]) == [together[n] for n in order]
    assert together[4].id == 7


def test_a_choice_tells_what_was_likely_before_and_after(logits, ids):
    for values in ({"top_k": 4}, {"top_k": 4, "repetition_penalty": 1.4}, {}):
        (choice,) = choose(logits[None], [Row(recipe(**values), 0.5, ids)])
        before, after = logits.double().softmax(-1), distribution(logits, ids, recipe(**values))
        assert choice.ids == before.topk(10).indices.tolist()
        assert choice.before == pytest.approx(before[choice.ids].tolist())
        assert choice.after == pytest.approx(after[choice.ids].tolist())
        assert choice.logprob == pytest.approx(before[choice.id].log().item())
        assert choice.id == pick(after[None], f64(0.5)).item()


@pytest.mark.parametrize("values", [{"top_k": 1}, {"top_p": 0}, {"min_p": 1}, {"temperature": 0}])
def test_the_narrow_end_of_a_knob_leaves_the_likeliest(values, logits, ids):
    after = distribution(logits, ids, recipe(**values))
    assert after.nonzero().flatten().tolist() == [int(logits.argmax())]
    assert after.dtype == torch.float64 and after.sum() == 1


@pytest.mark.parametrize("k", [2, 7, 50, 200])
def test_top_k_leaves_so_many(k, logits, ids):
    assert int((distribution(logits, ids, recipe(top_k=k)) > 0).sum()) == min(k, 50)


def test_top_p_leaves_the_least_set_that_reaches_it(logits, ids):
    before, after = logits.double().softmax(-1), distribution(logits, ids, recipe(top_p=0.6))
    kept = before[after > 0].sort().values
    assert kept.sum() >= 0.6 > kept[1:].sum()
    assert before[after > 0].min() > before[after == 0].max()


def test_min_p_drops_what_is_below_a_share_of_the_likeliest(logits, ids):
    before, after = logits.double().softmax(-1), distribution(logits, ids, recipe(min_p=0.1))
    assert torch.equal(after > 0, before >= 0.1 * before.max())


def test_temperature_0_is_one_hot_and_only_the_penalty_can_change_it(logits, ids):
    greedy = distribution(logits, ids, recipe(temperature=0, top_k=3, top_p=0.1, min_p=0.5))
    assert greedy.tolist() == torch.nn.functional.one_hot(logits.argmax(), 50).tolist()
    first = logits.argmax()
    rival = logits.clone()
    rival[7] = rival[first] - 0.1
    ids = seen_tokens([int(first)], 50)
    assert distribution(rival, ids, recipe(temperature=0)).argmax() == first
    assert distribution(rival, ids, recipe(temperature=0, repetition_penalty=1.3)).argmax() == 7


@pytest.mark.parametrize("size", [50, 4096])
def test_greedy_takes_the_first_of_equals(size):
    logits = torch.zeros(size)
    logits[: size // 2] = -1
    assert distribution(logits, seen_tokens([], size), recipe(temperature=0)).argmax() == size // 2


ALMOST_1 = 1 - 2**-53


@pytest.mark.parametrize(
    ("probabilities", "u", "expected"),
    [
        ([0.25, 0.25, 0.5], 0.0, 0),
        ([0.25, 0.25, 0.5], 0.2499, 0),
        ([0.25, 0.25, 0.5], 0.25, 1),
        ([0.25, 0.25, 0.5], 0.5, 2),
        ([0.25, 0.25, 0.5], ALMOST_1, 2),
        ([0.0, 0.0, 1.0], 0.0, 2),
        ([1.0, 0.0, 0.0], ALMOST_1, 0),
        ([0.0, 0.5, 0.0, 0.5, 0.0], 0.0, 1),
        ([0.0, 0.5, 0.0, 0.5, 0.0], 0.5, 3),
        ([0.0, 0.5, 0.0, 0.5, 0.0], ALMOST_1, 3),
        ([0.1] * 10, ALMOST_1, 9),
        ([1e-300, 1.0], 0.0, 0),
    ],
)
def test_the_inverse_cdf_at_its_edges(probabilities, u, expected):
    assert pick(torch.tensor([probabilities], dtype=torch.float64), f64(u)).item() == expected


def test_no_impossible_token_is_ever_picked():
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        probabilities = torch.rand(30, generator=generator, dtype=torch.float64)
        probabilities[torch.rand(30, generator=generator) < 0.7] = 0
        probabilities[4] += 0.01
        for u in (0.0, uniform(generator), ALMOST_1):
            assert probabilities[pick(probabilities[None] / probabilities.sum(), f64(u))] > 0


def test_picks_come_as_often_as_they_should():
    probabilities = torch.tensor([0.1, 0.0, 0.6, 0.3], dtype=torch.float64)
    picks = pick(probabilities.expand(1000, -1), f64(*((n + 0.5) / 1000 for n in range(1000))))
    assert torch.bincount(picks, minlength=4).tolist() == [100, 0, 600, 300]


def test_uniforms_are_the_generators_own_and_below_1():
    draws = [uniform(torch.Generator().manual_seed(5)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert 0 <= draws[0] < 1
