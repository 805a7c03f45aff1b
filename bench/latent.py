"""Speed of journeys: frames a second of ours and of a plain loop over the same modules, in one run; and of a drag.

How each walks stands in the files beside this one. Seconds are of a whole journey from the asking, without loading.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench._image_drawn import Drawn, apart
from bench._latent_walked import MEMORY, OURS, PLAIN, POINTER, Walked
from bench._streams import Job
from bench._worker import APP, Worker
from playground import machine
from playground.cards import table
from playground.errors import PlaygroundError
from playground.recipes import LatentRecipe
from playground.registry import Registry

MODELS = ("faces-vae", "faces-gan")
FAST, AT_ONCE_MS, GROWTH_MIB = 60, 60, 24  # what was aimed at: frames/s, ms at the 95 % quantile, MiB
MOST_APART = 2  # levels of 255 between ours and the plain loop
MET = {True: "yes", False: "no"}


def run(
    folder: Path | None = None, names: Sequence[str] = MODELS, *, repeats: int = 5, frames: int = 120, moves: int = 120
) -> dict[str, Any]:
    """Measure every model that there is of these.

    Repetition k has ends of its own and lets the ways take turns. Threads of the plain loop: one, or as many as it
    takes by itself, whichever is faster. Every frame of ours is compared with that of the plain loop.

    Args:
        folder: of checkpoints; where the playground looks, if not given.
        moves: of the pointer, in each repetition.

    Returns:
        "models": name → frames_per_second by way, "ratio" (the median within repetitions), "apart" (levels), pointer_ms
        (p50, p95), "memory_mib", "growth_mib" over the frames of a journey; "bars"; and all as "markdown".

    Raises:
        PlaygroundError: there is none of these models.
        RuntimeError: frames of ours and of the plain loop differ by more than `MOST_APART`.
    """
    registry = Registry(folder)
    there = [name for name in names if name in registry.names(LatentRecipe.kind)]
    if not there:
        raise PlaygroundError(f"There is no model to measure: none of {', '.join(names)}.")
    about = machine.describe()
    measured = {name: _measure(registry, name, repeats, frames, moves) for name in there}
    figures = {"machine": about, "repeats": repeats, "frames": frames, "moves": moves, "models": measured}
    figures["bars"] = [bar for name, found in measured.items() for bar in _judge(name, found)]
    return {**figures, "markdown": _markdown(figures)}


def _measure(registry: Registry, name: str, repeats: int, frames: int, moves: int) -> dict[str, Any]:
    path = registry.entry(name, LatentRecipe.kind).folder

    def job(k: int, count: int, threads: int | None = None) -> Job:
        return Job([LatentRecipe.make({"model": name, "seed": 100 * k, "frames": count})], threads=threads)

    with (
        Worker("bench._latent_ours", path, APP, Walked) as ours,
        Worker("bench._latent_plain", path, None, Walked) as loop,
    ):
        workers = {OURS: ours, PLAIN: loop}
        for way, worker in workers.items():
            worker.run(way, job(0, frames))
        trials = {threads: loop.run(PLAIN, job(1, frames, threads)).seconds for threads in (1, None)}
        threads = min(trials, key=trials.__getitem__)
        found: dict[str, list[Walked]] = {OURS: [], PLAIN: []}
        marks: list[float] = []
        for k in range(repeats):
            _report(f"{name}, repetition {k + 1} of {repeats}")
            for way in (OURS, PLAIN) if k % 2 else (PLAIN, OURS):
                found[way].append(workers[way].run(way, job(k, frames, threads if way == PLAIN else None)))
            marks += ours.run(POINTER, job(k, moves)).marks
        weights = ours.run(MEMORY, job(repeats, frames)).marks
    return {
        "fingerprint": registry.manifest(name, LatentRecipe.kind).fingerprint,
        "frames_per_second": {way: median(frames / one.seconds for one in some) for way, some in found.items()},
        "threads": {way: some[0].threads for way, some in found.items()},
        "ratio": median(b.seconds / a.seconds for a, b in zip(found[OURS], found[PLAIN], strict=True)),
        "apart": _prove(found),
        "pointer_ms": {f"p{q}": float(np.percentile(marks, q)) * 1000 for q in (50, 95)},
        "memory_mib": weights[-1],
        "growth_mib": max(weights) - weights[0],
    }


def _prove(found: Mapping[str, Sequence[Walked]]) -> int:
    """The largest difference of a channel of a pixel; speeds of other frames would be no comparison.

    Raises:
        RuntimeError: it is more than `MOST_APART`.
    """
    pairs = zip(found[OURS], found[PLAIN], strict=True)
    largest = max(apart(*(Drawn(one.frames, one.seconds, 0, one.threads) for one in pair))[0] for pair in pairs)
    if largest > MOST_APART:
        raise RuntimeError(f"Ours and the plain loop are {largest} levels apart; rounding makes {MOST_APART} at most.")
    return largest


def _judge(name: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was aimed at, and whether it is reached."""
    speed, late, growth = found["frames_per_second"][OURS], found["pointer_ms"]["p95"], found["growth_mib"]
    rows = [
        ("frames a second", f"≥ {FAST}", f"{speed:.0f}", speed >= FAST),
        ("pointer to picture, p95", f"< {AT_ONCE_MS} ms", f"{late:.1f} ms", late < AT_ONCE_MS),
        ("memory that a journey adds", f"< {GROWTH_MIB} MiB", f"{growth:.1f} MiB", growth < GROWTH_MIB),
    ]
    return [{"what": f"{name}: {what}", "asked": asked, "measured": got, "met": met} for what, asked, got, met in rows]


def _markdown(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{name}` ({found['fingerprint']})",
            *(f"{found['frames_per_second'][way]:.0f}, threads: {found['threads'][way]}" for way in (OURS, PLAIN)),
            f"{found['ratio']:.2f} ×",
            *(f"{found['pointer_ms'][name]:.1f}" for name in ("p50", "p95")),
            f"{found['memory_mib']:.0f} + {found['growth_mib']:.1f}",
        ]
        for name, found in figures["models"].items()
    ]
    head = ["frames a second", OURS, PLAIN, "ratio", "pointer, ms", "p95", "RSS + journey, MiB"]
    bars = [[bar["what"], bar["asked"], bar["measured"], MET[bar["met"]]] for bar in figures["bars"]]
    return "\n\n".join(
        (
            table(head, rows),
            table(["bar", "asked", "measured", "met"], bars),
            _how(figures),
            machine.sentence(figures["machine"]),
        )
    )


def _how(figures: Mapping[str, Any]) -> str:
    most = max(found["apart"] for found in figures["models"].values())
    return (
        f"Journeys of {figures['frames']} frames, medians of {figures['repeats']} repetitions by turns, each with ends "
        "of its own; the ratio is within a repetition. Ours is the engine as the app uses it, in float32, each frame "
        f"the same in any batch. The {PLAIN} decodes a frame at a time with the modules as `from_pretrained` opens "
        f"them; its threads are the better of one and all. Frames differ by at most {most} of 255 levels. A move of "
        f"the pointer is an expression, its point, the picture and its PNG; {figures['moves']} moves a repetition."
    )


def _report(message: str) -> None:
    print(f"bench latent: {message} …", file=sys.stderr, flush=True)


def main() -> dict[str, Any]:
    """What `python -m playground bench latent` runs: the shipped models."""
    return run()
