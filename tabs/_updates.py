"""A run on the page and the updates of it: what every view of events has in common. Data only, no layout.

While a run goes on, an update holds only the last few chunks of what happened: the page has drawn the others, and what
a page has to hold it compares as a whole at every update.
"""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from playground.events import Done

WINDOW = 24  # chunks of an update; a page that is further behind waits for the last one
GOING = ("waiting", "telling", "drawing")  # states after which more will come


@dataclass(kw_only=True)
class Updates(ABC):
    """One run on the page.

    Attributes:
        window: chunks of an update.
        all_at_last: whether the last update holds all chunks.
        run: its name.
        chunks: JSON of what happened, in order.
        owner: the browser's key to the history, or what it sent instead.
        partial: what there was when it was stopped, as far as that is a result.
    """

    window: ClassVar[int] = WINDOW
    all_at_last: ClassVar[bool] = True

    run: str = field(default_factory=lambda: secrets.token_hex(4))
    state: str = "waiting"
    message: str = "Waiting for the model …"
    chunks: list[str] = field(default_factory=list)
    owner: Any = ""
    partial: Done | None = None
    lock: Any = field(default_factory=threading.Lock)  # Stop comes from another thread than the run

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in GOING

    def value(self) -> dict[str, Any]:
        """What the stage shows now."""
        with self.lock:
            whole = self.over and self.all_at_last
            first = 0 if whole else max(0, len(self.chunks) - self.window)
            return {
                "run": self.run,
                "state": self.state,
                "message": self.message,
                "chunks": {str(i): self.chunks[i] for i in range(first, len(self.chunks))},
                **self._shown(),
            }

    def add(self, events: Iterable[Any]) -> None:
        """Take in what happened since the last update; nothing once the run is over."""
        with self.lock:
            if not self.over:
                self._add(events)

    def stop(self) -> None:
        """Make what is there the result."""
        with self.lock:
            if not self.over:
                self._stop()

    @abstractmethod
    def _shown(self) -> dict[str, Any]:
        """What a view of a kind shows besides."""

    @abstractmethod
    def _add(self, events: Iterable[Any]) -> None:
        """`add`, where something may still come; the lock is held."""

    @abstractmethod
    def _stop(self) -> None:
        """`stop`, likewise."""
