"""What the server remembers of open pages: only as long as they are open, and of no more than so many.

Gradio keeps what every page last showed, pictures too, until 10,000 others have come: many GB that nobody asks for.
"""

from __future__ import annotations

import threading
import time
import weakref
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

from playground import arenas

MOST = 300  # pages; of more, the longest unused starts anew: it loses what Back would bring back
CLOSED = timedelta(seconds=20)  # without a use: a run that goes on uses it every second
LOOK_S = 5.0


class Session(SessionState):
    """What one page last showed, without Gradio's second record of it.

    Gradio describes every component of the page once more for each visitor, half a MB of small pieces, for links
    that are closed here (`_gate.CLOSED`).
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        nothing_described: Any = SimpleNamespace(default_config=blocks.default_config, blocks={})
        super().__init__(nothing_described)

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.pop(key, None)

    def _update_config(self, key: int) -> None:
        """Nothing: nobody asks."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing: nobody asks."""


class Sessions(StateHolder):
    """Gradio's own, which forgets pages soon after they were closed."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)

    def forget(self) -> int:
        """Forget what is closed and unused; how many pages that were."""
        unused = datetime.now() - CLOSED
        with self.lock:
            gone = [
                name
                for name, state in self.session_data.items()
                if state.is_closed and self.time_last_used.get(name, unused) <= unused
            ]
            for name in gone:
                del self.session_data[name]
                self.time_last_used.pop(name, None)
        return len(gone)

    def watch(self, look_s: float = LOOK_S) -> None:
        """Do so from now on, in the background, and give back the memory."""
        me = weakref.ref(self)

        def look() -> None:
            while (sessions := me()) is not None:
                if sessions.forget():
                    arenas.rest().ask()
                del sessions
                time.sleep(look_s)

        threading.Thread(target=look, name="sessions", daemon=True).start()


def bound(demo: gr.Blocks) -> None:
    """Let a page that has just been launched remember no more than that."""
    sessions = Sessions()
    sessions.set_blocks(demo)
    sessions.capacity = MOST
    sessions.watch()
    demo.app.state_holder = sessions
