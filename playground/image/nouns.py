"""What can stand in a picture: nouns with their words, drawings and habits, read from `nouns.json` and `heads.json`.

Data only. Knows neither fonts nor pictures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
KINDS = ("animal", "character", "plant", "food", "vehicle", "building", "object", "clothing", "toy", "sky", "symbol")


@dataclass(frozen=True)
class Noun:
    """A thing that can be drawn and named.

    Attributes:
        drawings: emoji, any of which is this noun.
        size: natural size class: 1 fits a hand, 2 a table, 3 is larger than a person.
        forms: (singular, plural) for the name and each synonym; a singular that begins with "~" takes no article.
        recolour: looks right in any colour. any_colour: comes in any colour even where nobody says which.
        paint: what takes another colour: its main "hue", its "grey", or whichever there is more of.
        flies: may hang in the air.
    """

    name: str
    kind: str
    drawings: str
    size: int
    forms: tuple[tuple[str, str], ...]
    recolour: bool = False
    any_colour: bool = False
    paint: str = ""
    flies: bool = False


@dataclass(frozen=True)
class Head:
    """Where a drawing wears things, in shares of its square sprite.

    Attributes:
        top: (x, y) of the middle of the skull's upper edge. width: of the head there.
        eyes: (x, y, distance between the outer corners), or None where glasses cannot sit.
        lean: degrees by which the head leans to the right.
    """

    top: tuple[float, float]
    width: float
    eyes: tuple[float, float, float] | None = None
    lean: float = 0.0


@cache
def read_nouns() -> dict[str, Noun]:
    """All nouns by name, in the file's order, which is part of what a seed means."""
    rows = json.loads((_FOLDER / "nouns.json").read_text(encoding="utf-8"))
    return {row["name"]: Noun(**{**row, "forms": tuple(map(tuple, row["forms"]))}) for row in rows}


@cache
def paint_of(drawing: str) -> str:
    """`Noun.paint` of the noun that `drawing` shows."""
    return next((noun.paint for noun in read_nouns().values() if drawing in noun.drawings), "")


@cache
def read_heads() -> dict[str, Head]:
    """Drawings that can wear things."""
    rows = json.loads((_FOLDER / "heads.json").read_text(encoding="utf-8"))
    return {
        drawing: Head(
            top=(row["top"][0] / 100, row["top"][1] / 100),
            width=row["width"] / 100,
            eyes=tuple(value / 100 for value in row["eyes"]) if "eyes" in row else None,
            lean=row.get("lean", 0.0),
        )
        for drawing, row in rows.items()
    }


@cache
def wearers(worn: str) -> dict[str, tuple[str, ...]]:
    """Nouns that can wear `worn`, each with the drawings that can."""
    heads = read_heads()
    found = {
        noun.name: tuple(d for d in noun.drawings if d in heads and (worn != "glasses" or heads[d].eyes))
        for noun in read_nouns().values()
    }
    return {name: drawings for name, drawings in found.items() if drawings}
