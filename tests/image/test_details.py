"""What words leave open: told in signs that are one token each, thrown from the seed, never against the prompt."""

import pytest

from playground.image.captions import write_caption
from playground.image.details import OPENING, add_details, read_details, spell_details, write_details
from playground.image.imagining import complete, imagine
from playground.image.model import LENGTH, make_tokenizer
from playground.image.reading import Saying, read_caption, split_details
from playground.image.world import draw_scene

PROMPTS = (
    "a cat",
    "a small red car on the left, on a beach at night",
    "three apples on a wooden table",
    "two dogs in space",
    "a white rabbit with glasses in a garden",
    "a dog to the left of a tree",
    "a frog above a green book on a pink background",
    "a hamburger next to a guitar",
    "a robot wearing a hat",
)


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def test_every_sign_is_one_token_and_all_fit(tokenizer):
    for index in range(1_000):
        scene = draw_scene(0, index, "all")
        caption = write_caption(scene, 0)
        details = write_details(scene, caption)
        whole = tokenizer(f"{caption} {details}").input_ids
        assert len(whole) == len(tokenizer(caption).input_ids) + len(details.split())
        assert len(whole) <= LENGTH


def test_a_pair_is_told_in_the_order_of_its_names():
    scene = next(s for s in (draw_scene(0, index) for index in range(100)) if s.layout == "pair")
    captions = {read_caption(c).things[0].noun: c for c in (write_caption(scene, telling) for telling in range(20))}
    first, second = (write_details(scene, captions[thing.noun]).split(OPENING)[1:] for thing in scene.things)
    assert [part.strip() for part in first] == [part.strip() for part in reversed(second)]


def test_training_tells_all_some_or_nothing():
    scene = draw_scene(0, 3)
    caption = write_caption(scene, 0)
    told = {add_details(scene, caption, telling) for telling in range(200)}
    whole = f"{caption} {write_details(scene, caption)}"
    assert {caption, whole} < told
    assert all(text.startswith(caption) and len(text) <= len(whole) for text in told)


def boxes(prompt: str) -> list[tuple[str, ...]]:
    return [tuple(signs[name] for name in ("extent", "column", "row")) for signs in read_details(prompt)]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_is_made_up_fits_the_prompt_and_differs_by_seed(prompt):
    saying = read_caption(prompt)
    scenes = [imagine(saying, seed) for seed in range(8)]
    assert all(saying.fits(scene) or saying.place is None for scene in scenes)
    assert all(saying.position in (None, scene.position) for scene in scenes)
    assert len({complete(prompt, seed) for seed in range(8)}) > 4
    assert complete(prompt, 3) == complete(prompt, 3)
    assert read_caption(complete(prompt, 3)) == saying


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_variation_leads_from_one_seeds_details_to_the_others(prompt):
    way = [complete(prompt, 3, 8, strength / 20) for strength in range(21)]
    assert way[0] == complete(prompt, 3) and way[-1] == complete(prompt, 8)
    assert way == sorted(way, key=way.index)  # what has changed stays so
    assert all(read_caption(told) == read_caption(prompt) for told in way)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_all_things_of_a_variation_stand_where_those_of_one_seed_do(prompt):
    ends = [boxes(complete(prompt, seed)) for seed in (3, 8)]
    assert all(boxes(complete(prompt, 3, 8, strength / 20)) in ends for strength in range(21))


@pytest.mark.parametrize(
    "prompt", ["", "xyzzy", "on a beach", "a cat and a dog and a fox", "a cat [ 1 > |", "[", "[[["]
)
def test_what_names_nothing_known_or_has_details_stays_as_it_is(prompt):
    assert complete(prompt, 7) == prompt


def test_a_seed_mirrors_nothing():
    scenes = [imagine(read_caption("three cats"), seed) for seed in range(100)]
    assert not any(thing.flip for scene in scenes for thing in scene.things)


def test_a_colour_that_is_said_is_drawn_as_it_is():
    pairs = [imagine(read_caption("a red cat next to a dog"), seed).named for seed in range(100)]
    assert {cat.shade for cat, _ in pairs} == {0} and len({dog.shade for _, dog in pairs}) > 1


def test_what_no_drawing_can_wear_or_be_is_still_told():
    assert OPENING in complete("a big banana wearing a hat above a small car", 7)
    assert imagine(Saying(), 7) is None


def test_details_are_split_from_words():
    assert split_details("a cat [ 1 > |") == ("a cat", "[ 1 > |")
    assert split_details("a cat") == ("a cat", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a cat", ""),
        ("a cat [ 🐈> | + l d 4", "drawn as 🐈, mirrored, brighter, large, 16 px from the left, 32 px from the top"),
        ("a cat [ 🐱 / = s ! b x", "drawn as 🐱, leaning right, small, 0 px from the left, 80 px from the top"),
        (
            "a cat and a dog [ 🐈 \\ ~ m b 0 [ 🐶> | * s n 0",
            "cat: drawn as 🐈, leaning left, cooler, of medium size, 0 px from the left, 0 px from the top; "
            "dog: drawn as 🐶, mirrored, warmer, small, 80 px from the left, 0 px from the top",
        ),
        ("a cat [ s", "small"),
    ],
)
def test_details_as_people_say_them(text, told):
    assert spell_details(text) == told
