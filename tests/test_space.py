"""Hosting: the app as a Space runs it, the Space's front matter, and the Dockerfile, as far as can be told without."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench._serving import _free_port, _wait_for
from playground.publish import untracked, uploads

ROOT = Path(__file__).resolve().parent.parent
HOST = "ada-playground.hf.space"
FRONT = re.match(r"---\n(.*?)\n---\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
COLOURS = ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
DOCUMENTED = {  # https://huggingface.co/docs/hub/spaces-config-reference, and `license` of every repository's card
    *("title", "emoji", "colorFrom", "colorTo", "sdk", "python_version", "sdk_version", "suggested_hardware"),
    *("suggested_storage", "app_file", "app_build_command", "app_port", "base_path", "fullWidth", "header"),
    *("short_description", "models", "datasets", "tags", "thumbnail", "pinned", "hf_oauth", "hf_oauth_scopes"),
    *("hf_oauth_expiration_minutes", "disable_embedding", "startup_duration_timeout", "custom_headers"),
    *("preload_from_hub", "license"),
}

# the app as a Space runs it ----------------------------------------------------------------------------------


def as_somebody_else() -> list[str]:
    """What makes a command that of a user who may read all and write nothing; nothing where that can't be."""
    if os.getuid() or not shutil.which("setpriv"):
        return []
    reads = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]  # the interpreter may lie in /root
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *reads]
    tried = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True)
    return command if tried.returncode == 0 else []


