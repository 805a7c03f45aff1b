"""One place of a text, looked at again: the same scores and the same random number as when it was told."""

import pytest
import torch

from playground.errors import PlaygroundError
from playground.events import Token
from playground.text.examine import FEW, LIKELIEST, examine
from playground.text.sampling import distribution, pick, seen_tokens

VALUES = {"prompt": "Once upon a time", "seed": 11, "max_new_tokens": 16, "temperature": 1.2, "top_k": 60}


@pytest.fixture(scope="module")
def told(engine):
    recipe = engine.recipe("text", VALUES)
    return recipe, [event for event in engine.generate(recipe) if isinstance(event, Token)]


@pytest.mark.parametrize("knobs", [{}, {"repetition_penalty": 1.3}, {"temperature": 0}, {"top_p": 0.5, "min_p": 0.02}])
def test_the_samplers_and_the_throw_find_every_token_again(engine, knobs):
    recipe = engine.recipe("text", VALUES | knobs)
    ids = [event.id for event in engine.generate(recipe) if isinstance(event, Token)]
    for index, token in enumerate(ids):
        found = engine.examine(recipe, ids, index)
        seen = seen_tokens(found.seen, len(found.logits))
        after = distribution(found.logits, seen, recipe)
        assert pick(after[None], torch.tensor([found.uniform], dtype=torch.float64)).item() == token


def test_its_scores_are_those_of_the_token(engine, told):
    recipe, tokens = told
    found = engine.examine(recipe, [token.id for token in tokens], 5)
    assert found.logits.dtype == torch.float32
    logprob = found.logits.double().log_softmax(-1)[tokens[5].id].item()
    assert logprob == pytest.approx(tokens[5].logprob, abs=1e-4)


def test_what_was_seen_is_the_prompt_and_all_before(engine, told):
    recipe, tokens = told
    ids = [token.id for token in tokens]
    first, sixth = engine.examine(recipe, ids, 0), engine.examine(recipe, ids, 6)
    assert set(first.seen) | set(ids[:6]) == set(sixth.seen)


def test_every_token_has_a_name(engine, told):
    recipe, tokens = told
    found = engine.examine(recipe, [tokens[0].id], 0)
    assert set(found.names) == set(range(len(found.logits)))
    assert all(found.names.values())
    assert "<|end|>" in found.names.values()
    assert "◌ E2" in found.names.values()
    assert " the" in found.names.values()


def test_of_many_tokens_the_likeliest_are_named(engine, told, monkeypatch):
    recipe, tokens = told
    monkeypatch.setattr("playground.text.examine.FEW", 100)
    monkeypatch.setattr("playground.text.examine.LIKELIEST", 7)
    assert FEW > LIKELIEST
    found = engine.examine(recipe, [tokens[0].id], 0)
    assert set(found.names) == set(found.logits.topk(7).indices.tolist())


@pytest.mark.parametrize(
    ("ids", "index", "sentence"),
    [
        ([5, 6], 2, "There is no token 2; the text has 2, counted from 0."),
        ([5, 6], -1, "There is no token -1"),
        ([], 0, "the text has 0"),
        ([5, 9999], 0, "There is no token id 9999; the model has"),
        ([-1], 0, "There is no token id -1"),
        ([5] * 200, 199, "tokens up to there; the model takes 128"),
    ],
)
def test_what_is_no_place_is_told(engine, told, ids, index, sentence):
    with pytest.raises(PlaygroundError, match=sentence):
        engine.examine(told[0], ids, index)


def test_a_prompt_without_room_is_told(engine):
    recipe = engine.recipe("text", {"prompt": "dragon " * 200})
    with (
        engine.registry.use("tales", "text") as loaded,
        pytest.raises(PlaygroundError, match="the model takes at most 127"),
    ):
        examine(loaded.model, recipe, [5], 0)
