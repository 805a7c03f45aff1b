"""Bits per byte against a direct computation on a tiny model; the whole evaluation at a small size."""

import json
import math
import shutil

import pytest
import torch

from playground.errors import PlaygroundError
from playground.registry import EVALUATION, Registry
from playground.text.data import Story, split
from playground.text.evaluate import data_summary, evaluate, passage
from playground.text.likelihood import Passage, Score, score, spans, summarise
from playground.text.specimens import COUNT, TextRecipe, first_sentence, human, recipes
from tests.stories import make_stories, write_stories


@pytest.fixture(scope="module")
def model(checkpoints):
    with Registry(checkpoints).use("tales", "text") as loaded:
        return loaded.model


def direct(model, one: Passage, context: int) -> tuple[float, int]:
    """Each token by a forward pass of its own over what the windows let it see; (nats, tokens that were likeliest)."""
    ids, nats, right = [*one.prefix, *one.text], 0.0, 0
    for target in range(len(one.prefix), len(ids)):
        start = 0
        while start + context < target:
            start += context // 2
        with torch.inference_mode():
            logits = model.model(torch.tensor([ids[start:target]])).logits[0, -1].double()
        nats -= logits.log_softmax(-1)[ids[target]].item()
        right += int(logits.argmax() == ids[target])
    return nats, right


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 64, 65, 100, 127, 128, 129, 200])
@pytest.mark.parametrize("prefix", [1, 5])
def test_likelihood_equals_a_direct_computation(model, length, prefix):
    ids = torch.randint(7, 300, (prefix + length,), generator=torch.Generator().manual_seed(length)).tolist()
    one = Passage(tuple(ids[:prefix]), tuple(ids[prefix:]), 3 * length)
    found = score(model.model, [one], 64)[0]
    nats, right = direct(model, one, 64)
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert (found.right, found.tokens, found.size) == (right, length, 3 * length)


def test_passages_score_alike_alone_and_in_a_batch(model):
    draw = torch.Generator().manual_seed(0)
    lengths = [3, 40, 40, 150, 9, 64]
    many = [Passage((2,), tuple(torch.randint(7, 300, (n,), generator=draw).tolist()), n) for n in lengths]
    shares = []
    together = score(model.model, many, 64, shares.append)
    for one, found in zip(many, together, strict=True):
        assert found.nats == pytest.approx(score(model.model, [one], 64)[0].nats, rel=1e-5)
    assert shares[-1] == 1 and shares == sorted(shares)


@pytest.mark.parametrize("context", [2, 3, 8, 64])
@pytest.mark.parametrize("first", [1, 4])
def test_spans_ask_for_every_token_once_with_half_a_context(context, first):
    for last in range(first, first + 200):
        asked = []
        for start, begin, end in spans(first, last, context):
            assert 0 <= start < begin <= end <= last and end - start <= context
            assert start == 0 or begin - start > context // 2
            asked += range(begin, end + 1)
        assert asked == list(range(first, last + 1))


def test_summarise_adds_up():
    found = summarise([Score(10.0, 5, 2, 20), Score(30.0, 15, 4, 60)])
    assert found["bits_per_byte"] == pytest.approx(40 / 80 / math.log(2))
    assert found["nats_per_token"] == pytest.approx(2)
    assert found["accuracy"] == pytest.approx(0.3)
    assert (found["passages"], found["tokens"], found["bytes"]) == (2, 20, 80)
    assert found["bits_per_byte_low"] <= found["bits_per_byte"] <= found["bits_per_byte_high"]


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return make_stories()


def test_a_passage_counts_every_byte_and_sees_only_its_kind(model, stories):
    one = passage(model, stories[-1], headed=False)
    assert model.tokenizer.decode(one.prefix) == "<|chapter|>"
    assert model.tokenizer.decode(one.text) == stories[-1].text + "<|end|>"
    assert one.size == len(stories[-1].text.encode()) > len(stories[-1].text)
    headed = passage(model, stories[0], headed=True)
    assert model.tokenizer.decode(headed.prefix) == "<|style|>Grimm<|title|>Tale 0<|tale|>"
    assert headed.text == passage(model, stories[0], headed=False).text


