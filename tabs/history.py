"""The history tab: what this browser has made, to be found, looked at, compared, taken home or thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from tabs._arrivals import arrivals_of
from tabs._history_wishes import answers
from tabs._keeping import keeper_of, owner_of
from tabs._scripts import script
from tabs._share import sharer

TITLE, ORDER = "History", 99
HERE = Path(__file__).parent
STAGE, SCRIPT = (HERE / "_history_stage.html").read_text(), script("page", "share", "history_look", "history_stage")


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it; give a browser that has none the key to a history of its own."""
    keeper = keeper_of(demo)
    made: set[str] = set()
    stage = gr.HTML(
        html_template=STAGE,
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id="history-view",
        server_functions=[*answers(keeper.history, engine, made).values(), sharer(engine)],
    )
    demo.temp_file_sets.append(made)

    def begin(_: gr.Request, stored: Any) -> dict[Any, Any]:
        """The key of the browser, for itself and for the tab."""
        owner = owner_of(stored)
        return {keeper.owner: owner, stage: {"owner": owner, "on": keeper.history.enabled}}

    arrivals_of(demo).call(begin, [keeper.owner], [keeper.owner, stage])
