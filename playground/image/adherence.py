"""How far a picture keeps to its caption: what is said against what is seen. Pure functions; knows no pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations

from playground.image.captions import OPPOSITE
from playground.image.reading import Named, Saying
from playground.image.world import Scene

FACTORS = {  # and what a verdict is about
    "noun": "the one thing that is named, or of which several are",
    "colour": "its colour, where one is said",
    "place": "the place, where one is said",
    "time": "the time of day, where one is said",
    "number": "two or three of a kind",
    "both nouns": "both things of a pair, and that it is a pair",
    "relation": "both things of a pair, each where the caption puts it",
    "pair colour": "each colour that is said of one of a pair",
    "worn": "what is worn, where something is",
    "size": "large, medium or small, where it is said",
    "position": "left, middle or right, where it is said",
    "all": "everything that the caption says, and how many things there are",
}
_SIDEWAYS = ("left of", "right of")


def truth(scene: Scene) -> Saying:
    """All that could be said of a scene."""
    things = tuple(Named(t.noun, scene.number, t.colour, t.size, t.worn) for t in scene.named)
    return Saying(things, scene.relation, scene.position, scene.place, scene.time or None)


def judge(said: Saying, seen: Saying) -> dict[str, list[bool]]:
    """Verdicts by factor, no more than two each; a factor of which nothing is said has none.

    Things are matched so that as many nouns as possible, and then the relation, are right.
    """
    slots = range(len(seen.things))
    matches = list(permutations((*slots, *[None] * len(said.things)), len(said.things)))
    match = max(matches, key=lambda slots: _fitness(said, seen, slots))
    things = [seen.things[slot] if slot is not None else Named("") for slot in match]
    nouns = _nouns(said, seen, match)
    alike = len(seen.things) == len(said.things)
    pair = len(said.things) == 2
    found: dict[str, list[bool]] = {name: [] for name in FACTORS}
    if pair:
        found["both nouns"] = [alike and all(nouns)]
        if said.relation not in (None, "and"):
            found["relation"] = [alike and all(nouns) and _related(said, seen, match)]
    else:
        found["noun"] = nouns
    for asked, shown in zip(said.things, things, strict=True):
        if asked.colour:
            found["pair colour" if pair else "colour"].append(asked.colour == shown.colour)
        for name in ("worn", "size"):
            if value := getattr(asked, name):
                found[name].append(value == getattr(shown, name))
    count = all(asked.number == shown.number for asked, shown in zip(said.things, things, strict=True))
    if any(asked.number > 1 for asked in said.things):
        found["number"] = [alike and count]
    for name in ("place", "time", "position"):
        if value := getattr(said, name):
            found[name] = [value == getattr(seen, name)]
    found["all"] = [alike and count and all(verdict for verdicts in found.values() for verdict in verdicts)]
    return found


def _fitness(said: Saying, seen: Saying, match: tuple[int | None, ...]) -> tuple[int, bool, int]:
    related = len(said.things) == 2 and None not in match and _related(said, seen, match)
    return sum(_nouns(said, seen, match)), related, -match.count(None)


def _nouns(said: Saying, seen: Saying, match: tuple[int | None, ...]) -> list[bool]:
    return [
        slot is not None and seen.things[slot].noun == asked.noun
        for asked, slot in zip(said.things, match, strict=True)
    ]


def _related(said: Saying, seen: Saying, match: tuple[int | None, ...]) -> bool:
    relation = seen.relation if match == (0, 1) else OPPOSITE.get(seen.relation or "")
    return relation == said.relation or (said.relation == "beside" and relation in _SIDEWAYS)


def tally(judged: Iterable[Mapping[str, list[bool]]]) -> dict[str, dict[str, float]]:
    """By factor: `share` of verdicts that are right, and `of` how many; factors without verdicts are left out."""
    all_of: dict[str, list[bool]] = {name: [] for name in FACTORS}
    for verdicts in judged:
        for name, found in verdicts.items():
            all_of[name] += found
    return {name: {"share": sum(found) / len(found), "of": len(found)} for name, found in all_of.items() if found}
