"""Keeps a copy of the history in a private data set of the Hub, and brings it back where the disk has forgotten it.

What is copied is a whole state: the database as it is at one moment, then the files that it names. Whatever goes wrong
is told in one sentence, never with the token, and the app goes on. Knows no entry's meaning.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, CommitScheduler, HfApi, get_token
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import disable_progress_bars
from huggingface_hub.utils.logging import set_verbosity_error

from playground.errors import PlaygroundError
from playground.history_database import NAME, TABLES

EVERY_MIN = 5.0
STAGE, OF = "backup", "of"  # folder in the history's, and the file there that says whose copy it is
KIND = "dataset"
NO_TOKEN = "There is no token: set HF_TOKEN to one that may write."
PUBLIC = "anybody can read it, and the history is not for everybody: make it private."
OTHERS = "it holds the history of another place, which would be lost: choose another, or start with no history here."
_FILE = re.compile("files/([0-9a-f]{64})")
log = logging.getLogger("playground")


class Backup:
    """The copy of one history's folder in one data set.

    Args:
        repo: USER/DATASET. It is made, private, where there is none.
        folder: of the history.
        tell: takes a sentence about what went wrong; the same one only once.
    """

    def __init__(self, repo: str, folder: Path, tell: Callable[[str], None] = log.warning) -> None:
        self._repo, self._folder, self._tell = repo, folder, tell
        self._stage = folder / STAGE
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT", "").rstrip("/") or None)
        self._told = ""
        self._ended = threading.Event()
        self._scheduler: _Scheduler | None = None
        self._usable = True
        set_verbosity_error()
        disable_progress_bars()

    def restore(self) -> bool:
        """Bring the copy back where nothing is kept here; whether it did. To be called before the history is opened.

        Where that fails, nothing is copied either until the next start: the copy would be lost.
        """
        if not _is_empty(self._folder / NAME):
            return False
        try:
            self._check_token()
            there = self._listed()
            if NAME not in there:
                return False
            self._fetch([NAME, *filter(_FILE.fullmatch, there)])
            return True
        except Exception as error:  # whatever the network, the Hub or the disk comes up with
            self._usable = False
            self._say(f"The history could not be restored from {self._repo}, and is not copied there: {_why(error)}")
            return False

    def start(self, every: float = EVERY_MIN) -> None:
        """Copy at once, every so many minutes, and at the end of the process. In the background."""
        if self._usable:
            threading.Thread(target=self._begin, args=(every,), name="backup", daemon=True).start()

    def close(self) -> None:
        """Copy what is new, and stop."""
        self._ended.set()
        if self._scheduler is not None:
            self._scheduler.trigger().result()
            self._scheduler.stop()

    def copy(self) -> None:
        """Bring the data set to what the history is now, and leave no earlier state in it."""
        try:
            self._copy()
            self._told = ""
        except Exception as error:  # as above; the next time may well succeed
            self._say(f"The history could not be copied to {self._repo}: {_why(error)}")

    def _begin(self, every: float) -> None:
        """Make the scheduler, which asks the Hub, until that succeeds."""
        while not self._ended.is_set():
            try:
                self._check_token()
                self._stage.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._scheduler = _Scheduler(self.copy, self._repo, self._stage, every, self._api)
                return
            except Exception as error:
                self._say(f"The history can't be copied to {self._repo}: {_why(error)}")
            self._ended.wait(every * 60)

    def _copy(self) -> None:
        snapshot = self._stage / NAME
        if not _snapshot(self._folder / NAME, self._stage / f"{NAME}.new"):
            return  # nothing was ever kept
        new = self._stage / f"{NAME}.new"
        if snapshot.exists() and snapshot.read_bytes() == new.read_bytes():
            return
        there = self._listed()
        if NAME in there and self._owner() != self._repo:
            raise PlaygroundError(OTHERS)
        named = _files_of(new)
        held = {f"files/{name}": self._folder / "files" / name for name in named}
        adds = [CommitOperationAdd(NAME, new)]
        adds += [CommitOperationAdd(path, file) for path, file in held.items() if path not in there and file.is_file()]
        gone = [CommitOperationDelete(path) for path in sorted(there) if _FILE.fullmatch(path) and path not in held]
        self._api.create_commit(self._repo, [*adds, *gone], commit_message="Copy the history", repo_type=KIND)
        self._own()
        self._api.super_squash_history(self._repo, repo_type=KIND)  # what was deleted is to be gone
        new.replace(snapshot)

    def _fetch(self, names: list[str]) -> None:
        """Bring files to the history's folder: at first the files, then the database that names them."""
        shutil.rmtree(self._stage, ignore_errors=True)
        self._stage.mkdir(mode=0o700, parents=True)
        for name in names:
            self._api.hf_hub_download(self._repo, name, repo_type=KIND, local_dir=self._stage)
        if not _tables(self._stage / NAME) >= TABLES:
            raise PlaygroundError("what lies there is no history.")
        (self._folder / "files").mkdir(mode=0o700, exist_ok=True)
        for path in (self._stage / "files").glob("*"):
            path.replace(self._folder / "files" / path.name)
        for end in ("-wal", "-shm"):
            Path(f"{self._folder / NAME}{end}").unlink(missing_ok=True)
        (self._stage / NAME).replace(self._folder / NAME)
        shutil.rmtree(self._stage / ".cache", ignore_errors=True)
        self._own()

    def _listed(self) -> set[str]:
        """The paths of what lies in the data set; none where there is no data set.

        Raises:
            PlaygroundError: anybody can read it.
        """
        try:
            if not self._api.repo_info(self._repo, repo_type=KIND).private:  # asks once; a listing asks for long
                raise PlaygroundError(PUBLIC)
        except RepositoryNotFoundError as error:  # which the Hub also says to those who may not see it
            if error.response.status_code != 404:
                raise
            return set()
        return set(self._api.list_repo_files(self._repo, repo_type=KIND))

    def _owner(self) -> str:
        try:
            return (self._stage / OF).read_text(encoding="utf-8")
        except OSError:
            return ""

    def _own(self) -> None:
        (self._stage / OF).write_text(self._repo, encoding="utf-8")

    def _check_token(self) -> None:
        if not get_token():
            raise PlaygroundError(NO_TOKEN)

    def _say(self, sentence: str) -> None:
        if sentence != self._told:
            self._told = sentence
            self._tell(sentence)


