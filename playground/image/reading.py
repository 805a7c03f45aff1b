"""Captions → what they say: the other half of `captions`, to check pictures by and to tell people which words count.

Reads any text; what it does not know it lists instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from playground.image.captions import OPPOSITE
from playground.image.phrases import meanings, split_words
from playground.image.world import Scene, Thing

OPENING = "["  # of a thing's details, which are signs and no words; see `details`
_LONGEST = 6  # words of a phrase


@dataclass(frozen=True)
class Named:
    """A thing as a caption names it; None where it leaves something open."""

    noun: str
    number: int = 1
    colour: str | None = None
    size: str | None = None
    worn: str | None = None


@dataclass(frozen=True)
class Saying:
    """What a caption says. `relation` is of the first thing to the second; `unknown` are words without a meaning."""

    things: tuple[Named, ...] = ()
    relation: str | None = None
    position: str | None = None
    place: str | None = None
    time: str | None = None
    unknown: tuple[str, ...] = field(default=())

    def fits(self, scene: Scene) -> bool:
        """Whether nothing that is said is wrong of `scene`, and nothing that stands in it goes unnamed."""
        named = scene.named
        if len(self.things) != len(named):
            return False
        relation = scene.relation
        pairs = list(zip(self.things, named, strict=True))
        if not all(_fits(said, thing, scene.number) for said, thing in pairs):
            if len(named) != 2:
                return False
            relation = OPPOSITE.get(relation or "", relation)
            if not all(_fits(a, b, 1) for a, b in zip(self.things, reversed(named), strict=True)):
                return False
        sideways = relation in ("left of", "right of")
        return (self.relation in (None, "and", relation) or (self.relation == "beside" and sideways)) and all(
            said in (None, true)
            for said, true in ((self.position, scene.position), (self.place, scene.place), (self.time, scene.time))
        )


def _fits(said: Named, thing: Thing, number: int) -> bool:
    return (said.noun, said.number, said.worn) == (thing.noun, number, thing.worn) and all(
        word in (None, true) for word, true in ((said.colour, thing.colour), (said.size, thing.size))
    )


def split_details(text: str) -> tuple[str, str]:
    """(the words of a prompt, its details with the first bracket, or "")."""
    words, bracket, signs = text.partition(OPENING)
    return (words.rstrip(), bracket + signs) if bracket else (text, "")


def read_caption(text: str) -> Saying:
    """What `text` says, by the longest known phrase at each word; its details are left out."""
    words, known = split_words(split_details(text)[0]), meanings()
    saying, ahead = Saying(), Named("")
    position = 0
    while position < len(words):
        for length in range(min(_LONGEST, len(words) - position), 0, -1):
            kind, value = known.get(words[position : position + length], ("", None))
            if kind:
                break
        position += length
        if kind == "noun":
            saying = replace(saying, things=(*saying.things, replace(ahead, noun=str(value))))
            ahead = Named("")
        elif kind in ("number", "colour", "size"):
            ahead = replace(ahead, **{kind: value})
        elif kind == "worn" and saying.things:
            saying = replace(saying, things=(*saying.things[:-1], replace(saying.things[-1], worn=value)))
        elif kind in ("relation", "position", "place", "time"):
            saying = replace(saying, **{kind: value})
        elif not kind:
            saying = replace(saying, unknown=(*saying.unknown, words[position - 1]))
    return saying
