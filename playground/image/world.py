"""The world `scenes`: what a picture shows, drawn from (seed, index) alone, and what training must never see.

A scene is a handful of factors. Positions and sizes lie on the latent grid (multiples of 8 px), because what always
meets the autoencoder at the same phase is learnt with far fewer samples; flips, tilts, shades, drawings, steps on the
grid and the variants of a place make seeds differ. Knows neither pixels nor words.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any, Literal

from playground.image.colours import PLAINS, RAMPS, TINTS
from playground.image.dice import Dice
from playground.image.emoji import WORN
from playground.image.nouns import Noun, read_nouns, wearers
from playground.image.places import AFLOAT, PLACES, PLAIN, VARIANTS, times_of

GRID = 8  # px of a latent
SIZES = {"large": 96, "medium": 64, "small": 48}  # px of a box
LAYOUTS = {"single": 0.42, "worn": 0.14, "count": 0.14, "pair": 0.30}
RELATIONS = ("left of", "right of", "above", "below")
HELD_OUT = 10  # one combination in so many is kept from training
PLAIN_SHARE = 0.25  # of pictures without a place
TILTS = {0: 6, 8: 1, -8: 1}
MIRRORED = 0.2  # of things: where it was a half, a denoiser drew the mean of both ways
Split = Literal["train", "held_out", "all"]


@dataclass(frozen=True)
class Thing:
    """One thing in a picture. `box` is (left, top, side) in px; `tilt` in degrees; `shade` indexes `colours.TINTS`."""

    noun: str
    drawing: str
    colour: str | None
    worn: str | None
    worn_drawing: str | None
    size: str
    box: tuple[int, int, int]
    grounded: bool
    flip: bool
    tilt: int
    shade: int


@dataclass(frozen=True)
class Scene:
    """Everything that a picture shows.

    Attributes:
        layout: a key of `LAYOUTS`. relation: of the first thing to the second, in a pair.
        position: "left", "middle" or "right" of a single thing, else None.
        place: see `places.background`. time: "" where the place shows none. variant, mirrored: of the place.
    """

    seed: int
    index: int
    layout: str
    things: tuple[Thing, ...]
    relation: str | None
    position: str | None
    place: str
    time: str
    variant: int
    mirrored: bool

    @property
    def number(self) -> int:
        """How many things of the first noun there are."""
        return len(self.things) if self.layout == "count" else 1

    @property
    def named(self) -> tuple[Thing, ...]:
        """The things that a caption names: both of a pair, one of several alike."""
        return self.things if self.layout == "pair" else self.things[:1]

    def labels(self) -> dict[str, Any]:
        """The factors as plain JSON."""
        return {**asdict(self), "number": self.number}

    def combinations(self) -> list[tuple[str, str, str]]:
        """(kind, first, second) of every combination that may be held out."""
        things = self.named
        found = [("colour", thing.noun, thing.colour) for thing in things if thing.colour]
        found += [("place", thing.noun, self.place) for thing in things]
        return found + [("noun", *sorted((a.noun, b.noun))) for a, b in combinations(things, 2)]


@cache
def is_held_out(kind: str, first: str, second: str) -> bool:
    """Whether training must never see this combination; the same for ever, by a hash of its names."""
    digest = hashlib.sha256(f"scenes/{kind}/{first}/{second}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT == 0


def layout_of(seed: int, index: int) -> str:
    """The layout that `draw_scene` will choose; cheap."""
    return Dice("layout", seed, index).weigh(LAYOUTS)


def draw_scene(seed: int, index: int, split: Split = "train") -> Scene:
    """Scene `index` of the endless series `seed`.

    Args:
        split: "train" has no held-out combination, "held_out" at least one, "all" takes what comes.
    """
    layout = layout_of(seed, index)
    attempt = 0
    while True:
        scene = _draw(Dice("scene", seed, index, attempt), layout, seed, index)
        if split == "all" or any(is_held_out(*c) for c in scene.combinations()) == (split == "held_out"):
            return scene
        attempt += 1


def _draw(dice: Dice, layout: str, seed: int, index: int) -> Scene:
    place = PLAIN + dice.pick(tuple(PLAINS)) if dice.chance(PLAIN_SHARE) else dice.pick(tuple(PLACES))
    relation = position = None
    if layout == "pair":
        things, relation = _pair(dice, place)
    elif layout == "count":
        things = _several(dice, place)
    else:
        things, position = _single(dice, place, worn=layout == "worn")
    return Scene(
        seed=seed,
        index=index,
        layout=layout,
        things=things,
        relation=relation,
        position=position,
        place=place,
        time=dice.pick(times_of(place)),
        variant=dice.number(0, VARIANTS - 1),
        mirrored=dice.chance(0.5),
    )


def _thing(dice: Dice, place: str, *, worn: str | None = None, other: str = "") -> Thing:
    """A thing without its box; not of the noun `other`, nor of a drawing that looks lost on its background."""
    nouns = read_nouns()
    names = tuple(wearers(worn) if worn else nouns)
    name = dice.pick(names)
    while name == other:
        name = dice.pick(names)
    return make_thing(dice, name, place, worn)


def make_thing(dice: Dice, name: str, place: str, worn: str | None) -> Thing:
    """A thing of a noun, without its box."""
    noun = read_nouns()[name]
    return Thing(
        noun=name,
        drawing=dice.pick(wearers(worn)[name] if worn else noun.drawings),
        colour=_colour(dice, noun, place),
        worn=worn,
        worn_drawing=dice.pick(WORN[worn]) if worn else None,
        size="",
        box=(0, 0, 0),
        grounded=not (_floats(place) or noun.flies),
        flip=dice.chance(MIRRORED),
        tilt=dice.weigh(TILTS),
        shade=dice.number(0, len(TINTS) - 1),
    )


def _colour(dice: Dice, noun: Noun, place: str) -> str | None:
    if not noun.recolour or not dice.chance(0.6 if noun.any_colour else 0.4):
        return None
    colour = dice.pick(tuple(RAMPS))
    while place == PLAIN + colour:  # a white cat on white is no picture
        colour = dice.pick(tuple(RAMPS))
    return colour


def _floats(place: str) -> bool:
    return place in AFLOAT or place.startswith(PLAIN)


def _put(thing: Thing, size: str, left: int, top: int) -> Thing:
    return replace(thing, size=size, box=(left, top, SIZES[size]))


def _top(dice: Dice, thing: Thing, place: str, side: int) -> int:
    """A row for the upper edge of a box: on the ground, or in the air."""
    lowest = 128 - side
    if thing.grounded:
        return lowest - GRID * dice.number(0, 1 if side == 96 else 2)
    middle = lowest // 2 // GRID * GRID
    if _floats(place):
        return middle + GRID * dice.number(-1, 1) * (1 if side == 96 else 2)
    return GRID * dice.number(0, 2 if side == 96 else 4)


def _single(dice: Dice, place: str, *, worn: bool) -> tuple[tuple[Thing, ...], str]:
    return place_single(dice, _thing(dice, place, worn=dice.pick(tuple(WORN)) if worn else None), place)


def place_single(dice: Dice, thing: Thing, place: str) -> tuple[tuple[Thing, ...], str]:
    """A thing by itself in its box, and whether that is left, in the middle or right."""
    likes = {1: (5, 4, 3), 2: (6, 4, 1.5), 3: (8, 3, 1)}[read_nouns()[thing.noun].size]
    if thing.worn:
        likes = (8, 3, 0)
    size = dice.weigh(dict(zip(SIZES, likes, strict=True)))
    side = SIZES[size]
    steps = (128 - side) // GRID  # 4, 8 or 10
    near = {96: 0, 64: 2, 48: 3}[side]  # steps from an edge that still are "on the left"
    position = dice.weigh({"left": 1, "middle": 2, "right": 1})
    step = {
        "left": dice.number(0, near),
        "middle": steps // 2 + dice.number(-1, 1),
        "right": steps - dice.number(0, near),
    }[position]
    return (_put(thing, size, GRID * step, _top(dice, thing, place, side)),), position


def _several(dice: Dice, place: str) -> tuple[Thing, ...]:
    return place_several(dice, _thing(dice, place), dice.number(2, 3), place)


def place_several(dice: Dice, thing: Thing, number: int, place: str) -> tuple[Thing, ...]:
    """Two or three alike: in a row, or one above two."""
    if number == 2:
        size = dice.pick(("medium", "medium", "small"))
        steps = (64 - SIZES[size]) // GRID
        lefts = [GRID * dice.number(0, steps), 64 + GRID * dice.number(0, steps)]
        tops = [_top(dice, thing, place, SIZES[size])] * 2
    elif dice.chance(0.5):
        size, lefts = "small", [0, 40, 80]
        tops = [_top(dice, thing, place, SIZES[size])] * 3
    else:
        size = dice.pick(("medium", "small"))
        side = SIZES[size]
        lefts = [64 - side // 2, 64 - side, 64] if dice.chance(0.5) or size == "medium" else [40, 8, 72]
        tops = [128 - 2 * side, 128 - side, 128 - side]
    flips = [thing.flip ^ dice.chance(0.25) for _ in lefts]
    return tuple(
        _put(replace(thing, flip=flip), size, left, top) for flip, left, top in zip(flips, lefts, tops, strict=True)
    )


def _pair(dice: Dice, place: str) -> tuple[tuple[Thing, ...], str]:
    first = _thing(dice, place, worn=dice.pick(tuple(WORN)) if dice.chance(0.06) else None)
    return place_pair(dice, first, _thing(dice, place, other=first.noun), place)


def place_pair(
    dice: Dice, first: Thing, second: Thing, place: str, relation: str | None = None
) -> tuple[tuple[Thing, ...], str]:
    """Two things in their boxes, and their relation: the given one, or any."""
    sizes = [_pair_size(dice, first, second), _pair_size(dice, second, first)]
    relation = relation or dice.pick(RELATIONS)
    ends = (0, 1) if relation in ("left of", "above") else (1, 0)  # which of the two halves each is in
    placed = []
    for thing, size, end in zip((first, second), sizes, ends, strict=True):
        side = SIZES[size]
        free = (64 - side) // GRID
        if relation in ("left of", "right of"):
            left, top = 64 * end + GRID * dice.number(0, free), _top(dice, thing, place, side)
        else:
            thing = replace(thing, grounded=thing.grounded and end == 1)
            left = 64 - side // 2 + GRID * dice.number(-2, 2)
            top = 64 - side if end == 0 else 128 - side
        placed.append(_put(thing, size, left, top))
    return tuple(placed), relation


def _pair_size(dice: Dice, thing: Thing, other: Thing) -> str:
    """A bee beside an elephant is small."""
    nouns = read_nouns()
    smaller = nouns[thing.noun].size < nouns[other.noun].size
    return "small" if dice.chance(0.5 if smaller and not thing.worn else 0.06) else "medium"
