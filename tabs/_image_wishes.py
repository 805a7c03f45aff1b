"""What a press on the image tab's stage asks for: what a browser sends → knobs, files and answers, checked. No layout.

Whatever comes from a page is anybody's: each shape that is not one of ours is told in a sentence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.links import from_record
from playground.modalities import part_of
from playground.recipes import ImageRecipe, random_seed
from tabs._files import data_url, file_of
from tabs._listeners import knobs_of

KIND = ImageRecipe.kind
VARIATION = 0.3  # strength of what "Vary" does
WRITTEN = ("prompt", "second_prompt", "negative_prompt", "start")  # knobs that hold what a person made up


def from_stage(data: Any) -> dict[str, Any]:
    """What the stage asks of the recipe besides the controls: a variation of a picture, or nothing, to begin with.

    Raises:
        PlaygroundError: there is no such picture.
    """
    if not isinstance(data, Mapping) or "vary" not in data:
        return {}
    varied = {"samples": 1, "variation_seed": random_seed(), "variation_strength": VARIATION}
    return knobs_of(_recipe(data["vary"])) | varied


def start_of(data: Any, size: Any) -> str:
    """A file as the picture from which the drawing begins; "" where none is given.

    Args:
        data: `{"file": its content as base64}`.
        size: of the picture that is to be drawn, in px; the usual one, where it is none.

    Raises:
        PlaygroundError: it is not a picture that can be used.
    """
    field = ImageRecipe.model_fields["size"]
    if isinstance(data, Mapping) and not data.get("file"):
        return ""
    try:
        size = ImageRecipe.make({"size": size}).size
    except PlaygroundError:
        size = field.default
    return part_of(KIND, "uploads").start_from(file_of(data), size)


def examiner(engine: Engine) -> Callable[[Any], dict[str, Any]]:
    """The function by which the stage gets how a picture formed, and which word made which part of it."""

    def examine(asked: Any) -> dict[str, Any]:
        try:
            recipe = engine.recipe(KIND, _recipe(asked).model_dump())
            found = engine.examine(recipe.model_copy(update={"samples": 1}), (), 0)
        except PlaygroundError as error:
            return {"problem": str(error)}
        return {"words": list(map(_word, found.words)), "frames": [data_url(frame) for frame in found.frames]}

    return examine


def vocabulary(_: Any = None) -> dict[str, Any]:
    """The words that the world of `scenes` knows, by kind, and all else that it understands; for the page."""
    kinds = part_of(KIND, "words").vocabulary()
    phrases = {phrase for some in part_of(KIND, "phrases").vocabulary().values() for phrase in some}
    return {"kinds": kinds, "others": sorted(phrases.difference(*kinds.values()))}


def _recipe(record: Any) -> ImageRecipe:
    link = from_record(record)
    if link.kind != KIND:
        raise PlaygroundError(f"Only a picture can be looked into so, and this recipe is for {link.kind}.")
    return ImageRecipe.make(link.values)


def _word(word: Any) -> dict[str, Any]:
    """A word for the page; each place of its map is a byte, 0 … 255, row by row."""
    levels = bytes(round(255 * value) for row in word.map for value in row)
    return {
        "text": word.text,
        "start": word.start,
        "end": word.end,
        "width": len(word.map[0]),
        "height": len(word.map),
        "map": base64.b64encode(levels).decode(),
    }
