"""What was aimed at with the speed of pictures, and whether it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench._image_drawn import OURS, PLAIN
from playground.cards import read_evaluation
from playground.registry import Manifest

MOST_APART = 2  # levels of 255 between ours and the plain pipeline
FASTER, SOONER = 1.3, 2.0  # than the plain pipeline: at the same steps; by default against its most steps
MOST_LOST, MOST_GB = 2.0, 1.0  # points of adherence; memory


def adherence_lost(path: Path, manifest: Manifest, default: int, most: int) -> float | None:
    """Points of adherence between the most steps and the default; None where the model's evaluation doesn't say."""
    evaluation = read_evaluation(path, manifest)
    if default == most:
        return 0.0
    if evaluation is None or evaluation.get("quick"):
        return None
    shares = [evaluation.get("by", {}).get("steps", {}).get(str(steps), {}).get("all") for steps in (most, default)]
    return None if None in shares else 100 * (shares[0] - shares[1])


def judge(figures: Mapping[str, Any], lost: float | None) -> list[dict[str, Any]]:
    """What was aimed at, and whether it is reached; None where it was not measured."""
    ours = [row for row in figures["rows"] if row["way"] == OURS and row["batch"] == 1]
    least = min(row["ratios"][PLAIN] for row in ours)
    sooner, gb = figures["sooner"]["1"], figures["memory_mib"][OURS] * 2**20 / 1e9
    apart_by = figures["apart"][PLAIN]["largest"]
    most = figures["most"]
    return [
        _bar("same steps as diffusers", f"≥ {FASTER:g} ×", f"{least:.2f} ×", least >= FASTER),
        _bar(f"default against diffusers at {most} steps", f"≥ {SOONER:g} ×", f"{sooner:.2f} ×", sooner >= SOONER),
        _bar(
            f"adherence lost by default against {most} steps",
            f"≤ {MOST_LOST:g} points",
            "not measured" if lost is None else f"{lost:.1f} points",
            None if lost is None else lost <= MOST_LOST,
        ),
        _bar("memory (RSS)", f"< {MOST_GB:g} GB", f"{gb:.2f} GB", gb < MOST_GB),
        _bar("pixels apart from diffusers", f"≤ {MOST_APART} / 255", f"{apart_by} / 255", apart_by <= MOST_APART),
    ]


def _bar(what: str, asked: str, measured: str, met: bool | None) -> dict[str, Any]:
    return {"what": what, "asked": asked, "measured": measured, "met": met}
