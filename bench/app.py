"""The app as a person starts it: seconds to the first page and to the first words, and memory with the model loaded.

Each run is a process of its own; nothing is kept between them but the system's file cache.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import psutil
from gradio_client import Client

from bench._serving import serving
from playground import machine
from playground.cards import table

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
    with serving() as app:
        first_page = time.monotonic() - began
        job = Client(app.url, verbose=False).submit(prompt="Once upon a time", max_new_tokens=16, api_name="/text")
        job.result(timeout=PATIENCE_S)
        first_words = time.monotonic() - began
        rss = psutil.Process(app.pid).memory_info().rss
    return {"first_page_s": first_page, "first_words_s": first_words, "rss_mb": rss / 2**20}


def main() -> dict[str, Any]:
    """What `python -m playground bench app` runs."""
    return run()
