"""What each tab does when the page opens, as one event of the page and one call of the server.

Gradio's page weighs all it shows for every event, which one per tab would make it do before it can be pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

ARRIVED = "() => { document.body.dataset.arrived = ''; }"  # for what must not come before the server's answer


@dataclass
class Arrivals:
    """Each entry: what is called, with which components' values, and which components it changes.

    Those of the server are called with the request and the values, and return `{component: value}`; those of the
    browser are a JavaScript function that returns a list.
    """

    there: list[tuple[Callable[..., dict[Any, Any]], list[Any], list[Any]]] = field(default_factory=list)
    here: list[tuple[str, list[Any], list[Any]]] = field(default_factory=list)

    def call(
        self, answer: Callable[..., dict[Any, Any]], inputs: Sequence[Any] = (), outputs: Sequence[Any] = ()
    ) -> None:
        """Have the server asked: `answer(request, *values)`."""
        self.there.append((answer, list(inputs), list(outputs)))

    def run(self, js: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Have the browser compute: `js(...values)`, a list with as many as there are outputs."""
        self.here.append((js, list(inputs), list(outputs)))

    def wire(self, demo: gr.Blocks) -> None:
        """When all tabs stand: the page's events. No two entries may change the same component."""
        quiet: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
        asked = [knob for _, inputs, _ in self.there for knob in inputs]
        changed = [shown for _, _, outputs in self.there for shown in outputs]
        demo.load(self._answer, asked, changed, **quiet).then(None, js=ARRIVED)
        asked = [knob for _, inputs, _ in self.here for knob in inputs]
        changed = [shown for _, _, outputs in self.here for shown in outputs]
        demo.load(None, asked, changed, js=self._script(), **quiet)

    def _answer(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        shown: dict[Any, Any] = {}
        left = iter(values)
        for answer, inputs, _ in self.there:
            shown |= answer(request, *(next(left) for _ in inputs))
        return shown

    def _script(self) -> str:
        parts = ", ".join(f"[{js}, {len(inputs)}]" for js, inputs, _ in self.here)
        return f"(...values) => [{parts}].flatMap(([run, count]) => run(...values.splice(0, count)))"


def arrivals_of(demo: gr.Blocks) -> Arrivals:
    """Those of a page. Whoever asks first makes them."""
    if not hasattr(demo, "arrivals"):
        demo.arrivals = Arrivals()
    return demo.arrivals
