"""What words leave open, in a few signs after a caption: which drawing, mirrored or not, how it leans, shade, place.

`a cat and a dog [ 🐈 / - m d 7 [ 🐶> | = s h 8`: a bracket for each thing that is named, in the order of their names.
A denoiser that is told all this sees one picture behind its noise instead of the mean of many, and learns what things
look like from far fewer samples. Each drawing and its mirror image have a sign of their own: told by a number and an
arrow, alike for all nouns, which way a thing faces was never learnt, and it came out as the mean of both ways. People
write none of it: `imagining` makes it up from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence

from playground.image.dice import Dice
from playground.image.emoji import WORN
from playground.image.nouns import read_nouns
from playground.image.reading import OPENING, read_caption
from playground.image.world import GRID, SIZES, Scene, Thing

MIRRORED = ">"  # after a drawing
DRAWINGS = tuple(drawing for noun in read_nouns().values() for drawing in noun.drawings)
LEANING = {0: "|", 8: "\\", -8: "/"}
SHADES = "=-+*~"  # of `colours.TINTS`: as it is, darker, brighter, warmer, cooler
SIZE_SIGNS = dict(zip(SIZES, "lms", strict=True))
COLUMNS = "bcdefghijkn"  # by multiples of 8 px; "a" and "l" mean other things
ROWS = "0123456789x"
WORN_SIGNS = "!?"  # the first and the second drawing of what is worn
SIGNS = {
    "drawing": tuple(drawing + mirrored for drawing in DRAWINGS for mirrored in ("", MIRRORED)),
    "lean": tuple(LEANING.values()),
    "shade": tuple(SHADES),
    "extent": tuple(SIZE_SIGNS.values()),
    "hat": tuple(WORN_SIGNS),
    "column": tuple(COLUMNS),
    "row": tuple(ROWS),
}
SPELLED = {
    "lean": {"\\": "leaning left", "/": "leaning right"},
    "shade": {"-": "darker", "+": "brighter", "*": "warmer", "~": "cooler"},
    "extent": {"l": "large", "m": "of medium size", "s": "small"},
}
ALL, NONE = 0.8, 0.1  # shares of captions with all details and with none
GAP = 0.4  # share of signs that is left out of the others


def write_details(scene: Scene, caption: str) -> str:
    """All details of `scene` in the order in which `caption`, which is of it, names its things."""
    named = list(scene.named)
    said = read_caption(caption).things
    if len(named) == 2 and said and said[0].noun != named[0].noun:
        named.reverse()
    if scene.layout == "count":
        return " ".join([_block(scene.things[0]), *(" ".join(_stand(thing)) for thing in scene.things[1:])])
    return " ".join(map(_block, named))


def read_details(text: str) -> list[dict[str, str]]:
    """For each thing that has a bracket in `text` its signs by name; those of what stands beside it are left out."""
    found = []
    for block in text.split(OPENING)[1:]:
        signs: dict[str, str] = {}
        for sign in block.split():
            for name, known in SIGNS.items():
                if sign in known and name not in signs:
                    signs[name] = sign
                    break
        found.append(signs)
    return found


def spell_details(text: str) -> str:
    """The details of `text` as people say them: for one thing "drawn as 🐈, brighter, 16 px from the left, …"."""
    names = [thing.noun for thing in read_caption(text).things]
    told = [_spell(signs) for signs in read_details(text)]
    if len(told) < 2 or len(names) != len(told):
        return "; ".join(told)
    return "; ".join(f"{name}: {one}" for name, one in zip(names, told, strict=True))


def _spell(signs: dict[str, str]) -> str:
    said = [f"drawn as {drawing[0]}{', mirrored' * (MIRRORED in drawing)}"] if (drawing := signs.get("drawing")) else []
    said += [word for name, words in SPELLED.items() if (word := words.get(signs.get(name, "")))]
    if "column" in signs:
        said.append(f"{GRID * COLUMNS.index(signs['column'])} px from the left")
    if "row" in signs:
        said.append(f"{GRID * ROWS.index(signs['row'])} px from the top")
    return ", ".join(said)


def add_details(scene: Scene, caption: str, telling: int) -> str:
    """`caption` as training shows it: with all details, with some, or with none."""
    dice = Dice("details", scene.seed, scene.index, telling)
    share = dice.real(0, 1)
    if share < NONE:
        return caption
    signs = write_details(scene, caption).split()
    if share > NONE + ALL:
        signs = [sign for sign in signs if sign == OPENING or not dice.chance(GAP)]
    return f"{caption} {' '.join(signs)}"


def _block(thing: Thing) -> str:
    drawing, *place = _stand(thing)
    signs = [OPENING, drawing, LEANING[thing.tilt], SHADES[thing.shade], SIZE_SIGNS[thing.size]]
    options: Sequence[str] = WORN.get(thing.worn or "", "")
    if len(options) > 1 and thing.worn_drawing:
        signs.append(WORN_SIGNS[options.index(thing.worn_drawing)])
    return " ".join([*signs, *place])


def _stand(thing: Thing) -> tuple[str, str, str]:
    """Which drawing it is, and the column and the row of its box."""
    left, top, _ = thing.box
    return thing.drawing + MIRRORED * thing.flip, COLUMNS[left // GRID], ROWS[top // GRID]
