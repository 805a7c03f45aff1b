"""Windows are a pure function of their place, cover every token, and never let a special token into a body."""

import random

import numpy as np
import pytest

from playground.text.data import Story, keywords
from playground.text.model import CHAPTER, SPECIAL, TALE, train_tokenizer
from playground.text.windows import TaleWindows
from tests.conftest import TALE as TEXT

LENGTHS = (64, 128, 512)
SUBJECTS = ("spindle", "mill", "witch", "swan", "apple", "ship")


def make_stories(count: int = 24) -> list[Story]:
    """Tales and chapters of many lengths, no two alike; all spell special tokens out."""
    draw = random.Random(0)
    vocabulary = [word.strip('.,"') for word in TEXT.split()] + ["dragon", "key", "".join(SPECIAL)]
    return [
        Story(
            f"Book {n % 4}",
            n,
            "Jane Doe, John Roe",
            f"The Tale of the {n}th Dragon",
            "chapter" if n % 3 == 0 else "tale",
            " ".join(draw.choice(vocabulary) for _ in range(5 + 12 * n)) + f" {SUBJECTS[n % 6]}" * 3,
        )
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([TEXT] * 4, 512)


@pytest.fixture(scope="module")
def windows(tokenizer):
    return TaleWindows(make_stories(), tokenizer, seed=0)


def bodies(tokenizer) -> list[list[int]]:
    found = tokenizer([s.text for s in make_stories()], add_special_tokens=False, split_special_tokens=True)
    return [[*ids, tokenizer.eos_token_id] for ids in found["input_ids"]]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_window_is_a_pure_function_of_its_place(length, windows, tokenizer):
    again = TaleWindows(make_stories(), tokenizer, seed=0)
    places = [(0, 0), (0, windows.count(length) - 1), (3, 1), (1, 2)]
    for epoch, index in places:
        expected = windows.window(epoch, index, length)
        assert expected.shape == (length + 1,) and expected.dtype == np.int64
        assert np.array_equal(again.window(epoch, index, length), expected)
    for epoch, index in reversed(places):
        assert np.array_equal(again.window(epoch, index, length), windows.window(epoch, index, length))


def test_seed_and_epoch_change_the_windows(windows, tokenizer):
    other = TaleWindows(make_stories(), tokenizer, seed=1)
    assert not np.array_equal(other.batch(0, 8, 64), windows.batch(0, 8, 64))
    assert not np.array_equal(windows.batch(windows.count(64), 8, 64), windows.batch(0, 8, 64))


def test_batches_run_on_into_the_next_epoch(windows):
    count = windows.count(64)
    across = windows.batch(count - 1, 2, 64)
    assert np.array_equal(across, np.stack([windows.window(0, count - 1, 64), windows.window(1, 0, 64)]))


@pytest.mark.parametrize("world", [2, 3, 4])
def test_the_shares_of_all_processes_make_up_the_global_batch(windows, world):
    whole = windows.batch(12, 12, 64)
    shares = [whole[rank::world] for rank in range(world)]
    rebuilt = np.empty_like(whole)
    for rank, share in enumerate(shares):
        assert len(share) == 12 // world
        rebuilt[rank::world] = share
    assert np.array_equal(rebuilt, whole)


def strip(window: np.ndarray, tokenizer) -> list[list[int]]:
    """Runs of body tokens that a window asks for, each with what it stands after; headers are left out."""
    markers = set(
        tokenizer.convert_tokens_to_ids([t for t in SPECIAL if t.endswith(("style|>", "about|>", "title|>"))])
    )
    kinds = set(tokenizer.convert_tokens_to_ids([TALE, CHAPTER]))
    runs, inside, run = [], window[0] not in markers | kinds, []
    for n, token in enumerate(window.tolist()):
        if token in markers | kinds:
            runs, run = runs + [run] * bool(run), []
            inside = token in kinds
        elif inside and n > 0:
            run.append(token)
            if token == tokenizer.eos_token_id:
                runs, run, inside = [*runs, run], [], False
    return runs + [run] * bool(run)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_an_epoch_asks_for_every_token(length, epoch, windows, tokenizer):
    asked = [run for i in range(windows.count(length)) for run in strip(windows.window(epoch, i, length), tokenizer)]
    runs = [f" {' '.join(map(str, run))} " for run in asked]
    for body in bodies(tokenizer):
        whole = f" {' '.join(map(str, body))} "
        covered = np.zeros(len(body), bool)
        for run, ids in zip(runs, asked, strict=True):
            if (at := whole.find(run)) >= 0:
                start = whole[:at].count(" ")
                covered[start : start + len(ids)] = True
        assert covered.all(), f"{(~covered).sum()} of {len(body)} tokens are never asked for"


def test_an_epoch_is_not_much_longer_than_its_tokens(tokenizer):
    stories = [Story("B", n, "A B", f"T{n}", "tale", TEXT * 8) for n in range(10)]
    windows = TaleWindows(stories, tokenizer, seed=0)
    assert windows.count(64) * 64 < 1.2 * windows.tokens


def test_special_tokens_stand_only_where_the_layout_has_them(windows, tokenizer):
    kinds = tokenizer.convert_tokens_to_ids([TALE, CHAPTER])
    fields = {i for i in tokenizer.all_special_ids if i not in {*kinds, tokenizer.eos_token_id, tokenizer.pad_token_id}}
    for row in windows.batch(0, windows.count(128), 128):
        opened = False
        for before, token in zip([None, *row[:-1].tolist()], row.tolist(), strict=True):
            assert token != tokenizer.pad_token_id
            if token in fields:
                assert opened or before in (None, tokenizer.eos_token_id), "a header begins a story"
                opened = True
            elif token in kinds:
                assert opened or before in (None, tokenizer.eos_token_id), "a kind begins a story"
                opened = False
            elif before == tokenizer.eos_token_id:
                pytest.fail("after an end comes a header or a kind")


def test_beginnings_carry_headers_by_chance_and_their_kind_always(windows, tokenizer):
    rows = windows.batch(0, 8 * windows.count(128), 128)
    firsts = [row[0] for row in rows if row[0] in tokenizer.all_special_ids]
    share = {token: firsts.count(tokenizer.convert_tokens_to_ids(token)) / len(firsts) for token in SPECIAL}
    assert share["<|style|>"] > share["<|about|>"] > 0 and share["<|title|>"] > 0
    assert 0.2 < share[TALE] + share[CHAPTER] < 0.5
    assert sum(share.values()) == pytest.approx(1)


def test_header_values_are_of_the_data(windows, tokenizer):
    known = {word for words in keywords(make_stories()) for word in words}
    assert known >= set(SUBJECTS)
    seen: dict[str, set[str]] = {token: set() for token in SPECIAL}
    for row in windows.batch(0, 60, 512):
        field, value = None, []
        for token in row.tolist():
            if token in tokenizer.all_special_ids:
                if field:
                    seen[field].add(tokenizer.decode(value))
                field, value = tokenizer.convert_ids_to_tokens(token), []
            else:
                value.append(token)
    assert seen["<|style|>"] == {"Doe and Roe", *(f"Book {n}" for n in range(4))}
    assert seen["<|title|>"] <= {story.title for story in make_stories()}
    assert seen["<|about|>"] and {word for value in seen["<|about|>"] for word in value.split(", ")} <= known
