"""Who is let in: so many runs go on at once, of everybody and of one client; the others wait in a fair line.

A place that is free goes to whoever `turns.Rota` says; where somebody stands, and for how long, is found by running
that very rule ahead. Nobody in particular ("") is let in at once: limits are for visitors.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from playground.errors import PlaygroundError
from playground.pace import about
from playground.turns import Rota, address_of, path_of

FRESH_S = 0.5  # how old what is told of the line may be
FAR = 100  # places in line; where somebody stands behind them is not told exactly
GUESS_S = 5.0  # for a run of unknown length, to find the order alone


class LineFullError(PlaygroundError):
    """There is no room to wait."""


@dataclass(frozen=True)
class Limits:
    """How many runs go on and how many wait: of everybody, and of one client."""

    running: int
    waiting: int
    running_per_client: int
    waiting_per_client: int

    @property
    def running_per_address(self) -> int:
        """Of all clients of an address: half of all, so that nobody fills the house by calling himself many."""
        return min(self.running, max(self.running // 2, self.running_per_client))

    @property
    def waiting_per_address(self) -> int:
        """Likewise."""
        return min(self.waiting, max(self.waiting // 2, self.waiting_per_client))


class Place:
    """One run's place: in the line, then inside. It has to leave at last, wherever it is.

    Attributes:
        seconds: how long the run takes, as far as is known.
    """

    def __init__(self, line: Line | None, client: str, seconds: float | None) -> None:
        self._line, self.client, self.seconds = line, client, seconds
        self.address, self.path = address_of(client), path_of(client, self)
        self.began = 0.0
        self._let_in = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is let in within so many seconds."""
        return self._line is None or self._let_in.wait(timeout)

    def leave(self) -> None:
        """Make room; a second time does nothing."""
        if self._line is not None:
            self._line._leave(self)

    def outlook(self) -> tuple[int, float | None]:
        """Where it stands in line, from 1 on, and in how many seconds it will be let in, where that is known."""
        return self._line._outlook(self) if self._line is not None else (0, 0.0)

    def told(self) -> str:
        """The same in words."""
        place, seconds = self.outlook()
        if not place:
            return "Let in …"
        if place > FAR:
            return f"More than {FAR} come first …"
        own = self._line._held_up_by(self) if self._line is not None else 0
        return in_line(place, seconds, f"as {own} of yours {'is' if own == 1 else 'are'} running" if own else "")


