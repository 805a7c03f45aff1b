"""Runner: the playground's own engine, as every tab and command uses it, and what a drag on the map asks of it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from bench._image_drawn import packed
from bench._latent_walked import MEMORY, OURS, POINTER, Walked
from bench._streams import Job, Way
from playground.engine import Engine
from playground.events import Frame
from playground.latent.animation import still
from playground.latent.explore import look
from playground.recipes import LatentRecipe
from playground.registry import Registry

REACH = 2.0  # standard deviations that the pointer goes away from the middle of the map
STRIDE = 0.15  # of a move of the pointer


def load(path: Path) -> dict[str, Way]:
    """The model of a folder, asked by way of the playground. How many threads compute, that knows itself."""
    engine = Engine(Registry(path.parent))
    with engine.registry.use(path.name, LatentRecipe.kind):
        pass  # it stays in memory
    return {OURS: partial(walk, engine), MEMORY: partial(weigh, engine), POINTER: partial(drag, engine)}


def walk(engine: Engine, job: Job) -> Walked:
    """All frames of the recipe, taken as they come."""
    began = time.perf_counter()
    frames = [event.picture for event in engine.generate(job.recipes[0]) if isinstance(event, Frame)]
    seconds = time.perf_counter() - began
    return _walked(seconds, frames=[packed(frame.rgb) for frame in frames])


def weigh(engine: Engine, job: Job) -> Walked:
    """The memory of this process at every frame of the recipe."""
    process, began = psutil.Process(), time.perf_counter()
    marks = [process.memory_info().rss / 2**20 for event in engine.generate(job.recipes[0]) if isinstance(event, Frame)]
    return _walked(time.perf_counter() - began, marks=marks)


def drag(engine: Engine, job: Job) -> Walked:
    """A pointer that wanders over the map: for each of as many moves as the recipe has frames, the face as a PNG."""
    recipe = job.recipes[0]
    chance, marks = random.Random(recipe.seed), []
    x = y = 0.0
    began = time.perf_counter()
    for _ in range(recipe.frames):
        x, y = (max(-REACH, min(REACH, value + chance.uniform(-STRIDE, STRIDE))) for value in (x, y))
        marks.append(_seconds(partial(_move, engine, recipe, f"at:{x:.3f},{y:.3f}")))
    return _walked(time.perf_counter() - began, marks=marks)


def _move(engine: Engine, recipe: LatentRecipe, place: str) -> bytes:
    with engine.model(recipe.model, recipe.kind) as model:
        return still(look(model, place, recipe.edits).picture)


def _walked(seconds: float, **told: list) -> Walked:
    return Walked(seconds, min(2, len(os.sched_getaffinity(0))), **told)


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
