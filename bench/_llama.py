"""Runner: llama.cpp on the same weights, all streams in one batch, its cache and attention as they are by default.

Needs the package `llama-cpp-python`; through its plain C interface, because the class above that knows one stream only.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp as llama

from bench._streams import Job, Told, Way
from playground.recipes import TextRecipe

CONTEXT = 1024  # tokens a stream


@llama.llama_log_callback
def _hush(level: int, text: bytes, data: ctypes.c_void_p) -> None:
    pass


def load(path: Path) -> dict[str, Way]:
    """The model of a GGUF file, told by llama.cpp."""
    return {"llama.cpp": LlamaCpp(path)}


class LlamaCpp:
    """A loaded model, with a context for every number of streams that was asked for."""

    def __init__(self, path: Path) -> None:
        llama.llama_log_set(_hush, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self._model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp can't open {path.name}.")
        self._contexts: dict[int, Any] = {}

    def __call__(self, job: Job) -> Told:
        count, threads = len(job.recipes), job.threads or os.cpu_count()
        context = self._context(count)
        llama.llama_set_n_threads(context, threads, threads)
        llama.llama_memory_clear(llama.llama_get_memory(context), False)
        batch = llama.llama_batch_init(sum(map(len, job.prompts)), 0, 1)
        samplers = [_sampler(recipe) for recipe in job.recipes]
        try:
            return self._tell(job, context, batch, samplers, threads)
        finally:
            for sampler in samplers:
                llama.llama_sampler_free(sampler)
            llama.llama_batch_free(batch)

    def _tell(self, job: Job, context: Any, batch: Any, samplers: Sequence[Any], threads: int) -> Told:
        ids: list[list[int]] = [[] for _ in samplers]
        places = list(map(len, job.prompts))
        began = time.perf_counter()
        last = _fill(batch, job.prompts, [0] * len(samplers))
        first = 0.0
        for step in range(job.recipes[0].max_new_tokens):
            if llama.llama_decode(context, batch):
                raise RuntimeError("llama.cpp could not decode a batch.")
            for told, sampler, at in zip(ids, samplers, last, strict=True):
                told.append(llama.llama_sampler_sample(sampler, context, at))
            first = first or time.perf_counter() - began
            last = _fill(batch, [told[-1:] for told in ids], [place + step for place in places])
        return Told(ids, time.perf_counter() - began, [first] * len(ids), threads)

    def _context(self, count: int) -> Any:
        if count not in self._contexts:
            params = llama.llama_context_default_params()
            params.n_seq_max, params.n_ctx = count, count * CONTEXT
            self._contexts[count] = llama.llama_init_from_model(self._model, params)
        return self._contexts[count]


def _fill(batch: Any, tokens: Sequence[Sequence[int]], starts: Sequence[int]) -> list[int]:
    """Put tokens of every stream into the batch, and say where the last of each, which get logits, stand in it."""
    at, last = 0, []
    for stream, (new, start) in enumerate(zip(tokens, starts, strict=True)):
        for place, token in enumerate(new, start):
            batch.token[at], batch.pos[at] = token, place
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, stream
            batch.logits[at] = place == start + len(new) - 1
            at += 1
        last.append(at - 1)
    batch.n_tokens = at
    return last


def _sampler(recipe: TextRecipe) -> Any:
    """The samplers of a recipe; top-k before temperature, which comes to the same and is faster."""
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    links = [llama.llama_sampler_init_greedy()]
    if recipe.temperature:
        links = [
            llama.llama_sampler_init_top_k(recipe.top_k),
            llama.llama_sampler_init_temp(recipe.temperature),
            llama.llama_sampler_init_top_p(recipe.top_p, 1),
            llama.llama_sampler_init_dist(recipe.seed),
        ]
    for link in links:
        llama.llama_sampler_chain_add(chain, link)
    return chain