class Line:
    """All places. Safe to use from several threads.

    Args:
        limits: without, everybody is let in at once.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._lock = threading.Lock()  # of all that follows
        self._house = _House(limits) if limits else None
        self._ahead: dict[Place, tuple[int, float | None]] = {}  # when it was looked ahead: place and moment
        self._looked = 0.0

    def join(self, client: str, seconds: float | None = None, *, follows: bool = False) -> Place:
        """A place for a run.

        Args:
            seconds: how long it takes, where that is known.
            follows: it goes on with what was let in before: it waits like the others, and is never refused.

        Raises:
            LineFullError: the client, its address or everybody has too many waiting.
        """
        if self._house is None or not client:
            return Place(None, client, seconds)
        place = Place(self, client, seconds)
        with self._lock:
            self._house.enter(place)
            self._fill()
            if place in self._house.waiting and not follows and (problem := self._house.too_many(place)):
                self._house.leave(place)
                raise LineFullError(problem)
        return place

    def _leave(self, place: Place) -> None:
        with self._lock:
            if self._house.leave(place):
                self._ahead = {}  # everybody moves up
                self._fill()

    def _fill(self) -> None:
        """Let in whoever may; the lock is held."""
        while place := self._house.let_in():
            place.began = self._clock()
            place._let_in.set()

    def _held_up_by(self, place: Place) -> int:
        """How many runs of its own client it waits for, where it does."""
        with self._lock:
            own = self._house.runs[place.client]
        return own if own >= self.limits.running_per_client else 0

    def _outlook(self, place: Place) -> tuple[int, float | None]:
        with self._lock:
            now = self._clock()
            if place not in self._house.waiting:
                return 0, 0.0
            if place not in self._ahead or now - self._looked > FRESH_S:
                self._ahead, self._looked = _look_ahead(self._house.copy(), now), now
            rank, moment = self._ahead.get(place, (FAR + 1, None))
        return rank, None if moment is None else max(0.0, moment - now)


class _House:
    """Who is inside, who waits, and the rule by which they come in; no lock and no clock, so that it can be copied."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.rota = Rota()
        self.waiting: dict[Place, None] = {}  # in the order in which they came
        self.inside: dict[Place, None] = {}
        self.runs: Counter[str] = Counter()  # inside, of a client
        self.at_address: Counter[str] = Counter()

    def copy(self) -> _House:
        made = _House(self.limits)
        made.rota, made.waiting, made.inside = self.rota.copy(), self.waiting.copy(), self.inside.copy()
        made.runs, made.at_address = self.runs.copy(), self.at_address.copy()
        return made

    def enter(self, place: Place) -> None:
        self.waiting[place] = None
        self.rota.enter(place.path)

    def leave(self, place: Place) -> bool:
        """Whether it was there."""
        if place in self.waiting:
            del self.waiting[place]
        elif place in self.inside:
            del self.inside[place]
            for counter, name in ((self.runs, place.client), (self.at_address, place.address)):
                counter[name] -= 1
                if not counter[name]:  # strangers come and go: nothing is kept of them
                    del counter[name]
        else:
            return False
        self.rota.leave(place.path)
        return True

    def let_in(self) -> Place | None:
        """Whoever is next, inside by now; None where nobody may."""
        if len(self.inside) >= self.limits.running:
            return None
        able = [place for place in self.waiting if self._may(place)]
        if not able:
            return None
        place = min(able, key=lambda place: self.rota.rank(place.path))
        del self.waiting[place]
        self.inside[place] = None
        self.runs[place.client] += 1
        self.at_address[place.address] += 1
        self.rota.serve(place.path)
        return place

    def _may(self, place: Place) -> bool:
        own, near = self.runs[place.client], self.at_address[place.address]
        return own < self.limits.running_per_client and near < self.limits.running_per_address

    def too_many(self, place: Place) -> str:
        """Why one more can't wait, or ""."""
        limits, others = self.limits, [other for other in self.waiting if other is not place]
        mine = sum(other.client == place.client for other in others)
        if mine >= limits.waiting_per_client:
            what = f"{mine} waiting" if mine else f"{self.runs[place.client]} running"
            return f"You already have {what} here: let one of them go on, or stop one, and try again."
        near = sum(other.address == place.address for other in others)
        if near >= limits.waiting_per_address:
            return f"Your network address already has {near} waiting here: try again when one of them has begun."
        if len(others) >= limits.waiting:
            are = "is" if len(others) == 1 else "are"
            return f"The line is full: {len(others)} {are} waiting here already. Try again in a minute."
        return ""


def _look_ahead(house: _House, now: float) -> dict[Place, tuple[int, float | None]]:
    """Of everybody who waits, how near the front: the place from 1 on, and at which moment its turn comes."""
    number = count()
    ends = [(max(now, place.began + _length(place)), next(number), place) for place in house.inside]
    heapq.heapify(ends)
    found: dict[Place, tuple[int, float | None]] = {}
    moment, known = now, True
    while house.waiting and len(found) < FAR:
        if place := house.let_in():
            found[place] = len(found) + 1, moment if known else None
            heapq.heappush(ends, (moment + _length(place), next(number), place))
            continue
        end, _, gone = heapq.heappop(ends)
        moment, known = max(moment, end), known and gone.seconds is not None
        house.leave(gone)
    return found


def _length(place: Place) -> float:
    return GUESS_S if place.seconds is None else place.seconds


def in_line(place: int, seconds: float | None, why: str = "") -> str:
    """What somebody who waits is told: 3, 4.2 → 3rd in line, about 4 s …"""
    words = ["Next in line" if place == 1 else f"{ordinal(place)} in line", why]
    words.insert(1, "" if seconds is None else about(seconds))
    return f"{', '.join(filter(None, words))} …"


def ordinal(number: int) -> str:
    """1 → 1st, 12 → 12th, 23 → 23rd."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
