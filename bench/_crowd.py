"""Many people at once on the page, each in a browser of their own: what they get, how soon, and what it leaves behind.

Some press Stop in the middle, some close the window without a word and come back. Every result is compared to the bit
with the same recipe run alone, by `_alone`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import numpy as np

from bench._alone import Alone
from bench._serving import Served, serving
from bench._usage import QUIET, Usage, rest, usage
from bench._visitor import PATIENCE_S, Answer, Leave, Page, Tab, Visitor, in_a_loop
from playground.engine import Engine
from playground.history import History, new_owner
from playground.registry import Registry

PEOPLE, SECONDS = 32, 120
ALONE = 4  # one person alone has a part of the crowd's time
CANCEL, VANISH = 0.1, 0.1  # of all presses of Generate
MOST_UPDATES = 6  # before somebody leaves
THINK_S = (0.5, 1.5)
ADDRESS = "198.18.{}.{}"  # of people, as a proxy tells them; they belong to benchmarks (RFC 2544)
LEFT_S = 30.0  # closed pages are forgotten by then
WARM_UPS = 2  # runs of each kind before anything is measured
GROWTH_MB = 50
BAD = ("wrong", "lost", "mixed up", "error")
OUTCOMES = ("done", "cancelled", "vanished", "refused", *BAD)

BEGINNINGS = (
    "Once upon a time",
    "The king had three sons",
    "In a dark wood there lived a witch",
    "The fox said to the crow",
    "A poor miller had a daughter",
    "Far away, beyond the sea,",
    "When the snow fell",
    "There was once a soldier who",
)
THINGS = ("cat", "dog", "red car", "lion", "frog", "panda", "yellow fish", "penguin", "fox", "tomato")
PLACES = ("on a beach", "in the snow", "in the desert", "in space", "on a wooden table")


def _text(dice: random.Random) -> dict[str, Any]:
    length = dice.choice((24, 48, 96))
    return {"prompt": dice.choice(BEGINNINGS), "seed": dice.randrange(20), "max_new_tokens": length}


def _image(dice: random.Random) -> dict[str, Any]:
    return {"prompt": f"a {dice.choice(THINGS)} {dice.choice(PLACES)}", "seed": dice.randrange(4)}


def _latent(dice: random.Random) -> dict[str, Any]:
    return {"seed": dice.randrange(100), "frames": dice.choice((4, 8))}


WISHES: Mapping[str, Callable[[random.Random], dict[str, Any]]] = {"text": _text, "image": _image, "latent": _latent}


def run(
    people: int = PEOPLE, seconds: float = SECONDS, checkpoints: Path | None = None, left_s: float = LEFT_S
) -> dict[str, Any]:
    """One person and then `people` on the page of an app of its own.

    Args:
        seconds: in which they press buttons; what was begun is waited for.
        checkpoints: where the models are, if not in ours.
        left_s: how long everybody has left when the server is measured.

    Returns:
        "crowd" and "one" as `figures` gives them, "ratio" of their results a second, "before", "after" and "growth_mb"
        of the server, "growth_again_mb" of a second crowd, which "again" tells of, "rest" (how much of a core it takes
        when everybody has left), "history" as `Alone.judge_history` has it, "sentences" that were said with how often,
        and "bars".
    """
    with tempfile.TemporaryDirectory() as temporary:
        kept, files = Path(temporary, "history"), Path(temporary, "files")
        files.mkdir()
        env = {"TMPDIR": str(files), "GRADIO_TEMP_DIR": str(files / "gradio"), "PLAYGROUND_TRUST_PROXY": "on"}
        with serving(checkpoints, kept, env) as app:
            one, crowd, again, resources = in_a_loop(_visits(app, files, people, seconds, left_s))
        alone = Alone(Engine(Registry(checkpoints)))
        everything = [*one, *crowd, *again]
        alone.judge(everything)
        history = History(kept)
        held = alone.judge_history(history, everything)
        history.close()
    found = {
        "people": people,
        "seconds": seconds,
        "one": figures(one, seconds / ALONE),
        "crowd": figures(crowd, seconds),
        "again": figures(again, seconds / ALONE),
        **resources,
        "history": held,
        "sentences": dict(Counter(answer.sentence for answer in everything if answer.sentence)),
    }
    found["ratio"] = found["crowd"]["per_second"] / max(found["one"]["per_second"], 1e-9)
    return {**found, "bars": _judge(found)}


@dataclass(frozen=True)
class _House:
    """The app that is visited: its address, its page, and how the tabs of the page call it."""

    url: str
    page: Page
    tabs: Mapping[str, Tab]

    def visit(self, owner: str, guest: int) -> Visitor:
        """A page that somebody opens.

        Args:
            guest: makes an address of its own.
        """
        return Visitor(self.url, self.page, owner, ADDRESS.format(*divmod(guest, 250)))


async def _visits(
    app: Served, files: Path, people: int, seconds: float, left_s: float
) -> tuple[list[Answer], list[Answer], list[Answer], dict]:
    """What one person got, then the crowd, and the crowd once more for a while; and what the server took."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        page = Page((await client.get(f"{app.url}config")).json())
    house = _House(app.url, page, {kind: page.tab(kind) for kind in WISHES})
    _report("the models are loaded and used")
    await _warm_up(house)
    _report(f"one person for {seconds / ALONE:g} s")
    one = await _gather(house, 1, seconds / ALONE, leave=False)
    before, _ = await _left(app, files, left_s)
    _report(f"{people} people for {seconds:g} s")
    crowd = await _gather(house, people, seconds, leave=True)
    after, share = await _left(app, files, left_s)
    _report(f"once more {people} people for {seconds / ALONE:g} s")
    again = await _gather(house, people, seconds / ALONE, leave=True)
    later, _ = await _left(app, files, left_s)
    took = {
        "before": asdict(before),
        "after": asdict(after),
        "growth_mb": after.rss_mb - before.rss_mb,
        "growth_again_mb": later.rss_mb - after.rss_mb,
        "rest": share,
    }
    return one, crowd, again, took