@pytest.fixture(scope="module")
def checkout(checkpoints) -> Iterator[Path]:
    """What a Space gets, beside an empty folder for what is ephemeral; nobody may write to it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        files = {upload.path: upload.file for upload in uploads(models=checkpoints)}
        files |= {path: ROOT / path for path in untracked()}  # before they are committed
        for path, file in files.items():
            (root / "app" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / "app" / path)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        everything = [root / "app", *(root / "app").rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield root
        for path in everything:
            if path.is_dir():
                path.chmod(0o755)


@pytest.fixture(scope="module")
def space(checkout) -> Iterator[str]:
    """The address of the app, run with a Space's variables."""
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(checkout / "app"),  # can't be written to
        "TMPDIR": str(checkout / "tmp"),
        "SYSTEM": "spaces",
        "SPACE_ID": "ada/playground",
        "SPACE_HOST": HOST,
        "SPACE_AUTHOR_NAME": "ada",
        "SPACE_REPO_NAME": "playground",
        "GRADIO_SERVER_NAME": "127.0.0.1",  # 0.0.0.0 on a Space; a test listens to nobody else
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_NUM_PORTS": "1",
        "GRADIO_THEME": "huggingface",
        "GRADIO_ALLOW_FLAGGING": "never",
        "GRADIO_ANALYTICS_ENABLED": "True",
        "OMP_NUM_THREADS": "1",
    }
    command = [*as_somebody_else(), sys.executable, "app.py"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=checkout / "app", env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_for(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(30)
            log.seek(0)
            printed = log.read().decode(errors="replace")
    # A Space has the package `spaces`, which Gradio looks for in a thread of its own.
    assert printed.count("Traceback") == printed.count("RuntimeError: `spaces` package is required"), printed
    assert "Once upon" not in printed, "a prompt was logged"


def ask(url: str, body: object = None) -> str:
    """A request as the Space's own proxy sends it on."""
    forwarded = {"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, forwarded), timeout=120) as answer:
        return answer.read().decode()


def test_the_page_answers_and_knows_where_it_is(space):
    page = ask(space)
    config, _ = json.JSONDecoder().raw_decode(page.partition("window.gradio_config = ")[2])
    assert config["root"] == f"https://{HOST}"
    assert config["space_id"] == "ada/playground"
    assert not config.get("is_colab") and "127.0.0.1" not in page


def test_a_text_is_told(space):
    asked = {"prompt": "Once upon a time", "seed": 7, "max_new_tokens": 4}
    event = json.loads(ask(f"{space}gradio_api/call/v2/text", asked))["event_id"]
    told = ask(f"{space}gradio_api/call/text/{event}")
    assert told.rpartition("event: ")[2].startswith("complete"), told
    document = json.loads(told.rpartition("data: ")[2])[0]
    assert document["recipe"]["seed"] == 7 and len(document["result"]["tokens"]) <= 4


@pytest.mark.parametrize(
    "path", ["app.py", "README.md", "checkpoints/tales/playground.json", "/etc/passwd", "../../etc"]
)
def test_no_file_of_the_machine_is_served(space, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{space}gradio_api/file={path}")
    assert refused.value.code in (403, 404)


def test_links_lead_to_the_space(monkeypatch):
    from playground.links import base_url

    monkeypatch.setenv("SPACE_HOST", HOST)
    assert base_url("http://127.0.0.1:7860/") == f"https://{HOST}/"


def test_the_checkout_stays_as_it_was(space, checkout):
    assert not [path for path in (checkout / "app").rglob("*") if "__pycache__" in path.parts]
    if not as_somebody_else() and os.getuid() == 0:
        pytest.skip("root without setpriv writes everywhere")
    with contextlib.suppress(FileNotFoundError):
        probe = [*as_somebody_else(), sys.executable, "-c", f"open({str(checkout / 'app' / 'x')!r}, 'w')"]
        assert subprocess.run(probe, capture_output=True).returncode, "the checkout could be written to all along"


def test_disk_is_bounded():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert "delete_cache=(HOUR, HOUR)" in source and "ssr_mode=False" in source


# the front matter --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def front() -> dict:
    import yaml

    return yaml.safe_load(FRONT)


def test_every_key_is_documented(front):
    assert set(front) <= DOCUMENTED


def test_values_are_of_the_documented_kind(front):
    assert front["sdk"] == "gradio" and (ROOT / front["app_file"]).is_file()
    assert front["colorFrom"] in COLOURS and front["colorTo"] in COLOURS
    assert len(front["emoji"]) == 1 and len(front["short_description"]) <= 60
    assert isinstance(front["python_version"], str), "3.10 without quotes is 3.1"
    assert re.fullmatch(r"\d+[mh]", front["startup_duration_timeout"])
    assert front["suggested_hardware"] in {"cpu-basic", "cpu-upgrade", "zero-a10g"}
    assert all(isinstance(tag, str) for tag in front["tags"])


def test_python_and_gradio_are_those_that_were_tested(front):
    import tomllib

    from packaging.specifiers import SpecifierSet

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SpecifierSet(project["requires-python"]).contains(front["python_version"])
    assert f"gradio=={front['sdk_version']}" in (ROOT / "constraints.txt").read_text().splitlines()


def test_requirements_leave_torch_to_zerogpu():
    from packaging.requirements import Requirement

    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    wanted = {r.name: r.specifier for r in map(Requirement, lines)}
    assert all(wanted["torch"].contains(version) for version in ("2.8.0", "2.9.1", "2.10.0", "2.11.0"))
    assert not [line for line in lines if line.startswith("-") or "@" in line], "a Space has its own pip"


# the Dockerfile ----------------------------------------------------------------------------------------------

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]


def test_everything_that_is_copied_is_there_and_not_ignored():
    sources = [word for step, rest in STEPS if step == "COPY" for word in rest.split()[:-1] if word[:2] != "--"]
    assert {"app.py", "playground", "tabs", "checkpoints"} <= {source.rstrip("/") for source in sources}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.rstrip("/") not in IGNORED, source


def test_the_image_is_not_run_by_root_and_tells_whether_it_is_well():
    steps = [step for step, _ in STEPS]
    assert dict(STEPS)["USER"] not in ("root", "0")
    assert steps.index("USER") < steps.index("CMD") and "HEALTHCHECK" in steps
    assert re.fullmatch(r"python:3\.12(\.\d+)?-slim\S*", dict(STEPS)["FROM"].split()[0])


def test_nothing_private_is_sent_to_docker():
    assert {".git", ".venv", "runs", "outputs", "**/__pycache__", ".env"} <= set(IGNORED)


def test_the_healthcheck_asks_the_page(space):
    health = next(rest for step, rest in STEPS if step == "HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    assert command[0] == "python"
    port = space.rstrip("/").rpartition(":")[2]
    for given, code in ((port, 0), ("1", 1)):
        ended = subprocess.run(
            [sys.executable, *command[1:]], env={"PLAYGROUND_PORT": given}, capture_output=True, timeout=60
        )
        assert ended.returncode == code, ended.stderr
