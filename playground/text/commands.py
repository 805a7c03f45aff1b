"""What `python -m playground data, train, evaluate` do for the text models. Heavy imports wait for their use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playground.commands import Commands, Report


def _tales_folder() -> Path:
    from playground.text.books import TALES, cache_folder

    return cache_folder() / TALES


def _fetch_tales(out: Path | None, n: int | None, report: Report) -> Path:
    from playground.text.books import fetch_tales

    return fetch_tales(out, limit=n, progress=report)


def _train_tales(data: Path | None, runs: Path, out: Path, smoke: bool, minutes: float | None, warm: bool) -> Path:
    from playground.text.train import train_tales

    return train_tales(data or _tales_folder(), runs, out, smoke=smoke, minutes=minutes, warm=warm)


def _evaluate_tales(folder: Path, data: Path | None, report: Report) -> dict[str, Any]:
    from playground.text.evaluate import evaluate

    return evaluate(folder, data or _tales_folder(), progress=report)


COMMANDS = {"tales": Commands(_fetch_tales, _train_tales, _evaluate_tales)}
