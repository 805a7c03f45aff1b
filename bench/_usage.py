"""What a process with its children takes of the machine, and whether it has come to rest."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

QUIET = 0.2  # of a core: less than that is rest; Gradio's queue looks around a thousand times a second
LOOK_S, REST_S, PATIENCE_S = 1.0, 3, 60


@dataclass(frozen=True)
class Usage:
    """Resident memory, threads, open files and connections of a process with its children; files in its folder."""

    rss_mb: float
    threads: int
    handles: int
    files: int


def usage(pid: int, folder: Path) -> Usage:
    """As it is now.

    Args:
        folder: that has all its temporary files.
    """
    found = list(_family(pid))
    return Usage(
        sum(one.memory_info().rss for one in found) / 2**20,
        sum(one.num_threads() for one in found),
        sum(one.num_fds() if hasattr(one, "num_fds") else one.num_handles() for one in found),
        sum(path.is_file() for path in folder.rglob("*")),
    )


def rest(pid: int) -> float:
    """Wait until the process computes nothing for some seconds; how much of a core it still took at last.

    More than `QUIET` means that something goes on for which nobody waits.
    """
    until, quiet, share = time.monotonic() + PATIENCE_S, 0, 1.0
    while quiet < REST_S and time.monotonic() < until:
        before = _computed(pid)
        time.sleep(LOOK_S)
        share = (_computed(pid) - before) / LOOK_S
        quiet = quiet + 1 if share < QUIET else 0
    return share


def _family(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def _computed(pid: int) -> float:
    """Seconds of processor time so far."""
    return sum(sum(one.cpu_times()[:2]) for one in _family(pid))
