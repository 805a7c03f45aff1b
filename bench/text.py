"""Speed of text: streams of ours, of transformers' `generate` and of llama.cpp, on the same weights, in one run.

What is measured, and what comes of it as figures; how each is done stands in the files beside this one, how it looks in
`_text_table.py`. Speeds are of generation alone, without loading; ours include tokenising.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from transformers.utils.logging import disable_progress_bar

from bench import _beside, _exact, _floor
from bench._start import measure_start
from bench._streams import Job, Told, agreement
from bench._text_table import markdown
from bench._worker import APP, Worker
from playground import machine
from playground.engine import Engine
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.text.loaded import TextModel
from playground.text.prompts import prompt_ids

OURS = "playground"
SETTINGS: dict[str, dict[str, float]] = {"default settings": {}, "greedy": {"temperature": 0}}
EXTRAS = ("llama_cpp", "gguf")  # modules; without them llama.cpp is left out
OPENINGS = (
    "Once upon a time, there was a dragon who",
    "In a dark forest, far from any road, lived",
    "The king had three daughters, and the youngest",
    "A poor miller lay dying, and he called his sons and said:",
    "Long ago, when beasts could speak, a fox met",
    "There was once a little tailor",
    "On the shore of the great sea stood a hut, in which an old fisherman",
    "The wolf came to the door and knocked",
    "Nobody in the village had ever seen the giant, but",
    "When the moon rose over the mill, the cat",
    "An old woman had a goose that laid",
    "Deep under the hill the dwarfs were hammering, for",
    "The prince rode out at dawn with his hound and",
    "One winter, when snow lay thick upon the ground, a girl",
    "Two brothers went into the wide world to",
    "Upon a high rock stood a castle whose lord",
)
TRIAL, TRIALS = 24, 2  # tokens and runs by which the number of threads is chosen
PROOF = 32  # greedy tokens that runners have to agree on, by and large, before they are timed
STRIDE = 5  # openings between one job and the next: none begins with what the last one ended with


def run(
    folder: Path | None = None,
    name: str = "tales",
    *,
    repeats: int = 5,
    tokens: int = 128,
    streams: Sequence[int] = (1, 2, 4, 8, 16),
    starts: int = 3,
    recipes: int = 256,
    far_bytes: int = _floor.FAR_BYTES,
) -> dict[str, Any]:
    """Measure all ways at every setting and number of streams.

    Repetition k has prompts and seeds of its own and lets the ways take turns, each going first as often as the others,
    so that what else the machine does meets all of them alike. Threads: the better of some, by a short trial.

    Args:
        folder: of checkpoints; where the playground looks, if not given.
        starts: fresh processes to time the start in.
        recipes: that are compared, told alone and together.
        far_bytes: of the array that memory bandwidth is measured with.

    Returns:
        What `_text_table.markdown` shows, and the table as "markdown". A row of "rows" has its setting, streams and
        way, the median of tokens_per_second (all streams together), `ratios`: the medians, over repetitions, of its
        speed over those of the other ways, `to_one`: likewise over its own with one stream, and first_token_s, from the
        moment when all streams are asked for: "p50" and "p95" over streams and repetitions.
    """
    registry = Registry(folder)
    load = psutil.getloadavg()[0]
    _report("start")
    start = measure_start(registry.folder, name, OPENINGS[0], starts)
    with registry.use(name, "text") as loaded, _workers(registry.folder / name, loaded.model) as workers:
        model, manifest = loaded.model, loaded.manifest

        def job(setting: str, count: int, k: int, length: int, threads: int | None = None) -> Job:
            asked = {"model": name, "max_new_tokens": length, **SETTINGS[setting]}
            texts = [OPENINGS[(k + n) % len(OPENINGS)] for n in range(count)]
            made = [TextRecipe.make({**asked, "prompt": text, "seed": 100 * k + n}) for n, text in enumerate(texts)]
            return Job(made, [prompt_ids(model, recipe) for recipe in made], threads)

        agree = _prove({way: worker.run(way, job("greedy", 4, 0, min(PROOF, tokens))) for way, worker in workers})
        threads = _choose_threads(workers, job, streams, min(TRIAL, tokens))
        rows = []
        for setting in SETTINGS:
            rows += _measure(workers, job, threads, (setting, tokens), streams, repeats)
        memory = {way: worker.rss_mib for way, worker in workers}
        _report("beside a busy process")
        pairs = {way: (worker, way) for way, worker in workers if way in (OURS, "generate, in turn")}
        beside = _beside.compare(pairs, lambda k: job("default settings", 1, k, tokens), min(repeats, 3))
        _report("alone and together")
        exact = _exact.compare(Engine(registry), name, recipes, model.context)
        floor = _floor.measure(manifest.parameters, (1, 8), far_bytes)
    about = machine.describe()
    about["threads"] = "as said above"
    about["versions"] |= {"llama-cpp-python": version("llama-cpp-python")} if _has_llama() else {}
    figures = {
        "machine": about,
        "load": load,
        "model": name,
        "fingerprint": manifest.fingerprint,
        "tokens": tokens,
        "repeats": repeats,
        "rows": rows,
        "agree": agree,
        "start": start,
        "memory_mib": memory,
        "beside": beside,
        "exact": exact,
        "floor": floor,
    }
    return {**figures, "markdown": markdown(figures)}


Workers = list[tuple[str, Worker]]  # way → the process that has it
MakeJob = Callable[..., Job]  # setting, streams, repetition, tokens, threads


@contextmanager
def _workers(folder: Path, model: TextModel) -> Iterator[Workers]:
    """A process for each library, all of them loaded; ours comes first."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(Worker("bench._ours", folder, APP)),
            stack.enter_context(Worker("bench._transformers", folder)),
        ]
        if _has_llama():
            from bench import _gguf

            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model.gguf"
            _gguf.export(model.model, path)
            started.append(stack.enter_context(Worker("bench._llama", path)))
        yield [(way, worker) for worker in started for way in worker.ways]


