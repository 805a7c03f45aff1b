"""What stands before the server: bodies have a limit, what this page never uses is closed, errors tell no insides.

Knows HTTP and the addresses of Gradio, no component and no model.
"""

from __future__ import annotations

import json
import logging
import re
import traceback

from starlette.middleware.gzip import GZipResponder

from tabs._asgi import App, Message, Receive, Send, path_of

CLOSED = re.compile(  # of Gradio: fetches for others, editors, records of runs, figures about visitors
    r"/gradio_api/(proxy=|file[=/]\w\w+:/|process_recording|vibe-|undo-vibe|deep_link|run-history|runs|dev/|profiling/)|/monitoring"
)
DIRECT = re.compile(r"/gradio_api/(run|api)/")  # answers that are no stream: Gradio calls every mistake status 500
PLAIN = re.compile(r"/?(config|gradio_api/(info|openapi\.json))?/?")  # Gradio sends them as they are: 0.6 MB of page
NOT_HERE = "There is no such address here."
TOO_LARGE = "The request is too large: at most {:,} MB are taken."
NOT_UNDERSTOOD = "The request can't be understood."
ELSEWHERE = b"x-gradio-server"  # in a request: where Gradio lets the page load its scripts from
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
MB = 2**20
SMALL, LEVEL = 1000, 5  # bytes that are not worth packing, and how well the others are packed
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)


class Gate:
    """ASGI middleware.

    Args:
        app: what answers what is let in.
        largest: bytes of a body, however it is sent.
    """

    def __init__(self, app: App, largest: int) -> None:
        self._app, self._largest = app, largest

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it with a sentence."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != ELSEWHERE]}
        path = path_of(scope)
        if CLOSED.match(path):
            return await _answer(send, 404, NOT_HERE)
        app = self._app
        if scope["method"] == "GET" and PLAIN.fullmatch(path) and b"gzip" in _header(scope, b"accept-encoding"):
            app = GZipResponder(app, SMALL, LEVEL)
        body = _Body(receive, self._largest)
        too_large = TOO_LARGE.format(self._largest // MB)
        if _length(scope) > self._largest:
            return await _answer(send, 413, too_large)
        reply = _Reply(send, body, direct=bool(DIRECT.match(path)))
        try:
            await app(scope, body.receive, reply.send)
        except Exception as error:
            if reply.started:
                raise
            if not body.over:
                _log(error)
                status = 400 if scope["method"] == "POST" and isinstance(error, MALFORMED) else 500
                return await _answer(send, status, NOT_UNDERSTOOD)
        if body.over and not reply.started:
            return await _answer(send, 413, too_large)
        return None


class _Body:
    """Counts what comes in; what is too much is as if the sender had gone."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive, self._left = receive, largest
        self.over = False

    async def receive(self) -> Message:
        """The next piece."""
        message = {"type": "http.disconnect"} if self.over else await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.over = True
            return {"type": "http.disconnect"}
        return message


class _Reply:
    """Sends an answer on; one to a body that was too large is swallowed, and a mistake gets its status."""

    def __init__(self, send: Send, body: _Body, *, direct: bool) -> None:
        self._send, self._body, self._direct = send, body, direct
        self._held: Message | None = None
        self.started = False

    async def send(self, message: Message) -> None:
        """Send the next piece."""
        if self._body.over and not self.started:
            return
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
            if self._direct and message["status"] == 500:
                self._held = message
                return
        if self._held:
            if _sentence(message.get("body", b"")):
                self._held["status"] = 422
            held, self._held, self.started = self._held, None, True
            await self._send(held)
        self.started = True
        await self._send(message)


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Message, name: bytes) -> bytes:
    return dict(scope["headers"]).get(name, b"")


def _length(scope: Message) -> int:
    """What a request says that its body has; 0 where it says nothing, or nonsense."""
    told = _header(scope, b"content-length")
    return int(told) if told.isdigit() and len(told) < 20 else 0


def _sentence(body: bytes) -> bool:
    """Whether an answer tells what is wrong."""
    try:
        return isinstance(json.loads(body)["error"], str)
    except (ValueError, KeyError, TypeError):
        return False


def _log(error: Exception) -> None:
    """A line for the operator: what broke and where, not what was sent."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logging.getLogger("playground").warning("%s at %s:%s", type(error).__name__, place.filename, place.lineno)
