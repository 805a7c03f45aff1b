"""What a face of the world `faces` is made of: names, ranges and words of its factors.

Plain data. It knows nothing of drawing, and nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("person", "cat", "dog", "bear", "rabbit", "fox", "mouse", "panda", "lion", "owl", "frog")
PEOPLE = ("person",)
HAIRY = tuple(kind for kind in KINDS if kind != "frog")
HATS = ("none", "beanie", "top hat", "party hat", "crown")
HAIRS = ("straight", "parted", "curly", "spiky", "bun", "pigtails")


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


def applies(name: str, kind: str) -> bool:
    """Whether the factor `name` shows on faces of this kind."""
    return kind in (CONTINUOUS.get(name) or DISCRETE[name]).kinds
