"""The longest copied run, against brute force; what counts as a word; distributions."""

import random

import numpy as np
import pytest

from playground.text.diversity import distinct, ngrams, repetition, words, words_after
from playground.text.memorisation import HORIZON, Concordance, Run, spread


def brute_force(asked: list[str], texts: list[str]) -> int:
    """Longest run of `asked` in any of `texts`, by trying all."""
    known = [f" {' '.join(words(text))} " for text in texts]
    for length in range(len(asked), 0, -1):
        for start in range(len(asked) - length + 1):
            if any(f" {' '.join(asked[start : start + length])} " in text for text in known):
                return length
    return 0


@pytest.mark.parametrize("vocabulary", ["ab", "abcd", "abcdefghijklmnop"])
def test_equals_brute_force(vocabulary):
    draw = random.Random(0)
    for _ in range(60):
        texts = [" ".join(draw.choices(vocabulary, k=draw.randrange(0, 40))) for _ in range(draw.randrange(1, 5))]
        index = Concordance(texts)
        for _ in range(5):
            asked = draw.choices(vocabulary + "z", k=draw.randrange(0, 25))
            run = index.longest_run(asked)
            assert run.length == brute_force(asked, texts)
            if run.length:
                copied = " ".join(asked[run.start : run.start + run.length])
                assert f" {copied} " in f" {texts[run.source]} "


def test_marks_and_capitals_do_not_count_but_words_do():
    index = Concordance(['"Come here," said the Wolf;\n\n"don\'t be afraid."'])
    assert index.longest_run(words("COME HERE said -- the wolf: Don't be afraid!")) == Run(8, 0, 0)
    assert index.longest_run(words("come there said the wolves")).length == 2


def test_a_run_does_not_cross_from_one_text_into_the_next():
    index = Concordance(["one two three", "four five six"])
    assert index.longest_run(words("two three four five")).length == 2


def test_the_source_is_the_text_that_has_the_run():
    index = Concordance(["the fox ran", "", "the wolf slept well", "the wolf ran"])
    assert index.longest_run(words("so the wolf slept")) == Run(3, 1, 2)


def test_nothing_to_ask_and_nothing_to_look_in():
    assert Concordance(["a b"]).longest_run([]) == Run(0)
    assert Concordance([]).longest_run(["a"]) == Run(0)
    assert Concordance([""]).longest_run(["a"]) == Run(0)
    assert Concordance(["a b"]).longest_run(["c"]) == Run(0)


def test_long_repetitions_are_exact_up_to_the_horizon():
    text = " ".join(["again"] * (HORIZON + 50))
    index = Concordance([text + " and", "again and again"])
    assert index.longest_run(["again"] * 300 + ["and"]).length == 301
    numbered = " ".join(f"w{n}" for n in range(HORIZON))
    assert Concordance([numbered, numbered + " end"]).longest_run(words(numbered)).length == HORIZON


def test_words_keep_apostrophes_within_and_drop_marks():
    assert words("Don't 'go', said O'Neil--never! éa_b 3rd") == [
        "don't",
        "go",
        "said",
        "o'neil",
        "never",
        "éa",
        "b",
        "3rd",
    ]


@pytest.mark.parametrize(
    ("prompt", "told", "expected"),
    [
        ("Once upon", " a time", ["a", "time"]),
        ("Once up", "on a time", ["upon", "a", "time"]),
        ("Once upon ", "a time", ["a", "time"]),
        ("", "a time", ["a", "time"]),
        ("the wolf", ".", []),
        ("the wolf", "'s tail", ["wolf's", "tail"]),
    ],
)
def test_words_of_the_prompt_do_not_count(prompt, told, expected):
    assert words_after(prompt + told, prompt) == expected


def test_distinct_is_the_share_of_different_ngrams_of_all_texts():
    texts = [["a", "b", "a"], ["a", "b"]]
    assert distinct(texts, 1) == pytest.approx(2 / 5)
    assert distinct(texts, 2) == pytest.approx(2 / 3)
    assert distinct(texts, 4) == 0


def test_repetition_is_the_share_of_ngrams_seen_before_in_the_same_text():
    loop = ["a", "b", "c", "d"] * 3  # 9 four-grams, 4 different
    assert repetition([loop], 4) == pytest.approx(5 / 9)
    assert repetition([loop, ["a", "b", "c", "d"], ["a"]], 4) == pytest.approx(5 / 18)
    assert repetition([["a"]], 4) == 0
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]


def test_repetition_equals_counting_what_occurred_before():
    draw = random.Random(1)
    for _ in range(50):
        text = draw.choices("ab", k=20)
        grams = ngrams(text, 4)
        assert repetition([text], 4) == pytest.approx(np.mean([gram in grams[:i] for i, gram in enumerate(grams)]))


def test_spread_tells_the_distribution():
    found = spread([*range(1, 100), 26])
    assert (found["min"], found["median"], found["p90"], found["p99"], found["max"]) == (1, 49, 89, 98, 99)
    assert found["share_over_25"] == pytest.approx(0.75)
    assert sum(found["histogram"].values()) == found["texts"] == 100
    assert found["histogram"]["26"] == 2
