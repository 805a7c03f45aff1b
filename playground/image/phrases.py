"""The words of the world: what its places, times, sizes, numbers, relations and colours are called.

Every phrase means one thing only, so that a caption can be read back. Data, and the index over it; writing is in
`captions`, reading in `reading`.
"""

from __future__ import annotations

from functools import cache

from playground.image.colours import PLAINS
from playground.image.nouns import read_nouns
from playground.image.places import PLAIN


def article(word: str) -> str:
    """ "a" or "an", whichever goes before `word`."""
    return "an" if word[0] in "aeiou" and not word.startswith(("unicorn", "ufo")) else "a"


COLOURS = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange", "bright orange"),
    "yellow": ("yellow", "bright yellow"),
    "green": ("green", "emerald green"),
    "blue": ("blue", "bright blue"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "hot pink"),
    "brown": ("brown", "dark brown"),
    "black": ("black", "jet black"),
    "white": ("white", "snow-white"),
}
SIZES = {
    "large": ("big", "large", "huge", "giant", "great big"),
    "medium": ("medium-sized", "middle-sized"),
    "small": ("small", "little", "tiny"),
}
NUMBERS = {1: ("a", "one", "the"), 2: ("two", "a couple of"), 3: ("three", "a group of three")}
WORN = {
    "crown": ("wearing a crown", "with a crown on its head", "with a crown", "in a crown"),
    "hat": ("wearing a hat", "that wears a hat", "with a hat", "in a hat"),
    "glasses": ("wearing glasses", "that wears glasses", "with glasses", "wearing spectacles"),
    "bow": ("wearing a bow", "with a bow on its head", "with a bow", "with a ribbon in its hair"),
}
RELATIONS = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "underneath", "beneath"),
    "beside": ("next to", "beside", "alongside"),
    "and": ("and", "together with"),
}
POSITIONS = {
    "left": ("on the left", "on the left side", "at the left"),
    "middle": ("in the middle", "in the centre", "in the center"),
    "right": ("on the right", "on the right side", "at the right"),
}
PLACES = {
    "meadow": ("in a meadow", "on the grass", "in a green field", "on a green hill", "in the meadow", "in a park"),
    "beach": ("on a beach", "at the beach", "on the beach", "on the sand by the sea", "at the seaside", "by the sea"),
    "sea": ("on the sea", "at sea", "on the water", "in the ocean", "on the open sea", "on the ocean", "in the sea"),
    "forest": ("in a forest", "in the forest", "in the woods", "among the trees", "between trees"),
    "mountains": ("in the mountains", "in front of mountains", "near the mountains", "before the peaks"),
    "desert": ("in the desert", "in a desert", "on sand dunes", "among the dunes"),
    "city": ("in a city", "in the city", "in town", "downtown", "in front of skyscrapers"),
    "road": ("on a road", "on the road", "on a street", "on the street", "on the highway"),
    "sky": ("in the sky", "up in the air", "up in the sky", "among the clouds", "in the clouds"),
    "space": ("in space", "in outer space", "among the stars", "in the universe"),
    "room": ("in a room", "in the living room", "at home", "indoors", "inside a house", "in the room"),
    "garden": ("in a garden", "in the garden", "on the lawn", "in the backyard", "in front of a flower bed"),
    "underwater": ("underwater", "under the sea", "under water", "at the bottom of the sea", "deep in the sea"),
    "table": ("on a table", "on the table", "on a wooden table", "on the kitchen table"),
    "farm": ("on a farm", "on the farm", "in front of a barn", "in the countryside"),
}
PLACES |= {
    PLAIN + colour: tuple(
        phrase
        for name in ((colour, "gray") if colour == "grey" else (colour,))
        for phrase in (
            f"on {article(name)} {name} background",
            f"on a plain {name} background",
            f"on {name}",
            f"in front of {article(name)} {name} wall",
            f"{name} background",
        )
    )
    for colour in PLAINS
}
BARE_PLACES = {
    place: (place,) for place in ("meadow", "beach", "forest", "mountains", "desert", "city", "road", "space", "garden")
}
TIMES = {
    "day": ("during the day", "by day", "on a sunny day", "in the daytime", "in daylight", "in the sunshine"),
    "sunset": ("at sunset", "at dusk", "in the evening", "in the evening light", "at sundown", "under a red sky"),
    "night": ("at night", "by night", "in the dark", "in the moonlight", "under the moon", "under the stars"),
    "snow": ("in the snow", "in winter", "on a snowy day", "while it is snowing", "in falling snow"),
}
BARE_TIMES = {
    "day": ("day", "daytime"),
    "sunset": ("sunset", "evening"),
    "night": ("night",),
    "snow": ("snow", "winter"),
}
OPENINGS = ("a picture of", "a drawing of", "an illustration of", "an image of", "a cartoon of", "here is")
EXTRA_NUMBERS = {1: ("an",), 2: ("2",), 3: ("3",)}

Phrase = tuple[str, ...]
Meaning = tuple[str, object]  # kind and value


def split_words(text: str) -> Phrase:
    """Lower-case words of a prompt; punctuation is dropped, hyphens and apostrophes stay."""
    return tuple("".join(c if c.isalnum() or c in "-'" else " " for c in text.lower()).split())


@cache
def meanings() -> dict[Phrase, Meaning]:
    """Every phrase of the world and what it means: (kind, value).

    Kinds are "noun", "colour", "size", "number", "worn", "relation", "position", "place", "time" and "opening".
    """
    tables = {
        "noun": {n.name: [f.lstrip("~") for pair in n.forms for f in pair] for n in read_nouns().values()},
        "colour": COLOURS,
        "size": SIZES,
        "number": {n: NUMBERS[n] + EXTRA_NUMBERS[n] for n in NUMBERS},
        "worn": WORN,
        "relation": RELATIONS,
        "position": POSITIONS,
        "place": {place: PLACES[place] + BARE_PLACES.get(place, ()) for place in PLACES},
        "time": {time: TIMES[time] + BARE_TIMES[time] for time in TIMES},
        "opening": {"": OPENINGS},
    }
    found: dict[Phrase, Meaning] = {}
    for kind, table in tables.items():
        for value, phrases in table.items():
            for phrase in phrases:
                meaning = found.setdefault(split_words(phrase), (kind, value))
                if meaning != (kind, value):
                    raise ValueError(f"{phrase!r} means both {meaning} and {(kind, value)}")
    return found


@cache
def vocabulary() -> dict[str, tuple[str, ...]]:
    """All phrases by kind, as a person would type them; for browsing."""
    kinds: dict[str, dict[str, None]] = {}
    for phrase, (kind, _) in meanings().items():
        kinds.setdefault(kind, {})[" ".join(phrase)] = None
    return {kind: tuple(phrases) for kind, phrases in kinds.items()}
