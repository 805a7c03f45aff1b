"""Pages are put together one after the other: each takes some MB and all of Python's time meanwhile.

Many who come at once would each wait for all of them, and what they leave behind lies scattered over the memory.
"""

from __future__ import annotations

import asyncio

from tabs._asgi import App, Message, Receive, Send, path_of

PAGES = ("", "/", "/config", "/config/")


class OneByOne:
    """ASGI middleware: of requests for pages `app` answers one at a time. How fast each is fetched holds up nobody."""

    def __init__(self, app: App) -> None:
        self._app, self._one = app, asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer by the app."""
        if scope["type"] != "http" or scope["method"] != "GET" or path_of(scope) not in PAGES:
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        async with self._one:
            await self._app(scope, receive, keep)
        for message in messages:
            await send(message)
