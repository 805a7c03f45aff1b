"""A Hub on 127.0.0.1 with one data set, which `huggingface_hub` can make, read, write and squash; it can refuse all."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

LARGE = 10_000  # bytes; what has more goes to the store of large files


class DatasetHub(http.server.ThreadingHTTPServer):
    """Keeps `files` of the data set `repo`; None before it is made.

    Attributes:
        private: whether the data set is, or was made so.
        status: what every answer is, if not 200.
        commits: how many states the data set has had since it was last squashed.
        tokens: that were sent.
    """

    daemon_threads = True

    def __init__(self, repo: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repo = repo
        self.files: dict[str, bytes] | None = None
        self.store: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.private, self.status, self.commits, self.made = True, 200, 0, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: DatasetHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_PUT(self) -> None:
        self.server.store[self.path.rpartition("/")[2]] = self._body()
        self._send({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        about, place = f"/api/datasets/{hub.repo}", f"/datasets/{hub.repo}/resolve/"
        if hub.files is None:
            return self._send({"error": "no data set"}, 404, {"X-Error-Code": "RepoNotFound"})
        if path.startswith(f"{about}/tree/"):
            listed = [{"type": "file", "path": p, "size": len(c), "oid": _sha1(c)} for p, c in hub.files.items()]
            return self._send(listed)
        if path in (about, f"{about}/revision/main"):
            names = [{"rfilename": path} for path in hub.files]
            return self._send({"id": hub.repo, "sha": "0" * 40, "private": hub.private, "siblings": names})
        content = hub.files.get(path.removeprefix(place).partition("/")[2]) if path.startswith(place) else None
        if content is None:
            return self._send({"error": "no file"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._send(content, 200, {"ETag": f'"{_sha1(content)}"', "X-Repo-Commit": "0" * 40})

    def do_POST(self) -> None:
        hub, path, body = self.server, urlsplit(self.path).path, self._body()
        hub.tokens.add(self.headers.get("Authorization"))
        about = f"/api/datasets/{hub.repo}"
        if hub.status != 200:
            return self._send({"error": "refused"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == f"{about}/preupload/main":
            asked = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "lfs" if f["size"] > LARGE else "regular"} for f in asked]
            return self._send({"files": [mode | {"shouldIgnore": False} for mode in modes]})
        if path == f"/datasets/{hub.repo}.git/info/lfs/objects/batch":
            urls = [(one, {"upload": {"href": f"{hub.url}/store/{one['oid']}"}}) for one in json.loads(body)["objects"]]
            return self._send({"transfer": "basic", "objects": [{**one, "actions": url} for one, url in urls]})
        if path == f"{about}/commit/main":
            return self._commit(body)
        if path == f"{about}/super-squash/main":
            hub.commits = 1
            return self._send({})
        return self._send({"error": f"no {path}"}, 404)

    def _create(self, asked: dict) -> None:
        hub = self.server
        hub.made += 1
        if hub.files is None:
            hub.files = {".gitattributes": b""}
            hub.private = asked.get("private") is True or asked.get("visibility") == "private"
        self._send({"url": f"{hub.url}/datasets/{hub.repo}"})

    def _commit(self, body: bytes) -> None:
        hub = self.server
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                hub.files[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                hub.files[value["path"]] = hub.store[value["oid"]]
            if line["key"] == "deletedFile":
                del hub.files[value["path"]]
        hub.commits += 1
        url = f"{hub.url}/datasets/{hub.repo}/commit/{'1' * 40}"
        self._send({"success": True, "commitUrl": url, "commitOid": "1" * 40, "hookOutput": ""})

    def _send(self, content: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status if self.server.status == 200 else self.server.status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def dataset_hub(repo: str) -> Iterator[DatasetHub]:
    """A server that runs until the end of the `with` block."""
    with DatasetHub(repo) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()
