"""Pages are answered one at a time, everything else at once; what goes wrong holds up nobody."""

import asyncio

import pytest

from tabs._rendering import OneByOne
from tests.loops import run

BODY = {"type": "http.response.body", "body": b"page"}


class App:
    """Counts how many requests it is at."""

    def __init__(self) -> None:
        self.here = self.most = 0

    async def __call__(self, scope, receive, send):
        self.here += 1
        self.most = max(self.most, self.here)
        try:
            await asyncio.sleep(0.005)
            if scope.get("broken"):
                raise ValueError
            await send(BODY)
        finally:
            self.here -= 1


async def ask(app, path="/", **more) -> list:
    got = []

    async def send(message):
        got.append(message)

    await app({"type": "http", "method": "GET", "path": path, "root_path": "", **more}, None, send)
    return got


def all_at_once(app, *requests) -> list:
    async def gather():
        return await asyncio.gather(*(ask(app, **request) for request in requests), return_exceptions=True)

    return run(gather())


@pytest.mark.parametrize(
    ("request_", "most"),
    [
        ({"path": "/"}, 1),
        ({"path": "/config"}, 1),
        ({"path": "/sub/", "root_path": "/sub"}, 1),
        ({"path": "/assets/x.js"}, 4),
        ({"path": "/", "method": "POST"}, 4),
        ({"path": "/", "type": "websocket"}, 4),
    ],
    ids=str,
)
def test_only_pages_wait_for_each_other(request_, most):
    inner = App()
    assert all_at_once(OneByOne(inner), *[request_] * 4) == [[BODY]] * 4
    assert inner.most == most


def test_a_page_that_fails_lets_the_next_one_in():
    inner = App()
    first, second = all_at_once(OneByOne(inner), {"broken": True}, {})
    assert isinstance(first, ValueError) and second == [BODY]


def test_a_browser_that_fetches_slowly_holds_up_nobody():
    async def both():
        app, gone = OneByOne(App()), asyncio.Event()

        async def stuck(message):
            await gone.wait()

        slow = asyncio.create_task(app({"type": "http", "method": "GET", "path": "/"}, None, stuck))
        await asyncio.sleep(0.02)
        told = await asyncio.wait_for(ask(app), 60)
        gone.set()
        await slow
        return told

    assert run(both()) == [BODY]
