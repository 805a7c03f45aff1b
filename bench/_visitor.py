"""A browser without a screen: opens the page, presses Generate and Stop, and follows what comes, over plain HTTP.

What a tab's buttons do it reads off the page's configuration, as a browser does. Knows nothing of models or results.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

import httpx

T = TypeVar("T")
PATIENCE_S = 300  # for one answer; what takes longer counts as lost
API = "gradio_api/"
ANEW = httpx.Limits(max_keepalive_connections=0)  # the server may end an idle connection just as it is used again
REFUSALS = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS)
Outcome = Literal["done", "refused", "cancelled", "vanished", "lost", "wrong", "mixed up", "error", "opened"]


@dataclass(frozen=True)
class Leave:
    """How somebody leaves in the middle, after so many updates; after none they are only just in the queue."""

    how: Literal["cancelled", "vanished"]
    after: int


@dataclass
class Answer:
    """What became of one press of Generate.

    Attributes:
        values: what was asked for: knobs of the kind's recipe.
        owner: the key of the browser.
        at: when it was over, by `time.monotonic`.
        first: seconds until something of the result was seen.
        seconds: until it was whole.
        shown: what the tab's stage showed at last.
        sentence: what the page said instead.
    """

    kind: str
    values: Mapping[str, Any]
    owner: str
    outcome: Outcome = "lost"
    at: float = 0.0
    first: float | None = None
    seconds: float = 0.0
    shown: Any = None
    sentence: str = ""


@dataclass(frozen=True)
class Tab:
    """How a tab's buttons call the server: numbers of functions and components, and what the controls stand at first.

    Attributes:
        inputs: (name of the control, its value); "key" is the name of the browser's key.
    """

    kind: str
    run: int
    go: int
    inputs: tuple[tuple[str, Any], ...]
    stop: int
    stop_button: int
    stop_inputs: int

    def data(self, values: Mapping[str, Any], owner: str) -> list[Any]:
        """What a browser sends when Generate is pressed: the controls, with `values` set by hand."""
        stand = {f"{self.kind}-{name}": value for name, value in values.items()}
        stand |= {"key": owner, f"{self.kind}-random": False}
        return [stand.get(name, value) for name, value in self.inputs]


class Page:
    """What the page's configuration says of the tabs, and of what a browser calls when it has opened it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._parts = {part["id"]: part for part in config["components"]}
        self._calls = config["dependencies"]
        self.loads = [
            (call["id"], [value for _, value in self._inputs(call)])
            for call in self._calls
            if call["backend_fn"] and not call["queue"] and any(event == "load" for _, event in call["targets"])
        ]

    def tab(self, kind: str) -> Tab:
        """The tab of a kind of recipe."""
        go, run = self._pressed(f"{kind}-generate", lambda call: call["queue"])
        stage = run["outputs"][0]
        stop_button, stop = self._pressed(
            f"{kind}-stop", lambda call: call["backend_fn"] and stage in call["outputs"] and not call["queue"]
        )
        return Tab(kind, run["id"], go, tuple(self._inputs(run)), stop["id"], stop_button, len(stop["inputs"]))

    def _pressed(self, button: str, wanted: Any) -> tuple[int, dict[str, Any]]:
        """The button of this name, and the call that a click on it makes."""
        found = next(n for n, part in self._parts.items() if part["type"] == "button" and _name(part) == button)
        return found, next(call for call in self._calls if [found, "click"] in call["targets"] and wanted(call))

    def _inputs(self, call: Mapping[str, Any]) -> list[tuple[str, Any]]:
        parts = [self._parts[number] for number in call["inputs"]]
        return [("key" if p["type"] == "browserstate" else _name(p), p["props"].get("value")) for p in parts]


def _name(part: Mapping[str, Any]) -> str:
    return part["props"].get("elem_id") or ""


