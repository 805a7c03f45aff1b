"""The GPU of a ZeroGPU Space, which the package `spaces` lends for one recipe at a time, in a process of its own.

It is asked for where a modality says `GPU = True` of its `generate`. None of ours does: what ships computes on the
processor, exactly as everywhere, and costs a visitor nothing of their quota. Anywhere else this is a plain call.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from playground.recipes import Recipe
from playground.registry import Loaded, Registry

START_S, ROUND_S, LONGEST_S = 20, 0.1, 120  # a model is loaded first; then a step, a token or a frame takes so long
ROUNDS = ("steps", "max_new_tokens", "frames")  # knobs that say how often a model is asked


def is_there() -> bool:
    """Whether this is a ZeroGPU Space, which refuses an app that declares no use of its GPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and _has_spaces()


def seconds(folder: Path, name: str, recipe: Recipe) -> int:
    """How long a recipe may hold the GPU; ZeroGPU ends what takes longer, and lets the short ones go first."""
    knobs = recipe.model_dump()
    rounds = max((knobs[name] for name in ROUNDS if name in knobs), default=1) * knobs.get("samples", 1)
    return min(LONGEST_S, round(START_S + ROUND_S * rounds))


def run(folder: Path, loaded: Loaded, recipe: Recipe) -> Iterator[Any]:
    """The events of a recipe by a loaded model of the registry's folder: here, or where the GPU is."""
    if is_there() and getattr(loaded.modality, "GPU", False):
        return _on_gpu()(folder, loaded.entry.name, recipe)
    return loaded.modality.generate(loaded.model, recipe)


def _there(folder: Path, name: str, recipe: Recipe) -> Iterator[Any]:
    """In the other process, which has no thread of this one and so loads the model itself, and keeps it."""
    with _models(folder).use(name, recipe.kind) as loaded:
        yield from loaded.modality.generate(loaded.model, recipe)


@cache
def _models(folder: Path) -> Registry:
    return Registry(folder)


@cache
def _on_gpu() -> Any:
    return importlib.import_module("spaces").GPU(_there, duration=seconds)


@cache
def _has_spaces() -> bool:
    return importlib.util.find_spec("spaces") is not None


if is_there():
    _on_gpu()  # declared before the page is launched, when ZeroGPU counts
