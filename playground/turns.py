"""Whose turn it is: round robin between addresses, in each between its clients, in each between its runs.

A client is an opaque text; what stands before its first slash is the address that it has in common with others, and ""
is nobody in particular. Knows neither models nor recipes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar

SLICE_S = 1.0  # of a model's time before the next run comes first
NEVER = 2**60  # so long ago
MEMORY = 1000  # clients and addresses that have gone
_ASKING: ContextVar[str] = ContextVar("asking", default="")


@contextlib.contextmanager
def asking(client: str) -> Iterator[None]:
    """What a model is asked for inside is for this client; of use to models that batch for several."""
    token = _ASKING.set(client)
    try:
        yield
    finally:
        _ASKING.reset(token)


def who_asks() -> str:
    """The client that a model is asked for here."""
    return _ASKING.get()


def address_of(client: str) -> str:
    """What a client has in common with others."""
    return client.partition("/")[0]


Path = tuple[Hashable, ...]


def path_of(client: str, run: Hashable) -> Path:
    """What is served when a run is, the widest first; the numbers keep apart what may be called the same."""
    return (0, address_of(client)), (1, client), (2, run)


class Rota:
    """Who was served least recently; whoever never was comes first. Who goes is remembered: coming anew gains nothing.

    Not safe to use from several threads: its owner has a lock.
    """

    def __init__(self) -> None:
        self._served: dict[Hashable, int] = {}
        self._gone: OrderedDict[Hashable, int] = OrderedDict()
        self._present: Counter[Hashable] = Counter()
        self._count = 0

    def copy(self) -> Rota:
        """To look ahead with, as long as nobody comes."""
        made = Rota()
        made._served, made._present, made._count = self._served.copy(), self._present.copy(), self._count
        return made

    def enter(self, path: Path) -> None:
        """A run comes, as does its client where it has no other."""
        self._count += 1
        for name in path:
            if not self._present[name]:
                self._served[name] = self._gone.pop(name, self._count - NEVER)
            self._present[name] += 1

    def leave(self, path: Path) -> None:
        """It goes."""
        for name in path:
            self._present[name] -= 1
            if not self._present[name]:
                del self._present[name]
                self._gone[name] = self._served.pop(name)
        del self._gone[path[-1]]  # a run comes only once
        while len(self._gone) > MEMORY:
            self._gone.popitem(last=False)

    def serve(self, path: Path) -> None:
        """It gets what it waited for."""
        self._count += 1
        for name in path:
            self._served[name] = self._count

    def rank(self, path: Path) -> tuple[int, ...]:
        """Sorts runs: the smallest is next."""
        return tuple([self._served[name] for name in path])


class Turns:
    """What only one run at a time may use, or as many as there are seats, step by step.

    `with turns:` takes a turn for nobody in particular, and all the seats.

    A run stays first until it has used its slice, so that of many short ones each is done as soon as its turn comes,
    not all of them together at the very end. While it does not ask, others have the steps in between. Nobody has
    several seats while others wait for their first.

    Args:
        slice_s: seconds of use after which a run goes behind the others; 0 lets them alternate at every step.
        seats: how many may have a turn at once.
    """

    def __init__(
        self, slice_s: float = SLICE_S, clock: Callable[[], float] = time.monotonic, *, seats: int = 1
    ) -> None:
        self._slice_s, self._clock, self._seats = slice_s, clock, seats
        self._lock = threading.Lock()  # of all that follows
        self._rota = Rota()
        self._holders: list[Taker] = []
        self._waiting: list[Taker] = []  # empty where nobody holds a turn
        self._takers = 0

    def join(self, client: str = "", *, alone: bool = False) -> Taker:
        """A run that will take turns, `alone` only while nobody else has one; it has to leave at last."""
        taker = Taker(self, client, alone)
        with self._lock:
            self._takers += 1
            self._rota.enter(taker.path)
        return taker

    def locked(self) -> bool:
        """Whether somebody has the turn."""
        return bool(self._holders)

    def __enter__(self) -> None:
        taker = self.join(alone=True)
        try:
            taker.take()
        except BaseException:  # interrupted while it waited
            taker.leave()
            raise

    def __exit__(self, *_: object) -> None:
        for taker in self._holders[:]:
            taker.leave()

    def _seat(self) -> None:
        """Let in whoever is next, as long as there is room; the lock is held."""
        while self._waiting and not any(taker.alone for taker in self._holders):
            following = min(self._waiting, key=self._rank)
            if len(self._holders) >= (1 if following.alone else self._seats):
                return
            self._waiting.remove(following)
            following._get()

    def _rank(self, taker: Taker) -> tuple[int, ...]:
        """Sorts who waits: whose address and client have the fewest seats, then as the rota says."""
        seats = [sum(holder.path[depth] == taker.path[depth] for holder in self._holders) for depth in (0, 1)]
        return (*seats, *self._rota.rank(taker.path))


class Taker:
    """A run that takes turns. `leave` may be called at any time, and gives back what it has."""

    def __init__(self, turns: Turns, client: str, alone: bool) -> None:
        self._turns, self.path, self.alone = turns, path_of(client, self), alone
        self._mine = threading.Event()
        self._present = True
        self._began = self._used = 0.0  # when it got what it has, and seconds that it used of its slice
        self._owes = False  # whether any of its slice is used

    @property
    def others(self) -> int:
        """How many other runs take turns."""
        return self._turns._takers - 1

    def take(self, timeout: float | None = None) -> bool:
        """Wait for a turn; whether it came within so many seconds. Who waits again has lost nothing."""
        turns = self._turns
        with turns._lock:
            self._mine.clear()
            turns._waiting.append(self)
            turns._seat()
        if self._mine.wait(timeout):
            return True
        with turns._lock:
            if self in turns._holders:  # just now
                return True
            turns._waiting.remove(self)
            turns._seat()  # whoever stood behind one that wanted to be alone
            return False

    def give(self) -> None:
        """The turn is over; whoever is next has it by now. Nothing where there was none."""
        with self._turns._lock:
            self._pass_on()

    def leave(self) -> None:
        """Take no more turns."""
        turns = self._turns
        with turns._lock:
            if not self._present:
                return
            self._present = False
            if self in turns._waiting:
                turns._waiting.remove(self)
                turns._seat()
            self._pass_on()
            if self._owes:
                turns._rota.serve(self.path)
            turns._takers -= 1
            turns._rota.leave(self.path)

    def _get(self) -> None:
        """The turn is this run's; the lock is held."""
        self._turns._holders.append(self)
        self._owes, self._began = True, self._turns._clock()
        self._mine.set()

    def _pass_on(self) -> None:
        turns = self._turns
        if self not in turns._holders:
            return
        turns._holders.remove(self)
        self._used += turns._clock() - self._began
        if self._used >= turns._slice_s:
            turns._rota.serve(self.path)
            self._used, self._owes = 0.0, False
        turns._seat()
