"""The components of the image tab and where they stand; what happens when they are used is `image.py`'s business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.recipes import ImageRecipe, limits
from tabs._controls import control, damaged_models, model_choices, model_update
from tabs._image_wishes import examiner, vocabulary
from tabs._scripts import script
from tabs._share import sharer

KIND = ImageRecipe.kind
HERE = Path(__file__).parent

SCRIPT = script("page", "share", "run", "image_card", "image_scrub", "image_words", "restore", "image_stage")
HINTS, START = script("page", "image_hints"), script("page", "image_start")
NO_MODEL = "<p class='caption hint' role='status'>There is no model for pictures here: put one into checkpoints/.</p>"
SAMPLING = ("steps", "guidance_scale", "scheduler", "details", "size", "variation_strength", "variation_seed")
PRESETS = {"Fast": 1 / 2, "Balanced": 1, "Precise": 5 / 3}  # of the steps that the model itself suggests
HOW_MANY = list(range(1, limits(ImageRecipe.model_fields["samples"])["le"] + 1))
OF_PRESET = ("steps", "guidance_scale", "scheduler")
EXAMPLES: dict[str, dict[str, Any]] = {
    "A cat wearing a crown on a beach at sunset": {"seed": 8},
    "Three tomatoes on a wooden table": {"seed": 10},
    "A fox in the snow": {"seed": 7},
    "A pineapple above grapes on a beach": {"seed": 4},
    "A lion wearing a hat in the desert": {"seed": 1},
    "A clown in a city at night": {"seed": 2},
    "A red car on a beach at night": {"seed": 3},
    "One prompt, four pictures": {"prompt": "a panda in front of mountains", "samples": 4, "seed": 6},
}


@dataclass
class Parts:
    """The components of the tab that take part in what happens.

    Attributes:
        knobs: by the recipe's field; `start` is hidden, and `start_view` shows it.
        none: says that there is no model.
        hints: words of the prompt that the model has never seen, and those that it knows.
        back: brings back what a button of the stage overwrote in the controls, which `undo` holds.
        numbers: the preset in words.
        start_fold: in which the start picture stands.
        opened: the recipe and the checksum of the link by which the page was opened.
        view: of the run that goes on, so that Stop can make a result of it.
    """

    knobs: dict[str, gr.components.Component]
    none: gr.HTML
    hints: gr.HTML
    preset: gr.Radio
    numbers: gr.Markdown
    random: gr.Checkbox
    start_fold: gr.Accordion
    start_view: gr.HTML
    go: gr.Button
    stop: gr.Button
    back: gr.Button
    examples: dict[gr.Button, dict[str, Any]]
    damaged: gr.HTML
    stage: gr.HTML
    opened: gr.State
    view: gr.State
    undo: gr.State


def draw(engine: Engine, initial: dict[str, Any]) -> Parts:
    """The tab; `initial` is what its knobs stand at first."""

    def new(name: str, **options: Any) -> gr.components.Component:
        return control(ImageRecipe, name, **{"value": initial[name], **options})

    choices = model_choices(engine, KIND)
    with gr.Row(elem_classes="model-bar"):
        knobs = {"model": new("model", **model_update(choices, initial["model"]), show_label=False, info=None)}
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=300, elem_classes="controls"):
            none = gr.HTML(NO_MODEL, visible=not choices, js_on_load=None)
            knobs["prompt"] = new(
                "prompt",
                lines=2,
                info="What should be in the picture, where, and when? Shift + Enter generates.",
                placeholder="a cat wearing a crown on a beach at sunset",
            )
            hints = gr.HTML(
                html_template=(HERE / "_image_hints.html").read_text(),
                js_on_load=HINTS,
                apply_default_css=False,
                elem_id="image-hints",
                server_functions=[vocabulary],
            )
            back = gr.Button("↩ Back to my settings", visible=False, elem_id="image-back", elem_classes="chip")
            knobs["negative_prompt"] = new("negative_prompt", placeholder="hat, snow")
            preset = gr.Radio(
                list(PRESETS), value="Balanced", label="How much care?", elem_id="image-preset", elem_classes="pills"
            )
            numbers = gr.Markdown("", elem_id="image-numbers", elem_classes="numbers")
            with gr.Row(elem_classes="seed-row"):
                knobs["seed"] = new("seed", info="Same seed, same result.")
                random = gr.Checkbox(True, label="Random", info="New at every run.", elem_id="image-random")
                knobs["samples"] = new("samples", choices=HOW_MANY, info="Side by side.")
            with gr.Accordion("Sampling", open=False, elem_classes="sampling"):
                knobs |= {name: new(name) for name in SAMPLING}
            with gr.Accordion("Blend two prompts", open=False, elem_classes="sampling"):
                knobs["second_prompt"] = new("second_prompt", placeholder="a dog on a beach at sunset")
                knobs["blend"] = new("blend")
            with gr.Accordion("Start from a picture", open=False, elem_classes="sampling") as start_fold:
                start_view = gr.HTML(
                    html_template=(HERE / "_image_start.html").read_text(),
                    js_on_load=START,
                    apply_default_css=False,
                    elem_id="image-start-view",
                )
                knobs["strength"] = new("strength")
            knobs["start"] = new("start", visible="hidden")
            with gr.Row(elem_classes="go-bar"):
                go = gr.Button("Generate", variant="primary", elem_id="image-generate", scale=3, min_width=80)
                stop = gr.Button("Stop", elem_id="image-stop", elem_classes="stop", scale=1, min_width=60)
            gr.HTML("<p class='caption'>Or begin with one of these</p>", js_on_load=None)
            with gr.Row(elem_classes="examples"):
                examples = {
                    gr.Button(label, size="sm", min_width=100): {"prompt": label[0].lower() + label[1:]} | values
                    for label, values in EXAMPLES.items()
                }
            damaged = gr.HTML(damaged_models(engine), js_on_load=None)
        with gr.Column(scale=8, min_width=320, elem_classes="results"):
            stage = gr.HTML(
                html_template=(HERE / "_image_stage.html").read_text(),
                js_on_load=SCRIPT,
                apply_default_css=False,
                elem_id="image-stage",
                server_functions=[examiner(engine), sharer(engine)],
            )
    return Parts(
        knobs,
        none,
        hints,
        preset,
        numbers,
        random,
        start_fold,
        start_view,
        go,
        stop,
        back,
        examples,
        damaged,
        stage,
        opened=gr.State(),
        view=gr.State(time_to_live=3600),
        undo=gr.State(time_to_live=3600),
    )


def preset_values(name: str, own: dict[str, Any]) -> dict[str, Any]:
    """What a preset sets.

    Args:
        own: the model's own settings, of which it changes the steps.
    """
    steps = max(1, min(100, round(own["steps"] * PRESETS[name])))
    return {"steps": steps, **{knob: own[knob] for knob in OF_PRESET if knob != "steps"}}
