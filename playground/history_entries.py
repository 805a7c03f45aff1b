"""What an entry of the history shows and is found by, from a result document and its files. The same for every kind.

Of a recipe its texts count, of a record its `text`, of a file what Pillow makes of it; more need no kind tell.
"""

from __future__ import annotations

import io
import json
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.errors import PlaygroundError
from playground.events import Done
from playground.modalities import part_of
from playground.recipes import Recipe

THUMBNAIL_PX = 192  # of the longer side
MAX_DOCUMENT = 32 * 2**20  # bytes of JSON
MAX_WORDS = 20_000  # characters that are searched
MAX_TITLE = 200
MAX_EXCERPT = 280
EXCERPT_LINES = 4
LONGEST_WORD = 60  # letters; longer ones are data, like a picture's base64
_QUIET = ("model", "fingerprint")  # texts of every recipe that are no title
_SIGNATURES = {b"\x89PNG": ".png", b"GIF8": ".gif", b"\xff\xd8\xff": ".jpg", b"%PDF": ".pdf"}
_CONTAINERS = {b"WEBP": ".webp", b"WAVE": ".wav"}


@dataclass(frozen=True)
class File:
    """A file of a result, by the name under which a person saves it."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Entry:
    """What a list shows of an entry.

    Attributes:
        made: seconds since 1970.
        title: what was asked for, on one line; "" where the recipe holds no text of its own.
        excerpt: the first lines of what was told; "" for what is no text.
        thumbnail: a small WebP; b"" for what is no picture.
        files: their names.
        size: bytes that count towards the limits.
    """

    id: str
    kind: str
    made: float
    starred: bool
    title: str
    excerpt: str
    thumbnail: bytes
    files: tuple[str, ...]
    size: int


def from_done(done: Done) -> tuple[dict[str, Any], list[File]]:
    """The document of a finished recipe, and its results as files where its kind has such."""
    from playground import documents

    results = part_of(done.recipe.kind, "results")
    files = []
    if hasattr(results, "to_file"):
        for result in done.results:
            data = documents.to_file(result, done)
            files.append(File(f"{done.recipe.kind}-{result.seed}{_suffix(data)}", data))
    return documents.document(done, paths=[file.name for file in files]), files


def pack(document: Mapping[str, Any]) -> bytes:
    """A document as it is kept.

    Raises:
        PlaygroundError: it is too large.
    """
    data = json.dumps(document, separators=(",", ":")).encode()
    if len(data) > MAX_DOCUMENT:
        raise PlaygroundError(
            f"The result's description has {len(data) / 2**20:.0f} MB; at most {MAX_DOCUMENT // 2**20} MB are kept."
        )
    return zlib.compress(data)


def unpack(data: bytes) -> dict[str, Any]:
    """What `pack` was given."""
    return json.loads(zlib.decompress(data))


def title(document: Mapping[str, Any]) -> str:
    """The texts of the recipe that are not the default ones, on one line."""
    record = document["recipe"]
    fields = getattr(Recipe.kinds.get(record["kind"]), "model_fields", {})
    told = (
        _readable(value)
        for name, value in _texts(record)
        if name not in _QUIET and not (name in fields and value == fields[name].default)
    )
    return _cut(" · ".join(text for text in told if text), MAX_TITLE)


def excerpt(document: Mapping[str, Any]) -> str:
    """The first lines of what was told."""
    for text in _told(document):
        lines = [line.rstrip() for line in text[: 4 * MAX_EXCERPT].splitlines() if line.strip()]
        if lines:
            return _cut(storable("\n".join(lines[:EXCERPT_LINES])), MAX_EXCERPT)
    return ""


def words(document: Mapping[str, Any]) -> str:
    """All that the entry is found by, folded."""
    texts = [value for _, value in _texts(document["recipe"])] + list(_told(document))
    return fold("\n".join(_readable(text) for text in texts))[:MAX_WORDS]


def fold(text: str) -> str:
    """Text as it is compared: without case, accents and other forms of the same letters."""
    plain = unicodedata.normalize("NFKD", storable(text[:MAX_WORDS]).casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def storable(text: str) -> str:
    """Text without what UTF-8 or SQLite can't hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def thumbnail(files: Sequence[File]) -> bytes:
    """A small WebP of the first file, if that is a picture; its first frame, if it moves."""
    if not files:
        return b""
    from playground.uploads import flatten, opened

    try:
        with opened(files[0].data) as image:
            image.draft("RGB", (2 * THUMBNAIL_PX, 2 * THUMBNAIL_PX))
            small = flatten(image)
            small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
            out = io.BytesIO()
            small.save(out, "WEBP", quality=80)
    except PlaygroundError:
        return b""
    return out.getvalue()


def _texts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, str) and name != "kind":
            yield name, value[:MAX_WORDS]


def _told(document: Mapping[str, Any]) -> Iterator[str]:
    """The text of each sample that has one."""
    result = document["result"]
    for sample in result.get("samples", [result]):
        if isinstance(text := sample.get("text"), str):
            yield text[:MAX_WORDS]


def _readable(text: str) -> str:
    return " ".join(word for word in storable(text).split() if len(word) <= LONGEST_WORD or not word.isascii())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _suffix(data: bytes) -> str:
    """What the name of a file should end in, by its first bytes."""
    if data[4:8] == b"ftyp":
        return ".mp4"
    if data.startswith(b"RIFF"):
        return _CONTAINERS.get(data[8:12], ".riff")
    return next((suffix for start, suffix in _SIGNATURES.items() if data.startswith(start)), ".bin")
