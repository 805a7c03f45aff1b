"""Files by the sha256 of their content, in a folder. What is equal is kept once.

A file is either whole or not there: it grows beside the others and is put in its place when the disk has it. Which
files are still needed is not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from playground.errors import PlaygroundError

GONE = "The file of this entry is gone or damaged."
STALE_S = 3600.0  # nobody writes a file for so long: what is older was left behind by a process that died
_HASH = re.compile("[0-9a-f]{64}")


class Files:
    """The files below one folder, which is made as soon as there is one to keep."""

    def __init__(self, folder: Path) -> None:
        self._kept, self._parts = folder / "files", folder / "parts"

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._kept

    @contextlib.contextmanager
    def staged(self, contents: Iterable[bytes]) -> Iterator[dict[str, Path]]:
        """The contents on the disk, but not yet in their places: sha256 → part, for `place`.

        Parts that were not placed are gone when the context is left.

        Raises:
            OSError: they can't be written.
        """
        parts: dict[str, Path] = {}
        try:
            for content in contents:
                sha256 = hashlib.sha256(content).hexdigest()
                if sha256 not in parts:
                    self._parts.mkdir(mode=0o700, parents=True, exist_ok=True)
                    parts[sha256] = self._parts / secrets.token_hex(16)
                    _write(parts[sha256], content)
            yield parts
        finally:
            for part in parts.values():
                with contextlib.suppress(OSError):  # a later `sweep` takes it
                    part.unlink(missing_ok=True)

    def place(self, parts: dict[str, Path]) -> None:
        """Put staged contents in their places, over what was there: it is the same, unless the disk spoilt it.

        Raises:
            OSError: they can't be moved.
        """
        if not parts:
            return
        if not self._kept.is_dir():
            self._kept.mkdir(mode=0o700, exist_ok=True)
            _flush(self._kept.parent)
        for sha256, part in parts.items():
            part.replace(self._path(sha256))
        _flush(self._kept)

    def read(self, sha256: str) -> bytes:
        """A content, checked.

        Raises:
            PlaygroundError: it is gone, or not what it was.
        """
        try:
            content = self._path(sha256).read_bytes()
        except OSError as error:
            raise PlaygroundError(GONE) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PlaygroundError(GONE)
        return content

    def names(self) -> set[str]:
        """The sha256 of every content that is kept."""
        return {path.name for path in self._kept.glob("*") if _HASH.fullmatch(path.name)}

    def remove(self, sha256s: Iterable[str]) -> None:
        """Drop contents. What the disk won't let go stays for a later `sweep`."""
        for sha256 in sha256s:
            with contextlib.suppress(OSError):
                self._path(sha256).unlink(missing_ok=True)

    def sweep(self, older_than: float = STALE_S) -> None:
        """Drop parts that a process left behind when it died, `older_than` seconds ago or more."""
        for part in self._parts.glob("*"):
            with contextlib.suppress(OSError):
                if part.stat().st_mtime <= time.time() - older_than:
                    part.unlink()

    def _path(self, sha256: str) -> Path:
        return self._kept / sha256


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """See to it that a power cut takes no name out of a folder."""
    if os.name == "nt":  # it opens no folders, and keeps their names in order by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
