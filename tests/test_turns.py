"""Turns: one run at a time, fair by address, then by client, then by run, whoever leaves and whenever."""

import itertools
import threading

import pytest

from playground.turns import MEMORY, Turns, address_of, asking, who_asks


def served(turns: Turns, takers: dict, count: int) -> list[str]:
    """Who gets the next turns where all wait all the time: a thread each, held up until all others wait."""
    order: list[str] = []
    done = threading.Event()
    for taker in takers.values():
        taker.take(0)
        taker.give()

    def run(name: str) -> None:
        while not done.is_set():
            takers[name].take()
            until_waiting(turns, len(takers) - 1, done)
            if not done.is_set():
                order.append(name)
            if len(order) >= count:
                done.set()
            takers[name].give()

    threads = [threading.Thread(target=run, args=(name,)) for name in takers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return order[:count]


def until_waiting(turns: Turns, count: int, done: threading.Event) -> None:
    while len(turns._waiting) < count and not done.wait(0.001):
        pass


def test_one_client_with_many_runs_gets_no_more_turns_than_one_with_one():
    turns = Turns(0)
    takers = {f"greedy {k}": turns.join("a/1") for k in range(6)} | {"other": turns.join("b/1")}
    order = served(turns, takers, 24)
    assert {order[k::2].count("other") for k in (0, 1)} == {0, 12}  # every second one
    greedy = [name for name in order if name != "other"]
    assert all(len(set(greedy[k : k + 6])) == 6 for k in range(0, 12, 6))


def test_one_address_with_many_clients_gets_no_more_turns_than_one_with_one():
    turns = Turns(0)
    takers = {f"near {k}": turns.join(f"a/{k}") for k in range(4)} | {"far": turns.join("b/1")}
    assert served(turns, takers, 20).count("far") == 10


def test_clients_of_one_address_share_its_turns_evenly():
    turns = Turns(0)
    takers = {"three 0": turns.join("a/1"), "three 1": turns.join("a/1"), "one": turns.join("a/2")}
    assert served(turns, takers, 12).count("one") == 6


def test_coming_anew_gains_no_turn():
    turns = Turns(0)
    patient, restless, holder = (turns.join(client) for client in "abc")
    for taker in (patient, restless):
        taker.take()
        taker.give()
    restless.leave()
    anew = turns.join("b")
    holder.take()
    threads = [threading.Thread(target=taker.take) for taker in (anew, patient)]
    for thread in threads:
        thread.start()
    until_waiting(turns, 2, threading.Event())
    holder.leave()
    threads[1].join()
    assert turns._holders == [patient]
    patient.leave()
    threads[0].join()
    anew.leave()
    assert not turns.locked()


def test_whoever_has_never_had_a_turn_is_next():
    turns = Turns(0)
    old, holder, new = turns.join("a"), turns.join("b"), None
    old.take()
    old.give()
    holder.take()
    new = turns.join("c")
    threads = [threading.Thread(target=taker.take) for taker in (old, new)]
    for thread in threads:
        thread.start()
    until_waiting(turns, 2, threading.Event())
    holder.leave()
    threads[1].join()
    assert turns._holders == [new]
    new.leave()
    threads[0].join()
    old.leave()


def test_a_run_is_first_until_its_slice_is_used_and_then_last():
    now = [0.0]
    turns = Turns(1.0, lambda: now[0])
    takers = {name: turns.join(name) for name in "abc"}
    order = []
    for _ in range(9):  # steps of 0.4 s, while all ask all the time
        turns._waiting = [taker for taker in takers.values() if taker not in turns._holders]
        if not turns._holders:
            turns._waiting.remove(takers["a"])
            takers["a"].take()
        order.append(next(name for name, taker in takers.items() if turns._holders == [taker]))
        now[0] += 0.4
        turns._waiting.append(turns._holders[0])
        turns._holders[0].give()
    assert "".join(order) == "aaabbbccc"


def test_who_does_not_ask_loses_only_the_steps_in_between():
    turns = Turns(1.0, lambda: 0.0)
    first, second = turns.join("a"), turns.join("b")
    first.take()
    threads = [threading.Thread(target=second.take)]
    threads[0].start()
    until_waiting(turns, 1, threading.Event())
    first.give()
    threads[0].join()
    third = turns.join("c")
    threads = [threading.Thread(target=taker.take) for taker in (third, first)]
    for thread in threads:
        thread.start()
    until_waiting(turns, 2, threading.Event())
    second.give()
    threads[1].join()
    assert turns._holders == [first]
    for taker in (first, second, third):
        taker.leave()
    threads[0].join()


def test_short_runs_one_after_the_other_count_as_one_long_one():
    turns = Turns(1.0, lambda: 0.0)
    once = turns.join("many/1")
    once.take()
    once.leave()
    holder, again, other = turns.join("x"), turns.join("many/1"), turns.join("one/1")
    holder.take()
    threads = [threading.Thread(target=taker.take) for taker in (again, other)]
    for thread in threads:
        thread.start()
    until_waiting(turns, 2, threading.Event())
    holder.leave()
    threads[1].join()
    assert turns._holders == [other]
    other.leave()
    threads[0].join()
    again.leave()


def test_who_gave_up_waiting_is_passed_over():
    turns = Turns()
    first, gone, last = turns.join("a"), turns.join("b"), turns.join("c")
    first.take()
    assert not gone.take(0.001)
    thread = threading.Thread(target=last.take)
    thread.start()
    until_waiting(turns, 1, threading.Event())
    first.give()
    thread.join()
    assert turns._holders == [last]
    for taker in (first, gone, last):
        taker.leave()
    assert not turns.locked() and not turns._rota._served


def test_who_is_interrupted_while_waiting_leaves_no_trace():
    turns = Turns()
    first, interrupted = turns.join("a"), turns.join("b")
    first.take()
    turns._waiting.append(interrupted)  # as an interrupt in the middle of `take` leaves it
    interrupted.leave()
    first.leave()
    assert not turns.locked() and not turns._waiting and not turns._rota._served


def test_giving_without_having_does_nothing():
    turns = Turns()
    one, other = turns.join("a"), turns.join("b")
    one.take()
    other.give()
    other.leave()
    other.leave()
    assert turns.locked()
    one.leave()
    assert not turns.locked()


def test_a_with_block_holds_the_turn_and_a_mistake_in_it_frees_it():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns:
        assert turns.locked()
        1 / 0  # noqa: B018
    assert not turns.locked() and not turns._rota._served


def test_of_strangers_little_is_kept():
    turns = Turns()
    for k in range(MEMORY + 100):
        taker = turns.join(f"a/{k}")
        taker.take()
        taker.leave()
    assert not turns._rota._served and not turns._rota._present and len(turns._rota._gone) == MEMORY


def test_many_threads_that_come_take_and_leave_end_with_a_free_turn():
    turns, inside, most = Turns(), itertools.count(), []

    def run(k: int) -> None:
        for round in range(30):
            taker = turns.join(f"{k % 3}/{k % 5}")
            if taker.take(0.0005 if round % 2 else None):
                most.append(turns._holders == [taker])
                next(inside)
            if round % 3:
                taker.give()
            taker.leave()

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(most) and not turns.locked() and not turns._waiting and not turns._rota._served


def test_the_client_that_is_asked_for_is_known_inside_only():
    with asking("a/1"):
        assert who_asks() == "a/1"
        with asking("b"):
            assert who_asks() == "b"
        assert who_asks() == "a/1"
    assert who_asks() == ""


@pytest.mark.parametrize(("client", "address"), [("a/1", "a"), ("a/1/2", "a"), ("a", "a"), ("", ""), ("/x", "")])
def test_the_address_stands_before_the_first_slash(client, address):
    assert address_of(client) == address


def test_as_many_as_there_are_seats_have_a_turn_at_once():
    turns = Turns(seats=3)
    takers = [turns.join("a") for _ in range(4)]
    assert [taker.take(0) for taker in takers] == [True, True, True, False]
    takers[1].give()
    assert takers[3].take(0)
    for taker in takers:
        taker.leave()
    assert not turns.locked() and not turns._rota._served


def test_a_seat_goes_to_whose_address_and_client_have_the_fewest():
    turns = Turns(0, seats=3)
    greedy = [turns.join("a/1") for _ in range(4)]
    near, far = turns.join("a/2"), turns.join("b/1")
    for taker in greedy[:3]:
        taker.take()
    threads = [threading.Thread(target=taker.take) for taker in (greedy[3], near, far)]
    for thread in threads:
        thread.start()
    until_waiting(turns, 3, threading.Event())
    for expected, giver in zip((far, near, greedy[3]), greedy[:3], strict=True):
        giver.give()
        assert expected in turns._holders
    for taker in (*greedy, near, far):
        taker.leave()
    for thread in threads:
        thread.join()


def test_a_with_block_has_all_seats_and_waits_until_nobody_has_one():
    turns, inside = Turns(seats=2), threading.Event()
    first, second = turns.join("a"), turns.join("b")
    first.take()

    def alone() -> None:
        with turns:
            inside.set()
            assert len(turns._holders) == 1 and not second.take(0)

    thread = threading.Thread(target=alone)
    thread.start()
    until_waiting(turns, 1, threading.Event())
    assert not inside.is_set()
    first.give()
    thread.join()
    assert inside.is_set() and second.take(0)
    first.leave()
    second.leave()


def test_who_stops_waiting_to_be_alone_lets_those_behind_in():
    turns = Turns(seats=2)
    first, alone, second = turns.join("a"), turns.join(alone=True), turns.join("b")
    first.take()
    threads = [threading.Thread(target=taker.take) for taker in (alone, second)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        until_waiting(turns, number, threading.Event())
    assert turns._holders == [first]
    alone.leave()
    threads[1].join()
    assert turns._holders == [first, second]
    turns._holders.append(alone)  # so that its thread ends
    alone._mine.set()
    threads[0].join()
