"""Recipes: every mistake is one clear sentence, and every recipe survives links, metadata and records unchanged."""

import random

import pytest

from playground.errors import PlaygroundError
from playground.links import from_metadata, from_query, to_metadata, to_query
from playground.recipes import MAX_FORCED, MAX_PROMPT, MAX_SEED, ImageRecipe, Recipe, TextRecipe, limits, show

NUMBER = "temperature is {}; a number from 0 to 2 in steps of 0.01 is allowed."
WHOLE = "seed is {}; a whole number from 0 to 2147483647 is allowed."
BAD = [
    ({"temperature": 2.5}, NUMBER.format("2.5")),
    ({"temperature": -0.01}, NUMBER.format("-0.01")),
    ({"temperature": 0.815}, NUMBER.format("0.815")),
    ({"temperature": "0.815"}, NUMBER.format("'0.815'")),
    ({"temperature": float("nan")}, NUMBER.format("nan")),
    ({"temperature": "nan"}, NUMBER.format("'nan'")),
    ({"temperature": float("-inf")}, NUMBER.format("-inf")),
    ({"temperature": "1e400"}, NUMBER.format("'1e400'")),
    ({"temperature": 10**5000}, NUMBER.format("a number of thousands of digits")),
    ({"temperature": ""}, NUMBER.format("''")),
    ({"temperature": "warm"}, NUMBER.format("'warm'")),
    ({"temperature": "<script>alert(1)</script>"}, NUMBER.format("'<script>alert(1)</script>'")),
    ({"temperature": True}, NUMBER.format("True")),
    ({"temperature": [1]}, NUMBER.format("[1]")),
    ({"temperature": {}}, NUMBER.format("{}")),
    ({"seed": -2}, WHOLE.format("-2")),
    ({"seed": MAX_SEED + 1}, WHOLE.format("2147483648")),
    ({"seed": 1.5}, WHOLE.format("1.5")),
    ({"seed": "1.5"}, WHOLE.format("'1.5'")),
    ({"seed": float("nan")}, WHOLE.format("nan")),
    ({"seed": float("inf")}, WHOLE.format("inf")),
    ({"seed": 10**5000}, WHOLE.format("a number of thousands of digits")),
    ({"seed": True}, WHOLE.format("True")),
    ({"seed": "9" * 5000}, WHOLE.format("'" + "9" * 39 + "…")),
    ({"samples": 0}, "samples is 0; a whole number from 1 to 8 is allowed."),
    ({"prompt": 5}, "prompt is 5; a text of at most 20,000 characters is allowed."),
    ({"prompt": b"\xff"}, r"prompt is b'\xff'; a text of at most 20,000 characters is allowed."),
    ({"prompt": "x" * 1_000_000}, "The prompt has 1,000,000 characters; at most 20,000 are allowed."),
    ({"title": "x" * 201}, "The title has 201 characters; at most 200 are allowed."),
]


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=range(len(BAD)))
def test_a_mistake_is_one_sentence_that_names_knob_value_and_limits(values, sentence):
    with pytest.raises(PlaygroundError) as error:
        TextRecipe.make(values)
    assert str(error.value) == sentence


BAD_PICTURES = [
    ({"scheduler": "karras"}, "scheduler is 'karras'; one of dpmpp_2m, ddim, euler, unipc, .* is allowed."),
    ({"scheduler": 7}, "scheduler is 7; one of dpmpp_2m, .* is allowed."),
    ({"size": 100}, "size is 100; a whole number from 64 to 768 in steps of 64 is allowed."),
    ({"size": "4096"}, "size is '4096'; a whole number from 64 to 768 in steps of 64 is allowed."),
    ({"size": float("nan")}, "size is nan; a whole number from 64 to 768 in steps of 64 is allowed."),
    ({"steps": 0}, "steps is 0; a whole number from 1 to 100 is allowed."),
    ({"guidance_scale": 0.5}, "guidance_scale is 0.5; a number from 1 to 15 in steps of 0.1 is allowed."),
    ({"strength": 1.01}, "strength is 1.01; a number from 0 to 1 in steps of 0.01 is allowed."),
]


@pytest.mark.parametrize(("values", "sentence"), BAD_PICTURES, ids=range(len(BAD_PICTURES)))
def test_a_mistake_about_a_picture_is_one_sentence_too(values, sentence):
    with pytest.raises(PlaygroundError, match=f"^{sentence}$"):
        ImageRecipe.make(values)


@pytest.mark.parametrize("name", ["warmth", "__class__", "model_config", "\x1b[31m\n", 1])
def test_an_unknown_knob_is_told_with_those_there_are(name):
    with pytest.raises(PlaygroundError, match="There is no knob .*; a text recipe has model, .*, stop.") as error:
        TextRecipe.make({name: 1})
    assert str(error.value).isprintable()


