"""Scenes → captions: one scene has thousands, from a telegram to a sentence, and none says a wrong word.

What a caption leaves out stays open: then training has seen all of its values under such words.
"""

from __future__ import annotations

from playground.image import phrases
from playground.image.dice import Dice
from playground.image.nouns import read_nouns
from playground.image.world import Scene, Thing

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
TELEGRAM = 0.1  # "red car, beach, night"
SAID = {  # how often a caption says what it could leave open
    "place": 0.92,
    "day": 0.35,
    "time": 0.9,
    "large": 0.2,
    "medium": 0.04,
    "small": 0.6,
    "any_colour": 0.85,
    "left": 0.5,
    "right": 0.5,
    "middle": 0.12,
}


def write_caption(scene: Scene, telling: int) -> str:
    """A caption of `scene`: the same for the same `telling`, another for another."""
    dice = Dice("caption", scene.seed, scene.index, telling)
    telegram = dice.chance(TELEGRAM)
    what = _what(dice, scene, telegram)
    where, when = _where(dice, scene, telegram), _when(dice, scene, telegram)
    position = ""
    if scene.position and dice.chance(SAID[scene.position]):
        position = dice.pick(phrases.POSITIONS[scene.position])
    if telegram:
        return ", ".join(filter(None, (what, position, where, when)))
    opening = dice.pick(phrases.OPENINGS) if dice.chance(0.12) else ""
    around = [part for part in ((where, when) if dice.chance(0.75) else (when, where)) if part]
    if around and not opening and dice.chance(0.2):
        return _join(" ".join(around) + ",", what, position)
    if position and dice.chance(0.3):
        return _join(opening, what, *around[:1], position, *around[1:])
    return _join(opening, what, position, *around)


def _join(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _what(dice: Dice, scene: Scene, telegram: bool) -> str:
    first, *others = (_name(dice, thing, scene.number, telegram) for thing in scene.named)
    if not others:
        return first
    relation = dice.weigh(
        {scene.relation: 6, "beside": 2 if scene.relation in ("left of", "right of") else 0, "and": 2}
    )
    second = others[0]
    if dice.chance(0.5):
        first, second, relation = second, first, OPPOSITE.get(relation, relation)
    if telegram and relation == "and":
        return f"{first}, {second}"
    return f"{first} {dice.pick(phrases.RELATIONS[relation])} {second}"


def _name(dice: Dice, thing: Thing, number: int, telegram: bool) -> str:
    """ "a big red cat wearing a crown" """
    noun = read_nouns()[thing.noun]
    singular, plural = noun.forms[0] if dice.chance(0.6) else dice.pick(noun.forms)
    words = []
    if number == 1 and dice.chance(SAID[thing.size]):
        words.append(dice.pick(phrases.SIZES[thing.size]))
    if thing.colour and (not noun.any_colour or dice.chance(SAID["any_colour"])):
        names = phrases.COLOURS[thing.colour]
        words.append(names[0] if dice.chance(0.7) else dice.pick(names))
    words.append(plural if number > 1 else singular.lstrip("~"))
    likes = (6, 1, 2) if number == 1 else (3, 1)
    count = dice.weigh(dict(zip(phrases.NUMBERS[number], likes, strict=True)))
    if number == 1:
        count = "" if telegram or (singular.startswith("~") and count != "the") else count
        count = phrases.article(words[0]) if count == "a" else count
    return _join(count, *words, dice.pick(phrases.WORN[thing.worn]) if thing.worn else "")


def _where(dice: Dice, scene: Scene, telegram: bool) -> str:
    if not dice.chance(SAID["place"]):
        return ""
    if telegram and scene.place in phrases.BARE_PLACES:
        return phrases.BARE_PLACES[scene.place][0]
    return dice.pick(phrases.PLACES[scene.place])


def _when(dice: Dice, scene: Scene, telegram: bool) -> str:
    if not scene.time or not dice.chance(SAID["day" if scene.time == "day" else "time"]):
        return ""
    return dice.pick((phrases.BARE_TIMES if telegram else phrases.TIMES)[scene.time])
