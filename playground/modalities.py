"""The way to a modality's code for all that stands outside of it: imported when it is first used. Knows no modality."""

from __future__ import annotations

import importlib
import threading
from types import ModuleType

_importing = threading.RLock()


def part_of(kind: str, name: str) -> ModuleType:
    """The module `name` of the modality `kind`, like "results" of "image".

    One is imported at a time: `diffusers` and `transformers` put another module in their place while they are first
    imported, and a second thread that imports them meanwhile is given the one that lacks their classes.
    """
    with _importing:
        return importlib.import_module(f"playground.{kind}.{name}")
