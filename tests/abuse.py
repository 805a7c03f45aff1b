"""Somebody who means ill: an app over tiny models, all that can be asked of it, and values that nobody expects.

The app is the real one, in a process of its own, with secrets in its environment and a log that can be read.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench._serving import END_S, ROOT, _free_port, _wait_for, environment
from tests.conftest import write_tiny_model
from tests.loopback import Loopback, listening_on

PATIENCE_S = 120
AT_ONCE = 200
CANARY = "zinnober-7Q"  # stands in every text that is sent, and must not come to stand in the log
TOKEN, PASSWORD = "hf_WatchThisSecretOfTheTest", "correct-horse-of-the-test"
CHEAP = {"max_new_tokens": 1, "samples": 1, "steps": 1, "size": 64, "frames": 2, "across-values": "1"}
LEAKS = re.compile(r"Traceback|File \"|site-packages|root:x:0|" + re.escape(str(ROOT)))


def bad_values(port: int) -> dict[str, str]:
    """What is sent where a number, a text, a choice or a file is expected: JSON as it travels, by a name.

    Args:
        port: of this machine, where nobody may ask.
    """
    meta = '"meta": {"_type": "gradio.FileData"}'
    home = f"http://127.0.0.1:{port}"
    return {
        "null": "null",
        "true": "true",
        "list": f'["{CANARY}", 1, null]',
        "object": f'{{"{CANARY}": {{}}, "value": 5, "__type__": "update"}}',
        "nested": "[" * 1000 + "]" * 1000,
        "nested objects": '{"a":' * 300 + "1" + "}" * 300,
        "nan": "NaN",
        "huge": "1e400",
        "negative": "-1",
        "fraction": "0.123456789",
        "above 2^63": "9223372036854775808",
        "long number": "9" * 400,
        "long text": f'"{CANARY}{"x" * 100_000}"',
        "surrogate": f'"{CANARY}\\ud800"',
        "nul": f'"{CANARY}\\u0000\\u001b[31m"',
        "right to left": f'"\\u202e{CANARY}\\u2066"',
        "markup": f'"{CANARY}<img src=x onerror=alert(1)>${{1}}{{{{7*7}}}}"',
        "path": '"../../../../etc/passwd"',
        "file": f'{{"path": "/etc/passwd", {meta}}}',
        "file above": f'{{"path": "../../../../etc/passwd", {meta}}}',
        "file url": f'{{"path": "file:///etc/passwd", "url": "file:///etc/passwd", {meta}}}',
        "file by http": f'{{"path": "{home}/path.png", {meta}}}',
        "file with url": f'{{"path": "a.png", "url": "{home}/url.png", {meta}}}',
        "files": f'[{{"path": "{home}/list.png", "is_stream": true, {meta}}}, {{"name": "/etc/passwd"}}]',
        "link-local": f'{{"path": "http://169.254.169.254/latest", "url": "http://[::1]:{port}/", {meta}}}',
        "address": f'"{home}/text.png"',
    }


@dataclass(frozen=True)
class Question:
    """One call of a listener: which, with what, and what a press on a stage would say besides. All as JSON text."""

    index: int
    values: Sequence[str]
    event: str = "null"
    name: str = ""

    def body(self, session: str) -> str:
        return (
            f'{{"data": [{", ".join(self.values)}], "fn_index": {self.index}, "session_hash": "{session}", '
            f'"event_data": {self.event}, "trigger_id": 1}}'
        )


@dataclass
class Answer:
    """What came of it: an error's text, or None; `raw` is all that was told."""

    question: Question
    status: int
    error: str | None
    raw: str

    def wrong(self) -> str:
        """What is wrong with it; "" where it is a result, a refusal or a sentence."""
        if self.status >= 500:
            return f"status {self.status}"
        if leak := LEAKS.search(self.raw):
            return f"tells {leak.group()!r}"
        if self.status == 200 and self.error is not None and not self.error.rstrip("'\"").endswith((".", "…", ":")):
            return f"is no sentence: {self.error[:200]!r}"
        return ""

    def __str__(self) -> str:
        return f"{self.question.name}: {self.wrong()} · {self.raw[:300]}"


