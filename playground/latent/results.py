"""A journey as plain JSON and as a file, and what makes two of them the same. Knows neither models nor torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from playground.documents import beside
from playground.errors import PlaygroundError
from playground.events import Done, LatentResult, Picture
from playground.latent import animation
from playground.likeness import digest, distance
from playground.links import KEY, from_metadata, to_metadata
from playground.recipes import LatentRecipe
from playground.uploads import read_file

PACKAGES = ("torch", "diffusers", "numpy", "pillow")
USUAL = ".webp"  # keeps every pixel
_SHA256 = "^[0-9a-f]{64}$"


class Record(BaseModel):
    """A whole journey.

    Attributes:
        columns: the side of a grid; 0 for a path.
        frames: sha256 of the decoded pixels of each, three bytes a pixel, row by row.
        sha256: of all pixels, frame by frame.
        points: of the frames, as ends of other journeys; a file leaves them out.
        path: the file that it was saved to, as whoever saved it named that; "" where it was not.
        ended: a key of `events.ENDINGS`.
        pictures: the frames themselves, where they are at hand; never part of the JSON.
        changed: whether a file that keeps every pixel holds others than it says.
    """

    model_config = ConfigDict(frozen=True)
    seed: int
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    columns: int = Field(0, ge=0)
    sha256: str = Field(pattern=_SHA256)
    frames: list[str] = Field(min_length=1, max_length=animation.MOST_FRAMES)
    points: list[str] = []
    path: str = ""
    ended: str
    pictures: tuple[InstanceOf[Picture], ...] = Field((), exclude=True, repr=False)
    changed: bool = Field(False, exclude=True, repr=False)


def describe(result: LatentResult, done: Done) -> Record:
    """The record of the result of `done`."""
    return Record(
        seed=result.seed,
        width=result.frames[0].width,
        height=result.frames[0].height,
        columns=result.columns,
        sha256=digest(*result.frames),
        frames=list(map(digest, result.frames)),
        points=list(result.points),
        ended=result.ended,
        pictures=result.frames,
    )


def identity(record: Record) -> Any:
    """What is the same wherever the result is the same."""
    return [record.width, record.height, record.columns, record.sha256]


def differences(old: Record, new: Record) -> Iterator[tuple[str, bool]]:
    """Each difference as the end of a sentence, and whether it is within the tolerance.

    How far two journeys are apart can only be told where the pixels of both are at hand.
    """
    if len(old.frames) != len(new.frames):
        yield f"there are {len(new.frames)} frames instead of {len(old.frames)}", False
        return
    if (old.width, old.height) != (new.width, new.height):
        yield f"it is {new.width} × {new.height} px instead of {old.width} × {old.height}", False
        return
    if old.changed:
        yield "the frames in the file were changed after they were made", False
    if old.sha256 == new.sha256:
        return
    if not old.pictures or not new.pictures:
        others = sum(then != now for then, now in zip(old.frames, new.frames, strict=True))
        yield f"{others} of {len(new.frames)} frames are not the same; {_why_not(old)}", False
    else:
        yield distance(zip(old.pictures, new.pictures, strict=True))


def work(recipe: LatentRecipe) -> float:
    """How much a recipe asks for: frames."""
    return recipe.side**2 if recipe.layout == "grid" else recipe.frames


def take_home(recipe: LatentRecipe) -> tuple[str, str]:
    """Which field of the API's document holds the file, and what that is called (see `snippets.Home`)."""
    return "file", "journey-seed-{seed}.png" if recipe.layout == "grid" else f"journey-seed-{{seed}}{USUAL}"


def look(results: Sequence[LatentResult]) -> tuple[Picture, ...]:
    """What results look like where many stand side by side: the frames, or the one of a journey that leads nowhere."""
    frames = tuple(frame for result in results for frame in result.frames)
    return frames[:1] if len(set(frames)) == 1 else frames


def _why_not(old: Record) -> str:
    return f"without the old pixels, which only {USUAL} and .png keep exactly, there is no telling by how much"


def to_file(result: LatentResult, done: Done, surroundings: Mapping[str, Any], suffix: str) -> bytes:
    """The journey as a file that carries its recipe.

    Args:
        surroundings: where it was made.
        suffix: one of `animation.SUFFIXES`.

    Raises:
        PlaygroundError: there is no such kind of file.
    """
    made = describe(result, done).model_dump(exclude={"points", "path", "seed"})
    content = {**to_metadata(done.recipe), "result": made, "environment": dict(surroundings)}
    return animation.encode(result.frames, json.dumps(content), suffix, result.columns)


def from_file(data: bytes) -> dict[str, Any] | None:
    """The document of a saved journey, its frames included where the file keeps them exactly; None for another file.

    Raises:
        PlaygroundError: the file is damaged, or without a recipe.
    """
    file = animation.decode(data)
    if file is None:
        return None
    if file.text is None:
        raise PlaygroundError("The file carries no recipe of the playground.")
    link = from_metadata(file.text)
    if link.kind != "latent":
        return None
    metadata = json.loads(file.text)
    told = metadata.get("result")
    record = {**told, "seed": link.values.get("seed", 0)} if isinstance(told, Mapping) else told
    content = {"recipe": metadata[KEY], "result": record, "environment": metadata.get("environment", {})}
    return {**content, "result": {**record, **_frames(file, record)}} if isinstance(record, dict) else content


def complete(record: Record, folder: Path) -> Record:
    """The record with its frames, if the file that it names is still beside the document and holds just them.

    Args:
        folder: where the document lies. No file outside of it is looked at, whatever a document names.
    """
    for path in beside(record.path, folder):
        try:
            file = animation.decode(read_file(path))
        except (PlaygroundError, OSError):
            continue  # it is no journey any more; the checksums still tell
        if file and (pictures := _frames(file, record.model_dump())["pictures"]):
            return record.model_copy(update={"pictures": pictures})
    return record


def _frames(file: animation.File, record: Mapping[str, Any]) -> dict[str, Any]:
    """The frames that a record lists, where a file holds them all, and whether it should and does not."""
    names = record.get("frames")
    width, height = record.get("width"), record.get("height")
    if not file.exact or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return {"pictures": (), "changed": False}
    held = list(file.frames)
    if len(held) == 1 and isinstance(width, int) and isinstance(height, int):
        held += animation.cells(held[0], width, height, len(names))
    known = {digest(picture): picture for picture in held}
    if not set(names) <= known.keys():
        return {"pictures": (), "changed": True}
    return {"pictures": tuple(known[name] for name in names), "changed": False}
