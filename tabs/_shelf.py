"""What every page loads and no page changes, kept packed in memory: Gradio's scripts and styles.

Gradio reads and packs each of some eighty files anew for every visitor, on the thread that also answers everybody else.
"""

from __future__ import annotations

import re

from tabs._asgi import App, Message, Send, path_of

Key = tuple[str, tuple[bool, ...]]

FILES = re.compile(r"/(assets|static)/[\w./-]+")
NAMED_BY_CONTENT = "/assets/"
FOR_GOOD = (b"cache-control", b"public, max-age=31536000, immutable")
PACKINGS = (b"br", b"gzip")
OF_THEIR_OWN = {b"range", b"if-none-match", b"if-modified-since", b"if-range"}  # make an answer of their own
FOR_OTHERS = b"access-control-"  # headers that a page of this server has no need of
LARGEST, ROOM = 4 * 2**20, 32 * 2**20  # bytes of a file, and of all


class Shelf:
    """ASGI middleware, outside of all others: `app` answers the first request for a file, and what is no file."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: dict[Key, tuple[Message, bytes]] = {}
        self._left = ROOM

    async def __call__(self, scope: Message, receive: App, send: Send) -> None:
        """Answer from the shelf, or by the app."""
        key = key_of(scope)
        if key is None:
            return await self._app(scope, receive, send)
        if key in self._kept:
            start, body = self._kept[key]
            await send({**start, "headers": list(start["headers"])})
            return await send({"type": "http.response.body", "body": body})
        return await self._app(scope, receive, self._keeping(key, send))

    def _keeping(self, key: Key, send: Send) -> Send:
        """`send`, which also keeps what passes, once it is whole."""
        start: Message = {}
        pieces: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200 and key[0].startswith(NAMED_BY_CONTENT):
                    message = {**message, "headers": [*message.get("headers", ()), FOR_GOOD]}
                start.update(message)
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    self._put(key, start, b"".join(pieces))
            await send(message)

        return keep

    def _put(self, key: Key, start: Message, body: bytes) -> None:
        start["headers"] = [pair for pair in start.get("headers", ()) if not pair[0].startswith(FOR_OTHERS)]
        if start.get("status") == 200 and len(body) <= min(LARGEST, self._left) and key not in self._kept:
            self._left -= len(body)
            self._kept[key] = start, body


def key_of(scope: Message) -> Key | None:
    """What tells one answer from another; None where a request is not for a file, or not for all of it as it is."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope.get("query_string"):
        return None
    path = path_of(scope)
    headers = dict(scope["headers"])
    if not FILES.fullmatch(path) or OF_THEIR_OWN & headers.keys():
        return None
    if headers.get(b"origin", b"").partition(b"://")[2] not in (b"", headers.get(b"host")):
        return None  # the page of another server
    taken = {word.partition(b";")[0].strip() for word in headers.get(b"accept-encoding", b"").split(b",")}
    return path, tuple(packing in taken for packing in PACKINGS)
