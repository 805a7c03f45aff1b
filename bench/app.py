"""The app as people use it: seconds from the start to the first page and words, memory, and a crowd that comes at once.

Each start is a process of its own; nothing is kept between them but the system's file cache.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from gradio_client import Client

from bench import _crowd, _opening
from bench._serving import serving
from playground import machine
from playground.cards import table

STARTS = 3
PATIENCE_S = 120
MET = {True: "yes", False: "**no**"}


def run(
    starts: int = STARTS,
    seconds: float = _crowd.SECONDS,
    people: int = _crowd.PEOPLE,
    checkpoints: Path | None = None,
    left_s: float = _crowd.LEFT_S,
    opened: int = _opening.TIMES,
) -> dict[str, Any]:
    """Start the app `starts` times, then let people come.

    Args:
        seconds: that the crowd has; one person alone has a part of it before.
        people: in the crowd.
        checkpoints: where the models are, if not in ours.
        left_s: how long everybody has left when the server's memory is measured.
        opened: how often a browser opens the page.

    Returns:
        Of the starts medians in seconds and MB; "opened_s" as `_opening.run` measures; "crowd" as `_crowd.run` tells
        of it; "markdown".
    """
    found = [_one_start(checkpoints) for _ in range(starts)]
    figures: dict[str, Any] = {name: statistics.median(one[name] for one in found) for name in found[0]}
    figures |= {
        "starts": starts,
        "opened_s": _opening.run(checkpoints, opened),
        "crowd": _crowd.run(people, seconds, checkpoints, left_s),
        "machine": machine.describe(),
    }
    return {**figures, "markdown": _markdown(figures)}


def _one_start(checkpoints: Path | None) -> dict[str, float]:
    began = time.monotonic()
    with serving(checkpoints) as app:
        first_page = time.monotonic() - began
        job = Client(app.url, verbose=False).submit(prompt="Once upon a time", max_new_tokens=16, api_name="/text")
        job.result(timeout=PATIENCE_S)
        first_words = time.monotonic() - began
        rss = psutil.Process(app.pid).memory_info().rss
    return {"first_page_s": first_page, "first_words_s": first_words, "rss_mb": rss / 2**20}


def _markdown(figures: Mapping[str, Any]) -> str:
    crowd = figures["crowd"]
    starts = [
        ["first page", f"{figures['first_page_s']:.1f} s after the start"],
        ["first words asked for at once", f"{figures['first_words_s']:.1f} s after the start"],
        ["memory once the text model is loaded", f"{figures['rss_mb']:.0f} MB"],
    ]
    if opened := figures["opened_s"]:
        seen = f"{statistics.median(opened):.2f} s, {min(opened):.2f}-{max(opened):.2f} of {len(opened)}"
        starts.append(["the whole first page in Chromium, by its own clock", seen])
    bars = [[bar["what"], bar["asked"], bar["measured"], MET[bar["met"]]] for bar in crowd["bars"]]
    parts = [
        table(["the app", f"median of {figures['starts']} starts"], starts),
        table(
            ["seconds to the whole result", "one person", "p95", _people(crowd), "p95", "first sight"], _speeds(crowd)
        ),
        table(["bar", "asked", "measured", "met"], bars),
        _told(crowd),
        machine.sentence(figures["machine"]),
    ]
    return "\n\n".join(parts)


def _people(crowd: Mapping[str, Any]) -> str:
    return "1 person" if crowd["people"] == 1 else f"{crowd['people']} people"


def _speeds(crowd: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for kind, many in crowd["crowd"]["kinds"].items():
        one = crowd["one"]["kinds"][kind]
        cells = [_seconds(times, "seconds", q) for times in (one, many) for q in ("p50", "p95")]
        rows.append([f"{kind}, {many['done']} results", *cells, _seconds(many, "first_s", "p50")])
    rates = [f"{crowd[who]['per_second']:.2f} a second" for who in ("one", "crowd")]
    return [*rows, ["results", rates[0], "", rates[1], f"{crowd['ratio']:.1f} ×" if crowd["ratio"] else "", ""]]


def _seconds(times: Mapping[str, Any], what: str, quantile: str) -> str:
    return f"{times[what][quantile]:.2f}" if times.get(what) else ""


def _told(crowd: Mapping[str, Any]) -> str:
    """What came of it, in sentences."""
    many, before, after, page = crowd["crowd"], crowd["before"], crowd["after"], crowd["crowd"]["page_s"]
    counts = ", ".join(f"{many[outcome]} {outcome}" for outcome in _crowd.OUTCOMES)
    said = "".join(f" {times} × “{sentence}”" for sentence, times in crowd["sentences"].items())
    return (
        f"{_people(crowd)} for {crowd['seconds']:g} s, texts, pictures and journeys in any order with a second or so of"
        f" thought in between: {many['asked']} presses of Generate; {counts}. Every result, and what the histories of "
        f"the browsers hold ({crowd['history']['kept']} entries), was compared to the bit with its recipe run alone. "
        f"A page opened within {page['p50']:.1f} s (p95 {page['p95']:.1f}). The server, before and after: memory "
        f"{before['rss_mb']:.0f} and {after['rss_mb']:.0f} MB ({crowd['growth_again_mb']:+.0f} MB by a second crowd), "
        f"{before['threads']} and {after['threads']} threads, "
        f"{before['handles']} and {after['handles']} open files, {before['files']} and {after['files']} temporary ones."
        f"{f' The page said:{said}' if said else ''}"
    )


def main(seconds: float = _crowd.SECONDS, people: int = _crowd.PEOPLE) -> dict[str, Any]:
    """What `python -m playground bench app` runs: the shipped models."""
    return run(seconds=seconds, people=people)
