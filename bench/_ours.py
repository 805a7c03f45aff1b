"""Runner: the playground's own generator, as every tab and command uses it, with as many threads as there are streams.

What it tells includes the log-probability and the ten likeliest alternatives of every token.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from transformers import AutoTokenizer

from bench._streams import Job, Told, Way
from bench._transformers import endless
from playground.events import Token
from playground.recipes import TextRecipe
from playground.text.generate import generate
from playground.text.loaded import TextModel, text_model


def load(path: Path) -> dict[str, Way]:
    """The model of a folder, told by the playground."""
    model = text_model(endless(path), AutoTokenizer.from_pretrained(path, local_files_only=True))
    return {"playground": partial(run, model)}


def run(model: TextModel, job: Job) -> Told:
    """Each stream is a caller of its own; their steps are one. How many threads compute, the decoder knows."""

    def follow(recipe: TextRecipe) -> tuple[list[int], float]:
        ids, first = [], 0.0
        for event in generate(model, recipe):
            if isinstance(event, Token):
                first = first or time.perf_counter() - began
                ids.append(event.id)
        return ids, first

    began = time.perf_counter()
    with ThreadPoolExecutor(len(job.recipes)) as callers:
        found = list(callers.map(follow, job.recipes))
    seconds = time.perf_counter() - began
    return Told([ids for ids, _ in found], seconds, [first for _, first in found], model.batcher.threads)
