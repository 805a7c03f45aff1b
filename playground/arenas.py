"""How much freed memory the C library keeps: of threads, and of a crowd that has left.

glibc gives every thread an arena of its own, up to eight for each core, and each keeps what a step of a picture once
needed: with a server's worker threads that grows by hundreds of MB which nobody uses. Knows neither models nor pages.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from functools import cache

import psutil

ARENAS = 2  # one for whoever computes, and one beside it
REST_S = 2.0  # without any work, after which memory is looked at
GROWN_BYTES = 32 << 20  # worth giving back: the next work has to ask for it anew
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def share() -> bool:
    """Let all threads share a few arenas; to be called before there are threads.

    Returns:
        Whether the C library does so; others than glibc know no such thing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        return bool(ctypes.CDLL(None).mallopt(_ARENA_MAX, ARENAS))
    return False


def give_back() -> None:
    """Return freed memory to the system, from the middle of the heap too, and what only names itself before."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class Rest:
    """Gives memory back when all work is over for a moment and the process has grown, or somebody asked for it.

    Safe to use from several threads.

    Args:
        measure: bytes that the process has.
    """

    def __init__(
        self,
        rest_s: float = REST_S,
        measure: Callable[[], int] = lambda: psutil.Process().memory_info().rss,
        give_back: Callable[[], None] = give_back,
    ) -> None:
        self._rest_s, self._measure, self._give_back = rest_s, measure, give_back
        self._lock = threading.Lock()  # of the three that follow
        self._working, self._waits, self._asked = 0, False, False
        self._usual = 0

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Nothing is given back inside."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
            self._wait()

    def ask(self) -> None:
        """There is something to give back, however little, as soon as nobody works."""
        with self._lock:
            self._asked = True
        self._wait()

    def _wait(self) -> None:
        with self._lock:
            if self._working or self._waits:
                return
            self._waits = True
        timer = threading.Timer(self._rest_s, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        with self._lock:
            self._waits = False
            if self._working:
                return
            asked, self._asked = self._asked, False
        if asked or self._measure() > self._usual + GROWN_BYTES:
            self._give_back()
            self._usual = self._measure()


@cache
def rest() -> Rest:
    """The one of this process."""
    return Rest()
