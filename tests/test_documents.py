"""Result documents: their form is a contract, they open again, and a comparison says what differs."""

import copy
import json
import math

import pytest

from playground.documents import check, compare, document, environment, read
from playground.errors import PlaygroundError
from playground.events import Done


def make(engine, **values) -> dict:
    values = {"prompt": "Once upon a time", "seed": 7, "max_new_tokens": 12, **values}
    *_, done = engine.generate(engine.recipe("text", values))
    assert isinstance(done, Done)
    return json.loads(json.dumps(document(done)))


@pytest.fixture(scope="module")
def made(engine):
    return make(engine)


@pytest.fixture
def edited(made):
    return copy.deepcopy(made)


def test_the_form_is_what_scripts_rely_on(made):
    assert list(made) == ["recipe", "result", "stats", "environment"]
    assert made["recipe"]["kind"] == "text" and made["recipe"]["seed"] == 7 and len(made["recipe"]["fingerprint"]) == 12
    result = made["result"]
    assert list(result) == ["seed", "text", "prompt_ids", "tokens", "ended"]
    assert all(isinstance(i, int) for i in result["prompt_ids"])
    assert all(list(token) == ["id", "text", "logprob"] for token in result["tokens"]) and len(result["tokens"]) == 12
    assert "".join(token["text"] for token in result["tokens"]) == result["text"]
    assert result["ended"] == "length"
    assert made["stats"]["tokens_per_second"] > 0
    assert {"playground", "python", "torch", "transformers", "device", "dtype", "threads", "processor"} <= set(
        made["environment"]
    )


def test_several_samples_are_a_list_of_what_each_is_alone(engine, made):
    samples = make(engine, samples=2)["result"]["samples"]
    assert samples[0] == made["result"]
    assert samples[1] == make(engine, seed=8)["result"]


def test_a_document_opens_again(made):
    link, content = read(json.dumps(made))
    assert link.kind == "text" and link.values["seed"] == 7
    assert content == made


def test_the_same_again_is_identical(engine, made):
    comparison = compare(made, make(engine))
    assert comparison.verdict == "identical"
    assert not comparison.differences and not comparison.surroundings


def test_another_text_is_told_with_the_token_where_it_begins(made, edited):
    token = edited["result"]["tokens"][4]
    token["id"], token["text"] = token["id"] + 1, "!"
    comparison = compare(made, edited)
    assert comparison.verdict == "different"
    assert (
        comparison.differences[0].startswith("the texts part at token 5: ") and "'!' now" in comparison.differences[0]
    )


def test_rounding_is_told_apart_from_a_difference(made, edited):
    edited["result"]["tokens"][3]["logprob"] += 1e-6
    near = compare(made, edited)
    assert near.verdict == "close" and "by up to 1e-06, which is within the 0.001" in near.differences[0]
    edited["result"]["tokens"][3]["logprob"] += 0.01
    far = compare(made, edited)
    assert far.verdict == "different" and "more than the 0.001" in far.differences[0]
    edited["result"]["tokens"][3]["logprob"] = math.nan
    with pytest.raises(PlaygroundError, match="tokens.3.logprob: Input should be a finite number"):
        compare(made, edited)


def test_another_length_prompt_end_or_edited_text_is_told(made):
    def told(change) -> str:
        other = copy.deepcopy(made)
        change(other["result"])
        return compare(made, other).differences[0]

    assert told(lambda r: r["tokens"].pop()) == "it has 11 tokens instead of 12 tokens"
    assert "another prompt" in told(lambda r: r["prompt_ids"].append(1))
    assert "changed by hand" in told(lambda r: r.update(text="x"))
    assert told(lambda r: r.update(ended="end")) == "it ended by 'end' instead of 'length'"


def test_a_stopped_result_is_the_beginning_of_the_same(made, edited):
    result = edited["result"]
    result["tokens"] = result["tokens"][:5]
    result["text"] = "".join(token["text"] for token in result["tokens"])
    result["ended"] = "stopped"
    assert compare(edited, made).verdict == "identical"


def test_what_may_be_the_cause_is_told(made, edited):
    edited["recipe"]["fingerprint"] = "0" * 12
    edited["environment"]["torch"] = "1.0"
    del edited["environment"]["python"]
    surroundings = compare(edited, made).surroundings
    assert surroundings[0] == f"weights: {'0' * 12} then, {made['recipe']['fingerprint']} now"
    assert surroundings[1].startswith("torch: 1.0 then, ") and len(surroundings) == 2


def test_another_number_of_samples_is_told(engine, made):
    assert "2 samples instead of 1" in compare(made, make(engine, samples=2)).differences[0]


def test_the_check_is_of_texts_and_tokens_alone(engine, made, edited):
    edited["result"]["tokens"][0]["logprob"] += 1e-6
    edited["stats"] = {}
    assert check(made) == check(edited) == check(make(engine)) and len(check(made)) == 12
    assert check(make(engine, seed=8)) != check(made)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is not JSON."),
        ("[" * 100_000, "The file is not JSON."),
        ("[]", "it has no recipe and result."),
        ('{"recipe": {}}', "it has no recipe and result."),
        ('{"recipe": {}, "result": {}}', "The recipe is for None; there is: text"),
        ('{"recipe": {"kind": "text", "seed": 1e99}, "result": {}}', "seed is 1e+99"),
        ('{"recipe": {"kind": "text"}, "result": 5}', "its result is not an object."),
        ('{"recipe": {"kind": "text"}, "result": {"samples": 5}}', "its result is not an object."),
        ('{"recipe": {"kind": "text"}, "result": {}}', "result.seed: Field required."),
        ('{"recipe": {"kind": "text"}, "result": {"seed": "x"}}', "result.seed: Input should be a valid integer"),
    ],
)
def test_what_is_no_document_is_told_in_one_sentence(text, sentence):
    with pytest.raises(PlaygroundError) as error:
        read(text)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is neither JSON nor a picture that was made here."),
        (b"\xff\xfe\x00", "The file is neither JSON nor a picture that was made here."),
        (b"\xff\xd8\xff\xe0", "The file is neither JSON nor a picture that was made here."),
        (b"[]", "it has no recipe and result."),
    ],
)
def test_what_is_no_file_of_ours_is_told_in_one_sentence(data, sentence):
    with pytest.raises(PlaygroundError) as error:
        read(data)
    assert sentence in str(error.value)


def test_the_bytes_of_a_document_are_as_good_as_its_text(made, tmp_path):
    assert read(json.dumps(made).encode(), tmp_path) == read(json.dumps(made))


def test_what_was_just_made_compares_without_a_document(engine, made):
    *_, done = engine.generate(engine.recipe("text", {"prompt": "Once upon a time", "seed": 7, "max_new_tokens": 12}))
    assert compare(made, done) == compare(made, json.loads(json.dumps(document(done))))


def test_the_environment_names_versions_and_machine():
    found = environment(device="cuda", dtype="bfloat16")
    assert found["torch"][0].isdigit() and found["processor"] and found["device"] == "cuda"


def test_the_environment_of_a_kind_names_the_packages_that_matter_to_it(made):
    assert "pillow" not in made["environment"] and "diffusers" not in made["environment"]
    found = environment(packages=("diffusers", "pillow"))
    assert found["pillow"][0].isdigit() and found["diffusers"][0].isdigit() and "torch" not in found
