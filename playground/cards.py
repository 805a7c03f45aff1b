"""Model cards: the parts that every modality's card has, and the records beside a checkpoint that they are made from.

A card is a pure function of its folder: manifest, `training.json`, `evaluation.json` and `loss.png`. It is written by
training and evaluation, never by hand. What a modality has to say is in `<modality>/card.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from playground import machine
from playground.errors import PlaygroundError
from playground.registry import EVALUATION, TRAINING, Manifest, read_entry
from playground.training import Plan

CARD, LOSS = "README.md", "loss.png"
CURVE_POINTS = 200
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$!+-]|(?<=\d)[.)])")


def training_summary(history: Sequence[Mapping[str, float]], plan: Plan) -> dict[str, Any]:
    """What a card tells of a training run.

    Args:
        history: of `training.fit`, a row per step.

    Returns:
        The plan, the machine, processes and precision, steps, seen (tokens, pictures …), seconds, at most about
        `CURVE_POINTS` rows of the loss curve (each the mean loss since the row before), and the rows with a report.
    """
    width = -(-len(history) // CURVE_POINTS) or 1
    groups = [history[at : at + width] for at in range(0, len(history), width)]
    last = history[-1] if history else {"step": 0, "seen": 0, "seconds": 0.0}
    return {
        "plan": asdict(plan),
        "machine": machine.describe(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "precision": "bfloat16 autocast" if machine.has_bf16() else "float32",
        "steps": last["step"],
        "seen": last["seen"],
        "seconds": round(last["seconds"], 1),
        "curve": [
            {
                **{name: group[-1][name] for name in ("step", "seen")},
                "loss": round(sum(row["loss"] for row in group) / len(group), 4),
            }
            for group in groups
        ],
        "legs": [{"step": row["step"] - 1, "plan": row["plan"]} for row in history if "plan" in row],
        "checks": [
            {name: value for name, value in row.items() if name in {"step", "seen", "final"} or "valid" in name}
            for row in history
            if any("valid" in name for name in row)
        ],
    }


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON record, atomically."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def read_record(path: Path) -> dict[str, Any] | None:
    """A record that is there, or None.

    Raises:
        PlaygroundError: it is not JSON.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PlaygroundError(f"{path.name} of the model {path.parent.name} is damaged: {error}.") from error


def read_training(path: Path) -> dict[str, Any]:
    """The record of a training that is to go on.

    Raises:
        PlaygroundError: there is none, or nothing in it.
    """
    record = read_record(path)
    if record is None or not record.get("curve", True):  # of a model that is trained stage by stage, each has its own
        raise PlaygroundError(f"{path.parent.name} has no record of an earlier training to go on from.")
    return record


def read_history(path: Path) -> list[dict[str, float]]:
    """The history of a training record, as coarse as `training_summary` keeps it, with its reports at the nearest rows.

    Raises:
        PlaygroundError: there is no such record.
    """
    return unfold_summary(read_training(path))


def unfold_summary(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `training_summary` made, as the history of which it was made: a row for each point of its curve."""
    rows = [dict(row) for row in record["curve"]]
    for check in record["checks"]:
        nearest = min(rows, key=lambda row: abs(row["step"] - check["step"]))
        nearest |= {name: value for name, value in check.items() if "valid" in name}
    for leg in record.get("legs") or [{"step": 0, "plan": record["plan"]}]:
        following = next((row for row in rows if row["step"] > leg["step"]), rows[-1])
        following["plan"] = leg["plan"]
    rows[-1] |= {"step": record["steps"], "seen": record["seen"], "seconds": record["seconds"]}
    return rows


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished checkpoint folder.

    Raises:
        PlaygroundError: it has none, or is damaged.
    """
    entry = read_entry(folder)
    if entry.manifest is None or entry.problem:
        raise PlaygroundError(f"The model {folder.name} can't be used: {entry.problem}")
    return entry.manifest


def read_evaluation(folder: Path, manifest: Manifest) -> dict[str, Any] | None:
    """The evaluation of just these weights; None where there is none, or only one of other weights."""
    found = read_record(folder / EVALUATION)
    return found if found and found["fingerprint"] == manifest.fingerprint else None


def front_matter(manifest: Manifest, metrics: Mapping[str, float], dataset: str, **fields: Any) -> str:
    """The YAML head by which the Hugging Face Hub files a card.

    Args:
        metrics: by the Hub's name of the metric; they become its `model-index`.
        dataset: what they were measured on.
        fields: of `huggingface_hub.ModelCardData`: pipeline_tag, library_name, language, tags …
    """
    results = [
        EvalResult(
            task_type=fields["pipeline_tag"],
            dataset_type=dataset.lower().replace(" ", "-"),
            dataset_name=dataset,
            metric_type=name,
            metric_value=round(value, 4),
        )
        for name, value in metrics.items()
    ]
    data = ModelCardData(license=manifest.licence, model_name=manifest.name, eval_results=results or None, **fields)
    return f"---\n{data.to_yaml()}\n---"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is of names, the others of numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, rule, *rows])


