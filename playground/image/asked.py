"""What the evaluation asks for: captions of fresh scenes, half of them with combinations that training never saw.

Always the same ones. Knows scenes and words, no pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.image.captions import write_caption
from playground.image.places import PLAIN
from playground.image.reading import Saying, read_caption
from playground.image.world import Scene, Split, draw_scene, is_held_out, layout_of

SERIES = 3_000_000  # of scenes that nothing is trained on
KINDS = ("single", "count", "pair", "worn")
SPLITS: dict[str, Split] = {"seen": "train", "held_out": "held_out"}
TELLINGS = 8  # captions of a scene that are tried before the next scene is


@dataclass(frozen=True)
class Asked:
    """A prompt, what it says, a scene that it is true of, whether its combinations are "seen", and its seed."""

    scene: Scene
    caption: str
    saying: Saying
    split: str
    seed: int


def choose(n: int, series: int = SERIES) -> list[Asked]:
    """The first `n` prompts of a series: seen and held out in turn, and all kinds of scenes alike often.

    A prompt counts as held out only where a combination that training never saw is in its words, not just in its scene.
    """
    chosen: list[Asked] = []
    index = 0
    while len(chosen) < n:
        number = len(chosen)
        split, kind = list(SPLITS)[number % 2], KINDS[number // 2 % len(KINDS)]
        if layout_of(series, index) == kind:
            scene = draw_scene(series, index, SPLITS[split])
            for telling in range(TELLINGS):
                caption = write_caption(scene, telling)
                saying = read_caption(caption)
                if split == "seen" or any(is_held_out(*c) for c in combinations(saying)):
                    chosen.append(Asked(scene, caption, saying, split, number))
                    break
        index += 1
    return chosen


def combinations(saying: Saying) -> list[tuple[str, str, str]]:
    """As `Scene.combinations`, of what a caption says."""
    found = [("colour", thing.noun, thing.colour) for thing in saying.things if thing.colour]
    found += [("place", thing.noun, saying.place) for thing in saying.things if saying.place]
    if len(saying.things) == 2:
        found.append(("noun", *sorted(thing.noun for thing in saying.things)))
    return found


def open_prompts(asked: Sequence[Asked], count: int) -> list[Asked]:
    """The first `count` prompts of single things, each of another noun, that say where and leave open the rest.

    Where a prompt says more, another telling of its scene may not.
    """
    found: dict[str, Asked] = {}
    for one in asked:
        noun = one.scene.things[0].noun
        if one.scene.layout != "single" or noun in found or len(found) == count:
            continue
        for telling in range(TELLINGS):
            caption = write_caption(one.scene, telling)
            saying = read_caption(caption)
            if saying.place and _leaves_open(saying):
                found[noun] = replace(one, caption=caption, saying=saying)
                break
    return list(found.values())


def scenes_alike(prompts: Sequence[Asked], count: int, series: int = SERIES + 1) -> list[list[Scene]]:
    """For each of `open_prompts`, `count` scenes of which its caption could have been written.

    They are scenes of the same noun, set in the prompt's place and time: what stands in a scene, how large and where,
    depends on its place only by whether things stand on the ground there.
    """
    found: list[list[Scene]] = [[] for _ in prompts]
    by_noun = {one.scene.things[0].noun: number for number, one in enumerate(prompts)}
    index = 0
    while any(len(scenes) < count for scenes in found):
        if layout_of(series, index) == "single":
            scene = draw_scene(series, index, "all")
            number = by_noun.get(scene.things[0].noun)
            if number is not None and len(found[number]) < count:
                moved = _move(scene, prompts[number].scene)
                said = moved and read_caption(write_caption(moved, 0))
                if moved and said == prompts[number].saying:
                    found[number].append(moved)
        index += 1
    return found


def _leaves_open(saying: Saying) -> bool:
    thing = saying.things[0]
    return thing.colour is None and thing.size is None and saying.position is None


def _move(scene: Scene, to: Scene) -> Scene | None:
    """`scene` in the place of `to`; None where it would look lost there."""
    thing = scene.things[0]
    if thing.grounded != to.things[0].grounded or (thing.colour and to.place == PLAIN + thing.colour):
        return None
    return replace(scene, place=to.place, time=to.time)
