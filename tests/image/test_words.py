"""Words: what the model has never seen is named, with known words instead; what it knows can be browsed."""

import pytest

from playground.image import phrases
from playground.image.captions import write_caption
from playground.image.nouns import read_nouns
from playground.image.reading import read_caption
from playground.image.words import SYNONYMS, TITLES, distance, unknown_words, vocabulary
from playground.image.world import draw_scene

SEEN = {word for phrase in phrases.meanings() for word in phrase}


def test_captions_have_no_unknown_word():
    for index in range(300):
        caption = write_caption(draw_scene(0, index), index)
        assert unknown_words(caption) == [], caption


def test_the_word_of_the_page_leads_to_the_beach():
    assert unknown_words("a red car on a pier at night") == [("pier", ("beach", "sea"))]


@pytest.mark.parametrize(
    ("prompt", "word", "offered"),
    [
        ("a elefant", "elefant", "elephant"),
        ("a crwon", "crwon", "crown"),
        ("a CTA", "cta", "cat"),
        ("on the kitchn table", "kitchn", "kitchen"),
        ("a chrismas tree", "chrismas", "christmas"),
        ("two goats", "goats", "sheep"),
        ("four cats", "four", "three"),
        ("a pale-blue car", "pale", "palm"),
        ("🐱 on a beach", "🐱", "cat"),
    ],
)
def test_a_word_that_is_meant_or_spelt_alike_is_offered(prompt, word, offered):
    ((found, nearest),) = unknown_words(prompt)
    assert found == word and offered in nearest


def test_what_resembles_nothing_is_told_with_nothing():
    assert unknown_words("a photo of zzyzx") == [("photo", ()), ("zzyzx", ())]


def test_every_word_is_told_once_and_in_order():
    assert [word for word, _ in unknown_words("zzz Yyy zzz, yyy! xxxx")] == ["zzz", "yyy", "xxxx"]


@pytest.mark.parametrize(
    "prompt", ["", "a Cat's hat.", "A CAT!!", "“a cat”", "a cat-dog", "t-rex", "snow-white", "-- ' -'"]
)
def test_spelling_that_changes_nothing_is_no_new_word(prompt):
    assert unknown_words(prompt) == []


def test_what_is_offered_is_known():
    for target, others in SYNONYMS.items():
        assert set(phrases.split_words(target)) <= SEEN, target
        for word in others.split():
            assert unknown_words(word) and target in unknown_words(word)[0][1], f"{word} is known, or leads elsewhere"


@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 2000,
        "a-" * 1000,
        "🐱" * 2000,
        "\u0301" * 2000,
        "'" * 2000,
        "İ" * 2000,
        "ab " * 666,
        "<script>\0\u202e",
        "кот 猫",
    ],
)
def test_hostile_prompts_are_only_words(prompt):
    for word, nearest in unknown_words(prompt):
        assert word and len(nearest) <= 3


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("", "ab", 2), ("cat", "cat", 0), ("cat", "act", 1), ("ca", "abc", 3), ("kitten", "sitting", 3)],
)
def test_the_distance_is_that_of_its_definition(one, other, edits):
    assert distance(one, other) == distance(other, one) == edits


def test_the_vocabulary_can_be_clicked_into_a_prompt():
    found = vocabulary()
    assert {"animals", "food", "colours", "places", "times", "sizes", "numbers", "relations", "worn"} <= found.keys()
    assert "cat" in found["animals"] and "red" in found["colours"] and "on a beach" in found["places"]
    for kind, words in found.items():
        assert words and len(set(words)) == len(words), kind
        for word in words:
            assert not unknown_words(word) and phrases.split_words(word) in phrases.meanings(), word


def test_every_noun_can_be_browsed_and_means_itself():
    found = vocabulary()
    kinds = {noun.kind for noun in read_nouns().values()}
    offered = [word for kind in kinds for word in found[TITLES.get(kind, kind)]]
    assert [read_caption(word).things[0].noun for word in offered] and len(offered) == len(read_nouns())
    assert {read_caption(word).things[0].noun for word in offered} == set(read_nouns())
