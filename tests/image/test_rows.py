"""Rows that share a call: each as it is alone, in any company, and nothing is lost where a network fails."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from playground.image.forward import Forward
from playground.image.rows import MOST, Desk, Network
from tests.image.test_forward import question, random_unet

ONE = torch.ones(1, 2, 3, 3)


def rows_of(count: int) -> list[tuple[torch.Tensor, ...]]:
    return [(k * ONE, torch.full((1, 1), float(k))) for k in range(count)]


def network_of(call) -> Network:
    return Network(call, lambda: rows_of(MOST))


def only_one(x, y):
    if len(x) > 1:
        raise RuntimeError("made for one")
    return x


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (lambda x, y: 2 * x + y[:, :, None, None], MOST),
        (lambda x, y: x + (len(x) > 2), 2),
        (lambda x, y: x + 1e-7 * (len(x) - 1), 1),
        (only_one, 1),
        (lambda x, y: x * torch.nan, 1),
    ],
    ids=["of any number", "up to two", "rounds otherwise", "made for one", "overflows"],
)
def test_as_many_share_a_call_as_come_out_bit_for_bit_alike(call, most):
    network = network_of(call)
    network.measure()
    assert network.most == most


class Held:
    """A network whose calls last until they are let go."""

    def __init__(self) -> None:
        self.sizes, self.begun, self.go = [], threading.Semaphore(0), threading.Event()

    def __call__(self, x, y):
        self.sizes.append(len(x))
        self.begun.release()
        self.go.wait()
        return x + y[:, :, None, None]


def test_two_rows_keep_two_threads_busy_and_those_that_come_meanwhile_share_calls():
    desk, held = Desk(2), Held()
    network, other = network_of(held), network_of(lambda x, y: -x)
    network.most = other.most = MOST
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(desk.ask, [(network, row) for row in rows_of(2)])
        held.begun.acquire(), held.begun.acquire()
        rest = [pool.submit(desk.ask, [(network, row) for row in rows_of(3)]) for _ in range(3)]
        stranger = pool.submit(desk.ask, [(other, row) for row in rows_of(1)])
        while len(desk._waiting) < 10:
            pass
        held.go.set()
        found = [one.result() for one in (first, *rest)]
        assert torch.equal(stranger.result()[0], -rows_of(1)[0][0])
    assert held.sizes[:2] == [1, 1] and max(held.sizes) > 1 and sum(held.sizes) == 11
    for answers in found:
        assert all(torch.equal(answer, 2 * k * ONE) for k, answer in enumerate(answers))


def test_a_network_that_fails_tells_everybody_who_asked_it_and_nobody_else():
    desk = Desk(2)
    broken, whole = network_of(lambda x, y: 1 / 0), network_of(lambda x, y: x)
    broken.most = MOST
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            desk.ask([(broken, row) for row in rows_of(4)])
        assert len(desk.ask([(whole, row) for row in rows_of(4)])) == 4
    assert desk._free == 2 and not desk._waiting


def test_many_who_ask_at_once_get_what_each_gets_alone():
    unet = random_unet()
    forward = Forward(unet)
    questions = []
    for seed in range(9):
        latents, words = question(unet, texts=1 + seed % 2, side=(16, 8)[seed % 3 == 2], seed=seed)
        questions.append((latents, torch.tensor(100 * seed + 7), forward.about(words)))
    alone = [forward.ask([one])[0] for one in questions]
    for _ in range(3):
        with ThreadPoolExecutor(9) as pool:
            found = [told for (told,) in pool.map(lambda one: forward.ask([one]), questions)]
        assert all(torch.equal(one, other) for one, other in zip(alone, found, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(alone, forward.ask(questions), strict=True))
