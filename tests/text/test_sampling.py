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
from playground.text.sampling import ORDER, alternatives, distribution, pick, samplers, uniform

PLAIN = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repetition_penalty": 1}
ALL = {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3}


def recipe(**values) -> TextRecipe:
    return TextRecipe.make({**PLAIN, **values})


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(50, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ids(logits) -> torch.Tensor:
    return torch.stack([logits.argmax(), logits.argmin(), torch.tensor(7)])[None]


def test_the_order_is_the_documented_one():
    assert tuple(samplers(recipe(**ALL))) == ORDER


def test_all_together_equal_transformers_in_that_order(logits, ids):
    scores = logits[None]
    for process in (
        RepetitionPenaltyLogitsProcessor(1.3),
        TemperatureLogitsWarper(0.7),
        TopKLogitsWarper(20),
        TopPLogitsWarper(0.9),
        MinPLogitsWarper(0.05),
    ):
        scores = process(ids, scores)
    assert torch.equal(distribution(logits, ids, recipe(**ALL)), scores[0].double().softmax(-1))


@pytest.mark.parametrize("values", [{"top_k": 5}, {"top_p": 0.5}, {"min_p": 0.2}, {"temperature": 0.5}])
def test_a_knob_alone_is_switched_on_alone(values, logits, ids):
    assert len(samplers(recipe(**values))) == 1
    assert distribution(logits, ids, recipe(**values)).sum() == pytest.approx(1)


def test_nothing_switched_on_changes_nothing(logits, ids):
    assert not samplers(recipe())
    assert torch.equal(distribution(logits, ids, recipe()), logits.double().softmax(-1))


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
    ids = first.reshape(1, 1)
    assert distribution(rival, ids, recipe(temperature=0)).argmax() == first
    assert distribution(rival, ids, recipe(temperature=0, repetition_penalty=1.3)).argmax() == 7


def test_greedy_takes_the_first_of_equals(ids):
    assert distribution(torch.zeros(50), ids, recipe(temperature=0)).argmax() == 0


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
    assert pick(torch.tensor(probabilities, dtype=torch.float64), u) == expected


def test_no_impossible_token_is_ever_picked():
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        probabilities = torch.rand(30, generator=generator, dtype=torch.float64)
        probabilities[torch.rand(30, generator=generator) < 0.7] = 0
        probabilities[4] += 0.01
        for u in (0.0, uniform(generator), ALMOST_1):
            assert probabilities[pick(probabilities / probabilities.sum(), u)] > 0


def test_picks_come_as_often_as_they_should():
    probabilities = torch.tensor([0.1, 0.0, 0.6, 0.3], dtype=torch.float64)
    picks = torch.tensor([pick(probabilities, (n + 0.5) / 1000) for n in range(1000)])
    assert torch.bincount(picks, minlength=4).tolist() == [100, 0, 600, 300]


def test_uniforms_are_the_generators_own_and_below_1():
    draws = [uniform(torch.Generator().manual_seed(5)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert 0 <= draws[0] < 1


def test_alternatives_are_of_before_likeliest_first():
    before = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    after = torch.tensor([0.0, 0.6, 0.4], dtype=torch.float64)
    found = alternatives(before, after, ["a", "b", "c"])
    assert [(a.id, a.text, a.before, a.after) for a in found] == [
        (1, "b", 0.5, 0.6),
        (2, "c", 0.3, 0.4),
        (0, "a", 0.2, 0.0),
    ]
