"""What a face of the world `faces` is made of: names, ranges and words of its factors, and the presets.

Plain data. It knows nothing of drawing, and nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("person", "cat", "dog", "bear", "rabbit", "fox", "mouse", "panda", "lion", "owl", "frog")
PEOPLE = ("person",)
HAIRY = tuple(kind for kind in KINDS if kind != "frog")
HATS = ("none", "beanie", "top hat", "party hat", "crown")
HAIRS = ("straight", "parted", "curly", "spiky", "bun", "pigtails")
NEAR = 0.22  # of a factor's range: how near a face must be to a preset's value to count as one of it


@dataclass(frozen=True)
class Factor:
    """A continuous factor: its range, its words, and whom it applies to."""

    low: float
    high: float
    label: str
    low_word: str
    high_word: str
    kinds: tuple[str, ...] = KINDS
    cyclic: bool = False  # low and high are the same colour

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Choice:
    """A discrete factor: its values, and whom it applies to."""

    values: tuple[Any, ...]
    label: str
    kinds: tuple[str, ...] = KINDS


CONTINUOUS: dict[str, Factor] = {
    "smile": Factor(-1, 1, "Smile", "sad", "laughing"),
    "age": Factor(0, 1, "Age", "young", "old"),
    "femininity": Factor(0, 1, "Femininity", "masculine", "feminine", PEOPLE),
    "turn": Factor(-1, 1, "Head turn", "to the left", "to the right"),
    "eyes": Factor(0, 1, "Eyes", "closed", "wide open"),
    "length": Factor(0, 1, "Hair or fur", "short", "long", HAIRY),
    "hue": Factor(0, 1, "Hue of hair or fur", "red", "red again", cyclic=True),
    "skin": Factor(0, 1, "Skin", "light", "dark", PEOPLE),
    "background": Factor(0, 1, "Hue of the background", "red", "red again", cyclic=True),
}
DISCRETE: dict[str, Choice] = {
    "kind": Choice(KINDS, "Kind"),
    "glasses": Choice((False, True), "Glasses"),
    "hat": Choice(HATS, "Hat"),
    "beard": Choice((False, True), "Beard", PEOPLE),
    "hair": Choice(HAIRS, "Hair style", PEOPLE),
}
PRESETS: dict[str, dict[str, Any]] = {
    **{kind: {"kind": kind} for kind in KINDS},
    "smiling person": {"kind": "person", "smile": 0.8},
    "sad person": {"kind": "person", "smile": -0.8},
    "old smiling man": {"kind": "person", "smile": 0.7, "age": 0.85, "femininity": 0.15},
    "girl with glasses": {"kind": "person", "age": 0.15, "femininity": 0.85, "glasses": True},
    "bearded man": {"kind": "person", "femininity": 0.15, "beard": True},
    "old woman": {"kind": "person", "age": 0.85, "femininity": 0.85},
    "cat with a hat": {"kind": "cat", "hat": "beanie"},
    "laughing fox": {"kind": "fox", "smile": 0.8},
}


def applies(name: str, kind: str) -> bool:
    """Whether the factor `name` shows on faces of this kind."""
    return kind in (CONTINUOUS.get(name) or DISCRETE[name]).kinds


def matches(labels: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a labelled face is one of a preset: each choice equal, each continuous factor within `NEAR` of its range.

    Args:
        labels: as `world.labels` gives them. wanted: some factors, as in `PRESETS`.

    Raises:
        KeyError: `wanted` names something that is no factor.
    """
    return all(_agrees(name, labels.get(name), value) for name, value in wanted.items())


def _agrees(name: str, held: Any, wanted: Any) -> bool:
    if name in DISCRETE:
        return held == wanted
    factor = CONTINUOUS[name]
    if held is None:
        return False
    width = factor.high - factor.low
    gap = abs(held - wanted)
    return (min(gap, width - gap) if factor.cyclic else gap) <= NEAR * width
