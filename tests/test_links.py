"""Links and metadata: what goes in comes out, old links keep their meaning, and nothing hostile gets past."""

import json
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.links import (
    MAX_QUERY,
    Link,
    base_url,
    from_link,
    from_metadata,
    from_query,
    from_record,
    to_link,
    to_metadata,
    to_query,
)
from playground.recipes import ImageRecipe, Recipe, TextRecipe

LINKS_V1 = [line.split("\t") for line in Path(__file__).with_name("links_v1.txt").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("query", "meant"), LINKS_V1, ids=range(len(LINKS_V1)))
def test_a_link_of_version_1_means_what_it_meant(query, meant):
    link = from_query(query)
    recipe = Recipe.kinds[link.kind].make(link.values)
    assert recipe.model_dump().items() >= json.loads(meant).items(), (
        "a default or a knob has changed: raise VERSION, and let version 1 keep its meaning"
    )


def test_only_differences_stand_in_the_query_in_a_fixed_order():
    recipe = TextRecipe.make({"seed": 7, "prompt": "a & b=c", "temperature": 1, "fingerprint": "0123456789ab"})
    assert to_query(recipe) == "tab=text&v=1&fingerprint=0123456789ab&seed=7&prompt=a%20%26%20b%3Dc&temperature=1"
    assert to_query(TextRecipe()) == "tab=text&v=1"


def test_what_differs_from_the_manifest_alone_stands_in_the_query_too():
    assert to_query(TextRecipe(), {"temperature": 0.5}) == "tab=text&v=1&temperature=0.8"
    assert to_query(TextRecipe.make({"temperature": 0.5}), {"temperature": 0.5}) == "tab=text&v=1&temperature=0.5"


def test_a_link_carries_values_only_and_as_their_knobs_hold_them():
    link = from_query("tab=text&v=1&seed=7&temperature=0.50&prompt=")
    assert link == Link("text", {"seed": 7, "temperature": 0.5, "prompt": ""}, run=False, check="")


def test_run_and_check():
    query = to_query(TextRecipe(), check="0123456789abcdef", run=True)
    assert query.endswith("&run=1&check=0123456789ab")
    assert from_query(query) == Link("text", {}, run=True, check="0123456789ab")


def test_a_mapping_is_as_good_as_a_text():
    assert from_query({"tab": "text", "seed": "7"}) == from_query("?tab=text&seed=7")


@pytest.mark.parametrize("query", ["", "?", "__theme=dark", {"__sign": "x"}])
def test_a_page_without_a_recipe(query):
    assert from_query(query) == Link()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("tab=song", "The link is for 'song'; there is: text"),
        ("prompt=x", "The link names no tab; add tab=text"),
        ("tab=text&v=2", "The link is of version '2'; this playground opens version 1."),
        ("tab=text&v=", "version ''"),
        ("tab=text&warmth=1", "There is no knob 'warmth'; a text recipe has model, "),
        ("tab=text&temperature=9", "temperature is '9'; a number from 0 to 2 in steps of 0.01 is allowed."),
        ("tab=text&temperature=nan", "temperature is 'nan'"),
        ("tab=text&seed=1.5", "seed is '1.5'; a whole number"),
        ("tab=text&seed=" + "9" * 5000, "seed is '999"),
        ("tab=text&seed=1&seed=2", "The link gives 'seed' twice."),
        ("tab=text&tab=text", "The link gives 'tab' twice."),
        ("tab=text&run=yes", "run is 'yes'; 0 or 1 is allowed."),
        ("tab=text&check=<script>", "check is '<script>'"),
        ("tab=text&kind=text", "There is no knob 'kind'"),
        ("tab=text&model_config=x", "There is no knob 'model_config'"),
        ("<script>alert(1)</script>", "The link names no tab"),
        ("tab=text&prompt=" + "x" * MAX_QUERY, "The link has 32,784 characters; at most 32,768 are allowed."),
        ({"tab": "text", "prompt": "x" * MAX_QUERY}, "at most 32,768"),
    ],
)
def test_a_bad_link_is_told_in_one_sentence(query, sentence):
    with pytest.raises(PlaygroundError) as error:
        from_query(query)
    assert sentence in str(error.value) and str(error.value).isprintable()