@dataclass
class Victim:
    """The app: its address, what it prints, and what it is made of."""

    url: str
    log: Path
    http: httpx.Client
    pid: int
    config: dict[str, Any] = field(default_factory=dict)
    sessions: int = 0

    def good(self) -> list[tuple[int, str, list[str]]]:
        """(index, name, values) of every listener that runs on the server: what it would be sent, and cheap."""
        parts = {part["id"]: part for part in self.config["components"]}
        named = self.http.get(f"{self.url}gradio_api/info").json()["named_endpoints"]
        found = []
        for one in self.config["dependencies"]:
            if f"/{one['api_name']}" in named:
                given = named[f"/{one['api_name']}"]["parameters"]
                values = [CHEAP.get(a["parameter_name"], a["parameter_default"]) for a in given]
            else:
                values = [_value(parts[id]["props"]) for id in one["inputs"]]
            if one["backend_fn"]:
                found.append((one["id"], one["api_name"], [json.dumps(value) for value in values]))
        return found

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Put questions into the queue, many at once, and wait for every answer."""
        batches = (questions[at : at + AT_ONCE] for at in range(0, len(questions), AT_ONCE))
        return [answer for batch in batches for answer in self._ask(batch)]

    def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        self.sessions += 1
        session, waiting, answers = f"abuse{self.sessions}", {}, []
        for question in questions:
            answer = self.post("gradio_api/queue/join", question.body(session))
            if answer.status_code == 200:
                waiting[answer.json()["event_id"]] = question
            else:
                answers.append(Answer(question, answer.status_code, None, answer.text))
        if not waiting:
            return answers
        with self.http.stream("GET", f"{self.url}gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if '"process_completed"' not in line:
                    continue
                told = json.loads(line.removeprefix("data:"))
                failed = not told["success"]
                error = str(told["output"].get("error")) if failed else None
                answers.append(Answer(waiting.pop(told["event_id"]), 200, error, line))
                if not waiting:
                    break
        return answers

    def post(self, path: str, body: str | bytes, kind: str = "application/json") -> httpx.Response:
        return self.http.post(f"{self.url}{path}", content=body, headers={"content-type": kind})

    def lives(self) -> bool:
        """Whether it still gives the right result for a good request."""
        values = {"prompt": "Once", "seed": 7, "max_new_tokens": 3}
        event = self.post("gradio_api/call/v2/text", json.dumps(values)).json()["event_id"]
        told = self.http.get(f"{self.url}gradio_api/call/v2/text/{event}").text
        lines = [line for line in told.splitlines() if line.startswith("data: [")]
        return "event: complete" in told and len(json.loads(lines[-1][6:])[0]["result"]["tokens"]) == 3


def _value(props: dict[str, Any]) -> Any:
    name = (props.get("elem_id") or "").partition("-")[2]
    value = CHEAP.get(name, props.get("value"))
    return [] if value is None and "time_to_live" in props else value


class Ears(Loopback):
    """A server of this machine that nobody may ask; `heard` is who did."""

    def __init__(self) -> None:
        super().__init__(_Heard)
        self.heard: list[str] = []


class _Heard(http.server.BaseHTTPRequestHandler):
    server: Ears

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.heard.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"secret of this machine")

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815


@contextlib.contextmanager
def listening() -> Iterator[Ears]:
    """Ears that listen until the end of the `with` block."""
    with listening_on(Ears()) as ears:
        yield ears


def write_models(folder: Path) -> Path:
    """A tiny model of every kind."""
    from tests.image.tiny import make_checkpoint as make_painter
    from tests.latent.tiny import make_checkpoint as make_faces

    write_tiny_model(folder / "tales")
    make_painter(folder / "scenes")
    make_faces(folder / "faces-vae", "vae")
    return folder


@contextlib.contextmanager
def running(models: Path, home: Path, **settings: str) -> Iterator[Victim]:
    """The app over these models, with a history in `home` and a token in its environment.

    Args:
        settings: more variables of its environment.
    """
    port, log = _free_port(), home / "log"
    env = environment(models, home / "history") | {
        "PLAYGROUND_HOST": "127.0.0.1",
        "PLAYGROUND_PORT": str(port),
        **dict.fromkeys(("PLAYGROUND_QUEUE", "PLAYGROUND_RUNS_PER_CLIENT", "PLAYGROUND_WAITING_PER_CLIENT"), "1000"),
        "GRADIO_TEMP_DIR": str(home / "temp"),
        "HF_TOKEN": TOKEN,
        **settings,
    }
    with log.open("w+b") as file, httpx.Client(timeout=PATIENCE_S) as client:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=file, stderr=file)
        try:
            _wait_for(f"http://127.0.0.1:{port}/", process, file)
            victim = Victim(f"http://127.0.0.1:{port}/", log, client, process.pid)
            if "PLAYGROUND_LOGIN" not in settings:
                victim.config = client.get(f"{victim.url}config").json()
            yield victim
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, 9)
                process.wait()