def _has_llama() -> bool:
    return all(find_spec(module) for module in EXTRAS)


def _prove(told: dict[str, Told]) -> dict[str, float]:
    """How much of ours the other ways tell alike. Rounding may part them, at a near tie, once in a while.

    Raises:
        RuntimeError: they part so soon that they can't have the same weights.
    """
    shares = {way: agreement(told[OURS], other) for way, other in told.items() if way != OURS}
    for way, share in shares.items():
        if share < 0.5:
            raise RuntimeError(f"{way} agrees with ours on {share:.0%} of the greedy tokens only.")
    return shares


def _choose_threads(workers: Workers, job: MakeJob, streams: Sequence[int], tokens: int) -> dict[str, dict[int, int]]:
    """Way → streams → with how many threads it is fastest; also warms everything up."""
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    some = sorted({1, min(2, cores), cores})
    chosen: dict[str, dict[int, int]] = {}
    for way, worker in workers:
        _report(f"threads of {way}")
        chosen[way] = {}
        for count in streams:
            if way == "generate, in turn" and chosen[way]:  # every stream is one alone
                chosen[way][count] = next(iter(chosen[way].values()))
                continue
            speeds: dict[int, float] = {}
            for k, number in product(range(TRIALS + 1), [None] if way == OURS else some):
                told = worker.run(way, job("default settings", count, k, tokens, number))
                if k:
                    speeds[told.threads] = max(told.speed, speeds.get(told.threads, 0.0))
            chosen[way][count] = max(speeds, key=speeds.__getitem__)
    return chosen


def _measure(
    workers: Workers,
    job: MakeJob,
    threads: dict[str, dict[int, int]],
    place: tuple[str, int],
    streams: Sequence[int],
    repeats: int,
) -> list[dict[str, Any]]:
    """Rows of one setting; `place` is its name and how many tokens each stream is to tell."""
    setting, tokens = place
    found: dict[tuple[int, str], list[Told]] = {}
    for k in range(repeats):
        _report(f"{setting}, repetition {k + 1} of {repeats}")
        for n, count in enumerate(streams):
            for way, worker in workers[k % len(workers) :] + workers[: k % len(workers)]:
                if count == 1 and way == "generate, batched":  # the same as in turn
                    continue
                asked = job(setting, count, k + STRIDE * n, tokens, threads[way][count])
                found.setdefault((count, way), []).append(worker.run(way, asked))
    speeds = {at: [told.speed for told in runs] for at, runs in found.items()}

    def ratio(a: tuple[int, str], b: tuple[int, str]) -> float:
        return statistics.median(x / y for x, y in zip(speeds[a], speeds[b], strict=True))

    rows = []
    for (count, way), runs in found.items():
        first = [seconds for told in runs for seconds in told.first_token_s]
        rows.append(
            {
                "setting": setting,
                "streams": count,
                "way": way,
                "threads": runs[0].threads,
                "tokens_per_second": statistics.median(speeds[count, way]),
                "ratios": {b: ratio((count, way), (a, b)) for a, b in found if a == count and b != way},
                "to_one": ratio((count, way), (1, way)) if (1, way) in found else None,
                "first_token_s": {f"p{p}": float(np.percentile(first, p)) for p in (50, 95)},
                "speeds": [round(speed, 2) for speed in speeds[count, way]],
            }
        )
    return rows


def _report(message: str) -> None:
    print(f"bench text: {message} …", file=sys.stderr, flush=True)


def main() -> dict[str, Any]:
    """What `python -m playground bench text` runs: the shipped model."""
    disable_progress_bar()
    return run()
