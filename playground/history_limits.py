"""How much the history keeps, of one browser and in all, and what makes room: the oldest that is not starred."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from playground import history_rows as rows
from playground.errors import PlaygroundError

NO_ROOM = "Your history is full of starred entries: unstar or delete some to keep new ones."
NO_ROOM_AT_ALL = "The history of this server is full of starred entries, so nothing new is kept."
STARRED_SHARE = 2  # one in so many parts of every limit may be starred, so that there is room for what is new


@dataclass(frozen=True)
class Limits:
    """So many entries and bytes of one browser, and so many bytes in all."""

    per_browser: int
    browser_bytes: int
    total_bytes: int

    def make_room(self, database: sqlite3.Connection, hashed: bytes, newest: int) -> set[str]:
        """Delete what is over the limits: oldest first, neither the newest nor what is starred.

        Returns:
            What `history_rows.delete` does.

        Raises:
            PlaygroundError: what is starred leaves no room.
        """
        count, size = rows.sums(database, "owner = ?", hashed)
        query = "SELECT number, size FROM entries WHERE owner = ? AND starred = 0 AND number <> ? ORDER BY number"
        oldest = database.execute(query, (hashed, newest))
        numbers = _first(oldest, count - self.per_browser, size - self.browser_bytes, NO_ROOM)
        dropped = rows.delete(database, numbers)
        _, size = rows.sums(database, "1")
        oldest = database.execute(
            "SELECT number, size FROM entries WHERE starred = 0 AND number <> ? ORDER BY number", (newest,)
        )
        return dropped | rows.delete(database, _first(oldest, 0, size - self.total_bytes, NO_ROOM_AT_ALL))

    def check_starred(self, database: sqlite3.Connection, hashed: bytes) -> None:
        """Make sure that what is starred leaves room for what is new.

        Raises:
            PlaygroundError: it does not.
        """
        count, size = rows.sums(database, "owner = ? AND starred = 1", hashed)
        most = max(1, self.per_browser // STARRED_SHARE)
        if count > most:
            raise PlaygroundError(f"At most {most:,} entries can be starred: unstar or delete one first.")
        if size > self.browser_bytes // STARRED_SHARE:
            raise PlaygroundError("Your starred entries take all the room that they may: unstar or delete some first.")
        _, size = rows.sums(database, "starred = 1")
        if size > self.total_bytes // STARRED_SHARE:
            raise PlaygroundError("The starred entries of this server take all the room that they may.")


def _first(oldest: Iterable[tuple[int, int]], count: int, size: int, otherwise: str) -> list[int]:
    """The first of the rows (number, bytes) that together are at least so many and so large.

    Raises:
        PlaygroundError: all of them are not enough; `otherwise` says so.
    """
    numbers: list[int] = []
    for number, bytes_ in oldest:
        if count <= 0 and size <= 0:
            return numbers
        numbers.append(number)
        count, size = count - 1, size - bytes_
    if count > 0 or size > 0:
        raise PlaygroundError(otherwise)
    return numbers
