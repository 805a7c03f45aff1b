"""A picture as plain JSON and as a file, and what makes two of them the same. Knows neither models nor torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from playground.errors import PlaygroundError
from playground.events import Done, ImageResult, Picture
from playground.image import png
from playground.links import from_metadata

PACKAGES = ("torch", "transformers", "tokenizers", "diffusers", "pillow")
TOLERANCE = 2  # of 255; other machines round otherwise


class Record(BaseModel):
    """One sample.

    Attributes:
        sha256: of the decoded pixels, three bytes each, row by row.
        path: the file that it was saved to, as whoever saved it named that; "" where it was not.
        prompt_ids: what the model really saw.
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
        prompt_ids=list(done.prompt_ids),
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
        yield _distance(old.picture, new.picture)


def digest(picture: Picture) -> str:
    """Hex sha256 of the pixels."""
    return hashlib.sha256(picture.rgb).hexdigest()


def to_file(result: ImageResult, done: Done, surroundings: Mapping[str, Any]) -> bytes:
    """The result as a PNG that carries the recipe which makes it, and it alone.

    Args:
        surroundings: where it was made.
    """
    alone = done.recipe.model_copy(update={"seed": result.seed, "samples": 1})
    made = describe(result, done).model_dump(include={"sha256", "prompt_ids", "ended"})
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
        "ended": told.get("ended", "done"),
        "picture": picture,
    }
    return {"recipe": metadata[png.KEY], "result": record, "environment": metadata.get("environment", {})}


def complete(record: Record, folder: Path) -> Record:
    """The record with its pixels, if the file that it names is still beside the document and holds just them.

    Args:
        folder: where the document lies. No file outside of it is looked at, whatever a document names.
    """
    for path in (folder / record.path, folder / Path(record.path).name):
        try:
            if not record.path or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
                continue
            picture, _ = png.read(path)
        except (PlaygroundError, OSError, ValueError):
            continue  # it is no picture any more; the checksum still tells
        if digest(picture) == record.sha256:
            return record.model_copy(update={"picture": picture})
    return record


def _distance(old: Picture, new: Picture) -> tuple[str, bool]:
    import numpy as np

    then, now = (np.frombuffer(p.rgb, np.uint8).reshape(-1, 3).astype(np.int16) for p in (old, new))
    apart = abs(now - then).max(axis=1)
    largest, share = int(apart.max()), float((apart > 0).mean())
    if largest <= TOLERANCE:
        return f"pixels differ by up to {largest}/255, which is within the {TOLERANCE}/255 of rounding", True
    return f"{share:.1%} of the pixels differ, by up to {largest}/255, more than the {TOLERANCE}/255 of rounding", False
