"""What `python -m playground data, train, evaluate` do for the image models. Heavy imports wait for their use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playground.commands import Commands, Report
from playground.registry import Registry

PICTURES = 1000  # of a data set, if nothing else is said: the world itself has no end


def _fetch_scenes(out: Path | None, n: int | None, report: Report) -> Path:
    from playground.image.dataset import write_dataset

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return write_dataset(out or cache / "playground" / "scenes", n or PICTURES, progress=report)


def _train_scenes(font: Path | None, runs: Path, out: Path, smoke: bool, minutes: float | None, warm: bool) -> Path:
    from playground.image.emoji import find_font

    found = find_font(font)  # a mistake is told before anything heavy is imported
    from playground.image.train import train_scenes

    return train_scenes(found, runs, out, smoke=smoke, minutes=minutes, warm=warm)


def _distil(font: Path | None, runs: Path, out: Path, smoke: bool, minutes: float | None, warm: bool) -> Path:
    from playground.image.emoji import find_font

    found = find_font(font)
    from playground.image.distil import distil_scenes

    return distil_scenes(Registry().folder / "scenes", found, runs, out, smoke=smoke, minutes=minutes, warm=warm)


def _evaluate_scenes(folder: Path, font: Path | None, report: Report) -> dict[str, Any]:
    from playground.image.evaluate import evaluate

    return evaluate(folder, report, font=font)


COMMANDS = {
    "scenes": Commands(_fetch_scenes, _train_scenes, _evaluate_scenes),
    "scenes-fast": Commands(_fetch_scenes, _distil, _evaluate_scenes),
}
