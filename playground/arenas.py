"""How much freed memory the C library keeps for threads.

glibc gives every thread an arena of its own, up to eight for each core, and each keeps what a step of a picture once
needed: with a server's worker threads that grows by hundreds of MB which nobody uses. Knows neither models nor pages.
"""

from __future__ import annotations

import contextlib
import ctypes

ARENAS = 2  # one for whoever computes, and one beside it
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def share() -> bool:
    """Let all threads share a few arenas; to be called before there are threads.

    Returns:
        Whether the C library does so; others than glibc know no such thing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        return bool(ctypes.CDLL(None).mallopt(_ARENA_MAX, ARENAS))
    return False