@dataclass
class Visitor:
    """One open page of one browser. Use it as an asynchronous context manager; leaving closes every connection.

    Attributes:
        owner: the key that the browser keeps over visits.
        address: from where it comes, as a proxy tells.
        session: the name of this visit.
    """

    url: str
    page: Page
    owner: str
    address: str
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    _runs: set[str] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        from_there = {"X-Forwarded-For": self.address}
        self._client = httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_S, headers=from_there, limits=ANEW)
        self._beating: asyncio.Task[None] | None = None
        try:
            (await self._client.get("")).raise_for_status()
            self._beating = asyncio.create_task(self._beat())
            for call, values in self.page.loads:
                await self._call(call, values)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections without a word, as a closed window does."""
        if self._beating:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self._beating
        await self._client.aclose()

    async def ask(self, tab: Tab, values: Mapping[str, Any], leave: Leave | None = None) -> Answer:
        """Press Generate and follow the run to its end, or to where this person leaves."""
        answer, began = Answer(tab.kind, values, self.owner), time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                event = await self._join(tab, answer)
                if event and leave and leave.after == 0:
                    await self._leave(tab, event, answer, leave.how)
                elif event:
                    await self._follow(tab, event, answer, leave, began)
        except TimeoutError:
            answer.sentence = f"Nothing whole came within {PATIENCE_S} s."
        except httpx.HTTPError as error:
            answer.sentence = f"{type(error).__name__}: {error}"
        answer.at = time.monotonic()
        answer.seconds = answer.at - began
        return answer

    async def _join(self, tab: Tab, answer: Answer) -> str:
        """The name of the run in the queue, or "" where there is none."""
        data = tab.data(answer.values, self.owner)
        body = {"data": data, "fn_index": tab.run, "trigger_id": tab.go, "session_hash": self.session}
        joined = await self._client.post(f"{API}queue/join", json=body)
        if joined.is_success:
            self._runs.add(run := joined.json()["event_id"])
            return run
        answer.outcome = "refused" if joined.status_code in REFUSALS else "error"
        answer.sentence = joined.text[:200]
        return ""

    async def _follow(self, tab: Tab, event: str, answer: Answer, leave: Leave | None, began: float) -> None:
        seen = 0
        where = {"params": {"session_hash": self.session}}
        async with self._client.stream("GET", f"{API}queue/data", **where) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                kind, whose = message.get("msg"), message.get("event_id")
                if whose not in (None, *self._runs):
                    answer.outcome, answer.sentence = "mixed up", "The server told of somebody else's run."
                    return
                if whose not in (None, event):
                    continue  # the end of one that was stopped
                if kind == "close_stream":
                    return
                if kind == "process_completed" and answer.outcome != "cancelled":
                    _take(message, answer)
                if kind != "process_generating":
                    continue
                seen += 1
                if answer.first is None and _shows(message):
                    answer.first = time.monotonic() - began
                if leave and seen == leave.after:
                    await self._leave(tab, event, answer, leave.how)
                    if leave.how == "vanished":
                        return

    async def _leave(self, tab: Tab, event: str, answer: Answer, how: Outcome) -> None:
        answer.outcome = how
        if how == "cancelled":
            body = {"fn_index": tab.run, "session_hash": self.session, "event_id": event}
            (await self._client.post(f"{API}cancel", json=body)).raise_for_status()
            told = await self._call(tab.stop, [None] * tab.stop_inputs, tab.stop_button)
            answer.shown = told["data"][0]

    async def _call(self, call: int, values: list[Any], button: int | None = None) -> dict[str, Any]:
        """What a function that does not queue answers."""
        body = {"data": values, "fn_index": call, "trigger_id": button, "session_hash": self.session}
        answered = await self._client.post(f"{API}run/predict", json=body)
        answered.raise_for_status()
        return answered.json()

    async def _beat(self) -> None:
        """The connection by which the server knows that the page is still open."""
        async with self._client.stream("GET", f"{API}heartbeat/{self.session}") as stream:
            async for _ in stream.aiter_lines():
                pass


def _take(message: Mapping[str, Any], answer: Answer) -> None:
    """The end of a run."""
    output = message.get("output") or {}
    if message["success"] and output.get("data"):
        answer.outcome, answer.shown = "done", output["data"][0]
    elif not message["success"]:
        answer.sentence = output.get("error") or ""
        answer.outcome = "refused" if answer.sentence else "error"


def _shows(message: Mapping[str, Any]) -> bool:
    """Whether an update brings something of the result; after the first one it tells only what has changed."""
    update = message["output"]["data"][0]
    if isinstance(update, list):
        return any(path[:1] == ["chunks"] for _, path, _ in update)
    return bool(update.get("chunks"))


def in_a_loop(call: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; in a thread of its own, for in this one an event loop may already run."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, call).result()
