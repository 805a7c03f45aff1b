"""The components of the text tab and where they stand; what happens when they are used is `text.py`'s business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.recipes import TextRecipe
from tabs import _compare
from tabs._controls import as_list, control, damaged_models, model_choices, usable
from tabs._scripts import script
from tabs._share import sharer
from tabs._wishes import SAMPLERS, examiner

KIND = TextRecipe.kind
HERE = Path(__file__).parent
STAGE = (HERE / "_stage.html").read_text()
SCRIPT = script(
    "page", "share", "run", "tint", "samplers", "cards", "tokens", "surprise", "why", "dice", "tree", "restore", "stage"
)
STRANGER = "<p class='caption hint' role='status'>The model read no such voice: these words are only a hint to it.</p>"
SAMPLING = (*SAMPLERS, "max_new_tokens", "samples", "stop")
PRESETS: dict[str, dict[str, float]] = {
    "Greedy": {"temperature": 0},
    "Balanced": {},
    "Creative": {"temperature": 1, "top_k": 100, "min_p": 0.02},
    "Chaos": {"temperature": 1.5, "top_k": 0, "top_p": 1},
    "Neutral": {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repetition_penalty": 1},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "A dragon": {"prompt": "Once upon a time, there was a dragon who", "seed": 2},
    "In Andersen's voice": {"prompt": "In the corner of the nursery stood", "style": "Andersen", "seed": 7},
    "About a fox and a well": {"prompt": "", "about": "fox, well, moon", "seed": 7},
    "No dice: always the likeliest": {"prompt": "The king had three sons.", "seed": 0, "preset": "Greedy"},
    "Too much dice": {"prompt": "The king had three sons.", "seed": 5, "preset": "Chaos"},
    "One beginning, three tales": {"prompt": "The old woman opened the door and", "seed": 21, "samples": 3},
}


@dataclass
class Parts:
    """The components of the tab that take part in what happens.

    Attributes:
        knobs: by the recipe's field.
        examples: what each button fills in.
        score: scores the prompt instead of going on from it.
        owner: the beginning to which the fixed tokens belong; hidden.
        fixed: says that tokens are fixed by a branch, and lets go of them.
        back: brings back what a button of the stage overwrote in the controls, which `undo` holds.
        stranger: says that the model does not know the style.
        numbers: the samplers in words.
        opened: the recipe and the checksum of the link by which the page was opened.
        view: of the run that goes on, so that Stop can make a result of it.
    """

    knobs: dict[str, gr.components.Component]
    preset: gr.Radio
    random: gr.Checkbox
    go: gr.Button
    score: gr.Button
    stop: gr.Button
    owner: gr.Textbox
    fixed: gr.Button
    back: gr.Button
    stranger: gr.HTML
    numbers: gr.Markdown
    compare: _compare.Compare
    examples: dict[gr.Button, dict[str, Any]]
    damaged: gr.HTML
    stage: gr.HTML
    opened: gr.State
    view: gr.State
    undo: gr.State


def draw(engine: Engine, initial: dict[str, Any]) -> Parts:
    """The tab; `initial` is what its knobs stand at first."""

    def new(name: str, **options: Any) -> gr.components.Component:
        return control(TextRecipe, name, value=initial[name], **options)

    with gr.Row(elem_classes="model-bar"):
        knobs = {"model": new("model", choices=model_choices(engine, KIND), show_label=False, info=None)}
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=300, elem_classes="controls"):
            knobs["prompt"] = new(
                "prompt",
                lines=3,
                info="How the text begins; the model goes on from its last word. Shift + Enter generates.",
                placeholder="Once upon a time, there was a dragon who",
            )
            back = gr.Button("↩ Back to my prompt", visible=False, elem_id="text-back", elem_classes="chip")
            knobs["system"] = new("system", visible=is_chat(engine, initial["model"]))
            knobs["forced"] = new("forced", visible="hidden")
            owner_of_fixed = gr.Textbox(visible="hidden")
            fixed = gr.Button("", visible=False, elem_id="text-fixed", elem_classes="chip")
            with gr.Row(elem_classes="header-fields"):
                styles = known_styles(engine, initial["model"])
                header: dict[str, Any] = {"visible": len(styles) > 1}
                knobs["style"] = new("style", info="Whose voice?", choices=styles, allow_custom_value=True, **header)
                knobs["about"] = new("about", info="A few key words", placeholder="dragon, key", **header)
                knobs["title"] = new("title", info="Its name", placeholder="The Golden Key", **header)
            stranger = gr.HTML(STRANGER, visible=False, js_on_load=None)
            preset = gr.Radio(
                list(PRESETS), value="Balanced", label="How daring?", elem_id="text-preset", elem_classes="pills"
            )
            numbers = gr.Markdown("", elem_id="text-numbers", elem_classes="numbers")
            with gr.Row(elem_classes="seed-row"):
                knobs["seed"] = new("seed", info="The same seed, the same result.")
                random = gr.Checkbox(True, label="Random", info="A new seed for every run.", elem_id="text-random")
            with gr.Accordion("Sampling", open=False, elem_classes="sampling"):
                knobs |= {name: new(name) for name in SAMPLING}
            with gr.Row(elem_classes="go-bar"):
                go = gr.Button("Generate", variant="primary", elem_id="text-generate", scale=3, min_width=80)
                score = gr.Button("Score my text", elem_id="text-score", scale=2, min_width=80)
                stop = gr.Button("Stop", elem_id="text-stop", elem_classes="stop", scale=1, min_width=60)
            compare = _compare.draw(engine)
            gr.HTML("<p class='caption'>Or begin with one of these</p>", js_on_load=None)
            with gr.Row(elem_classes="examples"):
                examples = {gr.Button(label, size="sm", min_width=100): values for label, values in EXAMPLES.items()}
            damaged = gr.HTML(damaged_models(engine), js_on_load=None)
        with gr.Column(scale=8, min_width=320, elem_classes="results"):
            stage = gr.HTML(
                html_template=STAGE,
                js_on_load=SCRIPT,
                apply_default_css=False,
                elem_id="text-stage",
                server_functions=[examiner(engine), sharer(engine)],
            )
            compare.stage.render()
    return Parts(
        knobs,
        preset,
        random,
        go,
        score,
        stop,
        owner_of_fixed,
        fixed,
        back,
        stranger,
        numbers,
        compare,
        examples,
        damaged,
        stage,
        opened=gr.State(),
        view=gr.State(time_to_live=3600),
        undo=gr.State(),
    )


def known_styles(engine: Engine, model: str) -> list[str]:
    """The styles that the model knows; the empty one leaves it free."""
    manifest = usable(engine, model, KIND)
    return ["", *sorted(as_list(manifest.details.get("styles", [])))] if manifest else [""]


def is_chat(engine: Engine, model: str) -> bool:
    """Whether the model takes a text on how to behave."""
    manifest = usable(engine, model, KIND)
    return bool(manifest and manifest.details.get("chat"))
