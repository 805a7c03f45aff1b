"""Runners alone and beside a process that multiplies matrices on all cores."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil

from bench._streams import Job
from bench._worker import Worker, environment

SETTLE_S = 0.3
_BUSY = """
import torch
a = torch.ones(1024, 1024)
print(torch.get_num_threads(), flush=True)
while True:
    a @ a
"""


@contextlib.contextmanager
def busy() -> Iterator[psutil.Process]:
    """A process that is at it, with as many threads as torch takes by default; it is ended afterwards."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY], env=environment(), stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield psutil.Process(process.pid)
    finally:
        process.kill()  # a process that is suspended hears nothing gentler
        process.wait()
        process.stdout.close()


def compare(runners: Mapping[str, tuple[Worker, str]], job: Callable[[int], Job], repeats: int) -> list[dict[str, Any]]:
    """Speeds of each runner, given as its process and the way it tells, with the neighbour at rest and at work.

    Args:
        job: of a repetition; it names no number of threads, so each runner has what it starts with.

    Returns:
        A row per runner: medians of tokens_per_second `alone` and `beside`, and of their `ratio` within a repetition.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runners}
    threads = {}
    with busy() as neighbour:
        for k in range(repeats):
            for name, (worker, way) in runners.items():
                neighbour.suspend()
                time.sleep(SETTLE_S)
                alone = worker.run(way, job(k))
                neighbour.resume()
                time.sleep(SETTLE_S)
                found[name].append((alone.speed, worker.run(way, job(k)).speed))
                threads[name] = alone.threads
    return [
        {
            "runner": name,
            "threads": threads[name],
            "alone": statistics.median(alone for alone, _ in pairs),
            "beside": statistics.median(beside for _, beside in pairs),
            "ratio": statistics.median(beside / alone for alone, beside in pairs),
        }
        for name, pairs in found.items()
    ]
