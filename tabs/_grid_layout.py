"""The components of the grid tab and where they stand; what happens when they are used is `grid.py`'s business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.grid import Asked, knobs, texts
from playground.recipes import Recipe
from tabs._controls import control, model_choices
from tabs._scripts import script
from tabs._share import sharer

HERE = Path(__file__).parent
SCRIPT, PLAN, SAVE = script("page", "share", "grid_stage"), script("page", "grid_plan"), script("page", "grid_save")
FRONT = 2  # texts of a recipe that have a box of their own
WORDS = "words:"  # before the name of a knob: search and replace in its text
NOTHING = ""  # the axis that there is not
FIRST_AXIS = Asked("seed", "1-3")  # there is one in every kind


@dataclass(frozen=True)
class Example:
    """A grid that is worth a click."""

    kind: str
    base: dict[str, Any]
    across: Asked
    down: Asked


EXAMPLES = {
    "Temperature × top-p of a tale": Example(
        "text",
        {"prompt": "Once upon a time there was a", "seed": 7, "max_new_tokens": 30},
        Asked("temperature", "0.3, 0.8, 1.5"),
        Asked("top_p", "0.5, 0.95, 1"),
    ),
    "Guidance × steps of a picture": Example(
        "image",
        {"prompt": "a red car on a beach at sunset", "seed": 9},
        Asked("guidance_scale", "1, 3, 7"),
        Asked("steps", "2, 5, 12"),
    ),
    "Who × where: words of a prompt": Example(
        "image",
        {"prompt": "a cat in the snow", "seed": 7, "steps": 6},
        Asked("prompt", "cat, penguin, robot", words=True),
        Asked("prompt", "in the snow, on a beach, in space", words=True),
    ),
    "Smile × age of a face": Example(
        "latent",
        {"a": "seed:7", "b": "seed:7", "frames": 2, "edits": "smile=-1.5, age=-1.5", "seed": 7},
        Asked("edits", "smile=-1.5, smile=0, smile=1.5", words=True),
        Asked("edits", "age=-1.5, age=0, age=1.5", words=True),
    ),
}


@dataclass
class Parts:
    """The components of the tab that take part in what happens.

    Attributes:
        kind: of recipe; `fronts` are the boxes of each kind by knob, in `folds`, of which that of the kind is shown.
        more: the other knobs that are set, a line each.
        axes: of both, what varies and its values.
        plan: how much it would be, or what is wrong with it.
        saver: hands a file to the page.
        view: of the last run, of which files can be made.
    """

    kind: gr.Radio
    model: gr.Dropdown
    folds: dict[str, gr.Column]
    fronts: dict[str, dict[str, gr.components.Component]]
    seed: gr.Number
    more: gr.Textbox
    link: gr.Textbox
    axes: list[tuple[gr.Dropdown, gr.Textbox]]
    plan: gr.HTML
    go: gr.Button
    stop: gr.Button
    examples: dict[gr.Button, Example]
    stage: gr.HTML
    saver: gr.HTML
    view: gr.State

    @property
    def inputs(self) -> list[gr.components.Component]:
        """All that says what the grid is to be, in the order in which `Standing` takes it."""
        boxes = [box for fronts in self.fronts.values() for box in fronts.values()]
        return [self.kind, self.model, self.seed, self.more, *(part for axis in self.axes for part in axis), *boxes]


def fronts_of(kind: str) -> list[str]:
    """The knobs that say most of what a recipe of this kind makes: its first texts."""
    return texts(kind)[:FRONT]


def axis_choices(kind: str) -> list[tuple[str, str]]:
    """(label, value) of all that an axis can vary."""
    with_words = texts(kind)
    choices = []
    for name, title in knobs(kind).items():
        choices.append((title, name))
        if name in with_words:  # beside it: whoever writes words there means these more often than the whole text
            choices.append((f"words of “{title}”", f"{WORDS}{name}"))
    return choices


def axis_value(asked: Asked | None) -> str:
    """What the list of an axis stands at."""
    return NOTHING if asked is None else f"{WORDS if asked.words else ''}{asked.knob}"


def models_update(engine: Engine, kind: str, wanted: str = "") -> dict[str, Any]:
    """Choices and value of the list of models: the wanted one, else the kind's default, else the first."""
    choices = model_choices(engine, kind)
    names = [name for _, name in choices]
    usual = Recipe.kinds[kind].model_fields["model"].default
    return {"choices": choices, "value": wanted or (usual if usual in names or not names else names[0])}


