"""The cache of raw books: downloads what is missing, continues what was cut off, checks what is there.

Knows addresses, files and checksums, and nothing of what a book says, except that it has to be a whole one.
"""

import contextlib
import email.utils
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from playground.errors import PlaygroundError
from playground.text.cleaning import cut_licence, decode

SOURCE_VARIABLE = "PLAYGROUND_GUTENBERG"
SOURCE = "https://www.gutenberg.org"
PATTERN = "/cache/epub/{id}/pg{id}.txt"
USER_AGENT = "Playground-tales/1.0 (fetches 116 children's books once, one at a time; python-httpx)"
LARGEST_DOWNLOAD = 20_000_000  # bytes
ATTEMPTS = 4
LONGEST_WAIT = 120.0  # seconds
BUSY = (429, 500, 502, 503, 504)


class _AgainError(Exception):
    """An attempt failed in a way that another may not; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass
class Shelf:
    """The cache folder and the one connection that fills it.

    `manifest.json` holds the sha256 of each whole book, and for a half one the ETag or date by which the
    server can tell that the other half belongs to it.

    Attributes:
        folder: where the books lie, `pg11.txt` and so on; made if need be.
        source: address of Project Gutenberg or a mirror, or a pattern with `{id}`.
        pause: seconds between two requests; before a new attempt it doubles each time.
        progress: called with one line of text at a time.
    """

    folder: Path
    source: str
    pause: float
    progress: Callable[[str], None]
    _sums: dict[str, str] = field(init=False, default_factory=dict)
    _partial: dict[str, str] = field(init=False, default_factory=dict)
    _client: httpx.Client | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            # A manifest that is missing or damaged vouches for nothing: each book is fetched again.
            manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
            self._sums, self._partial = dict(manifest["sha256"]), dict(manifest["partial"])

    def close(self) -> None:
        """Ends the connection."""
        if self._client is not None:
            self._client.close()

    def get(self, number: int, title: str) -> bytes | None:
        """Bytes of one book from the cache or the network; None if the server does not have it.

        Raises:
            PlaygroundError: no network, an answer that is no book, a server that stays busy.
            OSError: the disk refuses.
        """
        path = self.folder / f"pg{number}.txt"
        known = self._sums.get(str(number))
        if known and path.exists():
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == known:
                return data
            self.progress(f"{title}: the cached copy is damaged, fetching it again")
        self.folder.mkdir(parents=True, exist_ok=True)
        url = (self.source if "{id}" in self.source else self.source.rstrip("/") + PATTERN).replace("{id}", str(number))
        part = path.with_suffix(".part")
        for attempt in range(ATTEMPTS):
            try:
                if not self._request(url, str(number), part):
                    self.progress(f"{title}: not at {url}, left out")
                    return None
                return self._accept(str(number), title, part, path)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise PlaygroundError(f"{url} is not a web address: it has to begin with https://.") from error
            except (_AgainError, httpx.RequestError) as error:
                if attempt == ATTEMPTS - 1:
                    raise PlaygroundError(
                        f"{title} could not be fetched from {url} ({str(error) or type(error).__name__}): check the "
                        f"network and start again, or set {SOURCE_VARIABLE} to a mirror."
                    ) from error
                time.sleep(max(self.pause * 2**attempt, getattr(error, "wait", 0.0)))
        raise AssertionError("the last attempt returns or raises")

    def _request(self, url: str, key: str, part: Path) -> bool:
        """One request, written behind what `part` holds; False if the server does not have the book."""
        if self._client is None:
            self._client = httpx.Client(
                # A compressed answer cannot be continued by byte range.
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                limits=httpx.Limits(max_connections=1),
                timeout=30.0,
                follow_redirects=True,
            )
        else:
            time.sleep(self.pause)
        validator = self._partial.get(key)
        start = part.stat().st_size if validator and part.exists() else 0
        headers = {"Range": f"bytes={start}-", "If-Range": validator} if start and validator else {}
        with self._client.stream("GET", url, headers=headers) as response:
            status = response.status_code
            if status in (404, 410):
                return False
            if status in BUSY:
                raise _AgainError(f"the server is busy, status {status}", _retry_after(response, url))
            continues = status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if status == 416 or (status == 206 and not continues):
                part.unlink(missing_ok=True)
                raise _AgainError("the server cannot continue the download")
            if status not in (200, 206):
                raise PlaygroundError(f"{url} answers with status {status}: check the address of the mirror.")
            if not continues:
                start = 0
                self._begin(key, part, response)
            self._receive(response, part, start)
        return True

    def _begin(self, key: str, part: Path, response: httpx.Response) -> None:
        """Notes how to ask for the rest; the old part goes first, so that no note ever vouches for other bytes."""
        part.unlink(missing_ok=True)
        tag = response.headers.get("ETag", "")
        self._partial[key] = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
        self._save()

    def _receive(self, response: httpx.Response, part: Path, start: int) -> None:
        size = start + int(response.headers.get("Content-Length", 0))
        with part.open("ab") as file:
            if size <= LARGEST_DOWNLOAD:
                size = start
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > LARGEST_DOWNLOAD:
                        break
                    file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if size > LARGEST_DOWNLOAD:
            part.unlink()
            raise PlaygroundError(f"{response.url} is over {LARGEST_DOWNLOAD:,} bytes, which no book is: not fetched.")

    def _accept(self, key: str, title: str, part: Path, path: Path) -> bytes:
        """Gives a whole download its final name and remembers its checksum."""
        data = part.read_bytes()
        try:
            cut_licence(decode(data))
        except PlaygroundError as error:
            part.unlink()
            raise _AgainError("what came is not a whole Project Gutenberg text") from error
        part.replace(path)
        self._partial.pop(key, None)
        self._sums[key] = hashlib.sha256(data).hexdigest()
        self._save()
        self.progress(f"{title}: fetched, {len(data):,} bytes")
        return data

    def _save(self) -> None:
        manifest = {"sha256": self._sums, "partial": self._partial}
        replace_file(self.folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())


def _retry_after(response: httpx.Response, url: str) -> float:
    """Seconds that the server asks to wait."""
    value = response.headers.get("Retry-After", "0")
    try:
        wait = float(value)
    except ValueError:
        with contextlib.suppress(ValueError):
            return min(max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time()), LONGEST_WAIT)
        return 0.0
    if wait > LONGEST_WAIT:
        raise PlaygroundError(f"{url} asks to come back in {wait:.0f} seconds: start again then, nothing is lost.")
    return max(0.0, wait)


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file so that its name never stands for half of it."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
