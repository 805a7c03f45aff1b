"""Settings: read from the environment, checked with one sentence, told in one table, obeyed by the page."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import app
from playground import hub
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.line import Limits
from playground.settings import ELSEWHERE, PREFIX, Settings, update

ROOT = Path(__file__).resolve().parent.parent
SECRET = "hunter2-of-the-test"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No variable of ours is set."""
    for name in os.environ:
        if name.startswith((PREFIX, "GRADIO_")):
            monkeypatch.delenv(name)


def test_without_any_variable_all_is_as_the_table_says():
    settings = Settings.read()
    assert (settings.host, settings.port, settings.queue, settings.upload_mb) == ("127.0.0.1", 7860, 64, 20)
    assert not (settings.users or settings.share or settings.log_prompts)
    assert settings.history.parts[-2:] == ("playground", "history")


def test_every_variable_is_read(monkeypatch, tmp_path):
    given = {
        "HOST": "0.0.0.0",
        "PORT": "8000",
        "ROOT_PATH": "/play",
        "CHECKPOINTS": str(tmp_path),
        "MEMORY_MB": "100",
        "LOGIN": "ada:1;bob:2:3",
        "RUNS": "6",
        "QUEUE": "5",
        "RUNS_PER_CLIENT": "3",
        "WAITING_PER_CLIENT": "0",
        "TRUST_PROXY": "on",
        "UPLOAD_MB": "7",
        "HISTORY": "off",
        "HISTORY_PER_BROWSER": "9",
        "HISTORY_MB": "10",
        "BACKUP": "ada/memory",
        "SHARE": "on",
        "LOG_PROMPTS": "true",
        "LOGIN_FILE": str(tmp_path / "logins"),
    }
    (tmp_path / "logins").write_text("eve:4\n\n")
    assert {name.lower() for name in given} == Settings.model_fields.keys()
    for name, value in given.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = Settings.read()
    assert settings.users == [("ada", "1"), ("bob", "2:3"), ("eve", "4")]
    assert settings.history is None and settings.share and settings.log_prompts
    assert settings.limits == Limits(6, 5, 3, 0) and settings.trust_proxy
    assert settings.checkpoints == tmp_path and (settings.port, settings.history_mb) == (8000, 10)


