"""A Hub on 127.0.0.1: the addresses that `huggingface_hub` asks for, over models that a test makes; it can misbehave.

Large files live at another host name, as on the real Hub, which must not see the token.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.loopback import Answering, Loopback, listening_on

COMMIT = "1234567890" * 4
LARGE = (".safetensors", ".bin")


class HubServer(Loopback):
    """Serves `files` of one model.

    Attributes:
        files: content by path, at the commit `COMMIT` and at `branches`.
        claims: sizes that the listing tells instead of the true ones.
        asked: (method, path, range, token) of every request.
        cuts: so many bytes does the next answer with a large file send before it hangs up; one for each answer.
        status: what every answer is instead, as 500.
        error: the Hub's own code for that, as "GatedRepo".
        damaged: is sent for every large file instead.
        pause: is waited for before a large file is sent.
    """

    def __init__(self, model: str, folder: Path) -> None:
        super().__init__(_Handler)
        self.model = model
        self.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
        self.branches = {"main"}
        self.claims: dict[str, int] = {}
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.cuts: list[int] = []
        self.ranges = True
        self.status, self.error = 0, ""
        self.damaged = b""
        self.pause: threading.Event | None = None

    def fetched(self, name: str) -> list[str | None]:
        """The range of every request for the content of a file."""
        content = hashlib.sha256(self.files[name]).hexdigest()
        return [
            ranged for method, path, ranged, _ in self.asked if method == "GET" and path.endswith((f"/{name}", content))
        ]

    def tree(self) -> list[dict]:
        """What /api/models/…/tree tells."""
        listed = []
        for name, content in self.files.items():
            size = self.claims.get(name, len(content))
            entry = {"type": "file", "path": name, "size": size, "oid": hashlib.sha1(content).hexdigest()}
            if name.endswith(LARGE):
                entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 134}
            listed.append(entry)
        return listed


class _Handler(Answering):
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        hub.asked.append((self.command, path, self.headers.get("Range"), self.headers.get("Authorization")))
        revisions = {COMMIT, *hub.branches}
        if hub.status:
            return self._send(hub.status, b"{}", {"X-Error-Code": hub.error})
        for revision in revisions:
            if path == f"/api/models/{hub.model}/tree/{revision}":
                return self._send(200, json.dumps(hub.tree()).encode(), {"Content-Type": "application/json"})
            if path == f"/api/models/{hub.model}/revision/{revision}":
                told = {"id": hub.model, "sha": COMMIT, "siblings": []}
                return self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
            place = f"/{hub.model}/resolve/{revision}/"
            if path.startswith(place):
                return self._file(path.removeprefix(place))
        if path.startswith("/store/"):
            return self._stored(path.removeprefix("/store/"))
        known = path.startswith((f"/{hub.model}/", f"/api/models/{hub.model}/"))
        return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"})

    def _file(self, name: str) -> None:
        hub = self.server
        if name not in hub.files:
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = hub.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        if not name.endswith(LARGE):
            return self._send(200, content, headers)
        key = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{key}"', "X-Linked-Size": str(len(content))}
        return self._send(302, b"", headers | {"Location": f"http://localhost:{hub.server_port}/store/{key}"})

    def _stored(self, key: str) -> None:
        hub = self.server
        content = next(c for name, c in hub.files.items() if name.endswith(LARGE) and _key(c) == key)
        content = hub.damaged or content
        if hub.pause is not None:
            hub.pause.wait(30)
        start, total = 0, len(content)
        if hub.ranges and (ranged := self.headers.get("Range")):
            start = int(ranged.removeprefix("bytes=").removesuffix("-"))
        headers = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        cut = hub.cuts.pop(0) if hub.cuts and self.command == "GET" else None
        self._send(206 if start else 200, content[start:], headers, cut)

    def _send(self, status: int, content: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[:cut])
        self.close_connection = cut is not None


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def hub_of(model: str, folder: Path) -> Iterator[HubServer]:
    """A server with the files of a folder, which runs until the end of the `with` block."""
    with listening_on(HubServer(model, folder)) as server:
        yield server
