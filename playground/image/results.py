"""A picture as plain JSON and as a file, and what makes two of them the same. Knows neither models nor torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from playground.documents import beside
from playground.errors import PlaygroundError
from playground.events import Done, ImageResult, Picture
from playground.image import png
from playground.likeness import digest, distance
from playground.links import from_metadata
from playground.recipes import ImageRecipe

PACKAGES = ("torch", "transformers", "tokenizers", "diffusers", "pillow")
USUAL = ".png"


class Record(BaseModel):
    """One sample.

    Attributes:
        sha256: of the decoded pixels, three bytes each, row by row.
        path: the file that it was saved to, as whoever saved it named that; "" where it was not.
        prompt_ids, prompt: what the model really saw.
        ended: a key of `events.ENDINGS`.
        picture: the pixels themselves, where they are at hand; never part of the JSON.
    """

    model_config = ConfigDict(frozen=True)
    seed: int
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    path: str = ""
    prompt_ids: list[int]
    prompt: str = ""
    ended: str
    picture: InstanceOf[Picture] | None = Field(None, exclude=True, repr=False)


def describe(result: ImageResult, done: Done) -> Record:
    """The record of one of the results of `done`."""
    picture = result.picture
    return Record(
        seed=result.seed,
        width=picture.width,
        height=picture.height,
        sha256=digest(picture),
        prompt_ids=list(result.prompt_ids or done.prompt_ids),
        prompt=result.prompt,
        ended=result.ended,
        picture=picture,
    )


def identity(record: Record) -> Any:
    """What is the same wherever the result is the same."""
    return [record.width, record.height, record.sha256]


def differences(old: Record, new: Record) -> Iterator[tuple[str, bool]]:
    """Each difference as the end of a sentence, and whether it is within the tolerance.

    How far two pictures are apart can only be told where the pixels of both are at hand.
    """
    if old.prompt_ids and old.prompt_ids != new.prompt_ids:
        yield f"the model saw another prompt ({len(new.prompt_ids)} instead of {len(old.prompt_ids)} tokens)", False
    if (old.width, old.height) != (new.width, new.height):
        yield f"it is {new.width} × {new.height} px instead of {old.width} × {old.height}", False
        return
    then = digest(old.picture) if old.picture else old.sha256
    if then == new.sha256:
        return
    if old.sha256 == new.sha256:
        yield "what was made is the same, but the picture in the file was changed afterwards", False
    elif old.ended != new.ended:
        yield f"it ended by {new.ended!r} instead of {old.ended!r}, and the pixels are not the same", False
    elif not old.picture or not new.picture:
        yield "the pixels are not the same; without the old picture there is no telling by how much", False
    else:
        yield distance([(old.picture, new.picture)])


def work(recipe: ImageRecipe) -> float:
    """How much a recipe asks for: steps of 128 × 128 px without guidance, which doubles them."""
    steps = recipe.steps * (recipe.strength if recipe.start else 1) + 1  # decoding takes about as long as a step
    return recipe.samples * steps * (recipe.size / 128) ** 2 * (2 if recipe.guidance_scale > 1 else 1)


def take_home(recipe: ImageRecipe) -> tuple[str, str]:
    """Which field of the API's document holds a file, and what that is called (see `snippets.Home`)."""
    return "image", "image-seed-{seed}.png"


def look(results: Sequence[ImageResult]) -> tuple[Picture, ...]:
    """What results look like where many stand side by side: the pictures."""
    return tuple(result.picture for result in results)


def to_file(result: ImageResult, done: Done, surroundings: Mapping[str, Any], suffix: str) -> bytes:
    """The result as a PNG that carries the recipe which makes it, and it alone.

    Args:
        surroundings: where it was made.
        suffix: of the file's name; a picture is a PNG whatever it is called.
    """
    alone = done.recipe.model_copy(update={"seed": result.seed, "samples": 1})
    made = describe(result, done).model_dump(include={"sha256", "prompt_ids", "prompt", "ended"})
    return png.encode(result.picture, alone, {"result": made, "environment": dict(surroundings)})


def from_file(data: bytes) -> dict[str, Any] | None:
    """The document of a saved picture, its pixels included; None where this is not one of this kind.

    Raises:
        PlaygroundError: a PNG that is damaged, or without a recipe.
    """
    if not data.startswith(png.SIGNATURE):
        return None
    picture, metadata = png.decode(data)
    if metadata is None:
        raise PlaygroundError("The picture carries no recipe of the playground.")
    link = from_metadata(metadata)
    if link.kind != "image":
        return None
    made = metadata.get("result")
    told = made if isinstance(made, Mapping) else {}
    record = {
        "seed": link.values.get("seed", 0),
        "width": picture.width,
        "height": picture.height,
        "sha256": told.get("sha256", digest(picture)),
        "prompt_ids": told.get("prompt_ids", []),
        "prompt": told.get("prompt", ""),
        "ended": told.get("ended", "done"),
        "picture": picture,
    }
    return {"recipe": metadata[png.KEY], "result": record, "environment": metadata.get("environment", {})}


def complete(record: Record, folder: Path) -> Record:
    """The record with its pixels, if the file that it names is still beside the document and holds just them.

    Args:
        folder: where the document lies. No file outside of it is looked at, whatever a document names.
    """
    for path in beside(record.path, folder):
        try:
            picture, _ = png.read(path)
        except (PlaygroundError, OSError):
            continue  # it is no picture any more; the checksum still tells
        if digest(picture) == record.sha256:
            return record.model_copy(update={"picture": picture})
    return record