@pytest.mark.parametrize("text", ["<b>${x}{{y}}</b>", "\u202eabc", "a\tb\r\nc", "👩‍👩‍👧", "%00%ff", "a+b c", "\ufeff"])
def test_hostile_prompts_travel_as_text(text):
    assert from_query(to_query(TextRecipe.make({"prompt": text}))).values == {"prompt": text}


def test_bytes_that_are_no_text_become_replacement_characters():
    assert from_query("tab=text&prompt=%ff%fe%00").values == {"prompt": "\ufffd\ufffd\ufffd"}


def test_a_prompt_too_long_for_a_link_is_refused_with_a_way_out():
    with pytest.raises(PlaygroundError, match="shorten the prompt, or share the JSON file instead"):
        to_query(TextRecipe.make({"prompt": "é" * 10_000}))


def test_a_start_picture_too_large_for_a_link_is_left_to_files():
    with pytest.raises(PlaygroundError, match="leave out the start picture, or share the file instead"):
        to_query(ImageRecipe.make({"prompt": "a cat", "start": "data:image/png;base64," + "A" * 40_000}))


def test_a_whole_link():
    recipe = TextRecipe.make({"seed": 7})
    link = to_link(recipe, "http://127.0.0.1:7860/", check="0123456789ab")
    assert link == "http://127.0.0.1:7860/?tab=text&v=1&seed=7&check=0123456789ab"
    assert from_link(link + "#top").values == {"seed": 7}


@pytest.mark.parametrize(
    ("asked", "base"),
    [
        (None, "http://127.0.0.1:7860/"),
        ("http://10.0.0.5:8000/?tab=text#x", "http://10.0.0.5:8000/"),
        ("https://me:secret@example.org/play/?a=1", "https://example.org/play/"),
        ("https://example.org", "https://example.org/"),
        ("javascript:alert(1)", "http://127.0.0.1:7860/"),
        ("http://[", "http://127.0.0.1:7860/"),
    ],
)
def test_the_base_of_a_link(asked, base, monkeypatch):
    monkeypatch.delenv("SPACE_HOST", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert base_url(asked) == base


def test_on_a_space_the_link_leads_to_the_space(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "ann/tales")
    monkeypatch.delenv("SPACE_HOST", raising=False)
    assert base_url("http://10.0.0.5:7860/") == "https://huggingface.co/spaces/ann/tales"
    monkeypatch.setenv("SPACE_HOST", "ann-tales.hf.space")
    assert base_url("http://10.0.0.5:7860/") == "https://ann-tales.hf.space/"


def test_metadata_holds_every_knob_under_one_key():
    recipe = TextRecipe.make({"seed": 7})
    metadata = to_metadata(recipe)
    assert metadata == {"playground": {"v": 1, "kind": "text", **recipe.model_dump()}}
    assert from_metadata(metadata) == from_metadata(json.dumps(metadata)) == Link("text", recipe.model_dump())


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ("{", "The file's metadata is not JSON."),
        ("[" * 100_000, "The file's metadata is not JSON."),
        ("[]", "The file holds no recipe"),
        ({"parameters": "x"}, "The file holds no recipe"),
        ({"playground": "x"}, "A recipe is a JSON object, not 'x'."),
        ({"playground": {"kind": ["text"]}}, "The recipe is for ['text']; there is: text"),
        ({"playground": {"kind": "text", "v": 99}}, "The recipe is of version 99"),
        ({"playground": {"kind": "text", "seed": {}}}, "seed is {}; a whole number"),
        ({"playground": {"kind": "text", "prompt": [1]}}, "prompt is [1]; a text"),
    ],
)
def test_bad_metadata_is_told_in_one_sentence(metadata, sentence):
    with pytest.raises(PlaygroundError) as error:
        from_metadata(metadata)
    assert sentence in str(error.value)


def test_the_names_that_links_and_records_use_are_not_knobs():
    for recipe in Recipe.kinds.values():
        assert not {"tab", "v", "run", "check", "kind"} & set(recipe.model_fields)
        assert not any(name.startswith("__") for name in recipe.model_fields)


def test_a_record_without_a_knob_of_a_later_release_still_opens():
    assert from_record({"kind": "text", "v": 1, "seed": 3}) == Link("text", {"seed": 3})
