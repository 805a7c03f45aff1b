"""Rows of a network's input, computed together where several wait: whoever asks, each comes out as it would alone.

A row is one text's question about one picture. The threads share what waits evenly between those that are free, so
that the two halves of a lonely picture's guidance are computed at once, and those of several pictures in one call.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import torch

MOST = 4  # rows in a call: more are hardly faster, and make whoever joins wait
Row = tuple[torch.Tensor, ...]


class Network:
    """What answers rows, and how many of them at once.

    Args:
        call: of tensors with a row each, the first of them a picture's, makes a tensor with a row each.
        trials: makes `MOST` different rows.

    Attributes:
        most: so many rows at once come out bit for bit as each alone; 0 before that was tried.
    """

    def __init__(self, call: Callable[..., torch.Tensor], trials: Callable[[], Sequence[Row]]) -> None:
        self._call, self._trials, self.most = call, trials, 0

    def measure(self) -> None:
        """Find `most`. Some kernels round by the size of a batch, which depends on library and processor."""
        self.most = 1
        rows = self._trials()
        try:
            alone = [self.answer([row])[0] for row in rows]
            for count in range(2, len(rows) + 1):
                together = self.answer(rows[:count])
                if not all(torch.equal(one, other) for one, other in zip(alone, together, strict=False)):
                    return
                self.most = count
        except Exception:  # it was not made for more than one
            return

    def answer(self, rows: Sequence[Row]) -> Sequence[torch.Tensor]:
        """What comes of each row."""
        if len(rows) == 1:
            return [self._call(*rows[0])]
        first, *others = (torch.cat(parts) for parts in zip(*rows, strict=True))
        return self._call(first.contiguous(memory_format=torch.channels_last), *others).split(1)


@dataclass(eq=False)
class _Asked:
    network: Network
    row: Row
    answer: Future[torch.Tensor] = field(default_factory=Future)


class Desk:
    """Answers rows in threads of its own, each of which computes with one core. Safe to use from several threads."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, "denoiser", initializer=lambda: torch.set_num_threads(1))
        self._free, self._lock = threads, threading.Lock()
        self._waiting: deque[_Asked] = deque()

    def ask(self, rows: Sequence[tuple[Network, Row]]) -> list[torch.Tensor]:
        """What each row's network makes of it.

        Raises:
            Exception: what a network raised.
        """
        asked = [_Asked(network, row) for network, row in rows]
        with self._lock:
            self._waiting.extend(asked)
        for _ in asked:
            self.pool.submit(self._work)
        return [one.answer.result() for one in asked]

    def _work(self) -> None:
        """Answer what waits longest, and what can be answered with it."""
        with self._lock:
            if not self._waiting:
                return  # another thread took it along
            network = self._waiting[0].network
            fit = [one for one in self._waiting if one.network is network]
            share = -(-len(fit) // self._free)
            taken = fit[: min(share, network.most or 1)]
            for one in taken:
                self._waiting.remove(one)
            self._free -= 1
        try:
            with torch.inference_mode():
                made = network.answer([one.row for one in taken])
                for one, answer in zip(taken, made, strict=True):
                    one.answer.set_result(answer)
                if share > 1 and not network.most:
                    network.measure()
        except BaseException as error:  # handed to whoever asked
            for one in taken:
                one.answer.set_exception(error)
        finally:
            with self._lock:
                self._free += 1


@cache
def desk() -> Desk:
    """The one of this process: as many threads as the two halves of a guided step keep busy."""
    return Desk(min(2, len(os.sched_getaffinity(0))))