def draw(engine: Engine) -> Parts:
    """The tab."""
    usable = [kind for kind in Recipe.kinds if engine.registry.names(kind)]
    shown = usable[0] if usable else next(iter(Recipe.kinds))
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=300, elem_classes="controls"):
            kind = gr.Radio(
                [(name.capitalize(), name) for name in Recipe.kinds],
                value=shown,
                label="A grid of what?",
                elem_id="grid-kind",
                elem_classes="pills",
            )
            folds, fronts = {}, {}
            for name, recipe in Recipe.kinds.items():
                with gr.Column(visible=name == shown, elem_classes="grid-fronts") as folds[name]:
                    fronts[name] = {
                        knob: control(recipe, knob, elem_id=f"grid-{name}-{knob}", lines=1, max_lines=4)
                        for knob in fronts_of(name)
                    }
            with gr.Row(elem_classes="seed-row"):
                model = gr.Dropdown(
                    label="Model",
                    info="Makes every cell.",
                    allow_custom_value=True,
                    elem_id="grid-model",
                    **models_update(engine, shown),
                )
                seed = control(
                    Recipe.kinds[shown],
                    "seed",
                    elem_id="grid-seed",
                    info="The same for every cell, unless an axis is the seed.",
                )
            with gr.Accordion("More settings, or a share link", open=False, elem_classes="sampling"):
                more = gr.Textbox(
                    label="More settings",
                    info="One a line. What is not named stands at the model's default.",
                    placeholder="temperature=0.7\nmax_new_tokens=40",
                    lines=3,
                    max_lines=8,
                    elem_id="grid-more",
                )
                link = gr.Textbox(
                    label="Share link",
                    info="Paste one of any tab: everything above is filled from it.",
                    placeholder="http://…/?tab=text&v=1&…",
                    lines=1,
                    max_lines=1,
                    elem_id="grid-link",
                )
            axes = [_axis("Across", FIRST_AXIS, shown), _axis("Down", None, shown)]
            plan = gr.HTML(
                html_template=(HERE / "_grid_plan.html").read_text(),
                js_on_load=PLAN,
                apply_default_css=False,
                elem_id="grid-plan",
            )
            with gr.Row(elem_classes="go-bar"):
                go = gr.Button("Fill the grid", variant="primary", elem_id="grid-go", scale=3, min_width=80)
                stop = gr.Button("Stop", elem_id="grid-stop", elem_classes="stop", scale=1, min_width=60)
            gr.HTML("<p class='caption'>Or begin with one of these</p>", js_on_load=None)
            with gr.Row(elem_classes="examples"):
                examples = {
                    gr.Button(label, size="sm", min_width=100): example
                    for label, example in EXAMPLES.items()
                    if example.kind in usable
                }
        with gr.Column(scale=8, min_width=320, elem_classes="results"):
            stage = gr.HTML(
                html_template=(HERE / "_grid_stage.html").read_text(),
                js_on_load=SCRIPT,
                apply_default_css=False,
                elem_id="grid-stage",
                server_functions=[sharer(engine)],
            )
            saver = gr.HTML("", html_template="<i hidden></i>", js_on_load=SAVE, elem_classes="grid-saver")
    view = gr.State(time_to_live=3600)
    return Parts(kind, model, folds, fronts, seed, more, link, axes, plan, go, stop, examples, stage, saver, view)


def _axis(label: str, asked: Asked | None, kind: str) -> tuple[gr.Dropdown, gr.Textbox]:
    nothing = [] if label == "Across" else [("nothing", NOTHING)]
    with gr.Row(elem_classes="grid-axis"):
        knob = gr.Dropdown(
            nothing + axis_choices(kind),
            value=axis_value(asked),
            label=label,
            info="What varies.",
            allow_custom_value=True,
            elem_id=f"grid-{label.lower()}",
            min_width=120,
        )
        values = gr.Textbox(
            asked.values if asked else "",
            label="Values",
            info="Like 0.2, 0.8 or 1-5 or 0.2-1:5.",
            lines=1,
            max_lines=3,
            elem_id=f"grid-{label.lower()}-values",
            min_width=140,
        )
    return knob, values
