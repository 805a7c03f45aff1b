"""The models that the command line fetches data for, trains and evaluates: the `commands.COMMANDS` of each modality.

A new model adds a row to its modality's table and nothing here.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import playground
from playground.errors import PlaygroundError
from playground.recipes import show

Report = Callable[[str], None]


@dataclass(frozen=True)
class Commands:
    """What can be done for one model.

    Attributes:
        fetch: (out, n, report) → the folder; fetches or makes the training data, `n` units of it or all.
        train: (data, runs, out, smoke, minutes, warm) → the checkpoint folder; resumes from `runs`, or where that is
            gone and `warm` is asked for, from the weights in `out`. `data` is None where nobody named any.
        evaluate: (checkpoint folder, data, report) → metrics by name, as plain JSON.
    """

    fetch: Callable[[Path | None, int | None, Report], Path]
    train: Callable[[Path | None, Path, Path, bool, float | None, bool], Path]
    evaluate: Callable[[Path, Path | None, Report], dict[str, Any]]


def find(name: str) -> tuple[str, Commands]:
    """The kind of the model `name` and its commands.

    Raises:
        PlaygroundError: no modality has a model of that name; says which there are.
    """
    known: dict[str, tuple[str, Commands]] = {}
    for package in pkgutil.iter_modules(playground.__path__):
        module = f"playground.{package.name}.commands"
        if package.ispkg and importlib.util.find_spec(module):
            table = importlib.import_module(module).COMMANDS
            known |= {model: (package.name, commands) for model, commands in table.items()}
    if name not in known:
        raise PlaygroundError(f"There is no model {show(name)} to make here; there is: {', '.join(known)}.")
    return known[name]
