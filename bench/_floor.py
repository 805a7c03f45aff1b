"""The least time that a token can take on this machine: its weights have to be read, and its sums have to be done.

Measured with one thread unless more are asked for. What a text's own cache costs is left out, so the floor is a
little lower than anything can be.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

FAR_BYTES = 2**28  # beyond any cache
SIDE = 1024
SECONDS = 0.5  # that each is tried for; the best counts
COLUMNS = 1024


def measure(parameters: int, streams: Sequence[int], far_bytes: int = FAR_BYTES) -> dict[str, Any]:
    """Bandwidths in GB/s, the peak in GFLOP/s, and by number of streams what they allow, in tokens/s of all together.

    Args:
        parameters: of the model, 2 bytes each; all are read once a step, and each takes two operations a token.
        far_bytes: of the array that fits no cache.
    """
    size = 2 * parameters
    with _threads(1):
        bandwidth = {"memory": _bandwidth(far_bytes), "weights": _bandwidth(size)}
        peak = measure_peak()
    return {
        "weight_bytes": size,
        "operations_per_token": 2 * parameters,
        "memory_gb_s": bandwidth["memory"] / 1e9,
        "weights_gb_s": bandwidth["weights"] / 1e9,
        "peak_gflop_s": peak / 1e9,
        "rows": [
            {
                "streams": count,
                "memory": count * bandwidth["memory"] / size,
                "weights": count * bandwidth["weights"] / size,
                "peak": peak / (2 * parameters),
            }
            for count in streams
        ],
    }


def _bandwidth(size: int) -> float:
    """Bytes a second that are read: the better of a sum and a product with a vector."""
    matrix = torch.ones(max(1, size // 4 // COLUMNS), COLUMNS)
    vector = torch.ones(COLUMNS)
    return matrix.numel() * 4 / min(_best(matrix.sum), _best(lambda: matrix @ vector))


def measure_peak(threads: int = 1, dtype: torch.dtype = torch.float32) -> float:
    """Operations a second of a matrix product, SIDE × SIDE."""
    a, b = torch.ones(SIDE, SIDE, dtype=dtype), torch.ones(SIDE, SIDE, dtype=dtype)
    with _threads(threads):
        return 2 * SIDE**3 / _best(lambda: a @ b)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _best(task: Callable[[], Any]) -> float:
    """Seconds of the fastest of as many turns as time allows, at least three."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < until:
        began = time.perf_counter()
        task()
        times.append(time.perf_counter() - began)
    return min(times)
