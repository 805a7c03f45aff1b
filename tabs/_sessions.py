"""What the server remembers of open pages: only as long as they are open, and of no more than so many.

Gradio keeps what every page last showed, pictures too, until 10,000 others have come: many GB that nobody asks for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

MOST = 300  # pages; of more, the longest unused starts anew: it loses what Back would bring back
CLOSED = timedelta(minutes=1)  # a run that was still going on has ended by then


class Sessions(StateHolder):
    """Gradio's own, which forgets closed pages as soon as a new one comes."""

    def __getitem__(self, session_id: str) -> SessionState:
        """What is remembered of a page; of a new one, how every page begins."""
        if session_id not in self.session_data:
            self._forget()
        return super().__getitem__(session_id)

    def _forget(self) -> None:
        unused = datetime.now() - CLOSED
        with self.lock:
            for name, state in list(self.session_data.items()):
                if state.is_closed and self.time_last_used.get(name, unused) <= unused:
                    del self.session_data[name]
                    self.time_last_used.pop(name, None)


def bound(demo: gr.Blocks) -> None:
    """Let a page that has just been launched remember no more than that."""
    sessions = Sessions()
    sessions.set_blocks(demo)
    sessions.capacity = MOST
    demo.app.state_holder = sessions
