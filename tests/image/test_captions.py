"""Captions: true of their scenes, many for each, readable by people and by `read_caption`."""

import pytest

from playground.image.captions import write_caption
from playground.image.phrases import PLACES, TIMES, vocabulary
from playground.image.places import PLACES as PAINTED
from playground.image.reading import Named, read_caption
from playground.image.world import draw_scene

SCENES = [draw_scene(2, index, "all") for index in range(1500)]


def test_every_caption_parses_back_to_its_labels():
    for scene in SCENES:
        for telling in range(2):
            caption = write_caption(scene, telling)
            said = read_caption(caption)
            assert said.unknown == (), caption
            assert said.fits(scene), (caption, said)


def test_a_caption_does_not_fit_another_scene():
    """Wrong words would be found: other scenes fit a caption by chance only."""
    fits = sum(read_caption(write_caption(a, 0)).fits(b) for a, b in zip(SCENES, SCENES[1:], strict=False))
    assert fits / len(SCENES) < 0.01


def test_a_scene_is_told_in_many_ways():
    assert all(len({write_caption(scene, telling) for telling in range(20)}) > 10 for scene in SCENES[:50])
    assert write_caption(SCENES[0], 7) == write_caption(SCENES[0], 7)


def test_all_places_and_nearly_all_phrases_are_used():
    captions = [f" {write_caption(scene, telling)} ".replace(",", "") for scene in SCENES for telling in range(4)]
    told = " ".join(captions).lower()
    phrases = [phrase for kind, all_of_it in vocabulary().items() if kind != "noun" for phrase in all_of_it]
    used = [phrase for phrase in phrases if f" {phrase} " in told]
    assert len(used) / len(phrases) > 0.95
    assert set(PAINTED) <= set(PLACES) and len(TIMES) == 4


def test_articles_suit_their_words():
    captions = [write_caption(scene, telling) for scene in SCENES for telling in range(2)]
    for caption in captions:
        words = caption.replace(",", "").split()
        for word, following in zip(words, words[1:], strict=False):
            if word in ("a", "an") and following[0] in "aeiou":
                assert (word == "an") != following.startswith(("unicorn", "ufo")), caption
            if word == "an":
                assert following[0] in "aeiou", caption


@pytest.mark.parametrize(
    ("text", "things", "rest"),
    [
        ("A Cat!", (Named("cat"),), {}),
        (
            "a big red kitten wearing a crown on the beach at dusk",
            (Named("cat", 1, "red", "large", "crown"),),
            {"place": "beach", "time": "sunset"},
        ),
        ("three doughnuts on a white background", (Named("donut", 3),), {"place": "plain white"}),
        ("a dog to the left of a tree", (Named("dog"), Named("tree")), {"relation": "left of"}),
        ("a robot on the left, at night", (Named("robot"),), {"position": "left", "time": "night"}),
        ("a sea lion under the sea", (Named("seal"),), {"place": "underwater"}),
        ("", (), {}),
    ],
)
def test_prompts_are_read(text, things, rest):
    said = read_caption(text)
    assert said.things == things
    assert {name: getattr(said, name) for name in rest} == rest
    assert said.unknown == ()


def test_unknown_words_are_listed():
    assert read_caption("a zeppelin over a cat, gorgeous").unknown == ("zeppelin", "gorgeous")


def test_the_vocabulary_can_be_browsed_by_kind():
    kinds = vocabulary()
    assert {"noun", "colour", "place", "time", "relation", "worn", "size", "position", "number"} <= set(kinds)
    assert "kitten" in kinds["noun"] and len(kinds["noun"]) > 400
