"""Speed of pictures: ours, and the plain diffusers pipeline on the same weights with the same noise, in one run.

What is measured, and what comes of it as figures; how each draws stands in the files beside this one, how it looks in
`_image_table.py`. Seconds are of a whole picture from the asking, without loading; ours include its previews.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import psutil

from bench import _image_bars, _image_flops
from bench._image_bars import MOST_APART
from bench._image_drawn import BARE, EXAMINATION, HALF, OURS, PLAIN, TIMED, Drawn, apart
from bench._image_table import markdown
from bench._streams import Job
from bench._worker import APP, Worker
from playground import machine
from playground.engine import Engine
from playground.image.pictures import cell
from playground.recipes import ImageRecipe
from playground.registry import Registry

RUNNERS: dict[str, tuple[str, Mapping[str, str] | None]] = {  # way → module and environment
    OURS: ("bench._image_ours", APP),
    PLAIN: ("bench._image_pipeline", None),
    HALF: ("bench._image_bfloat16", None),
}
PROMPTS = (
    "a cat wearing a crown on a beach at sunset",
    "a blue dog in a forest at night",
    "three red apples in the snow",
    "a frog left of a small house",
    "a bird with a hat above a meadow",
)
TRIAL = 4  # steps, at most, of the runs by which the number of threads is chosen


def run(
    folder: Path | None = None,
    name: str = "scenes",
    *,
    repeats: int = 5,
    steps: Sequence[int] = (8, 12, 20),
    batches: Sequence[int] = (1, 8),
    starts: int = 3,
    trials: int = 2,
) -> dict[str, Any]:
    """Measure all ways at every number of steps and pictures.

    Repetition k has a prompt and seeds of its own and lets the ways take turns, each going first as often as the
    others, so that what else the machine does meets all of them alike. Threads of diffusers: the better of some, by a
    short trial. Every picture of ours is compared with that of the plain pipeline.

    Args:
        folder: of checkpoints; where the playground looks, if not given.
        steps: beside those that a recipe has by default; the most of these, at least 2, is what the default is
            held against.
        batches: pictures at once; 1 is among them.
        starts: fresh processes to time the start in.
        trials: runs by which a number of threads is tried, after one that warms up.

    Returns:
        What `_image_table.markdown` shows, and the tables as "markdown". A row of "rows" has its batch, steps and way,
        the median of seconds_per_picture, and `ratios`: the medians, over repetitions, of the seconds of the other ways
        over its own. "sooner" is, by batch, the like of the plain pipeline at the most steps over ours by default.

    Raises:
        PlaygroundError: there is no such model, or it is damaged.
        RuntimeError: pictures of ours and of the plain pipeline differ by more than `MOST_APART`.
    """
    registry = Registry(folder)
    engine = Engine(registry)
    plain = engine.recipe(ImageRecipe.kind, {"model": name})
    manifest, path = registry.manifest(name, ImageRecipe.kind), registry.entry(name, ImageRecipe.kind).folder
    load, about = psutil.getloadavg()[0], machine.describe()
    most, columns = max(steps), sorted({plain.steps, *steps})

    def job(batch: int, count: int, k: int, threads: int | None = None) -> Job:
        asked = {"prompt": PROMPTS[k % len(PROMPTS)], "seed": 100 * k, "samples": batch, "steps": count}
        return Job([ImageRecipe.make({**plain.model_dump(), **asked, "details": "noise"})], threads=threads)

    def trial(batch: int, k: int, threads: int | None) -> Job:
        return job(batch, min(TRIAL, *steps), k, threads)

    started: dict[str, list[dict[str, float]]] = {OURS: [], PLAIN: []}
    for k in range(starts - 1):
        _report(f"start {k + 1} of {starts}")
        with _workers(path, started) as workers:
            _start(workers, started, job(1, plain.steps, 0))
    _report(f"start {starts} of {starts}")
    with _workers(path, ways()) as workers:
        _start(workers, started, job(1, plain.steps, 0))
        threads = _choose_threads(workers, trial, batches, about["cores"], trials)
        found = _draw(workers, job, threads, tuple(product(batches, columns)), repeats)
        parts = _measure_parts(workers[OURS], lambda k: job(1, plain.steps, k), repeats)
        memory = {way: worker.rss_mib for way, worker in workers.items()}
    seconds = {place: [drawn.seconds / place[0] for drawn in drawings] for place, drawings in found.items()}
    _report("operations")
    with registry.use(name, ImageRecipe.kind) as loaded:
        unet, side = loaded.model.unet, plain.size // cell(loaded.model.vae)
        answers = 2 if plain.guidance_scale > 1 else 1  # about the prompt, and about the negative one
        operations = _image_flops.count(unet, side, loaded.model.length, answers)
    about["threads"] = "as said above"
    figures = {
        "machine": about,
        "load": load,
        "model": manifest.name,
        "fingerprint": manifest.fingerprint,
        "size": plain.size,
        "guidance_scale": plain.guidance_scale,
        "scheduler": plain.scheduler,
        "default": plain.steps,
        "most": most,
        "repeats": repeats,
        "rows": _rows(found, seconds),
        "sooner": {
            str(batch): _ratio(seconds[batch, most, PLAIN], seconds[batch, plain.steps, OURS]) for batch in batches
        },
        "apart": _compare(found),
        "parts": parts,
        "arithmetic": _image_flops.achieved({way: found[1, most, way] for way in ways()}, operations),
        "start": {way: {key: median(one[key] for one in some) for key in some[0]} for way, some in started.items()},
        "memory_mib": memory,
    }
    lost = _image_bars.adherence_lost(path, manifest, plain.steps, most)
    figures["bars"] = _image_bars.judge(figures, lost)
    return {**figures, "markdown": markdown(figures)}


MakeJob = Callable[..., Job]  # pictures, steps, repetition, threads; of a trial, all but the steps
Place = tuple[int, int, str]  # pictures at once, steps, way


def ways() -> list[str]:
    """What is measured on this machine: bfloat16 only where it does not crawl."""
    return [way for way in RUNNERS if way != HALF or machine.has_bf16()]


@contextmanager
def _workers(path: Path, chosen: Iterable[str]) -> Iterator[dict[str, Worker]]:
    """A process for each of the ways, all of them loaded, ours first."""
    with ExitStack() as stack:
        yield {way: stack.enter_context(Worker(RUNNERS[way][0], path, RUNNERS[way][1], Drawn)) for way in chosen}


def _start(workers: Mapping[str, Worker], started: Mapping[str, list[dict[str, float]]], job: Job) -> None:
    """Note seconds until fresh processes were ready, and of the same picture the first time and once more."""
    for way, found in started.items():
        worker = workers[way]
        first, again = worker.run(way, job), worker.run(way, job)
        times = {"ready_s": worker.ready_s, "first_s": first.seconds, "again_s": again.seconds}
        found.append({**times, "rss_mib": worker.rss_mib})


def _choose_threads(
    workers: Mapping[str, Worker], trial: MakeJob, batches: Sequence[int], cores: int, trials: int
) -> dict[tuple[str, int], int | None]:
    """(way, pictures at once) → with how many threads it is fastest; None for ours, which knows. Warms all up."""
    chosen: dict[tuple[str, int], int | None] = {}
    for (way, worker), batch in product(workers.items(), batches):
        _report(f"threads of {way}, batch {batch}")
        fastest: dict[int, float] = {}
        for number in [None] if way == OURS else sorted({1, min(2, cores), cores}):
            runs = [worker.run(way, trial(batch, k, number)) for k in range(trials + 1)]
            fastest[runs[0].threads] = min(drawn.seconds for drawn in runs[1:])
        chosen[way, batch] = None if way == OURS else min(fastest, key=fastest.__getitem__)
    return chosen


def _draw(
    workers: Mapping[str, Worker],
    job: MakeJob,
    threads: Mapping[tuple[str, int], int | None],
    places: Sequence[tuple[int, int]],
    repeats: int,
) -> dict[Place, list[Drawn]]:
    """What came of each repetition, by place.

    Raises:
        RuntimeError: ours and the plain pipeline differ by more than `MOST_APART`.
    """
    found: dict[Place, list[Drawn]] = {}
    order = list(workers)
    for k in range(repeats):
        _report(f"repetition {k + 1} of {repeats}")
        for batch, steps in places:
            for way in order[k % len(order) :] + order[: k % len(order)]:
                drawn = workers[way].run(way, job(batch, steps, k, threads[way, batch]))
                found.setdefault((batch, steps, way), []).append(drawn)
            _prove(*(found[batch, steps, way][-1] for way in (OURS, PLAIN)))
    return found


def _prove(ours: Drawn, plain: Drawn) -> None:
    """Speeds of other pictures would be no comparison.

    Raises:
        RuntimeError: they differ by more than `MOST_APART`.
    """
    largest, _ = apart(ours, plain)
    if largest > MOST_APART:
        raise RuntimeError(
            f"Ours and the plain pipeline are {largest} levels apart; rounding makes {MOST_APART} at most."
        )


def _measure_parts(worker: Worker, job: Callable[[int], Job], repeats: int) -> dict[str, float]:
    """Medians in seconds of a picture with its previews, without, and of its examination, and the previews' share.

    Raises:
        RuntimeError: the loop by which previews are timed draws other pictures than the engine.
    """
    _report("previews and examination")
    order = [OURS, BARE, TIMED, EXAMINATION]
    found: dict[str, list[Drawn]] = {way: [] for way in order}
    for k in range(repeats + 1):
        drawn = {way: worker.run(way, job(k)) for way in order[k % len(order) :] + order[: k % len(order)]}
        if not drawn[OURS].pictures == drawn[BARE].pictures == drawn[TIMED].pictures:
            raise RuntimeError("The loop by hand does not draw what the engine does.")
        for way in order if k else ():  # the first time, an examination has something to set up
            found[way].append(drawn[way])
    return {
        "with_previews_s": median(drawn.seconds for drawn in found[OURS]),
        "without_previews_s": median(drawn.seconds for drawn in found[BARE]),
        "previews_s": median(drawn.preview_s for drawn in found[TIMED]),
        "previews_share": median(drawn.preview_s / drawn.seconds for drawn in found[TIMED]),
        "examination_s": median(drawn.seconds for drawn in found[EXAMINATION]),
    }


def _rows(found: Mapping[Place, list[Drawn]], seconds: Mapping[Place, list[float]]) -> list[dict[str, Any]]:
    return [
        {
            "batch": batch,
            "steps": steps,
            "way": way,
            "threads": drawings[0].threads,
            "seconds_per_picture": median(seconds[batch, steps, way]),
            "ratios": {
                other: _ratio(seconds[batch, steps, other], seconds[batch, steps, way])
                for other in RUNNERS
                if other != way and (batch, steps, other) in seconds
            },
            "seconds": [round(one, 4) for one in seconds[batch, steps, way]],
        }
        for (batch, steps, way), drawings in found.items()
    ]


def _compare(found: Mapping[Place, list[Drawn]]) -> dict[str, dict[str, float]]:
    """How far the pictures of other ways are from ours, in levels: the largest of all differences, and the mean."""
    compared: dict[str, list[tuple[int, float]]] = {}
    for (batch, steps, way), drawings in found.items():
        if way != OURS:
            compared.setdefault(way, []).extend(map(apart, found[batch, steps, OURS], drawings))
    return {
        way: {"largest": max(most for most, _ in some), "mean": fmean(mean for _, mean in some)}
        for way, some in compared.items()
    }


def _ratio(others: Sequence[float], mine: Sequence[float]) -> float:
    """The median, over repetitions, of others' seconds over mine."""
    return median(other / own for other, own in zip(others, mine, strict=True))


def _report(message: str) -> None:
    print(f"bench image: {message} …", file=sys.stderr, flush=True)


def main() -> dict[str, Any]:
    """What `python -m playground bench image` runs: the shipped model."""
    return run()
