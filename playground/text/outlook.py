"""Who of the texts that wait for a slot is next, and after how many steps: the batcher's rule, and the same run ahead.

A free slot goes to the address that has the fewest, in it to the client and then to the run that has the fewest, among
equals to the first. How long a text will be is known only at most, so the steps are at most so many too.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from playground.turns import path_of

if TYPE_CHECKING:
    from playground.text.batcher import Run, Sample


class Shares:
    """How many slots everybody has."""

    def __init__(self, running: Iterable[Sample]) -> None:
        self._slots = Counter(name for sample in running for name in path_of(sample.run.client, sample.run))

    def rank(self, run: Run) -> tuple[int, ...]:
        """Sorts runs: the smallest is next."""
        return tuple([self._slots[name] for name in path_of(run.client, run)])

    def give(self, run: Run, slots: int = 1) -> None:
        """It has so many more."""
        for name in path_of(run.client, run):
            self._slots[name] += slots


def following(waiting: Iterable[Sample], running: Iterable[Sample]) -> Sample:
    """Who gets the next free slot; at least one waits."""
    shares = Shares(running)
    return min(waiting, key=lambda sample: shares.rank(sample.run))


def outlook(run: Run, waiting: Iterable[Sample], running: Iterable[Sample], slots: int) -> tuple[int, int]:
    """As which of the runs that have no slot yet, from 1 on, this one gets its first, and in how many steps at most.

    Args:
        waiting: in the order in which they came; some are of this run.
        slots: of the model.
    """
    running = list(running)
    shares, number = Shares(running), count()
    ends = [(left(sample), next(number), sample.run) for sample in running]
    ends += [(0, next(number), None) for _ in range(slots - len(running))]
    heapq.heapify(ends)
    queues: dict[Run, list[Sample]] = {}
    for sample in waiting:
        queues.setdefault(sample.run, []).append(sample)
    new = {one for one in queues if not one.running}
    place = 0
    while True:
        step, _, gone = heapq.heappop(ends)
        if gone is not None:
            shares.give(gone, -1)
        one = min(queues, key=shares.rank)
        place += one in new
        new.discard(one)
        if one is run:
            return place, step
        shares.give(one)
        heapq.heappush(ends, (step + left(queues[one].pop()), next(number), one))
        if not queues[one]:
            del queues[one]


def left(sample: Sample) -> int:
    """How many steps it will take at most."""
    return 1 if sample.scored else max(1, sample.recipe.max_new_tokens - len(sample.tokens))
