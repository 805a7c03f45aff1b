"""What `python -m playground data, train, evaluate` do for the faces. Heavy imports wait for their use."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from playground.commands import Commands, Report
from playground.errors import PlaygroundError

PICTURES = 1000  # of a data set, if nothing else is said: the world itself has no end


def _fetch(out: Path | None, n: int | None, report: Report) -> Path:
    from playground.latent.dataset import write_dataset

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return write_dataset(out or cache / "playground" / "faces", n or PICTURES, progress=report)


def _train(kind: str, data: Path | None, runs: Path, out: Path, smoke: bool, minutes: float | None, warm: bool) -> Path:
    if data is not None:
        raise PlaygroundError(
            f"The model faces-{kind} is trained on faces that are drawn as it goes; leave --data out."
        )
    from playground.latent.train import train_faces

    return train_faces(kind, runs, out, smoke=smoke, minutes=minutes, warm=warm)


def _train_recogniser(data: Path | None, runs: Path, out: Path, smoke: bool, minutes: float | None, warm: bool) -> Path:
    if warm or data is not None:
        raise PlaygroundError(
            "The recogniser of faces is trained from scratch on faces that are drawn as it goes; "
            "leave --warm and --data out."
        )
    from playground.latent.recogniser import train_recogniser

    return train_recogniser(runs, out, smoke=smoke, minutes=minutes)


def _evaluate(folder: Path, data: Path | None, report: Report) -> dict[str, Any]:
    if data is not None:
        raise PlaygroundError(
            f"The model {folder.name} is measured on faces that are drawn as it goes; leave --data out."
        )
    from playground.latent.evaluate import evaluate

    return evaluate(folder, report)


def _evaluate_no_world(*_: Any) -> dict[str, Any]:
    raise PlaygroundError("The name faces is that of the pictures; the models are faces-vae and faces-gan.")


COMMANDS = {
    "faces": Commands(_fetch, _train_recogniser, _evaluate_no_world),
    "faces-vae": Commands(_fetch, partial(_train, "vae"), _evaluate),
    "faces-gan": Commands(_fetch, partial(_train, "gan"), _evaluate),
}
