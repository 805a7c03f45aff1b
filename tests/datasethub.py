"""A Hub on 127.0.0.1 with one data set, which `huggingface_hub` can make, read, write and squash; it can refuse all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from tests.loopback import Answering, Loopback, listening_on

LARGE = 10_000  # bytes; what has more goes to the store of large files


class DatasetHub(Loopback):
    """Keeps `files` of the data set `repo`; None before it is made.

    Attributes:
        private: whether the data set is, or was made so.
        commits: how many states the data set has had since it was last squashed.
        tokens: that were sent.
    """

    def __init__(self, repo: str) -> None:
        super().__init__(_Handler)
        self.repo = repo
        self.files: dict[str, bytes] | None = None
        self.store: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.private, self.commits, self.made = True, 0, 0


class _Handler(Answering):
    server: DatasetHub

    def do_PUT(self) -> None:
        self.server.store[self.path.rpartition("/")[2]] = self.body()
        self.answer({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        about, place = f"/api/datasets/{hub.repo}", f"/datasets/{hub.repo}/resolve/"
        if hub.files is None:
            return self.answer({"error": "no data set"}, 404, {"X-Error-Code": "RepoNotFound"})
        if path.startswith(f"{about}/tree/"):
            listed = [{"type": "file", "path": p, "size": len(c), "oid": _sha1(c)} for p, c in hub.files.items()]
            return self.answer(listed)
        if path in (about, f"{about}/revision/main"):
            names = [{"rfilename": path} for path in hub.files]
            return self.answer({"id": hub.repo, "sha": "0" * 40, "private": hub.private, "siblings": names})
        content = hub.files.get(path.removeprefix(place).partition("/")[2]) if path.startswith(place) else None
        if content is None:
            return self.answer({"error": "no file"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self.answer(content, 200, {"ETag": f'"{_sha1(content)}"', "X-Repo-Commit": "0" * 40})

    def do_POST(self) -> None:
        hub, path, body = self.server, urlsplit(self.path).path, self.body()
        hub.tokens.add(self.headers.get("Authorization"))
        about = f"/api/datasets/{hub.repo}"
        if hub.status != 200:
            return self.answer({"error": "refused"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == f"{about}/preupload/main":
            asked = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "lfs" if f["size"] > LARGE else "regular"} for f in asked]
            return self.answer({"files": [mode | {"shouldIgnore": False} for mode in modes]})
        if path == f"/datasets/{hub.repo}.git/info/lfs/objects/batch":
            urls = [(one, {"upload": {"href": f"{hub.url}/store/{one['oid']}"}}) for one in json.loads(body)["objects"]]
            return self.answer({"transfer": "basic", "objects": [{**one, "actions": url} for one, url in urls]})
        if path == f"{about}/commit/main":
            return self._commit(body)
        if path == f"{about}/super-squash/main":
            hub.commits = 1
            return self.answer({})
        return self.answer({"error": f"no {path}"}, 404)

    def _create(self, asked: dict) -> None:
        hub = self.server
        hub.made += 1
        if hub.files is None:
            hub.files = {".gitattributes": b""}
            hub.private = asked.get("private") is True or asked.get("visibility") == "private"
        self.answer({"url": f"{hub.url}/datasets/{hub.repo}"})

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
        self.answer({"success": True, "commitUrl": url, "commitOid": "1" * 40, "hookOutput": ""})


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def dataset_hub(repo: str) -> Iterator[DatasetHub]:
    """A server that runs until the end of the `with` block."""
    with listening_on(DatasetHub(repo)) as server:
        yield server
