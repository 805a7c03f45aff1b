"""The world `faces`: which face stands at (seed, index), how it looks, and what its labels are.

Factors are drawn independently of one another, so that none can stand in for another. What no label tells (the width of
the head, its tilt, the colour of the clothes) varies a little too.
"""

from __future__ import annotations

import random
from typing import Any

from PIL import Image

from playground.latent.face import Face
from playground.latent.factors import CONTINUOUS, DISCRETE, KINDS, applies
from playground.latent.portrait import draw_portrait

HELD_OUT = 1_000_000  # seeds from here on are for evaluation alone: never trained on
PEOPLE_SHARE = 0.34  # of all faces; the animals share the rest evenly
PLAIN_SHARE = 0.55  # of faces without a hat
GLASSES_SHARE = 0.35
BEARD_SHARE = 0.3


def draw_face(seed: int, index: int) -> Face:
    """Face number `index` of the series `seed`: the same one always, and in any order.

    Args:
        seed: 0 or more; from `HELD_OUT` on, a series that no model was trained on. index: 0 or more.
    """
    # `random.random()` alone: Python promises never to change its sequence.
    throw = random.Random(f"faces/{seed}/{index}").random
    person, animal = throw() < PEOPLE_SHARE, KINDS[1 + int(throw() * (len(KINDS) - 1))]
    continuous = {name: factor.low + (factor.high - factor.low) * throw() for name, factor in CONTINUOUS.items()}
    plain, hat = throw() < PLAIN_SHARE, 1 + int(throw() * (len(DISCRETE["hat"].values) - 1))
    return Face(
        kind="person" if person else animal,
        glasses=throw() < GLASSES_SHARE,
        hat=DISCRETE["hat"].values[0 if plain else hat],
        beard=throw() < BEARD_SHARE,
        hair=DISCRETE["hair"].values[int(throw() * len(DISCRETE["hair"].values))],
        width=throw(),
        tilt=throw(),
        clothes=throw(),
        **continuous,
    )


def render(face: Face) -> Image.Image:
    """The picture of a face: RGB, 128 × 128. The same face gives the same bytes."""
    return draw_portrait(face)


def labels(face: Face) -> dict[str, Any]:
    """The factors of a face by name, as plain JSON; None where one does not apply to its kind."""
    return {name: getattr(face, name) if applies(name, face.kind) else None for name in (*DISCRETE, *CONTINUOUS)}
