"""Entries as rows of the history's tables. What looks one up is bound to the owner whose hash it is given."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from playground import history_entries as entries
from playground.errors import PlaygroundError
from playground.history_entries import Entry, File
from playground.recipes import show

MISSING = "There is no such entry in your history."
MAX_QUERY = 200  # characters
MAX_TERMS = 10
SHOWN = "number, id, kind, made, starred, title, excerpt, thumbnail, size"
_ID = re.compile("[0-9a-f]{32}")


def matching(hashed: bytes, text: str, kind: str, starred: bool) -> tuple[str, list[Any]]:
    """The condition of a search, and its values."""
    for name, value in (("text", text), ("kind", kind)):
        if not isinstance(value, str):
            raise PlaygroundError(f"{name} is {show(value)}; a text is allowed.")
    where, values = ["owner = ?"], [hashed]
    if kind:
        where.append("kind = ?")
        values.append(entries.storable(kind))
    if starred:
        where.append("starred = 1")
    terms = entries.fold(text[:MAX_QUERY]).split()[:MAX_TERMS]
    where += ["instr(words, ?) > 0"] * len(terms)
    return " AND ".join(where), values + terms


def insert(database: sqlite3.Connection, row: Mapping[str, Any], files: Sequence[File]) -> int:
    """Add an entry, by column; returns its number, which grows from each to the next."""
    places = ", ".join(f":{name}" for name in row)
    number = database.execute(f"INSERT INTO entries ({', '.join(row)}) VALUES ({places})", row).lastrowid
    named = ((number, k, file.name, hashlib.sha256(file.data).hexdigest()) for k, file in enumerate(files))
    database.executemany("INSERT INTO files (entry, position, name, sha256) VALUES (?, ?, ?, ?)", named)
    return number


def number_of(database: sqlite3.Connection, hashed: bytes, id: str) -> int:
    """Of this browser's entry with this id."""
    if isinstance(id, str) and _ID.fullmatch(id):
        found = database.execute("SELECT number FROM entries WHERE owner = ? AND id = ?", (hashed, id)).fetchone()
        if found:
            return found[0]
    raise PlaygroundError(MISSING)


def names_of(database: sqlite3.Connection, number: int) -> list[str]:
    """The names of an entry's files."""
    query = "SELECT name FROM files WHERE entry = ? ORDER BY position"
    return [name for (name,) in database.execute(query, (number,))]


def entry(row: Sequence[Any], names: Sequence[str]) -> Entry:
    """An entry from a row of `SHOWN`."""
    _, id, kind, made, starred, title, excerpt, thumbnail, size = row
    return Entry(id, kind, made, bool(starred), title, excerpt, thumbnail, tuple(names), size)


def sums(database: sqlite3.Connection, where: str, *values: Any) -> tuple[int, int]:
    """How many entries there are, and their bytes."""
    return database.execute(f"SELECT COUNT(*), COALESCE(SUM(size), 0) FROM entries WHERE {where}", values).fetchone()


def delete(database: sqlite3.Connection, numbers: Sequence[int]) -> set[str]:
    """Delete entries; returns the sha256 of files that they named, which may go once that is committed."""
    named: set[str] = set()
    for number in numbers:
        named |= {one for (one,) in database.execute("SELECT sha256 FROM files WHERE entry = ?", (number,))}
        database.execute("DELETE FROM entries WHERE number = ?", (number,))
    return named
