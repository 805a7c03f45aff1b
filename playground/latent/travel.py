"""Journeys between two prompts and two seeds: every frame is a picture, and has a recipe of its own.

Knows no model, and not who draws: that is handed in. A VAE has a point for each face, and decodes every point alone. A
diffusion model has none: between two pictures lie only prompts and noises between theirs, and each is drawn anew.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from playground.errors import PlaygroundError
from playground.events import Done, Ended, Event, Frame, LatentResult, Picture, Preview, Progress, Started
from playground.latent.paths import EASES, places
from playground.likeness import strides
from playground.links import to_query
from playground.recipes import ImageRecipe, LatentRecipe, show

Draw = Callable[[ImageRecipe], Iterator[Event]]  # a recipe of a picture → its events

HUNDREDTHS = 100  # the step of the knobs that lead a picture to another
_END = re.compile(r"(?:seed:(?P<seed>[0-9]{1,10})(?=\s|$))?\s*(?:prompt:(?P<prompt>.*))?", re.DOTALL)
_FORMS = "prompt:a cat, seed:7, or seed:7 prompt:a cat is allowed with a model for pictures"
_FOREIGN = ("via", "edits", "directions")  # what only a space of points has


class End(NamedTuple):
    """One end of a journey; `seed` is of the noise that its picture begins from."""

    prompt: str
    seed: int


def generate(recipe: LatentRecipe, defaults: Mapping[str, Any], draw: Draw) -> Iterator[Event]:
    """Yield `Started`, for every frame in order a `Preview` a step and the `Frame`, then `Ended` and `Done`.

    Pictures that are asked for twice, as on the way back, are drawn once. Closing the iterator closes what draws, so
    that it ends at the next step; nothing is kept.

    Args:
        defaults: of the manifest of the model that draws.

    Raises:
        PlaygroundError: the recipe can't be travelled, or what draws gave up.
    """
    asked = pictures(recipe, defaults)
    pace = _Pace(len(set(asked)))
    drawn: dict[ImageRecipe, tuple[Picture, str]] = {}
    notes: dict[str, None] = {}
    last: Done | None = None
    for index, one in enumerate(asked):
        with contextlib.closing(draw(one)) as events:
            for event in () if one in drawn else events:
                match event:
                    case Progress():
                        yield event
                    case Started() if last is None:
                        recipe = recipe.model_copy(update={"fingerprint": event.recipe.fingerprint})
                        yield Started(recipe, event.prompt_ids, event.notes)
                        pace.begin()
                    case Preview():
                        left = pace.left(event.step / event.steps)
                        yield Preview(index, event.step, event.steps, left, event.picture)
                    case Done():
                        if event.recipe.fingerprint != recipe.fingerprint:
                            raise PlaygroundError(f"The model {recipe.model} was changed on the way; begin anew.")
                        last, notes = event, notes | dict.fromkeys(event.notes)
                        drawn[one] = (event.results[0].picture, _address(event.recipe, defaults))
                        pace.done += 1
        yield Frame(index, len(asked), pace.left(), *drawn[one])
    frames, points = zip(*(drawn[one] for one in asked), strict=True)
    result = LatentResult(recipe.seed, frames, points, 0, "arrived")
    yield Ended(0, result)
    stats = {"seconds": pace.seconds, "frames": len(asked), "frames_per_second": len(asked) / pace.seconds}
    yield Done(recipe, (result,), last.prompt_ids, stats | strides(frames), tuple(notes), last.dtype)


def pictures(recipe: LatentRecipe, defaults: Mapping[str, Any]) -> list[ImageRecipe]:
    """The recipe of every frame's picture, in order. At both ends it is just that of the end.

    Raises:
        PlaygroundError: an end can't be read, or the recipe has what only a space of points has.
    """
    _check(recipe)
    first, second = ends(recipe)
    return [_between(recipe, first, second, share, defaults) for share in shares(recipe)]


def ends(recipe: LatentRecipe) -> tuple[End, End]:
    """Where a recipe leads from and to. What B does not tell is as in A; an empty one is A's prompt with the next seed.

    Raises:
        PlaygroundError: one of them can't be read; says which.
    """
    prompt, seed = _read("a", recipe.a)
    first = End(prompt or "", recipe.seed if seed is None else seed)
    if not recipe.b.strip():
        return first, first._replace(seed=recipe.with_seed(first.seed + 1).seed)
    prompt, seed = _read("b", recipe.b)
    return first, End(first.prompt if prompt is None else prompt, first.seed if seed is None else seed)


def shares(recipe: LatentRecipe) -> list[float]:
    """How far from A (0) to B (1) every frame is, in hundredths."""
    ease = EASES[recipe.easing]
    found = []
    for leg, share in places(recipe.frames, 2 if recipe.loop == "round" else 1, recipe.loop):
        along = 1 - ease(share) if leg else ease(share)
        found.append(round(along * HUNDREDTHS) / HUNDREDTHS)
    return found


def _between(recipe: LatentRecipe, first: End, second: End, share: float, defaults: Mapping[str, Any]) -> ImageRecipe:
    values: dict[str, Any] = {"model": recipe.model, "steps": recipe.steps, "guidance_scale": recipe.guidance_scale}
    values |= (second if share == 1 else first)._asdict()
    if first.seed != second.seed:
        values["details"] = "noise"  # what a seed makes up in words is another at B, with nothing between
    if 0 < share < 1 and first.prompt != second.prompt:
        values |= {"second_prompt": second.prompt, "blend": share}
    if 0 < share < 1 and first.seed != second.seed:
        values |= {"variation_seed": second.seed, "variation_strength": share}
    return ImageRecipe.make(values, defaults)


def _check(recipe: LatentRecipe) -> None:
    for name in _FOREIGN:
        if getattr(recipe, name).strip():
            raise PlaygroundError(f"{name} is for models of faces; with {recipe.model} it has to be empty.")
    if recipe.layout != "path":
        raise PlaygroundError(f"layout is {show(recipe.layout)}; with {recipe.model} only path is allowed.")
    if recipe.interpolation != "slerp":
        raise PlaygroundError(f"interpolation is {show(recipe.interpolation)}; between noises only slerp is allowed.")


def _read(name: str, text: str) -> tuple[str | None, int | None]:
    """Prompt and seed of an end, as far as it tells them."""
    match = _END.fullmatch(text.strip())
    if match is None:
        raise PlaygroundError(f"{name} is {show(text.strip())}; {_FORMS}.")
    prompt = None if match["prompt"] is None else match["prompt"].strip()
    return prompt, None if match["seed"] is None else ImageRecipe.make({"seed": match["seed"]}).seed


def _address(recipe: ImageRecipe, defaults: Mapping[str, Any]) -> str:
    try:
        return f"?{to_query(recipe, defaults)}"
    except PlaygroundError:  # prompts too long to travel in a link
        return ""


class _Pace:
    """How long the pictures that are still to be drawn will take, as far as those that are there can tell."""

    def __init__(self, pictures: int) -> None:
        self.pictures, self.done, self._began = pictures, 0, 0.0

    def begin(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def left(self, share: float = 0.0) -> float:
        """Seconds for the rest, where a share (0 … 1) of the next picture is there."""
        done = self.done + share
        return self.seconds / done * (self.pictures - done) if done else 0.0
