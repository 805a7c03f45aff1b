"""How well edits steer: whether a face changes as a direction says, and what else changes with it.

A direction is tried on held-out faces of the kinds that it is of. What it does is judged by readings alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from playground.latent.factors import CONTINUOUS, DISCRETE, applies
from playground.latent.readings import FACTORS, PLACES, column

STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # in σ
FEWEST = 8  # faces that a factor must apply to, for what leaks into it to be counted
Look = Callable[[np.ndarray], np.ndarray]  # (B, D) points → (B, R) readings of what they show


def target(direction: str) -> tuple[str, Any] | None:
    """The factor that a learnt direction is of, and its value where that is a choice; None of an unknown one."""
    if direction in CONTINUOUS or direction in DISCRETE:
        return direction, None
    found = [(name, value) for name, choice in DISCRETE.items() for value in choice.values if str(value) == direction]
    return found[0] if found else None


def steer(
    look: Look,
    directions: Mapping[str, np.ndarray],
    points: np.ndarray,
    kinds: list[str],
    spread: Mapping[str, float],
    count: int,
) -> dict[str, Any]:
    """Try each direction on up to `count` faces.

    Args:
        points: (N, D) of faces, and kinds: what each is.
        spread: by factor, how widely its readings vary over renders; see `spreads`.

    Returns:
        By direction: `rank_correlation`, Spearman's, of strength and the reading of its factor, along each face's own
        way, in the mean; `faces`; `leaks`, by other factor, how much its reading moves on the whole for 1 σ of the
        edit, as a share of its spread; `wanders`, the same of each face by itself, whichever way it moves.
    """
    found = {}
    for name, direction in directions.items():
        aim = target(name)
        chosen = [k for k, kind in enumerate(kinds) if aim and applies(aim[0], kind)][:count]
        if aim and chosen:
            moved = np.stack([points[chosen] + strength * direction for strength in STRENGTHS], axis=1)
            rows = look(moved.reshape(-1, points.shape[1])).reshape(len(chosen), len(STRENGTHS), -1)
            found[name] = _judged(rows, aim, [kinds[k] for k in chosen], spread)
    return found


def _judged(rows: np.ndarray, aim: tuple[str, Any], kinds: list[str], spread: Mapping[str, float]) -> dict[str, Any]:
    """rows: (N, strengths, R)."""
    ranks = [spearman(np.array(STRENGTHS), column(row, *aim)) for row in rows]
    middle = STRENGTHS.index(0.0)
    step = [STRENGTHS.index(-1.0), STRENGTHS.index(1.0)]
    leaks, wanders = {}, {}
    for name in FACTORS:
        held = np.array([applies(name, kind) for kind in kinds])
        if name == aim[0] or held.sum() < FEWEST or not spread.get(name):
            continue
        part = rows[held][:, :, PLACES[name]]
        slope = (part[:, step[1]] - part[:, step[0]]).mean(axis=0) / 2
        leaks[name] = float(np.linalg.norm(slope)) / spread[name]
        apart = np.linalg.norm(part[:, step] - part[:, [middle]], axis=2)
        wanders[name] = float(apart.mean()) / spread[name]
    return {"rank_correlation": float(np.mean(ranks)), "faces": len(rows), "leaks": leaks, "wanders": wanders}


def spreads(rows: np.ndarray, applied: np.ndarray) -> dict[str, float]:
    """By factor the standard deviation of its readings, of all its columns together, over faces that have it."""
    found = {}
    for name, held in zip(FACTORS, applied.T, strict=True):
        if held.sum() > 1:
            found[name] = float(np.sqrt(rows[held, PLACES[name]].var(axis=0).sum()))
    return found


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two rows, −1 … 1; equal values share a rank; 0 where one row does not vary."""
    one, other = _ranks(first), _ranks(second)
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = counts.cumsum()
    return (upto - (counts - 1) / 2)[places]
