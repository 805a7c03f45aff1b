"""Models that are trained stage by stage: the record that a stage leaves, and what a card tells of all of them.

Notes of what was done to a stage's weights by hand stand in `notes.txt` of its run's folder, a line each, and go into
every checkpoint that is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground import machine
from playground.cards import LOSS, describe_leg, duration, read_record, table, training_summary, unfold_summary
from playground.registry import TRAINING
from playground.training import HISTORY, STATE, Plan, read_run, write_run

NOTES = "notes.txt"
HEAD = ("stage", "wall time", "steps × batch", "seen", "Muon's peak rate", "AdamW's peak rate", "legs")
_COUNTED = {"step", "seen", "seconds", "lr", "loss", "grad_norm", "plan", "final"}


def summarise(folder: Path) -> dict[str, Any]:
    """What `training.fit` left in a stage's folder: its summary, what its last report found, and notes."""
    history = read_run(folder)
    plans = [row["plan"] for row in history if "plan" in row]
    reported = {name: round(value, 4) for name, value in history[-1].items() if name not in _COUNTED}
    notes = (folder / NOTES).read_text(encoding="utf-8").splitlines() if (folder / NOTES).is_file() else []
    return {**training_summary(history, Plan(**plans[-1])), "reported": reported, "notes": notes}


def restore_stages(record: Mapping[str, Any], folders: Mapping[str, Path]) -> None:
    """Lay the histories and notes of a checkpoint's record into the folders of its stages, as `summarise` reads them.

    Args:
        record: of `training.json`.
        folders: by stage; made where they are missing.
    """
    for stage, folder in folders.items():
        run = record["stages"][stage]
        rows = unfold_summary(run)
        rows[-1] |= run["reported"]
        folder.mkdir(parents=True, exist_ok=True)
        write_run(folder, rows)
        if run.get("notes"):
            (folder / NOTES).write_text("".join(f"{note}\n" for note in run["notes"]), encoding="utf-8")


def restored(folder: Path) -> list[dict[str, Any]] | None:
    """The history of a stage that was laid out again from a checkpoint; None where its state is there, or nothing."""
    return read_run(folder) if (folder / HISTORY).exists() and not (folder / STATE).exists() else None


def stages_section(
    folder: Path, told: str, units: Mapping[str, str], last: str, how: str = "Trained from scratch"
) -> str:
    """How a model was trained, from `training.json`; says so where that is missing.

    Args:
        told: what follows "Trained from scratch by …", or as `how` has it.
        units: what `seen` counts, by stage.
        last: the stage whose machine is told and whose loss is drawn.
    """
    command = f"`python -m playground train {folder.name}`"
    record = read_record(folder / TRAINING)
    if record is None:
        return f"Trained by {command}; this folder keeps no record of the run."
    stages = record["stages"]
    legs = [
        f"- {name}, {describe_leg(leg)}" for name, run in stages.items() if len(run["legs"]) > 1 for leg in run["legs"]
    ]
    notes = [f"- {name}: {note}" for name, run in stages.items() for note in run.get("notes", [])]
    run = stages[last]
    averaged = f"weights are averaged, exponentially, by {run['plan']['ema']:g} a step; " if run["plan"]["ema"] else ""
    parts = [
        f"{how} by {command}{told}",
        table(HEAD, [_row(name, run, units[name]) for name, run in stages.items()]),
        "\n".join(legs + notes),
        f"Hardware of the stage {last}: {machine.sentence(run['machine'])}. Processes: {run['processes']}; precision: "
        f"{run['precision']}; {averaged}seed {run['plan']['seed']}.",
        f"![Loss of the stage {last} over {units[last]} seen]({LOSS})" if (folder / LOSS).is_file() else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _row(name: str, run: Mapping[str, Any], unit: str) -> tuple[object, ...]:
    plan = run["plan"]
    return (
        name,
        duration(run["seconds"]),
        f"{run['steps']:,} × {plan['batch_size']}",
        f"{run['seen']:,} {unit}",
        f"{plan['muon_lr']:g}" if plan["muon_lr"] else "none",
        f"{plan['lr']:g}",
        len(run["legs"]),
    )
