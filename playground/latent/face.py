"""One face of the world `faces`: the values of all its factors, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from playground.errors import PlaygroundError
from playground.latent.factors import CONTINUOUS, DISCRETE


@dataclass(frozen=True)
class Face:
    """All that decides a picture. Ranges stand in `factors`; the last three are 0 … 1 and have no label.

    Raises:
        PlaygroundError: a factor is out of its range, or a choice is not one of its values.
    """

    kind: str = "person"
    smile: float = 0.3
    age: float = 0.35
    femininity: float = 0.5
    turn: float = 0.0
    eyes: float = 0.75
    length: float = 0.5
    hue: float = 0.08
    skin: float = 0.3
    background: float = 0.6
    glasses: bool = False
    hat: str = "none"
    beard: bool = False
    hair: str = "straight"
    width: float = 0.5
    tilt: float = 0.5
    clothes: float = 0.5

    def __post_init__(self) -> None:
        for name, choice in DISCRETE.items():
            if getattr(self, name) not in choice.values:
                known = ", ".join(map(str, choice.values))
                raise PlaygroundError(f"{name} can't be {getattr(self, name)!r}; it is one of {known}.")
        for name in (field.name for field in fields(self)):
            if name not in DISCRETE:
                factor, value = CONTINUOUS.get(name), getattr(self, name)
                low, high = (factor.low, factor.high) if factor else (0, 1)
                if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
                    raise PlaygroundError(f"{name} must be {low} … {high}, not {value}.")
