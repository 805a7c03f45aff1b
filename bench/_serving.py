"""The app in a process of its own, as a person starts it: for benchmarks, browser tests and the README's picture.

Knows no page: whoever asks gets an address that answers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PORTS = range(20_000, 32_000)  # below those of outgoing connections, one of which could take it before the app does
START_S, END_S = 180, 30
PAUSE_S = 0.02


@dataclass(frozen=True)
class Served:
    """A running app: its address, with a slash at the end, and the id of its process."""

    url: str
    pid: int


def environment(checkpoints: Path | None = None, history: Path | None = None) -> dict[str, str]:
    """Of a process that can import this repository.

    Args:
        checkpoints: where it finds its models, if not in ours.
        history: where it keeps the history; without, it keeps none.
    """
    own = {"PYTHONPATH": str(ROOT), "PLAYGROUND_HISTORY": str(history or "off")}
    return {**os.environ, **own, **({"PLAYGROUND_CHECKPOINTS": str(checkpoints)} if checkpoints else {})}


@contextlib.contextmanager
def serving(
    checkpoints: Path | None = None, history: Path | None = None, extra: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """An app that has just answered its first page; it is ended afterwards.

    Args:
        checkpoints, history: as in `environment`.
        extra: more of its environment.

    Raises:
        RuntimeError: it ended by itself or does not answer; with what it printed.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}/"
    env = environment(checkpoints, history) | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    env |= extra or {}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            _wait_for(url, process, log)
            yield Served(url, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    until = time.monotonic() + START_S
    while not _answers(url):
        ended = process.poll() is not None
        if ended or time.monotonic() > until:
            log.seek(0)
            printed = log.read().decode(errors="replace")
            raise RuntimeError(f"The app {'ended by itself' if ended else 'does not answer'}:\n{printed}")
        time.sleep(PAUSE_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False