def test_200_recipes_at_default_settings_with_seeds_of_their_own(stories):
    asked = recipes("tales", split(stories)[1])
    defaults = TextRecipe()
    assert len(asked) == COUNT == 200 and [r.seed for r in asked] == list(range(200))
    for recipe in asked:
        for knob in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_new_tokens", "stop"):
            assert getattr(recipe, knob) == getattr(defaults, knob)
    assert len({(r.prompt, *r.header.items()) for r in asked[:100]}) == 100
    assert asked == recipes("tales", split(stories)[1])
    assert {r.prompt for r in asked[100:]} <= {first_sentence(s.text) for s in stories}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A fox ran. It fell.", "A fox ran."),
        ('"Why?" said he. So.', '"Why?"'),
        ("No end", "No end"),
        ("x" * 900, "x" * 400),
        ("It cost 3.50 marks! Yes.", "It cost 3.50 marks!"),
        ("One\nline. Two", "One\nline."),
    ],
)
def test_the_first_sentence(text, expected):
    assert first_sentence(text) == expected


def test_human_passages_have_the_lengths_asked_for_and_follow_the_first_sentence():
    held_out = [
        Story("B", 1, "A", str(n), "tale", f"First {n}. " + " ".join(f"w{n}x{k}" for k in range(20 * (n + 1))))
        for n in range(3)
    ]
    found = human(held_out, [10, 25, 5, 10, 500])
    assert [len(passage) for passage in found] == [10, 25, 5, 10, 60]
    assert found[0][0] == "w0x0" and found[1][0] == "w1x0" and found[3][0] == "w0x10"


def test_data_summary_counts_both_ways_of_holding_out(stories):
    found = data_summary(stories)
    assert found["books"] == 2 and found["held_out_books"] == {"24628": "A Book"}
    assert found["stories"]["book"] == 3 and found["stories"]["all"] == 303
    assert sum(found["stories"][part] for part in ("training", "story", "book")) == 303


@pytest.fixture(scope="module")
def evaluated(checkpoints, stories, tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluation")
    shutil.copytree(checkpoints / "tales", root / "tales")
    write_stories(root / "data", stories)
    said: list[str] = []
    return root, evaluate(root / "tales", root / "data", progress=said.append, quick=True), said


def test_evaluate_writes_what_it_returns(evaluated):
    root, result, said = evaluated
    assert json.loads((root / "tales" / EVALUATION).read_text()) == result
    assert said
    assert result["quick"] and result["machine"]["processor"] and result["machine"]["versions"]["torch"]


def test_evaluate_measures_both_ways_of_holding_out(evaluated):
    likelihood = evaluated[1]["likelihood"]
    for way in ("plain", "headed"):
        parts = likelihood[way]
        assert parts["all"]["bytes"] == parts["story"]["bytes"] + parts["book"]["bytes"]
        assert all(part["bits_per_byte"] > 0 for part in parts.values())
    assert likelihood["plain"]["all"]["nats_per_token"] != likelihood["headed"]["all"]["nats_per_token"]


def test_evaluate_tells_of_samples_and_people_alike(evaluated):
    result = evaluated[1]
    assert set(result["samples"]) - set(result["human"]) == {"settings", "ended"}
    assert set(result["memorisation"]["samples"]) == set(result["memorisation"]["human"])
    assert sum(result["samples"]["ended"].values()) == result["samples"]["texts"]
    assert len(result["gallery"]) == 6 and all(len(shown["told"]) == 3 for shown in result["gallery"])


def test_evaluating_again_gives_the_same_numbers(evaluated):
    root, result, _ = evaluated
    again = evaluate(root / "tales", root / "data", progress=lambda line: None, quick=True)
    for part in ("fingerprint", "likelihood", "samples", "human", "memorisation", "gallery"):
        assert again[part] == result[part]


def test_the_records_leave_the_model_usable(evaluated):
    with Registry(evaluated[0]).use("tales", "text") as loaded:
        assert loaded.manifest.fingerprint == evaluated[1]["fingerprint"]


def test_a_missing_model_or_no_data_is_one_sentence(evaluated, tmp_path):
    root = evaluated[0]
    with pytest.raises(PlaygroundError, match="There is no model"):
        evaluate(root / "other", root / "data", quick=True)
    with pytest.raises(PlaygroundError, match="No stories"):
        evaluate(root / "tales", tmp_path, quick=True)
