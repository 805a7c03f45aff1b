"""The history's SQLite database: opened by several processes and threads, migrated, and set aside where it is damaged.

Knows tables and transactions, not what an entry means. Whatever goes wrong with the disk ends as one sentence.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from playground.errors import PlaygroundError

NAME = "history.sqlite"
WAIT_S = 10.0  # for another process that writes
MIGRATIONS = (  # statements that lead from version n to n + 1; only ever added to
    (
        """CREATE TABLE entries (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner BLOB NOT NULL,
            starred INTEGER NOT NULL DEFAULT 0,
            size INTEGER NOT NULL,
            kind TEXT NOT NULL,
            made REAL NOT NULL,
            title TEXT NOT NULL,
            excerpt TEXT NOT NULL,
            thumbnail BLOB NOT NULL,
            words TEXT NOT NULL,
            document BLOB NOT NULL
        )""",
        """CREATE TABLE files (
            entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            PRIMARY KEY (entry, position)
        ) WITHOUT ROWID""",
        "CREATE INDEX entries_of_owner ON entries (owner, starred, number, size)",
        "CREATE INDEX entries_by_age ON entries (starred, number, size)",
        "CREATE INDEX files_by_content ON files (sha256)",
    ),
)
TABLES = {"entries", "files"}
DAMAGED = "The history was damaged: it has been set aside, and a new one begun."
LATER = "The history was written by a later version of the playground, which this one can't read."
FULL = "The history can't be kept: its disk is full."
READ_ONLY = "The history can't be kept: its folder is not there, or can't be written to."
BUSY = "The history is busy; try again in a moment."
FAILED = "The history can't be kept: its disk gives errors."
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REASONS = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_PROTOCOL: BUSY,
    sqlite3.SQLITE_IOERR: FAILED,
}
_open: weakref.WeakSet[Database] = weakref.WeakSet()
_forking = threading.local()  # whose locks a thread holds while it forks


class _DamagedError(Exception):
    """This is not a database of ours, or no longer one."""


class Database:
    """One database in a folder, beside the folder of its files.

    One connection for all threads, which take turns: what they do is short. A connection does not outlive a fork, nor
    the file that it was opened on.

    Attributes:
        notices: sentences for whoever looks at the history: what became of it.
    """

    def __init__(self, folder: Path, files: Path) -> None:
        self._folder, self._files = folder, files
        self._path = folder / NAME
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._inherited: list[sqlite3.Connection] = []
        self.notices: list[str] = []
        _open.add(self)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database as it is at one moment.

        Raises:
            PlaygroundError: it can't be read, and why.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The database for one writer alone, of all processes; all of what it does is kept, or nothing.

        Raises:
            PlaygroundError: it can't be written, and why.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def purge(self) -> None:
        """Take what was deleted off the disk now, as far as nobody else is reading."""
        with contextlib.suppress(PlaygroundError), self._told():
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._told():
            connection = self._opened()
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """One thread at a time; errors of the disk become sentences, and a damaged database is set aside."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                code = _code(error)
                if code in _DAMAGE:
                    with contextlib.suppress(OSError, sqlite3.Error), self._alone():
                        self._set_aside(self._identity)
                    raise PlaygroundError(DAMAGED) from error
                if code not in _REASONS:
                    raise
                raise PlaygroundError(_REASONS[code]) from error
            except OSError as error:
                raise PlaygroundError(reason(error)) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity != _identity(self._path):
            self.close()  # somebody set it aside or took it away
        if self._connection is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                self._connection = self._open()
                self._identity = _identity(self._path)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            return self._checked()
        except _DamagedError:
            self._set_aside(_identity(self._path))
            return self._checked()

    def _checked(self) -> sqlite3.Connection:
        """A connection to a database that is whole and of this version."""
        connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection)
            if not _version(connection) and (_tables(connection) or any(self._files.glob("*"))):
                raise _DamagedError
            migrate(connection)
            if not _tables(connection) >= TABLES:
                raise _DamagedError
        except sqlite3.DatabaseError as error:
            connection.close()
            if _code(error) in _DAMAGE:
                raise _DamagedError from error
            raise
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, identity: tuple[int, int] | None) -> None:
        """Move database and files out of the way, unless another process has done so; drop what lay there before."""
        self.close()
        self.notices = [DAMAGED]
        if identity != _identity(self._path):
            return
        earlier = list(self._folder.glob("damaged-*"))
        aside = self._folder / f"damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.monotonic_ns()}"
        aside.mkdir()
        for path in (self._path, *(Path(f"{self._path}{end}") for end in ("-wal", "-shm")), self._files):
            with contextlib.suppress(FileNotFoundError):
                path.rename(aside / path.name)
        for folder in earlier:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process opens the database, or sets it aside, meanwhile."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._folder / "lock").acquire(timeout=WAIT_S, poll_interval=0.01):
                yield
        except Timeout as error:
            raise PlaygroundError(BUSY) from error

    def _in_the_child(self) -> None:
        self._lock = threading.RLock()  # nobody in this process holds the other one
        if self._connection is not None:
            self._inherited.append(self._connection)  # closing it would take the parent's locks away
            self._connection = None


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database to the version that this code knows, each step whole or not at all.

    Raises:
        PlaygroundError: it is of a later version.
    """
    while (version := _version(connection)) != len(migrations):
        if version > len(migrations):
            raise PlaygroundError(LATER)
        connection.execute("BEGIN EXCLUSIVE")
        try:
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def reason(error: OSError) -> str:
    """The sentence about an error of the disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FULL
    if isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError | FileExistsError):
        return READ_ONLY
    return READ_ONLY if error.errno == errno.EROFS else FAILED


def _set_up(connection: sqlite3.Connection) -> None:
    """Look whether a database is sound, and say how it is to be written.

    `synchronous = FULL`: entries are added once in a second at most, so that nobody feels the flush for each, and a
    power cut loses none either. Under NORMAL it could lose the last ones, though a process that is killed could not.
    """
    connection.execute("PRAGMA auto_vacuum = FULL")  # what is deleted gives room back
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is gone
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _DamagedError


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code of SQLite, if the error is one of it."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _before_fork() -> None:
    """Wait until no thread is inside SQLite: a child would inherit its mutexes and file locks, held for ever."""
    _forking.held = sorted(_open, key=id)  # one order for all who fork
    for database in _forking.held:
        database._lock.acquire()


def _in_the_parent() -> None:
    for database in _forking.held:
        database._lock.release()
    del _forking.held


def _in_the_child() -> None:
    del _forking.held
    for database in list(_open):
        database._in_the_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_the_parent, after_in_child=_in_the_child)
