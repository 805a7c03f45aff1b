"""The app as a person starts it: seconds to the first page and to the first words, and memory with the model loaded.

Each run is a process of its own; nothing is kept between them but the system's file cache.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from gradio_client import Client

from playground import machine
from playground.cards import table

ROOT = Path(__file__).resolve().parent.parent
STARTS = 3
PATIENCE_S = 120


def run(starts: int = STARTS) -> dict[str, Any]:
    """Start the app `starts` times; medians in seconds and MB."""
    found = [_one_start() for _ in range(starts)]
    figures: dict[str, Any] = {name: statistics.median(one[name] for one in found) for name in found[0]}
    about = machine.describe()
    rows = [
        ["first page", f"{figures['first_page_s']:.1f} s after the start"],
        ["first words asked for at once", f"{figures['first_words_s']:.1f} s after the start"],
        ["memory once the text model is loaded", f"{figures['rss_mb']:.0f} MB"],
    ]
    text = table(["the app", f"median of {starts} starts"], rows)
    return {**figures, "starts": starts, "machine": about, "markdown": f"{text}\n\n{machine.sentence(about)}"}


def _one_start() -> dict[str, float]:
    began = time.monotonic()
    with _app() as (url, process):
        first_page = time.monotonic() - began
        job = Client(url, verbose=False).submit(prompt="Once upon a time", max_new_tokens=16, api_name="/text")
        job.result(timeout=PATIENCE_S)
        first_words = time.monotonic() - began
        rss = psutil.Process(process.pid).memory_info().rss
    return {"first_page_s": first_page, "first_words_s": first_words, "rss_mb": rss / 2**20}


@contextlib.contextmanager
def _app() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of an app that has just answered its first page, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url, until = f"http://127.0.0.1:{port}/", time.monotonic() + PATIENCE_S
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("The app did not start.")
            time.sleep(0.02)
        yield url, process
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False


def main() -> dict[str, Any]:
    """What `python -m playground bench app` runs."""
    return run()