def quote(text: str) -> str:
    """A text as it is, as a Markdown quotation: nothing in it is taken for markup, and its lines stay lines."""
    lines = [_MARKUP.sub(r"\\\1", line) for line in text.strip("\n").split("\n")]
    return "\n".join(f"> {line}\\" if line and after else f"> {line}" for line, after in pairwise([*lines, ""]))


def training_section(folder: Path, unit: str, dataset_size: float | None = None) -> str:
    """How the model was trained, from `training.json`; says so where that is missing.

    Args:
        unit: what `seen` counts: "tokens", "pictures".
        dataset_size: in the same unit, to tell epochs.
    """
    command = f"`python -m playground train {folder.name}`"
    run = read_record(folder / TRAINING)
    if run is None:
        return f"Trained by {command}; this folder keeps no record of the run."
    plan = run["plan"]
    epochs = f" ({run['seen'] / dataset_size:.1f} epochs)" if dataset_size else ""
    rule = f"AdamW, peak learning rate {plan['lr']:g}, betas {tuple(plan['betas'])}"
    if plan["muon_lr"]:
        rule = f"Muon for the matrices of hidden layers, peak learning rate {plan['muon_lr']:g}; else {rule}"
    held = f", peak until {plan['hold']:.0%}" if plan["hold"] else ""
    facts = [
        ("wall time", duration(run["seconds"])),
        ("hardware", machine.sentence(run["machine"])),
        ("processes", run["processes"]),
        ("precision", run["precision"]),
        ("steps", f"{run['steps']:,} of {plan['batch_size']:,} {unit}"),
        ("seen", f"{run['seen']:,} {unit}{epochs}"),
        ("optimiser", rule),
        ("schedule", f"warm-up over {plan['warmup']:.0%}{held}, cosine to {plan['final_lr']:.0%} of the peak"),
        ("weight decay", f"{plan['weight_decay']:g}, on matrices"),
        ("gradient clipping", f"norm {plan['clip']:g}"),
        ("weight averaging", f"exponential, {plan['ema']:g} a step" if plan["ema"] else "none"),
        ("dropout", f"{plan['dropout']:g}" if plan.get("dropout") else "none"),
        ("seed", plan["seed"]),
    ]
    legs = run.get("legs") or []
    told = f"Trained from scratch by {command}"
    if len(legs) > 1:
        told += f" in {len(legs)} legs, each from the weights of the one before; the figures are those of the last one."
        parts = [told, table(("", ""), facts), "\n".join(f"- {describe_leg(leg)}" for leg in legs)]
    else:
        parts = [f"{told}, which does the same again.", table(("", ""), facts)]
    parts += run.get("notes", [])  # what was done to the weights afterwards
    if (folder / LOSS).is_file():
        parts.append(f"![Loss over {unit} seen]({LOSS})")
    return "\n\n".join(parts)


def describe_leg(leg: Mapping[str, Any]) -> str:
    """A leg of a run, as `training_summary` keeps it: from which step on, how long, by what schedule."""
    plan = leg["plan"]
    held = f"peak until {plan['hold']:.0%}, " if plan.get("hold") else ""
    clock = f"by the clock of {plan['minutes']:g} minutes in all" if plan.get("minutes") else f"{plan['steps']:,} steps"
    dropout = f", dropout {plan['dropout']:g}" if plan.get("dropout") else ""
    return f"after step {leg['step']:,}: {clock}, {held}cosine to {plan['final_lr']:.0%} of the peak{dropout}"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that suit: "1 h 52 min", "40 s"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def write_card_text(folder: Path, front: str, title: str, sections: Mapping[str, str]) -> None:
    """Put a card together and write it, atomically: front matter, title, then each section below its heading."""
    body = "\n\n".join(f"## {heading}\n\n{text.strip()}" for heading, text in sections.items())
    part = folder / f"{CARD}.part"
    part.write_text(f"{front}\n\n# {title}\n\n{body}\n", encoding="utf-8")
    part.replace(folder / CARD)
