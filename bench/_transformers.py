"""Runners: `generate` of transformers with the same settings, in float32: streams in turn, and as one padded batch."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.generation import BaseStreamer

from bench._streams import Job, Told, Way
from playground.recipes import TextRecipe

KNOBS = ("temperature", "top_k", "top_p")


class _Clock(BaseStreamer):
    """Notes when `generate` hands over the first new tokens; what it hands over before is the prompt."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass


def endless(path: Path) -> torch.nn.Module:
    """The model of a folder in float32; no token ends its texts, so that all runners tell equally many."""
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True, use_safetensors=True)
    model.generation_config.eos_token_id = None
    return model.eval()


def load(path: Path) -> dict[str, Way]:
    """The model of a folder, told by `generate`."""
    model, threads = endless(path), torch.get_num_threads()
    return {
        "generate, in turn": partial(in_turn, model, threads),
        "generate, batched": partial(batched, model, threads),
    }


def in_turn(model: torch.nn.Module, threads: int, job: Job) -> Told:
    """One text after the other."""
    torch.set_num_threads(job.threads or threads)
    ids, firsts = [], []
    began = time.perf_counter()
    for recipe, prompt in zip(job.recipes, job.prompts, strict=True):
        new, first = _generate(model, recipe, [prompt])
        ids += new
        firsts.append(first - began)
    return Told(ids, time.perf_counter() - began, firsts, torch.get_num_threads())


def batched(model: torch.nn.Module, threads: int, job: Job) -> Told:
    """All texts at once, the shorter prompts padded on the left; the settings are those of the first."""
    torch.set_num_threads(job.threads or threads)
    began = time.perf_counter()
    ids, first = _generate(model, job.recipes[0], job.prompts)
    seconds = time.perf_counter() - began
    return Told(ids, seconds, [first - began] * len(ids), torch.get_num_threads())


def _generate(model: torch.nn.Module, recipe: TextRecipe, prompts: list[list[int]]) -> tuple[list[list[int]], float]:
    """New ids of each prompt, and when the first were there."""
    sampling: dict[str, Any] = {"do_sample": False}
    if recipe.temperature:
        sampling = {"do_sample": True, **{name: getattr(recipe, name) for name in KNOBS}}
    width = max(map(len, prompts))
    pads = [width - len(prompt) for prompt in prompts]
    pad = model.generation_config.pad_token_id or 0
    clock = _Clock()
    torch.manual_seed(recipe.seed)
    told = model.generate(
        torch.tensor([[pad] * count + list(prompt) for count, prompt in zip(pads, prompts, strict=True)]),
        attention_mask=torch.tensor([[0] * count + [1] * (width - count) for count in pads]),
        max_new_tokens=recipe.max_new_tokens,
        pad_token_id=pad,
        streamer=clock,
        **sampling,
    )
    return told[:, width:].tolist(), clock.times[1]
