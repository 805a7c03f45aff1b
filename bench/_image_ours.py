"""Runner: the playground's own engine, as every tab and command uses it, previews after every step included.

Beside it the same loop by hand, to tell what previews cost, and the examination that is asked for by a click on a word.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench._image_drawn import BARE, EXAMINATION, OURS, TIMED, Drawn, packed, typical
from bench._streams import Job, Way
from playground.engine import Engine
from playground.events import Ended, Picture, Preview
from playground.image.generate import start_of
from playground.image.sampler import advance, begin, groups
from playground.recipes import ImageRecipe
from playground.registry import Registry


def load(path: Path) -> dict[str, Way]:
    """The model of a folder, drawn with by the playground. How many threads compute, that knows itself."""
    engine = Engine(Registry(path.parent))
    with engine.registry.use(path.name, ImageRecipe.kind):
        pass  # it stays in memory
    return {
        OURS: partial(draw, engine),
        TIMED: partial(by_hand, engine, True),
        BARE: partial(by_hand, engine, False),
        EXAMINATION: partial(examine, engine),
    }


def draw(engine: Engine, job: Job) -> Drawn:
    """All events of the recipe, taken as they come."""
    pictures: list[Picture] = []
    began = time.perf_counter()
    steps = []
    for event in engine.generate(job.recipes[0]):
        if isinstance(event, Preview):
            steps.append(time.perf_counter())
        elif isinstance(event, Ended):
            pictures.append(event.result.picture)
    seconds = time.perf_counter() - began
    return _drawn(job, pictures, seconds, steps)


def by_hand(engine: Engine, previews: bool, job: Job) -> Drawn:
    """The loop of `playground.image.generate` without its events, with a clock around every preview, or without any."""
    recipe = job.recipes[0]
    steps, preview_s = [], 0.0
    with engine.registry.use(recipe.model, recipe.kind) as loaded:
        began = time.perf_counter()
        drawings = begin(loaded.model, recipe, start_of(recipe))
        for _ in range(drawings[0].steps):
            for some in groups(loaded.model, drawings):
                advance(loaded.model, [drawing for _, drawing in some])
                if previews:
                    preview_s += sum(_seconds(drawing.preview) for _, drawing in some)
                steps += [time.perf_counter()] * len(some)
        pictures = [drawing.picture() for drawing in drawings]
        seconds = time.perf_counter() - began
    return _drawn(job, pictures, seconds, steps, preview_s)


def examine(engine: Engine, job: Job) -> Drawn:
    """How the picture of a recipe of one sample came about: maps of its words, and all frames decoded."""
    return _drawn(job, [], _seconds(partial(engine.examine, job.recipes[0], (), 0)), [])


def _drawn(job: Job, pictures: list[Picture], seconds: float, steps: list[float], preview_s: float = 0.0) -> Drawn:
    halves = 2 if job.recipes[0].guidance_scale > 1 else 1  # each has a core of its own, where there is one
    threads = min(halves, len(os.sched_getaffinity(0)))
    return Drawn([packed(picture.rgb) for picture in pictures], seconds, typical(steps), threads, preview_s)


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