async def _left(app: Served, files: Path, left_s: float) -> tuple[Usage, float]:
    """What the server takes when everybody has left for so long; and how much of a core, for nobody."""
    await asyncio.sleep(left_s)
    share = await asyncio.to_thread(rest, app.pid)
    return usage(app.pid, files), share


async def _warm_up(house: _House) -> None:
    dice = random.Random("warm-up")
    async with house.visit(new_owner(), 0) as visitor:
        for kind in [*house.tabs] * WARM_UPS:
            answer = await visitor.ask(house.tabs[kind], WISHES[kind](dice))
            if answer.outcome != "done":
                raise RuntimeError(f"The tab for {kind} does not work: {answer.outcome} {answer.sentence}")


async def _gather(house: _House, people: int, seconds: float, *, leave: bool) -> list[Answer]:
    """Everything that so many people got in so much time, which begins when all have opened the page."""
    begin = asyncio.Barrier(people)
    lives = (_live(house, number, begin, seconds, leave) for number in range(people))
    return [answer for answers in await asyncio.gather(*lives) for answer in answers]


async def _live(house: _House, number: int, begin: asyncio.Barrier, seconds: float, leave: bool) -> list[Answer]:
    """One person's visits, one after the other, until the time is over; the number decides what is asked for."""
    dice, owner, answers = random.Random(f"{begin.parties}-{number}"), new_owner(), []
    until = None
    while until is None or time.monotonic() < until:
        came = time.monotonic()
        try:
            async with house.visit(owner, number) as visitor:
                now = time.monotonic()
                answers.append(Answer("page", {}, owner, "opened", at=now, seconds=now - came))
                if until is None:
                    await begin.wait()
                    until = time.monotonic() + seconds
                while time.monotonic() < until and not (answers and answers[-1].outcome == "vanished"):
                    await asyncio.sleep(dice.uniform(*THINK_S))
                    kind, leaving = dice.choice(list(house.tabs)), _leaving(dice) if leave else None
                    answers.append(await visitor.ask(house.tabs[kind], WISHES[kind](dice), leaving))
        except httpx.HTTPError as error:
            told = f"The page does not open: {type(error).__name__}: {error}"
            answers.append(Answer("page", {}, owner, "error", at=time.monotonic(), sentence=told))
            if until is None:
                await begin.abort()
                raise
            await asyncio.sleep(dice.uniform(*THINK_S))
    return answers


def _leaving(dice: random.Random) -> Leave | None:
    chance, after = dice.random(), dice.randint(0, MOST_UPDATES)
    if chance < CANCEL:
        return Leave("cancelled", after)
    return Leave("vanished", after) if chance < CANCEL + VANISH else None


def figures(answers: Sequence[Answer], seconds: float) -> dict[str, Any]:
    """Counts of all outcomes, seconds to whole results, and results a second, of all and of each kind.

    Args:
        seconds: what the people had; a result that came later is waited for and compared, but counts for no speed.
    """
    pages = [answer.seconds for answer in answers if answer.outcome == "opened"]
    asked = [answer for answer in answers if answer.outcome != "opened"]
    end = min((answer.at - answer.seconds for answer in asked), default=0.0) + seconds
    kinds = {"all": asked} | {kind: [answer for answer in asked if answer.kind == kind] for kind in WISHES}
    return {
        "asked": len(asked),
        **{outcome: sum(answer.outcome == outcome for answer in asked) for outcome in OUTCOMES},
        "per_second": sum(answer.outcome == "done" and answer.at <= end for answer in asked) / seconds,
        "page_s": _quantiles(pages) if pages else None,
        "kinds": {kind: _times(some) for kind, some in kinds.items()},
    }


def _times(answers: Sequence[Answer]) -> dict[str, Any]:
    whole = [answer for answer in answers if answer.outcome == "done"]
    if not whole:
        return {"done": 0}
    seen = [answer.first for answer in whole if answer.first is not None]
    return {
        "done": len(whole),
        "seconds": _quantiles([answer.seconds for answer in whole]),
        "first_s": _quantiles(seen) if seen else None,
        "mean_s": mean(answer.seconds for answer in whole),
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95)}


def _judge(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was aimed at, and whether it is reached."""
    bad = {name: sum(found[who][name] for who in ("one", "crowd", "again")) for name in BAD}
    bad["lost"] += found["history"]["missing"]
    bad["mixed up"] += found["history"]["foreign"]
    rows = [(f"{name} results", "0", str(count), count == 0) for name, count in bad.items()]
    growth = found["growth_mb"]
    rows.append(("memory that the crowd leaves behind", f"< {GROWTH_MB} MB", f"{growth:.0f} MB", growth < GROWTH_MB))
    share = found["rest"]
    rows.append(("computing for people who have left", "none", f"{share:.0%} of a core", share < QUIET))
    return [{"what": what, "asked": asked, "measured": got, "met": met} for what, asked, got, met in rows]


def _report(message: str) -> None:
    print(f"bench app: {message} …", file=sys.stderr, flush=True)