class _Scheduler(CommitScheduler):
    """Calls `copy` regularly and at the end, one at a time."""

    def __init__(self, copy: Callable[[], None], repo: str, folder: Path, every: float, api: HfApi) -> None:
        self._copy = copy
        super().__init__(repo_id=repo, repo_type=KIND, folder_path=folder, every=every, private=True, hf_api=api)

    def push_to_hub(self) -> None:
        """What the scheduler does each time."""
        self._copy()


@contextlib.contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A database that is there, which is not written."""
    with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def _snapshot(database: Path, copy: Path) -> bool:
    """Write a database as it is at one moment into one file; whether there is one. Its writers are not held up."""
    if not database.is_file():
        return False
    copy.unlink(missing_ok=True)
    with _reading(database) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE").fetchall()  # no second file beside it
    return True


def _files_of(database: Path) -> set[str]:
    """The sha256 of every file that a history names."""
    with _reading(database) as connection:
        return {name for (name,) in connection.execute("SELECT DISTINCT sha256 FROM files")}


def _tables(database: Path) -> set[str]:
    with _reading(database) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _is_empty(database: Path) -> bool:
    """Whether nothing is kept there. What can't be read is not empty: the history sees to it."""
    if not database.is_file():
        return True
    try:
        with _reading(database) as connection:
            return connection.execute("SELECT COUNT(*) FROM entries").fetchone()[0] == 0
    except sqlite3.Error:
        return False


def _why(error: Any) -> str:
    """The end of a sentence. Never the token, and nothing that a server answered."""
    if isinstance(error, PlaygroundError):
        return str(error)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set."
    if code := getattr(getattr(error, "response", None), "status_code", 0):
        return f"the Hub answers {code}{'; the token may not do that' if code in (401, 403) else ''}."
    if isinstance(error, sqlite3.Error):
        return "the database can't be read."
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.strerror}."
    return "the Hub can't be reached, or the connection broke."


def keep_backup(repo: str, folder: Path) -> Backup:
    """Restore the history where it is empty, then keep it copied."""
    backup = Backup(repo, folder)
    backup.restore()
    backup.start()
    return backup
