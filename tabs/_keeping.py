"""What the page's tabs make goes into the history of the browser that asked; its key says which browser that is.

One keeper for a page. Where the history is off, or the browser has no key yet, nothing is kept and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.events import Done
from playground.history import History, is_owner, new_owner

STORAGE, SECRET = "playground-history", "playground-history"  # fixed: a browser's key outlives restarts


@dataclass
class Keeper:
    """The history of all browsers, and the component that holds the key of one."""

    history: History
    owner: gr.BrowserState

    def keep(self, owner: Any, made: Iterable[Done]) -> str:
        """Keep what was made; a sentence where that fails, else ""."""
        if not (self.history.enabled and is_owner(owner)):
            return ""
        try:
            for done in made:
                self.history.keep(owner, done)
        except PlaygroundError as error:
            return f"This result is not in the history. {error}"
        return ""


def keeper_of(demo: gr.Blocks, history: History | None = None) -> Keeper:
    """The keeper of a page. Whoever asks first makes it, where its component is to stand.

    Args:
        history: without one nothing is kept.
    """
    if not hasattr(demo, "keeper"):
        demo.keeper = Keeper(history or History(None), gr.BrowserState("", storage_key=STORAGE, secret=SECRET))
    return demo.keeper


def owner_of(stored: Any) -> str:
    """The key of a browser: what it has stored, or a new one where that is none."""
    return stored if is_owner(stored) else new_owner()
