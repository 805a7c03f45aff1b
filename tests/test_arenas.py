"""Threads share the C library's arenas; each case is a process of its own, as arenas never go away."""

import ctypes
import subprocess
import sys
import threading

import pytest

from bench._serving import environment
from playground.arenas import GROWN_BYTES, Rest

MB, PATIENCE_S = 1 << 20, 60

COUNT = """
import ctypes, sys, threading
from playground import arenas
assert sys.argv[1] == "own" or arenas.share()
libc, begin = ctypes.CDLL(None), threading.Barrier(6)
libc.malloc.restype = ctypes.c_void_p
def work():
    begin.wait()
    libc.malloc(4096)
    begin.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def arenas(how: str) -> int:
    """How many there are after six threads have asked for memory at once."""
    command = [sys.executable, "-c", COUNT, how]
    told = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return told.stdout.count("<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
def test_threads_share_two_arenas():
    assert arenas("own") > 2
    assert arenas("shared") <= 2


def test_whoever_asks_gets_little_given_back_too_but_not_while_others_work():
    given = threading.Semaphore(0)
    rest = Rest(0.0, lambda: 0, given.release)
    rest.ask()
    assert given.acquire(timeout=PATIENCE_S)
    with rest.work():
        rest.ask()
        assert not given.acquire(timeout=0.2)
    assert given.acquire(timeout=PATIENCE_S)
    with rest.work():
        pass
    assert not given.acquire(timeout=0.2), "it was done"


def test_memory_is_given_back_once_all_work_is_over_and_only_where_it_grew():
    sizes, given = [500], threading.Semaphore(0)
    rest = Rest(0.0, lambda: sizes[-1] * MB, given.release)
    with rest.work():
        with rest.work():
            pass
        assert not given.acquire(timeout=0.2), "one is still at work"
    assert given.acquire(timeout=PATIENCE_S)
    sizes.append(500 + GROWN_BYTES // MB)
    with rest.work():
        pass
    assert not given.acquire(timeout=0.2), "it has hardly grown"
    sizes.append(sizes[-1] + 1)
    with rest.work():
        pass
    assert given.acquire(timeout=PATIENCE_S)
