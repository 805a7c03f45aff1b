"""Entries of the history as a zip, in pieces: nothing of it need be whole anywhere. Knows no database."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from playground.history_entries import Entry, File

DOCUMENT = "result.json"  # as `replay` takes it, with the entry's files beside it
INDEX = "index.json"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can tell


class _Pieces(io.RawIOBase):
    """A file that can only be written on, and hands out what was written since."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def archive(entries: Iterable[tuple[Entry, Mapping[str, Any], Sequence[File]]]) -> Iterator[bytes]:
    """A zip of entries with their documents and those of their files that are there, piece by piece.

    A folder for each entry; the index tells what a folder does not: title, star, files that are missing.
    """
    pieces, index = _Pieces(), []
    with zipfile.ZipFile(pieces, "w") as out:
        for entry, document, files in entries:
            made = datetime.fromtimestamp(entry.made, UTC)
            folder = f"{made:%Y-%m-%d_%H%M%S}_{entry.kind}_{entry.id[:12]}"
            for file in (File(DOCUMENT, json.dumps(document, indent=1).encode()), *files):
                out.writestr(*_member(f"{folder}/{file.name}", made, file), compresslevel=6)
                yield pieces.take()
            index.append(_row(entry, made, folder, files))
        out.writestr(zipfile.ZipInfo(INDEX), json.dumps(index, indent=1, ensure_ascii=False))
    yield pieces.take()


def _member(name: str, made: datetime, file: File) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name, max(made.timetuple()[:6], _EARLIEST))
    info.compress_type = (
        zipfile.ZIP_DEFLATED if file.name == DOCUMENT else zipfile.ZIP_STORED
    )  # others are small already
    info.external_attr = 0o644 << 16
    return info, file.data


def _row(entry: Entry, made: datetime, folder: str, files: Sequence[File]) -> dict[str, Any]:
    there = {file.name for file in files}
    return {
        "folder": folder,
        "kind": entry.kind,
        "made": made.isoformat(timespec="seconds"),
        "title": entry.title,
        "starred": entry.starred,
        "missing": [name for name in entry.files if name not in there],
    }
