"""What each browser has made, kept on the server: recipes and results in SQLite, their files by content beside it.

A browser proves with its key which entries are its own; every query is bound to it, and only its hash is kept. Several
processes and threads may use one folder. Knows no kind of result, no model and no page.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground import history_entries as entries
from playground import history_rows as rows
from playground.errors import PlaygroundError
from playground.events import Done
from playground.history_archive import DOCUMENT, archive
from playground.history_database import Database, reason
from playground.history_entries import Entry, File
from playground.history_files import GONE, STALE_S, Files
from playground.history_limits import Limits
from playground.history_rows import MISSING
from playground.recipes import show

NO_KEY = "This browser has no key to a history: reload the page to get one."
OFF = "The history is switched off here."
ROW_BYTES = 1024  # that an entry takes besides its parts
BLOCK_BYTES = 4096  # of which a disk gives whole ones to a file
MAX_FILES = 64  # of an entry
MAX_PAGE = 100  # entries
_KEY = re.compile("[A-Za-z0-9_-]{32}")
_KIND = re.compile("[a-z][a-z0-9_]{0,30}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Page:
    """Some of a browser's entries, newest first, and how many there are that match."""

    entries: tuple[Entry, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class Kept:
    """A whole entry. `document` is what `playground.documents` made of the result."""

    entry: Entry
    document: dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """How much a browser keeps, and may keep: entries, and their bytes."""

    entries: int = 0
    bytes: int = 0
    starred: int = 0
    max_entries: int = 0
    max_bytes: int = 0


def new_owner() -> str:
    """A key to a history of one's own, for a browser to keep: 192 random bits that nobody guesses."""
    return secrets.token_urlsafe(24)


def is_owner(key: Any) -> bool:
    """Whether this is a key as `new_owner` makes them."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


class History:
    """The entries of all browsers, in one folder.

    Every method but `collect` takes the key of a browser and sees that browser's entries alone; what is another's is
    told exactly as what is nowhere. Whatever goes wrong, with the disk too, is a `PlaygroundError`, after which the
    next call may well succeed.

    Args:
        folder: made where it is missing. None switches the history off: nothing is kept or found.
        per_browser: so many entries of one browser are kept. The oldest that are not starred make room.
        browser_bytes: so many bytes of one browser.
        total_bytes: so many bytes of all together.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        per_browser: int = 300,
        browser_bytes: int = 100 * 2**20,
        total_bytes: int = 2 * 2**30,
    ) -> None:
        self.limits = Limits(per_browser, browser_bytes, total_bytes)
        self.enabled = folder is not None
        if folder is not None:
            self._files = Files(folder)
            self._database = Database(folder, self._files.folder)
            with contextlib.suppress(PlaygroundError):  # a playground without a history still plays
                self.collect()

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for whoever looks at the history: what became of it."""
        return tuple(self._database.notices) if self.enabled else (OFF,)

    def keep(self, owner: str, done: Done) -> Entry | None:
        """`add` for what was just made; None where the history is switched off."""
        return self.add(owner, *entries.from_done(done)) if self.enabled else None

    def add(
        self, owner: str, document: Mapping[str, Any], files: Sequence[File] = (), thumbnail: bytes | None = None
    ) -> Entry | None:
        """Keep a result. When this returns it is on the disk, whole, and no crash takes it away.

        Args:
            document: as `documents.document` gives it.
            files: of its samples, named as the document names them.
            thumbnail: a small picture; of the first file, if not given.

        Returns:
            The entry; None where the history is switched off.

        Raises:
            PlaygroundError: it is not kept: too large, no room beside what is starred, or trouble with the disk.
            ValueError: the kind, or the name of a file, is none.
        """
        if not self.enabled:
            return None
        hashed, kind = _hashed(owner), document["recipe"]["kind"]
        _check_names(kind, files)
        packed = entries.pack(document)
        small = entries.thumbnail(files) if thumbnail is None else thumbnail
        words = entries.words(document)
        size = ROW_BYTES + len(packed) + len(small) + len(words.encode()) + sum(_on_disk(file.data) for file in files)
        if size > min(self.limits.browser_bytes, self.limits.total_bytes):
            raise PlaygroundError(f"The result has {size / 2**20:.1f} MB, too many for the history: save it as a file.")
        row = {
            "id": secrets.token_hex(16),
            "owner": hashed,
            "size": size,
            "kind": kind,
            "made": time.time(),
            "title": entries.title(document),
            "excerpt": entries.excerpt(document),
            "thumbnail": small,
            "words": words,
            "document": packed,
        }
        placed: set[str] = set()
        try:
            with self._files.staged(file.data for file in files) as parts, self._database.writing() as database:
                number = rows.insert(database, row, files)
                dropped = self.limits.make_room(database, hashed, number)
                placed = set(parts)
                self._files.place(parts)
        except (OSError, PlaygroundError) as error:
            self._drop(placed)
            raise PlaygroundError(reason(error) if isinstance(error, OSError) else str(error)) from error
        self._drop(dropped)
        return rows.entry(
            (number, *(row.get(name, 0) for name in rows.SHOWN.split(", ")[1:])), [file.name for file in files]
        )

    def search(
        self, owner: str, *, text: str = "", kind: str = "", starred: bool = False, offset: int = 0, limit: int = 24
    ) -> Page:
        """The entries that match, newest first.

        Args:
            text: words that stand in what was asked for or told, all of them; parts of words count, case and accents
                do not. No character has a meaning of its own.
            kind: of recipe; "" for all.
            starred: only those.
            offset: so many of the newest are left out.
            limit: 1 … 100.

        Raises:
            PlaygroundError: offset or limit is out of range, or the history can't be read.
        """
        hashed = _hashed(owner)
        _check_number("offset", offset, 0, 10**9)
        _check_number("limit", limit, 1, MAX_PAGE)
        if not self.enabled:
            return Page()
        where, values = rows.matching(hashed, text, kind, starred)
        with self._database.reading() as database:
            total = database.execute(f"SELECT COUNT(*) FROM entries WHERE {where}", values).fetchone()[0]
            query = f"SELECT {rows.SHOWN} FROM entries WHERE {where} ORDER BY number DESC LIMIT ? OFFSET ?"
            found = database.execute(query, (*values, limit, offset)).fetchall()
            return Page(tuple(rows.entry(row, rows.names_of(database, row[0])) for row in found), total)

    def get(self, owner: str, id: str) -> Kept:
        """A whole entry.

        Raises:
            PlaygroundError: this browser has none with this id, or the history can't be read.
        """
        with self._reading(owner) as (database, hashed):
            number = rows.number_of(database, hashed, id)
            *row, packed = database.execute(
                f"SELECT {rows.SHOWN}, document FROM entries WHERE number = ?", (number,)
            ).fetchone()
            return Kept(rows.entry(row, rows.names_of(database, number)), entries.unpack(packed))

    def file(self, owner: str, id: str, position: int = 0) -> File:
        """A file of an entry, checked to be what it was.

        Raises:
            PlaygroundError: there is none, it is damaged, or the history can't be read.
        """
        with self._reading(owner) as (database, hashed):
            number = rows.number_of(database, hashed, id)
            names = database.execute("SELECT name, sha256 FROM files WHERE entry = ? ORDER BY position", (number,))
            found = names.fetchall()
        if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < len(found):
            raise PlaygroundError(MISSING)
        name, sha256 = found[position]
        return File(name, self._files.read(sha256))

    def star(self, owner: str, id: str, starred: bool = True) -> None:
        """Star an entry, so that it never has to make room; or no longer.

        Raises:
            PlaygroundError: there is none, too much is starred already, or the history can't be written.
        """
        with self._writing(owner) as (database, hashed):
            number = rows.number_of(database, hashed, id)
            database.execute("UPDATE entries SET starred = ? WHERE number = ?", (bool(starred), number))
            if starred:
                self.limits.check_starred(database, hashed)

    def delete(self, owner: str, id: str) -> None:
        """Take an entry away, starred or not; its files too, unless another entry has the same.

        Raises:
            PlaygroundError: there is none, or the history can't be written.
        """
        with self._writing(owner) as (database, hashed):
            dropped = rows.delete(database, [rows.number_of(database, hashed, id)])
        self._drop(dropped)
        self._database.purge()

    def clear(self, owner: str) -> int:
        """Take all entries of a browser away, starred or not; returns how many they were.

        Raises:
            PlaygroundError: the history can't be written.
        """
        if not self.enabled:
            return 0
        with self._writing(owner) as (database, hashed):
            numbers = [n for (n,) in database.execute("SELECT number FROM entries WHERE owner = ?", (hashed,))]
            dropped = rows.delete(database, numbers)
        self._drop(dropped)
        self._database.purge()
        return len(numbers)

    def usage(self, owner: str) -> Usage:
        """How much a browser keeps, and may keep.

        Raises:
            PlaygroundError: the history can't be read.
        """
        hashed = _hashed(owner)
        if not self.enabled:
            return Usage()
        with self._database.reading() as database:
            count, size = rows.sums(database, "owner = ?", hashed)
            starred, _ = rows.sums(database, "owner = ? AND starred = 1", hashed)
        return Usage(count, size, starred, self.limits.per_browser, self.limits.browser_bytes)

    def export(self, owner: str, *, text: str = "", kind: str = "", starred: bool = False) -> Iterator[bytes]:
        """A zip of the entries that `search` finds: a folder for each with its document and files, and an index.

        It comes in pieces, an entry at a time, so that it never lies in memory or on the disk as a whole. What is
        deleted meanwhile is left out; what is damaged is named in the index.

        Raises:
            PlaygroundError: the history can't be read. At once, not with the first piece.
        """
        hashed = _hashed(owner)
        if not self.enabled:
            raise PlaygroundError(OFF)
        where, values = rows.matching(hashed, text, kind, starred)
        with self._database.reading() as database:
            query = f"SELECT id FROM entries WHERE {where} ORDER BY number DESC"
            ids = [id for (id,) in database.execute(query, values)]
        return archive(self._whole(owner, ids))

    def collect(self, parts_older_than: float = STALE_S) -> None:
        """Remove files that no entry names: what a process left behind when it died. Done at every start.

        Raises:
            PlaygroundError: the history can't be read or written.
        """
        if not self.enabled:
            return
        with self._database.reading() as database:
            named = {sha256 for (sha256,) in database.execute("SELECT DISTINCT sha256 FROM files")}
        self._drop(self._files.names() - named)
        self._files.sweep(parts_older_than)

    def close(self) -> None:
        """Let go of the database; the next call opens it again."""
        if self.enabled:
            self._database.close()

    @contextlib.contextmanager
    def _reading(self, owner: str) -> Iterator[tuple[sqlite3.Connection, bytes]]:
        hashed = _hashed(owner)
        if not self.enabled:
            raise PlaygroundError(MISSING)
        with self._database.reading() as database:
            yield database, hashed

    @contextlib.contextmanager
    def _writing(self, owner: str) -> Iterator[tuple[sqlite3.Connection, bytes]]:
        hashed = _hashed(owner)
        if not self.enabled:
            raise PlaygroundError(MISSING)
        with self._database.writing() as database:
            yield database, hashed

    def _drop(self, sha256s: Iterable[str]) -> None:
        """Remove files, after the rows that named them; not those that another entry names.

        Within a transaction, because `add` puts files in their places within one. Trouble leaves them to `collect`.
        """
        if not sha256s:
            return
        with contextlib.suppress(PlaygroundError), self._database.writing() as database:
            named = "SELECT 1 FROM files WHERE sha256 = ?"
            self._files.remove(one for one in sha256s if database.execute(named, (one,)).fetchone() is None)

    def _whole(self, owner: str, ids: Sequence[str]) -> Iterator[tuple[Entry, dict[str, Any], list[File]]]:
        for id in ids:
            kept = _unless((MISSING,), self.get, owner, id)
            if kept is not None:
                found = [_unless((MISSING, GONE), self.file, owner, id, k) for k in range(len(kept.entry.files))]
                yield kept.entry, kept.document, [file for file in found if file is not None]


def _unless(sentences: Sequence[str], do: Callable[..., Any], *arguments: Any) -> Any:
    """What `do` returns; None where it fails with one of the sentences."""
    try:
        return do(*arguments)
    except PlaygroundError as error:
        if str(error) not in sentences:
            raise
        return None


def _hashed(owner: str) -> bytes:
    """What is kept of a key: it has 192 random bits, so that nobody finds it from its hash."""
    if not is_owner(owner):
        raise PlaygroundError(NO_KEY)
    return hashlib.sha256(b"playground history\0" + owner.encode()).digest()


def _on_disk(data: bytes) -> int:
    return -(-len(data) // BLOCK_BYTES) * BLOCK_BYTES


def _check_names(kind: str, files: Sequence[File]) -> None:
    names = [file.name for file in files]
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no kind")
    if len(names) > MAX_FILES or len({*names, DOCUMENT}) != len(names) + 1:
        raise ValueError(f"{len(names)} files of which two have one name, or too many")
    if not all(_NAME.fullmatch(name) for name in names):
        raise ValueError(f"one of {names} is no plain name of a file")


def _check_number(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise PlaygroundError(f"{name} is {show(value)}; a whole number from {low} to {high:,} is allowed.")
