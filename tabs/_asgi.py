"""What pieces between the server and Gradio have in common (ASGI, https://asgi.readthedocs.io)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def path_of(scope: Message) -> str:
    """What a request is for, seen from where the app is mounted."""
    return scope["path"].removeprefix(scope.get("root_path", ""))
