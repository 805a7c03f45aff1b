"""Draws pictures: what is asked for → events, a step of a few samples at a time, so that all samples form together.

What a step is, is `sampler.py`'s; what the model is, `loaded.py`'s.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import torch

from playground.events import Done, Ended, Event, ImageResult, Picture, Preview, Started
from playground.image.loaded import ImageModel, load
from playground.image.prompts import filled_in, notes, read_prompts
from playground.image.sampler import advance, begin, groups
from playground.image.schedulers import steps_taken
from playground.image.uploads import read_start
from playground.recipes import ImageRecipe

__all__ = ["generate", "load"]  # what the engine asks of a modality


def generate(model: ImageModel, recipe: ImageRecipe) -> Iterator[Event]:
    """Yield `Started`, after every step a `Preview` of each sample, then an `Ended` for each, and `Done` at last.

    Closing the iterator ends it at the next step of a sample; nothing is kept.

    Raises:
        PlaygroundError: the start picture can't be used, or the model's numbers overflowed.
    """
    start = start_of(recipe)
    told = notes(model, recipe, *read_prompts(model, recipe)) + _kept(recipe)
    ids = read_prompts(model, filled_in(model, recipe))[0].ids
    yield Started(recipe, ids, told)
    began = time.perf_counter()
    use_all_cores()
    drawings = begin(model, recipe, start)
    steps = drawings[0].steps
    done, whole = 0, len(drawings) * (steps + 1)  # decoding takes about as long as a step
    for step in range(steps):
        for some in groups(model, drawings):
            use_all_cores()
            advance(model, [drawing for _, drawing in some])
            done += len(some)
            left = (time.perf_counter() - began) / done * (whole - done)
            for k, drawing in some:
                yield Preview(k, step + 1, steps, left, drawing.preview())
    results = []
    for k, drawing in enumerate(drawings):
        use_all_cores()
        seed, read = recipe.with_seed(recipe.seed + k).seed, drawing.prompt
        results.append(ImageResult(seed, drawing.picture(), "done", read.ids, read.text))
        yield Ended(k, results[-1])
    seconds = time.perf_counter() - began
    stats = {"seconds": seconds, "steps": steps, "seconds_per_picture": seconds / len(drawings)}
    yield Done(recipe, tuple(results), ids, stats, told)


def use_all_cores() -> None:
    """Each step may come from another thread of the caller's, and torch counts threads for each: always as many."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))


def start_of(recipe: ImageRecipe) -> Picture | None:
    """The picture that a recipe begins from, if there is one.

    Raises:
        PlaygroundError: it can't be used.
    """
    return read_start(recipe.start, recipe.size) if recipe.start else None


def _kept(recipe: ImageRecipe) -> tuple[str, ...]:
    if recipe.start and recipe.strength and not steps_taken(recipe.steps, recipe.strength):
        return (f"{recipe.steps} steps at strength {recipe.strength} leave the start picture as it is.",)
    return ()
