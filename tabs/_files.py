"""Pictures and files between the server and a page, as text."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from playground.documents import check, read
from playground.errors import PlaygroundError
from playground.events import Picture
from playground.links import Link

PREVIEW = 128  # px at most; previews are JPEG: a page that has to unpack more is too busy to heed Stop
LOSSLESS, LARGEST = 128, 384  # px; other pictures are JPEG above the one, and no larger than the other


def as_url(data: bytes, media_type: str) -> str:
    """A data URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def data_url(picture: Picture, *, exact: bool = True) -> str:
    """A picture that is only to be looked at; a large one, or one that need not be `exact`, is compressed."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    file = io.BytesIO()
    if exact and max(image.size) <= LOSSLESS:
        image.save(file, "PNG")
        return as_url(file.getvalue(), "image/png")
    largest = LARGEST if exact else PREVIEW
    image.thumbnail((largest, largest))
    image.save(file, "JPEG", quality=90 if exact else 80)
    return as_url(file.getvalue(), "image/jpeg")


def file_of(data: Any) -> bytes:
    """The content of a file that a page sends as base64, or as a data URL of it.

    Raises:
        PlaygroundError: it is none.
    """
    content = data.get("file") if isinstance(data, Mapping) else None
    if not isinstance(content, str):
        raise PlaygroundError("The page sent something that is no file; load it anew.")
    try:
        return base64.b64decode(content.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PlaygroundError("The page sent something that is no file; load it anew.") from error


def recipe_in(data: Any) -> tuple[Link, str]:
    """What a file made here asks for, and the checksum of its result.

    Args:
        data: `{"file": its content as base64}`.

    Raises:
        PlaygroundError: it is no file, or holds no recipe.
    """
    link, content = read(file_of(data))
    return link, check(content)