def test_a_proxy_is_believed_on_spaces_unless_the_operator_says_no(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert not Settings.read().trust_proxy
    monkeypatch.setenv("SPACE_ID", "ada/playground")
    assert Settings.read().trust_proxy
    monkeypatch.setenv("PLAYGROUND_TRUST_PROXY", "off")
    assert not Settings.read().trust_proxy


def test_gradios_own_variables_count_where_ours_are_not_set(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7001")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert (Settings.read().host, Settings.read().port) == ("0.0.0.0", 7001)
    monkeypatch.setenv("PLAYGROUND_PORT", "7002")
    assert Settings.read().port == 7002


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_PORT", "")
    assert Settings.read().port == 7860


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PLAYGROUND_PORT", "http", "PLAYGROUND_PORT is 'http': a whole number is allowed."),
        ("PLAYGROUND_PORT", "70000", "PLAYGROUND_PORT is '70000': at most 65,535 is allowed."),
        ("PLAYGROUND_QUEUE", "0", "PLAYGROUND_QUEUE is '0': 1 or more is allowed."),
        ("PLAYGROUND_QUEUE", "1.5", "PLAYGROUND_QUEUE is '1.5': a whole number is allowed."),
        ("PLAYGROUND_UPLOAD_MB", "nan", "PLAYGROUND_UPLOAD_MB is 'nan'"),
        ("PLAYGROUND_HOST", "a b", "PLAYGROUND_HOST is 'a b': that can't be one."),
        ("PLAYGROUND_ROOT_PATH", "..\\", "PLAYGROUND_ROOT_PATH is '..\\\\': that can't be one."),
        ("PLAYGROUND_SHARE", "perhaps", "PLAYGROUND_SHARE is 'perhaps': on or off is allowed."),
        ("GRADIO_SERVER_PORT", "x", "GRADIO_SERVER_PORT is 'x': a whole number is allowed."),
        ("PLAYGROUND_LOGIN", SECRET, "PLAYGROUND_LOGIN is not of the form user:password;user:password."),
        ("PLAYGROUND_LOGIN", f":{SECRET}", "PLAYGROUND_LOGIN is not of the form"),
        ("PLAYGROUND_LOGIN_FILE", "/nowhere", "PLAYGROUND_LOGIN_FILE can't be read: /nowhere."),
        ("PLAYGROUND_LOGIN_FILE", "/dev/null", "PLAYGROUND_LOGIN_FILE names nobody."),
        ("PLAYGROUND_LOGN", f"ada:{SECRET}", "There is no setting PLAYGROUND_LOGN; PLAYGROUND_LOGIN is one."),
    ],
)
def test_a_bad_value_is_one_sentence_without_secrets(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    with pytest.raises(PlaygroundError) as told:
        Settings.read()
    assert sentence in str(told.value) and "\n" not in str(told.value)
    assert SECRET not in str(told.value)


def test_no_login_is_shown_by_accident(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_LOGIN", f"ada:{SECRET}")
    settings = Settings.read()
    assert settings.users == [("ada", SECRET)]
    assert SECRET not in repr(settings) and SECRET not in settings.model_dump_json()


def test_the_app_ends_with_the_sentence_and_exit_code_2():
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ | {"PLAYGROUND_PORT": "x"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "PLAYGROUND_PORT is 'x': a whole number is allowed.\n"


def test_the_table_is_that_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert update(readme) == readme, "run `make readme`"
    assert all(f"`{PREFIX}{name.upper()}`" in readme for name in Settings.model_fields)


def test_the_table_has_every_variable_that_the_library_reads():
    read = set()
    for path in (ROOT / "playground").rglob("*.py"):
        read |= {word for word in path.read_text(encoding="utf-8").replace('"', " ").split() if word.startswith(PREFIX)}
    known = {PREFIX + name.upper() for name in Settings.model_fields} | ELSEWHERE.keys()
    assert {name.strip(".,:`;)'") for name in read} - {PREFIX} <= known


# what obeys them ---------------------------------------------------------------------------------------------


@pytest.fixture
def entry():
    model = {"id": "a/b", "revision": "main", "licence": "mit", "parameters": 1, "bytes": 1}
    return json.dumps([model])


def test_the_allow_list_may_lie_elsewhere_or_be_off(monkeypatch, tmp_path, entry):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "hub.json").write_text(entry)
    assert [e.name for e in hub.entries(tmp_path / "models")] == ["a/b"]
    (tmp_path / "mine.json").write_text(entry.replace("a/b", "c/d"))
    monkeypatch.setenv("PLAYGROUND_HUB", str(tmp_path / "mine.json"))
    assert [e.name for e in hub.entries(tmp_path / "models")] == ["c/d"]
    monkeypatch.setenv("PLAYGROUND_HUB", "off")
    assert hub.entries(tmp_path / "models") == []


@pytest.fixture
def served(checkpoints, monkeypatch):
    """Serve the page with settings; its address."""
    pages = []

    def serve(**given: object) -> str:
        settings = Settings(checkpoints=checkpoints, **given)
        page = app.build(Engine(app.open_engine(settings).registry), settings)
        pages.append(page)
        return app.serve(page, settings)

    yield serve
    for page in pages:
        page.close()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(url: str, body: bytes | None = None, kind: str = "application/json") -> int:
    request = urllib.request.Request(url, body, {"Content-Type": kind, "Accept": "application/json, text/event-stream"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def test_with_a_login_nothing_is_to_be_had_without_it(served):
    url = served(port=free_port(), login=f"ada:{SECRET}")
    assert status(url) == 200, "the page that asks for the login, which is also what a health check sees"
    for path in ("config", "gradio_api/info", "gradio_api/openapi.json", "gradio_api/file=README.md"):
        assert status(url + path) == 401, path
    for path in ("gradio_api/call/text", "gradio_api/run/models", "gradio_api/queue/join"):
        assert status(url + path, b'{"data": []}') == 401, path
    assert status(url + "gradio_api/mcp/", json.dumps(INITIALIZE).encode()) in (401, 404, 405)

    from gradio_client import Client

    document = Client(url, auth=("ada", SECRET), verbose=False).predict(max_new_tokens=2, api_name="/text")
    assert document["result"]["tokens"]
    with pytest.raises(Exception, match="[Ll]ogin|[Cc]redential|401"):
        Client(url, auth=("ada", "wrong"), verbose=False)


def test_an_upload_has_a_limit(served):
    url = served(port=free_port(), upload_mb=1)
    for size, wanted in ((1000, 200), (2**20 + 1000, 413)):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            + b"p" * size
            + b"\r\n--x--\r\n"
        )
        assert status(url + "gradio_api/upload", body, "multipart/form-data; boundary=x") == wanted


def test_a_port_that_is_taken_is_told(served, checkpoints):
    port = free_port()
    served(port=port)
    given = {"PLAYGROUND_PORT": str(port), "PLAYGROUND_CHECKPOINTS": str(checkpoints)}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=os.environ | given, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        done.stderr.startswith(f"The page can't be served at 127.0.0.1, port {port}: ")
        and "Traceback" not in done.stderr
    )


def test_prompts_are_logged_only_where_that_is_wanted(checkpoints):
    code = """
import os
import app
from playground.settings import Settings
for wanted, prompt in (("off", "A secret wish"), ("on", "An open wish")):
    os.environ["PLAYGROUND_LOG_PROMPTS"] = wanted
    engine = app.open_engine(Settings.read())
    list(engine.generate(engine.recipe("text", {"prompt": prompt, "max_new_tokens": 1})))
"""
    env = os.environ | {"PLAYGROUND_CHECKPOINTS": str(checkpoints)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "An open wish" in done.stderr and "A secret wish" not in done.stdout + done.stderr
