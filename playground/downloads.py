"""Fetches models of the Hub into the usual cache: bounded, checked, shared by all who wait, and taken up again.

`huggingface_hub` throws a half file away when its call ends. Here a file grows beside its place in the cache until it
is whole, whatever happens meanwhile, and `snapshot_download` then finds it there.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, RepoFile, get_hf_file_metadata, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import WeakFileLock, build_hf_headers, get_session, hf_raise_for_status
from huggingface_hub.utils.logging import set_verbosity_error

from playground import hub
from playground.errors import PlaygroundError
from playground.events import Progress
from playground.hub import HubModel
from playground.layouts import LAYOUTS, WEIGHTS
from playground.manifests import sha256

POLL_S = 0.25
PAUSE_S = 1.0  # before a dropped connection is made again
ATTEMPTS = 3  # in a row that bring nothing
TIMEOUT_S = 20.0  # without a byte
BUSY = (408, 429, 500, 502, 503, 504)
ROOM = 1.2  # so many times what the allow-list says may a repository have
SLACK = 2**20  # bytes on top of that


class _LeftError(Exception):
    """Nobody waits for the download any more."""


class Downloads:
    """All that is being fetched now. Whoever wants the same model waits for the same download."""

    def __init__(self) -> None:
        self._running: dict[str, _Download] = {}
        self._lock = threading.Lock()

    def follow(self, model: HubModel) -> Iterator[Progress]:
        """Fetch a model; yield how far it is until it is here. When all have closed this, it stops, to be continued.

        Raises:
            PlaygroundError: one sentence that says why it can't be fetched.
        """
        while True:
            with self._lock:
                download = self._running.get(model.id)
                if download is None or download.done.is_set():
                    download = self._running[model.id] = _Download(model)
                download.waiting += 1
                if download.ident is None:
                    download.start()
            try:
                while not download.done.wait(POLL_S):
                    yield download.progress()
            finally:
                with self._lock:
                    download.waiting -= 1
            if download.error is None:
                return
            if not isinstance(download.error, _LeftError):  # that was about those who waited before
                raise download.error


class _Download(threading.Thread):
    """Fetches one model. `waiting` counts those who want it."""

    def __init__(self, model: HubModel) -> None:
        super().__init__(name=f"download {model.id}", daemon=True)
        self.model = model
        self.waiting = 0
        self.done = threading.Event()
        self.error: Exception | None = None
        self._got = self._total = 0

    def run(self) -> None:
        try:
            fetch(self.model, self._tell)
        except Exception as error:  # handed to those who wait
            self.error = error
        finally:
            self.done.set()

    def progress(self) -> Progress:
        if not self._total:
            return Progress(f"Asking the Hub for {self.model.id} …")
        got, total = (f"{n / 1e6:,.0f}" if self._total >= 1e7 else f"{n / 1e6:.1f}" for n in (self._got, self._total))
        return Progress(f"Downloading {self.model.id} … {got} of {total} MB", self._got / self._total)

    def _tell(self, got: int, total: int) -> None:
        self._got, self._total = min(got, total), total
        if not self.waiting:
            raise _LeftError


def fetch(model: HubModel, tell: Callable[[int, int], None]) -> Path:
    """Bring all of a model's files into the cache, and return their folder.

    Args:
        tell: is called with the bytes that are here and those there will be; what it raises ends the download.

    Raises:
        PlaygroundError: one sentence that says why it can't be fetched.
    """
    set_verbosity_error()  # its warnings are about what is told here in a sentence
    try:
        return _Fetch(model, tell).run()
    except (PlaygroundError, _LeftError):
        raise
    except Exception as error:
        raise PlaygroundError(_sentence(model, error)) from error


class _Fetch:
    """One attempt at a model, file by file."""

    def __init__(self, model: HubModel, tell: Callable[[int, int], None]) -> None:
        self.model, self.tell = model, tell
        self.endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        self.blobs = hub.storage(model) / "blobs"
        self.got = self.total = 0

    def run(self) -> Path:
        model, commit = self.model, self._commit()
        tree = HfApi(endpoint=self.endpoint).list_repo_tree(model.id, recursive=True, revision=commit)
        files = chosen(model, {file.path: file.size for file in tree if isinstance(file, RepoFile)})
        self.total = sum(files.values())
        self.tell(0, self.total)
        for name, size in files.items():
            self._file(commit, name, size)
        about = [name for name in files if not name.endswith(WEIGHTS)]
        for names in (about, list(files)):  # weights last: where they are, all else is
            folder = snapshot_download(
                model.id,
                revision=model.revision,
                cache_dir=hub.cache(),
                allow_patterns=names,
                endpoint=self.endpoint,
            )
            if Path(folder).name != commit:
                raise PlaygroundError(f"The revision {model.revision} of {model.id} has just changed; try again.")
        if hub.snapshot(model) is None:
            raise PlaygroundError(
                f"The model {model.id} can't be used: its index of weights names other files than it has."
            )
        return Path(folder)

    def _commit(self) -> str:
        """What the revision means now; also the question, asked but once, whether anybody answers at all."""
        first = LAYOUTS[self.model.kind].first
        url = hf_hub_url(self.model.id, first, revision=self.model.revision, endpoint=self.endpoint)
        commit = get_hf_file_metadata(url).commit_hash
        pinned = hub.COMMIT.fullmatch(self.model.revision)
        if not commit or not hub.COMMIT.fullmatch(commit) or (pinned and commit != self.model.revision):
            raise PlaygroundError(f"The Hub does not have {self.model.id} at the revision {self.model.revision}.")
        return commit

    def _file(self, commit: str, name: str, size: int) -> None:
        """Bring one file to where the cache expects it, in as many pieces as the connection breaks it into."""
        url = hf_hub_url(self.model.id, name, revision=commit, endpoint=self.endpoint)
        found = self._patiently(lambda: get_hf_file_metadata(url, retry_on_errors=True), lambda: 0)
        if found.size not in (None, size):
            raise PlaygroundError(
                f"The file {name} of {self.model.id} is announced with {size:,} bytes and then with {found.size:,}."
            )
        if not re.fullmatch(r"[\w-]+", found.etag or ""):
            raise PlaygroundError(f"The Hub does not say which {name} of {self.model.id} this is.")
        whole, part = self.blobs / found.etag, self.blobs / f"{found.etag}.playground.incomplete"
        if not whole.exists():
            # A signed address of a store elsewhere needs no token and must not get one.
            headers = build_hf_headers(token=None if found.location == url else False)
            lock = hub.cache() / ".locks" / self.blobs.parent.name / f"{found.etag}.lock"  # as `huggingface_hub` does
            for folder in (self.blobs, lock.parent):
                folder.mkdir(parents=True, exist_ok=True)
            with WeakFileLock(lock):
                if not whole.exists():  # by another process
                    self._patiently(lambda: self._get(found.location, headers, part, size), lambda: _size(part))
                    self._check(name, part, found.etag)
                    part.replace(whole)
        self.got += size
        self.tell(self.got, self.total)

    def _get(self, url: str, headers: dict[str, str], part: Path, size: int) -> None:
        """Append to `part` what it lacks; what has come stays there however this ends."""
        have = _size(part)
        if have == size:
            return
        headers = headers | {"Accept-Encoding": "identity"}  # counted as it comes
        if 0 < have < size:
            headers["Range"] = f"bytes={have}-"
        with get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S) as response:
            hf_raise_for_status(response)
            here = have if response.status_code == 206 else 0
            with part.open("ab" if here else "wb") as file:
                for piece in response.iter_bytes():
                    here += len(piece)
                    if here > size:
                        part.unlink()
                        raise PlaygroundError(f"The Hub sends more than the {size:,} bytes that it announced.")
                    file.write(piece)
                    self.tell(self.got + here, self.total)
        if here < size:
            raise ConnectionError("the answer was cut short")

    def _patiently(self, ask: Callable[[], Any], have: Callable[[], int]) -> Any:
        """What `ask` returns, asked again when the connection drops, as long as that brings something."""
        fruitless = 0
        while True:
            before = have()
            try:
                return ask()
            except (PlaygroundError, _LeftError):
                raise
            except Exception as error:
                fruitless = 0 if have() > before else fruitless + 1
                if fruitless >= ATTEMPTS or not _passing(error):
                    raise
            self.tell(self.got + have(), self.total)
            time.sleep(PAUSE_S)

    def _check(self, name: str, part: Path, etag: str) -> None:
        if re.fullmatch("[0-9a-f]{64}", etag) and sha256(part) != etag:
            part.unlink()
            raise PlaygroundError(
                f"The file {name} of {self.model.id} came damaged (its checksum is not the Hub's); try again."
            )


def chosen(model: HubModel, sizes: dict[str, int]) -> dict[str, int]:
    """The files of a repository that are fetched, with their sizes, the small ones first.

    Raises:
        PlaygroundError: one is missing, there are no safetensors, or all is much larger than the allow-list says.
    """
    layout = LAYOUTS[model.kind]
    if lacking := layout.lacks(sizes, model.variant):
        raise PlaygroundError(f"The model {model.id} has no {lacking}.")
    files = {name: sizes[name] for name in layout.choose(sizes, model.variant)}
    if (total := sum(files.values())) > model.bytes * ROOM + SLACK:
        raise PlaygroundError(
            f"The model {model.id} has {total / 1e6:,.1f} MB; the list of allowed models says {model.bytes / 1e6:,.1f}."
        )
    return dict(sorted(files.items(), key=lambda item: (item[1], item[0])))


def _passing(error: Exception) -> bool:
    """Whether it may be well the next time: a connection that dropped, a busy server; not a refusal or a full disk."""
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in BUSY
    return isinstance(error, ConnectionError) or not isinstance(error, OSError)


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _sentence(model: HubModel, error: Exception) -> str:
    """Why a model can't be fetched, for the person who wanted it."""
    if isinstance(error, GatedRepoError):
        return f"The Hub gives {model.id} only to those who have asked for it there (its token is in HF_TOKEN)."
    if isinstance(error, RevisionNotFoundError):
        return f"The Hub has no revision {model.revision} of {model.id}."
    if isinstance(error, RepositoryNotFoundError):
        return f"The Hub has no model {model.id}."
    if isinstance(error, RemoteEntryNotFoundError):
        return f"The model {model.id} has no {LAYOUTS[model.kind].first}."
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        if error.response.status_code in (401, 403):
            return f"The Hub does not let this playground have {model.id}; a token goes into HF_TOKEN."
        return f"The Hub answers {error.response.status_code} for {model.id}; try again later."
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno and error.strerror:
        return f"The model {model.id} can't be kept: {error.strerror}."
    return (
        f"The model {model.id} is not all here and the Hub can't be reached; check the network, or take a local model."
    )
