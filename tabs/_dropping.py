"""A file made here, dropped anywhere on the page: the tab that made it comes to the front and takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.recipes import Recipe
from tabs._files import recipe_in
from tabs._scripts import script

TEMPLATE = (Path(__file__).parent / "_dropping.html").read_text()
SCRIPT = script("page", "dropping")


def whose(asked: Any) -> dict[str, str]:
    """The kind of recipe in a file, `{"file": its content as base64}`, or the problem with it."""
    try:
        link, _ = recipe_in(asked)
    except PlaygroundError as error:
        return {"problem": str(error)}
    return {"kind": link.kind}


def wire(tabs: gr.Tabs) -> None:
    """Take what is dropped on the page whose tabs these are; each has its kind of recipe for an id."""

    def front(event: gr.EventData) -> Any:
        kind = event._data.get("kind") if isinstance(event._data, dict) else None
        return gr.Tabs(selected=kind) if kind in Recipe.kinds else gr.skip()

    page = gr.HTML(
        html_template=TEMPLATE,
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id="dropping",
        server_functions=[whose],
    )
    page.front(front, None, tabs, queue=False, api_visibility="private", show_progress="hidden")
