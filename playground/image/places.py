"""Places as backgrounds: `background(place, time, variant)` paints one, the same for the same words.

Knows nothing of what stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from playground.image.colours import PLAINS
from playground.image.dice import Dice
from playground.image.landscapes import beach, desert, farm, forest, garden, meadow, mountains, sea
from playground.image.scenery import SIZE, TIMES, Canvas, mix
from playground.image.surroundings import city, road, room, sky, space, table, underwater

VARIANTS = 24  # of every place at every time
INDOORS = frozenset({"space", "underwater", "table"})  # no time of day is to be seen there
PLAIN = "plain "  # and a colour: a background without a place

PLACES: dict[str, Callable[[Canvas], None]] = {
    paint.__name__: paint
    for paint in (
        meadow, beach, sea, forest, mountains, desert, city, road, sky, space, room, garden, underwater, table, farm,
    )
}  # fmt: skip
AFLOAT = frozenset({"sky", "space", "underwater"})  # nothing stands on the ground there


def times_of(place: str) -> tuple[str, ...]:
    """Times of day that `place` shows; ("",) where it shows none."""
    return ("",) if place in INDOORS or place.startswith(PLAIN) else TIMES


@lru_cache(maxsize=2048)
def background(place: str, time: str, variant: int) -> np.ndarray:
    """The empty place.

    Args:
        place: a key of `PLACES`, or "plain " and a key of `PLAINS`. time: one of `times_of(place)`.
        variant: 0 … VARIANTS - 1.

    Returns:
        (128, 128, 3) uint8. Not to be written to.
    """
    dice = Dice("place", place, time, variant)
    if place.startswith(PLAIN):
        return _plain(PLAINS[place.removeprefix(PLAIN)], dice)
    canvas = Canvas(time or "day", dice)
    PLACES[place](canvas)
    if place != "room":
        canvas.snowfall()
    pixels = canvas.pixels()
    pixels.flags.writeable = False
    return pixels


def _plain(colour: tuple[int, int, int], dice: Dice) -> np.ndarray:
    """One colour, a little lighter towards a side."""
    base = np.array(mix(colour, (255, 255, 255), dice.real(0.0, 0.12)), dtype=np.float32)
    ramp = np.linspace(0, dice.real(0.0, 0.3), SIZE, dtype=np.float32)
    if dice.chance(0.5):
        ramp = ramp[::-1]
    light = np.broadcast_to(ramp[:, None] if dice.chance(0.6) else ramp[None], (SIZE, SIZE))[..., None]
    to = 255.0 if min(colour) > 60 else 90.0
    pixels = (base + (to - base) * light * 0.5).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels
