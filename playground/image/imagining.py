"""A prompt and a seed → a scene that the prompt fits: what words leave open is thrown by the same dice as in training.

So a seed decides which drawing a cat is, where it stands and which way it leans, and not the noise alone.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from playground.image.details import write_details
from playground.image.dice import Dice
from playground.image.emoji import WORN
from playground.image.nouns import read_nouns, wearers
from playground.image.places import PLACES
from playground.image.reading import Named, Saying, read_caption, split_details
from playground.image.world import RELATIONS, Scene, Thing, make_thing, place_pair, place_several, place_single

MOST = 3  # of a kind in a picture
TRIES = 200  # throws until a size or a position is what the prompt says
SIDEWAYS = RELATIONS[:2]
CHANGES = (  # what a variation changes at once; where one thing can stand depends on the others
    ("size", "box"),
    ("drawing", "worn_drawing"),
    ("tilt",),
    ("shade",),
)


def complete(prompt: str, seed: int, other: int = 0, strength: float = 0.0) -> str:
    """`prompt` with details that its seed makes up; as it is where it has some, or names nothing that is known.

    Args:
        other: a variation's seed. strength: 0 … 1, the share of details that are this seed's.
    """
    words, details = split_details(prompt)
    saying = read_caption(words)
    scene = None if details else imagine(saying, seed)
    if scene is None:
        return prompt
    if strength:
        scene = vary(scene, imagine(saying, other), strength)
    return f"{words} {write_details(scene, words)}"


def vary(scene: Scene, other: Scene, strength: float) -> Scene:
    """A scene with a share of `strength` of the details in which another differs, of which the same caption is true.

    0 is the one and 1 the other; what has changed at some strength stays so at all above it.
    """
    pairs = list(zip(scene.things, other.things, strict=True))
    changes = [names for names in CHANGES if any(attrgetter(*names)(a) != attrgetter(*names)(b) for a, b in pairs)]
    dice = Dice("blended", *(thing for pair in pairs for thing in pair))
    order = sorted(changes, key=lambda _: dice.real(0, 1))
    theirs = [name for names in order[: int(strength * len(order) + 0.5)] for name in names]
    things = [replace(mine, **{name: getattr(its, name) for name in theirs}) for mine, its in pairs]
    return replace(scene, things=tuple(things))


def imagine(saying: Saying, seed: int) -> Scene | None:
    """A scene of which a caption could say this; None where it names nothing, or more than a picture holds.

    What a drawing cannot wear, or a size that a pair never has, is left to the denoiser: the scene is then of another.
    Nothing is mirrored, which it learnt from few scenes and draws less well; and a colour that is said has no shade.
    """
    things = saying.things
    if not 1 <= len(things) <= 2 or not 1 <= things[0].number <= MOST:
        return None
    scene = None
    for attempt in range(TRIES):
        scene = _throw(Dice("imagined", seed, attempt), saying)
        if _fits(scene, saying):
            break
    return scene and replace(scene, things=tuple(replace(thing, flip=False) for thing in scene.things))


def _throw(dice: Dice, saying: Saying) -> Scene:
    place = saying.place or dice.pick(tuple(PLACES))
    first, *others = saying.things
    relation = position = None
    if others:
        relation = saying.relation if saying.relation in RELATIONS else None
        if saying.relation == "beside":
            relation = dice.pick(SIDEWAYS)
        pair = (_make(dice, first, place), _make(dice, others[0], place))
        placed, relation = place_pair(dice, *pair, place, relation)
        layout = "pair"
    elif first.number > 1:
        placed, layout = place_several(dice, _make(dice, first, place), first.number, place), "count"
    else:
        placed, position = place_single(dice, _make(dice, first, place), place)
        layout = "worn" if first.worn else "single"
    return Scene(0, 0, layout, placed, relation, position, place, saying.time or "", 0, False)


def _make(dice: Dice, named: Named, place: str) -> Thing:
    thing = make_thing(dice, named.noun, place, None)
    if named.worn:
        drawings = wearers(named.worn).get(named.noun, read_nouns()[named.noun].drawings)
        thing = replace(thing, drawing=dice.pick(drawings), worn=named.worn, worn_drawing=dice.pick(WORN[named.worn]))
    return replace(thing, colour=named.colour, shade=0 if named.colour else thing.shade)


def _fits(scene: Scene, saying: Saying) -> bool:
    sizes = zip(saying.things, scene.named, strict=True)
    return saying.position in (None, scene.position) and all(said.size in (None, thing.size) for said, thing in sizes)