def test_a_bad_default_of_a_manifest_is_told_too():
    with pytest.raises(PlaygroundError, match="top_p is 7.0; a number from 0 to 1"):
        TextRecipe.make({}, {"top_p": 7})


def test_what_is_given_wins_over_the_manifest_and_the_manifest_over_the_recipe():
    defaults = {"temperature": 0.5, "top_k": 10}
    recipe = TextRecipe.make({"temperature": 1.0, "top_k": None}, defaults)
    assert (recipe.temperature, recipe.top_k, recipe.top_p) == (1.0, 10, TextRecipe().top_p)


def test_binary_dust_is_wiped_off():
    assert TextRecipe.make({"temperature": 0.1 + 0.2}).temperature == 0.3
    assert TextRecipe.make({"top_p": "0.30"}).top_p == 0.3
    assert str(TextRecipe.make({"temperature": -0.0}).temperature) == "0.0"


@pytest.mark.parametrize("seed", [-1, "-1", -1.0])
def test_seed_minus_one_picks_one(seed):
    seeds = {TextRecipe.make({"seed": seed}).seed for _ in range(8)}
    assert len(seeds) > 1 and all(0 <= s <= MAX_SEED for s in seeds)


def test_what_utf_8_cannot_hold_becomes_a_replacement_character():
    assert TextRecipe.make({"prompt": "a\ud800b\0c"}).prompt == "a\ufffdb\ufffdc"
    assert TextRecipe.make({"prompt": "\ud83d\ude00"}).prompt == "😀"


def test_seeds_go_round():
    assert TextRecipe().with_seed(MAX_SEED + 1).seed == 0


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        TextRecipe().seed = 3


def test_every_knob_has_what_its_control_needs():
    for recipe in Recipe.kinds.values():
        for name, field in recipe.model_fields.items():
            rules = limits(field)
            assert field.title and field.description, name
            assert field.description.endswith("."), name
            shapes = ({"max_length", "lines"}, {"ge", "le", "step"}, {"choices"})
            assert any(shape <= rules.keys() for shape in shapes), name
            assert recipe.make({name: field.default}) == recipe(), name


@pytest.mark.parametrize("forced", ["a b", "-1", "1.5", "1,2", "1 " * (MAX_FORCED + 1), "7 " * 10_000, "99999999"])
def test_what_is_no_list_of_tokens_is_refused_in_a_sentence(forced):
    with pytest.raises(PlaygroundError, match="^(The )?forced .*allowed.$"):
        TextRecipe.make({"forced": forced})


def test_a_forced_prefix_has_one_spelling():
    assert TextRecipe.make({"forced": " 07\n8 "}).forced == "7 8"


def test_values_in_messages_are_short_and_printable():
    assert show("a\nb\x1b") == r"'a\nb\x1b'"
    assert len(show("x" * 10**6)) < 50


def some_recipe(kind: type[Recipe], random: random.Random) -> Recipe:
    """A recipe with every knob at a random place of its range."""
    characters = "abc XYZ 09 &=?#%+;/\\\"'<>{}$|\n\r\té漢👩‍👧\u202e\ufeff\u2028"
    values = {}
    for name, field in kind.model_fields.items():
        rules = limits(field)
        if name == "forced":
            values[name] = " ".join(str(random.randrange(5000)) for _ in range(random.randrange(20)))
        elif "choices" in rules:
            values[name] = random.choice(list(rules["choices"]))
        elif field.annotation is str:
            length = random.randrange(min(rules["max_length"], 300) + 1)
            values[name] = "".join(random.choices(characters, k=length))
        else:
            steps = round((rules["le"] - rules["ge"]) / rules["step"])
            values[name] = rules["ge"] + random.randrange(steps + 1) * rules["step"]
    return kind.make(values)


@pytest.mark.parametrize("kind", Recipe.kinds.values(), ids=Recipe.kinds.keys())
def test_any_recipe_survives_query_metadata_and_options(kind):
    chance = random.Random(0)
    for _ in range(200):
        recipe, defaults = some_recipe(kind, chance), some_recipe(kind, chance).model_dump()
        link = from_query(to_query(recipe, defaults))
        assert kind.make(link.values, defaults) == recipe
        assert kind.make(from_metadata(to_metadata(recipe)).values) == recipe
        assert kind.make({name: str(value) for name, value in recipe.model_dump().items()}) == recipe


def test_the_longest_prompt_is_allowed():
    assert len(TextRecipe.make({"prompt": "x" * MAX_PROMPT}).prompt) == MAX_PROMPT
