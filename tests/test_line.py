"""The line: who is let in, in which order, who is refused, and what is told to those who wait."""

import random
import threading

import pytest

from playground.line import FAR, Limits, Line, LineFullError, ordinal
from playground.pace import about

LIMITS = Limits(running=4, waiting=6, running_per_client=2, waiting_per_client=3)
ONE = Limits(running=1, waiting=20, running_per_client=1, waiting_per_client=8)


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def let_in(places) -> list[bool]:
    return [place.wait(0) for place in places]


def test_a_client_runs_so_many_and_the_others_of_it_wait():
    line = Line(LIMITS)
    greedy = [line.join("a/1") for _ in range(4)]
    assert let_in(greedy) == [True, True, False, False]
    assert line.join("b/1").wait(0)
    greedy[1].leave()
    assert let_in(greedy) == [True, True, True, False]


@pytest.mark.parametrize(
    ("waiting", "client", "sentence"),
    [
        (["a/1"] * 5, "a/1", "You already have 3 waiting here: let one of them go on, or stop one, and try again."),
        (
            [f"a/{k}" for k in range(5)],
            "a/9",
            "Your network address already has 3 waiting here: try again when one of them has begun.",
        ),
        (
            [f"{address}/{k}" for k in range(5) for address in "ab"],
            "c/1",
            "The line is full: 6 are waiting here already. Try again in a minute.",
        ),
    ],
)
def test_who_is_too_much_is_told_why(waiting, client, sentence):
    line = Line(LIMITS)
    for one in waiting:
        line.join(one)
    with pytest.raises(LineFullError) as told:
        line.join(client)
    assert str(told.value) == sentence


def test_no_room_to_wait_is_room_to_run():
    line = Line(Limits(2, 1, 1, 0))
    place = line.join("a")
    with pytest.raises(LineFullError, match="You already have 1 running here"):
        line.join("a")
    place.leave()
    assert line.join("a").wait(0)


def test_half_of_all_is_left_for_other_addresses():
    line = Line(LIMITS)
    near = [line.join(f"a/{k}") for k in range(5)]
    assert let_in(near) == [True, True, False, False, False]
    assert line.join("b/1").wait(0)


def test_limits_of_a_client_above_half_of_all_hold_for_its_address_too():
    limits = Limits(running=32, waiting=64, running_per_client=32, waiting_per_client=64)
    line = Line(limits)
    assert all(let_in([line.join(f"a/{k}") for k in range(32)]))


def test_a_free_place_goes_round_between_clients():
    line = Line(ONE)
    first = line.join("a/1")
    waiting = {name: line.join(name.split()[0]) for name in ("a/1 1", "a/1 2", "a/1 3", "b/1 1", "c/1 1", "c/1 2")}
    order, inside = [], first
    while waiting:
        inside.leave()
        name = next(name for name, place in waiting.items() if place.wait(0))
        inside = waiting.pop(name)
        order.append(name)
    assert order == ["b/1 1", "c/1 1", "a/1 1", "c/1 2", "a/1 2", "a/1 3"]


def test_a_run_that_follows_is_never_refused_and_still_waits():
    line = Line(ONE)
    line.join("a")
    for _ in range(8):
        line.join("a")
    follows = line.join("a", follows=True)
    assert not follows.wait(0)
    with pytest.raises(LineFullError):
        line.join("a")


def test_who_is_refused_leaves_nothing_behind():
    line = Line(LIMITS)
    places = [line.join("a/1") for _ in range(5)]
    for _ in range(10):
        with pytest.raises(LineFullError):
            line.join("a/1")
    for place in places:
        place.leave()
        place.leave()
    house = line._house
    assert not (house.inside or house.waiting or house.runs or house.at_address or house.rota._served)


def test_nobody_in_particular_and_a_line_without_limits_wait_for_nothing():
    line = Line(Limits(1, 1, 1, 0))
    line.join("a")
    assert all(let_in([line.join("") for _ in range(50)]))
    assert all(let_in([Line().join("a") for _ in range(50)]))


def test_the_place_and_the_time_come_from_running_the_rule_ahead():
    line = Line(ONE, clock := Clock())
    line.join("a/1", 10)
    mine = [line.join("a/1", 4), line.join("a/1", 4)]
    other = line.join("b/1", 2)
    assert [place.outlook() for place in (other, *mine)] == [(1, 10.0), (2, 12.0), (3, 16.0)]
    assert other.told() == "Next in line, about 10 s …"
    assert mine[1].told() == "3rd in line, about 16 s, as 1 of yours is running …"
    clock.now += 7
    assert other.outlook() == (1, 3.0)
    clock.now += 7  # it takes longer than was thought
    assert other.told() == "Next in line, any moment now …"


def test_several_places_free_up_at_their_own_times():
    line = Line(Limits(2, 20, 2, 8), Clock())
    line.join("a", 5)
    line.join("b", 3)
    assert [line.join(client, 9).outlook() for client in "cde"] == [(1, 3.0), (2, 5.0), (3, 12.0)]


def test_a_time_that_hangs_on_a_run_of_unknown_length_is_not_told():
    line = Line(ONE, Clock())
    line.join("a/1")
    waiting = line.join("b/1", 3)
    assert waiting.outlook() == (1, None) and waiting.told() == "Next in line …"


def test_who_has_been_let_in_stands_in_no_line():
    line = Line(ONE)
    first, second = line.join("a"), line.join("b")
    second.told()
    first.leave()
    assert second.outlook() == (0, 0.0) and second.told() == "Let in …"


def test_very_far_back_is_told_as_that():
    line = Line(Limits(1, 1000, 1, 1000), Clock())
    places = [line.join("a", 1) for _ in range(FAR + 3)]
    assert places[FAR].outlook()[0] == FAR
    assert places[-1].told() == f"More than {FAR} come first …"


def test_looking_ahead_changes_nothing():
    chance = random.Random(7)
    line = Line(Limits(3, 50, 2, 40), Clock())
    places = [line.join(f"{chance.choice('abc')}/{chance.randrange(2)}", chance.randrange(1, 9)) for _ in range(30)]
    expected = sorted((place for place in places if not place.wait(0)), key=lambda place: place.outlook()[0])
    assert [place.outlook()[0] for place in expected] == list(range(1, len(expected) + 1))
    assert all(place.outlook()[0] == 0 for place in places if place not in expected)


def test_many_threads_never_go_in_beyond_the_limits_and_all_get_in():
    line, lock, inside, most, entered = Line(Limits(3, 1000, 2, 1000)), threading.Lock(), [], [], []

    def run(k: int) -> None:
        for _ in range(10):
            place = line.join(f"{k % 2}/{k}")
            if place.wait(0.0005) or place.wait():
                with lock:
                    inside.append(place.client)
                    most.append((len(inside), max(inside.count(one) for one in inside)))
                    entered.append(k)
                    inside.remove(place.client)
            place.leave()

    threads = [threading.Thread(target=run, args=(k,)) for k in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 90 and all(all_in <= 3 and own <= 2 for all_in, own in most)
    assert not line._house.inside and not line._house.waiting


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (23, "23rd")]
)
def test_ordinals(number, word):
    assert ordinal(number) == word


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "any moment now"), (4.2, "about 4 s"), (89, "about 89 s"), (150, "about 2 min")]
)
def test_times_to_come(seconds, words):
    assert about(seconds) == words
