"""`publish`: what a Space would get, and how it gets there, against a Hub of the test's own on 127.0.0.1."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from playground.publish import uploads
from tests.conftest import write_tiny_model
from tests.loopback import Answering, Loopback, listening_on

ROOT = Path(__file__).resolve().parent.parent
SPACE = "ada/play-ground"
TOKEN = "hf_a-token-of-this-test"
LARGE = 10_000  # bytes; what has more goes to the store of large files, as on the Hub


class Hub(Loopback):
    """Takes Spaces. `cut` hangs up on the commit."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.made: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.store: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.cut = False


class _Handler(Answering):
    server: Hub

    def do_PUT(self) -> None:
        content, key = self.body(), self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == key
        assert self.headers.get("Authorization") is None, "the store must not see the token"
        self.server.store[key] = content
        self.answer({})

    def do_GET(self) -> None:
        hub, path = self.server, urlsplit(self.path).path
        if path == f"/api/spaces/{SPACE}/tree/main":
            return self.answer([{"type": "file", "path": p, "size": len(c), "oid": "0"} for p, c in hub.files.items()])
        if path in (f"/api/spaces/{SPACE}", f"/api/spaces/{SPACE}/revision/main"):
            return self.answer({"id": SPACE, "sha": "0" * 40, "siblings": [{"rfilename": path} for path in hub.files]})
        return self.answer({"error": f"no {path}"}, 404)

    def do_POST(self) -> None:
        hub, path, body = self.server, urlsplit(self.path).path, self.body()
        hub.tokens.add(self.headers.get("Authorization"))
        answer = {
            "/api/repos/create": self._create,
            "/api/validate-yaml": lambda _: {"errors": [], "warnings": []},
            f"/api/spaces/{SPACE}/preupload/main": self._modes,
            f"/spaces/{SPACE}.git/info/lfs/objects/batch": self._batch,
            "/verify": lambda _: {},
        }
        if path == f"/api/spaces/{SPACE}/commit/main":
            return self._commit(body)
        if path not in answer:
            return self.answer({"error": f"no {path}"}, 404)
        return self.answer(answer[path](json.loads(body)))

    def _create(self, asked: dict) -> dict:
        self.server.made.append(asked)
        return {"url": f"{self.server.url}/spaces/{SPACE}", "error": f"no such thing with {TOKEN}"}

    def _modes(self, asked: dict) -> dict:
        files = [
            {"path": f["path"], "uploadMode": "lfs" if f["size"] > LARGE else "regular", "shouldIgnore": False}
            for f in asked["files"]
        ]
        return {"files": files}

    def _batch(self, asked: dict) -> dict:
        url = self.server.url
        return {
            "transfer": "basic",
            "objects": [
                {**o, "actions": {"upload": {"href": f"{url}/store/{o['oid']}"}, "verify": {"href": f"{url}/verify"}}}
                for o in asked["objects"]
            ],
        }

    def _commit(self, body: bytes) -> None:
        hub = self.server
        if hub.cut:
            self.close_connection = True
            self.connection.close()
            return
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                hub.files[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                hub.files[value["path"]] = hub.store[value["oid"]]
            if line["key"] == "deletedFile":
                del hub.files[value["path"]]
        url = f"{hub.url}/spaces/{SPACE}/commit/{'1' * 40}"
        self.answer({"success": True, "commitUrl": url, "commitOid": "1" * 40, "hookOutput": ""})


@pytest.fixture
def hub():
    with listening_on(Hub()) as server:
        yield server


@pytest.fixture
def models(tmp_path):
    """One whole model with a picture, a damaged one, a folder that is none, and an allow-list."""
    folder = tmp_path / "checkpoints"
    write_tiny_model(folder / "tales")
    (folder / "tales" / "loss.png").write_bytes(b"picture")
    (folder / "tales" / ".cache").mkdir()
    (folder / "tales" / ".cache" / "junk").write_bytes(b"junk")
    (folder / "tales" / "secret").symlink_to("/etc/passwd")
    write_tiny_model(folder / "torn", seed=1)
    (folder / "torn" / "tokenizer.json").unlink()
    (folder / "notes").mkdir()
    (folder / "notes" / "diary.md").write_text("private")
    (folder / "hub.json").write_text("[]")
    return folder


def publish(models: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PLAYGROUND_"))}
    given = {"PLAYGROUND_CHECKPOINTS": str(models), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN, **env}
    command = [sys.executable, "-m", "playground", "publish", *argv]
    return subprocess.run(command, cwd=ROOT, env=bare | given, capture_output=True, text=True, timeout=180)


# what goes there ---------------------------------------------------------------------------------------------


def test_a_space_gets_the_app_its_whole_models_and_nothing_else(models):
    paths = [upload.path for upload in uploads(models=models)]
    assert paths == sorted(set(paths))
    assert {"app.py", "README.md", "requirements.txt", "playground/engine.py", "tabs/text.py"} <= set(paths)
    assert {"checkpoints/hub.json", "checkpoints/tales/playground.json", "checkpoints/tales/loss.png"} <= set(paths)
    tops = {path.partition("/")[0] for path in paths}
    assert tops <= {"app.py", "README.md", "LICENSE", "CHANGELOG.md", "requirements.txt", "checkpoints"} | {
        "docs",
        "playground",
        "tabs",
    }
    for unwanted in (".venv", "__pycache__", ".pyc", "/.", "torn", "diary", "secret", "junk"):
        assert not [path for path in paths if unwanted in path], unwanted


def test_what_the_readme_shows_goes_with_it():
    import re

    paths = {upload.path for upload in uploads()}
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert target in paths or any(path.startswith(f"{target}/") for path in paths), target


def test_without_git_the_folders_themselves_count(models, tmp_path):
    for path in ("app.py", "tabs/text.py", "tabs/__pycache__/text.pyc", "tabs/.hidden", "runs/state.pt", ".env"):
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_text("x")
    paths = [upload.path for upload in uploads(tmp_path / "copy", models)]
    assert [path for path in paths if not path.startswith("checkpoints/")] == ["app.py", "tabs/text.py"]


def test_a_dry_run_lists_sizes_and_asks_nobody(hub, models):
    done = publish(models, SPACE, "--dry-run", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    *rows, last = done.stdout.splitlines()
    listed = {row.split(maxsplit=1)[1]: int(row.split()[0].replace(",", "")) for row in rows}
    assert listed["app.py"] == (ROOT / "app.py").stat().st_size
    assert listed["checkpoints/tales/loss.png"] == 7
    assert last.split(maxsplit=1) == [f"{sum(listed.values()):,}", f"bytes in {len(rows)} files for {SPACE}"]
    assert not hub.made and not hub.tokens


# how it gets there -------------------------------------------------------------------------------------------


def test_what_is_published_is_what_was_listed(hub, models):
    done = publish(models, SPACE, "--private", HF_ENDPOINT=hub.url)
    assert (done.returncode, done.stdout) == (0, f"{hub.url}/spaces/{SPACE}\n"), done.stderr
    (made,) = hub.made
    assert (made["type"], made["sdk"]) == ("space", "gradio")
    assert made.get("private") is True or made.get("visibility") == "private"
    assert hub.files == {upload.path: upload.file.read_bytes() for upload in uploads(models=models)}
    assert hub.store, "nothing went by the store of large files"
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr


def test_what_is_gone_here_goes_there_too(hub, models):
    hub.files = {"tabs/old.py": b"", "checkpoints/old/playground.json": b"", ".gitattributes": b"", "mine.txt": b""}
    assert publish(models, SPACE, HF_ENDPOINT=hub.url).returncode == 0
    assert {"tabs/old.py", "checkpoints/old/playground.json"}.isdisjoint(hub.files)
    assert {".gitattributes", "mine.txt", "app.py"} <= set(hub.files)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, f"The Hub does not let this token write to {SPACE}; it needs the right to write there.\n"),
        (403, f"The Hub does not let this token write to {SPACE}; it needs the right to write there.\n"),
        (500, f"The Hub answers 500 for {SPACE}; nothing was published.\n"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_token(hub, models, status, sentence):
    hub.status = status
    done = publish(models, SPACE, HF_ENDPOINT=hub.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(sentence) and TOKEN not in done.stderr and "Traceback" not in done.stderr
    assert not hub.files


def test_a_dropped_connection_publishes_nothing(hub, models):
    hub.cut = True
    done = publish(models, SPACE, HF_ENDPOINT=hub.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't be published" in done.stderr and "Traceback" not in done.stderr
    assert not hub.files


@pytest.mark.parametrize(
    ("name", "env", "sentence"),
    [
        ("ada", {}, "'ada' can't name a Space; USER/NAME is allowed."),
        ("../..", {}, "can't name a Space"),
        ("ada/a/b", {}, "can't name a Space"),
        ("ada/" + "x" * 100, {}, "can't name a Space"),
        (SPACE, {"HF_TOKEN": "", "HF_HOME": "/nowhere"}, "There is no token: set HF_TOKEN"),
        (SPACE, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        (SPACE, {"HF_ENDPOINT": "http://127.0.0.1:1"}, "the Hub can't be reached"),
    ],
)
def test_what_can_not_be_published_is_told(models, name, env, sentence):
    done = publish(models, name, **{"HF_ENDPOINT": "http://127.0.0.1:1", **env})
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
