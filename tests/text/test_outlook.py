"""Who gets the next free slot of a shared batch, and when."""

import pytest

from playground.recipes import TextRecipe
from playground.text.batcher import Run, Sample
from playground.text.outlook import following, outlook


def samples(client: str, count: int, *, length: int = 10, run: Run | None = None) -> list[Sample]:
    run = run or Run(client=client)
    recipe = TextRecipe.make({"max_new_tokens": length, "seed": 1})
    return [Sample(run, k, recipe, [1]) for k in range(count)]


def take(waiting: list[Sample], count: int) -> list[Sample]:
    taken = [waiting.pop(0) for _ in range(count)]
    for sample in taken:
        sample.run.running += 1
    return taken


@pytest.mark.parametrize(
    ("running", "waiting", "expected"),
    [
        (["a/1"], ["a/1", "a/2"], "a/2"),  # of an address the client that has fewer
        (["a/1", "a/1", "b/1"], ["a/2", "b/1"], "b/1"),  # but first the address that has fewer
        (["", ""], ["", "a/1"], "a/1"),
    ],
)
def test_the_next_slot_goes_to_whoever_has_the_fewest(running, waiting, expected):
    having = [sample for client in running for sample in take(samples(client, 1), 1)]
    coming = [sample for client in waiting for sample in samples(client, 1)]
    assert following(coming, having).run.client == expected


def test_among_equals_the_first_is_next():
    one, other = samples("", 2), samples("", 2)
    assert following([*one, *other], []) is one[0]


def test_the_place_counts_runs_and_the_steps_are_those_until_a_slot_is_free():
    running = take(first := samples("a", 2, length=10), 2)
    other = samples("b", 3, length=4)
    mine = samples("c", 1, length=4)
    waiting = [*first, *other, *mine]
    assert outlook(other[0].run, waiting, running, slots=2) == (1, 10)
    assert outlook(mine[0].run, waiting, running, slots=2) == (2, 10)


def test_a_run_of_the_same_client_comes_after_those_of_others():
    running = take(samples("a", 2, length=10), 2)
    own, other = samples("a", 1, length=10), samples("b", 2, length=7)
    waiting = [*own, *other]
    assert outlook(other[0].run, waiting, running, slots=2) == (1, 10)
    assert outlook(own[0].run, waiting, running, slots=2) == (2, 10)


def test_where_slots_are_free_nobody_waits():
    waiting = samples("a", 1)
    assert outlook(waiting[0].run, waiting, [], slots=8) == (1, 0)


def test_tokens_that_are_there_are_no_more_waited_for():
    running = take(samples("a", 1, length=10), 1)
    running[0].tokens += [None] * 9
    waiting = samples("b", 1)
    assert outlook(waiting[0].run, waiting, running, slots=1) == (1, 1)
