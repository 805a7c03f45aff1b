"""What is asked of a model of faces, and whether an evaluation finds it. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PSNR_DB = 26.0
RANKS = 0.9
LEAKAGE = 0.15  # of any other factor's spread, for one σ of an edit
STEERED = ("smile", "age", "glasses")


def bars(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each bar of an evaluation: `what`, `wanted`, `found`, and whether it is `met`.

    Args:
        found: the record of `evaluate`, as far as it is measured.
    """
    decibel = found["reconstruction"]["psnr_db"]
    rows = [_row("PSNR of held-out faces", f"≥ {PSNR_DB:g} dB", f"{decibel:.2f} dB", decibel >= PSNR_DB)]
    for name in STEERED:
        edit = found["edits"][name]
        ranks, (worst, leak) = edit["rank_correlation"], worst_leak(edit)
        rows.append(_row(f"{name}: rank correlation", f"≥ {RANKS:g}", f"{ranks:.3f}", ranks >= RANKS))
        told = f"{leak:.1%} ({worst})" if worst else "nothing to leak into"
        rows.append(_row(f"{name}: leakage", f"< {LEAKAGE:.0%}", told, leak < LEAKAGE))
    return rows


def worst_leak(edit: Mapping[str, Any]) -> tuple[str, float]:
    """The other factor that an edit moves most, and by what share of its spread; "" and 0 where there is none."""
    return max(edit["leaks"].items(), key=lambda pair: pair[1], default=("", 0.0))


def _row(what: str, wanted: str, found: str, met: bool) -> dict[str, Any]:
    return {"what": what, "wanted": wanted, "found": found, "met": bool(met)}
