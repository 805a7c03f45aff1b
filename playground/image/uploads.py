"""A picture that a person brings → the square PNG that a recipe begins from, as a data URL."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.recipes import show
from playground.uploads import LARGEST_FILE, flatten, opened, read_file, resized, square

__all__ = ["LARGEST_FILE", "PREFIX", "read_start", "start_from", "start_from_file"]

PREFIX = "data:image/png;base64,"


def start_from(data: bytes, size: int) -> str:
    """An uploaded file as the value of a recipe's `start`: as `uploads.square` makes it.

    Args:
        size: px of the side.

    Returns:
        A data URL of an RGB PNG; the same for the same file.

    Raises:
        PlaygroundError: as `uploads.square`.
    """
    file = io.BytesIO()
    square(data, size).save(file, "PNG", optimize=True)
    return PREFIX + base64.b64encode(file.getvalue()).decode("ascii")


def start_from_file(path: Path, size: int) -> str:
    """`start_from` of a file, of which no more is read than a picture may have.

    Raises:
        PlaygroundError: as `start_from`.
        OSError: it can't be read.
    """
    return start_from(read_file(path), size)


def read_start(url: str, size: int) -> Picture:
    """The picture of a recipe's `start`, resized where it has another size.

    Args:
        url: a data URL; anybody may have written it.
        size: px of the side.

    Raises:
        PlaygroundError: not a data URL of a square PNG, or as `start_from`.
    """
    if not url.startswith(PREFIX):
        raise PlaygroundError(f"start is {show(url)}; a square PNG as a data URL ({PREFIX}…) is allowed.")
    try:
        data = base64.b64decode(url[len(PREFIX) :], validate=True)
    except ValueError as error:
        raise PlaygroundError("start is a data URL that is not valid base64.") from error
    with opened(data, ("PNG",)) as image:
        if image.width != image.height:
            raise PlaygroundError(f"The start picture has {image.width} × {image.height} px; a square one is allowed.")
        square = resized(flatten(image), size)
    return Picture(size, size, square.tobytes())
