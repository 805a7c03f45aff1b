"""The components of the latent tab and where they stand; what happens when they are used is `latent.py`'s business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.recipes import LatentRecipe, limits
from tabs._controls import control, damaged_models, model_choices, model_update
from tabs._latent_recent import Recent
from tabs._latent_wishes import answers
from tabs._latent_worlds import EXAMPLES as SCENE_EXAMPLES
from tabs._latent_worlds import FACES, SCENES, WORLDS
from tabs._scripts import script
from tabs._share import sharer

KIND = LatentRecipe.kind
HERE = Path(__file__).parent

VIEWS = {  # part of the tab → its scripts, the last of which begins to act, and what it asks the server
    "ends": (("latent_ends",), ("look", "rebuild")),
    "prompts": (("latent_prompts",), ("unknown",)),
    "edits": (("latent_edits",), ("build", "join")),
    "map": (("latent_canvas", "latent_map"), ("atlas", "look", "trace")),
    "stage": (("share", "run", "restore", "latent_strides", "latent_lane", "latent_stage"), ("trace", "save", "share")),
    "tools": (("latent_tools",), ("draws", "rebuild", "copies")),
}
SCRIPTS = {name: script("page", "latent_page", *scripts) for name, (scripts, _) in VIEWS.items()}
NO_MODEL = "<p class='caption hint' role='status'>There is no model for faces here: put one into checkpoints/.</p>"
HIDDEN = ("a", "b", "c", "d", "via", "edits", "directions")  # boxes that the tab's own parts write into
FOLDED = ("easing", "loop", "side", "spread", "steps", "guidance_scale")
ONLY = {  # parts that have a meaning in one world → the class that hides them in the other
    **dict.fromkeys(
        ("ends", "edits", "map", "tools", "layout", "interpolation", "side", "spread", "both"), "faces-only"
    ),
    **dict.fromkeys(("prompts", "steps", "guidance_scale"), "scenes-only"),
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Cat → dog": {"a": "preset:cat", "b": "preset:dog"},
    "Sad → happy": {"a": "preset:sad person", "b": "preset:smiling person", "easing": "smooth", "loop": "back"},
    "Young → old": {
        "a": "face:kind=person,age=0,smile=0.6,femininity=0.2",
        "b": "face:kind=person,age=1,smile=0.6,femininity=0.2",
        "frames": 24,
    },
    "Four animals, one grid": {
        "a": "preset:cat",
        "b": "preset:owl",
        "c": "preset:fox",
        "d": "preset:frog",
        "layout": "grid",
    },
    "Round the zoo": {
        "a": "preset:rabbit",
        "via": "preset:panda; preset:lion; preset:mouse",
        "b": "preset:bear",
        "frames": 60,
        "easing": "smooth",
        "loop": "round",
    },
    "Cat + smile, by sums": {
        "a": "preset:cat",
        "b": "preset:cat + preset:smiling person - preset:sad person",
    },
    "Two strangers": {"seed": 12, "frames": 32},
}


@dataclass
class Parts:
    """The components of the tab that take part in what happens.

    Attributes:
        knobs: by the recipe's field; those of `HIDDEN` stand on the page through `ends` and `edits`.
        none: says that there is no model.
        world: what is travelled through, a key of `WORLDS`; `stood` is what the knobs stood at in those that were left.
        both: whether the next journey is made by two models.
        ends: the faces between which the journey leads; prompts: the same for scenes.
        edits: sliders along directions, and the builder of one's own.
        map: of the latent space, with the face that is looked at.
        tools: random faces, a face by its features, uploads, copies.
        back: brings back what a file or an example overwrote in the controls, which `undo` holds.
        opened: the recipe and the checksum of the link by which the page was opened.
        view: of the run that goes on, so that Stop can make a result of it.
        recent: the journeys that were made last.
    """

    knobs: dict[str, gr.components.Component]
    none: gr.HTML
    world: gr.Radio
    random: gr.Checkbox
    both: gr.Checkbox
    ends: gr.HTML
    prompts: gr.HTML
    edits: gr.HTML
    map: gr.HTML
    stage: gr.HTML
    tools: gr.HTML
    go: gr.Button
    stop: gr.Button
    back: gr.Button
    examples: dict[gr.Button, dict[str, Any]]
    damaged: gr.HTML
    opened: gr.State
    view: gr.State
    undo: gr.State
    stood: gr.State
    recent: Recent


def draw(engine: Engine, initial: dict[str, Any]) -> Parts:
    """The tab; `initial` is what its knobs stand at first."""
    recent = Recent()
    ask = answers(engine, recent) | {"share": sharer(engine)}

    def new(name: str, **options: Any) -> gr.components.Component:
        return control(LatentRecipe, name, **{"value": initial[name], "elem_classes": ONLY.get(name), **options})

    def view(name: str) -> gr.HTML:
        return gr.HTML(
            html_template=(HERE / f"_latent_{name}.html").read_text(),
            js_on_load=SCRIPTS[name],
            apply_default_css=False,
            elem_id=f"latent-{name}-view",
            elem_classes=ONLY.get(name),
            server_functions=[ask[question] for question in VIEWS[name][1]],
        )

    choices = model_choices(engine, KIND)
    with gr.Row(elem_classes="model-bar"):
        knobs = {"model": new("model", **model_update(choices, initial["model"]), show_label=False, info=None)}
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=5, min_width=300, elem_classes="controls"):
            world = gr.Radio(
                [(label, name) for name, label in WORLDS.items()],
                value=FACES,
                label="Travel through",
                elem_id="latent-world",
                elem_classes="pills",
            )
            none = gr.HTML(NO_MODEL, visible=not choices, js_on_load=None)
            knobs |= {name: new(name, visible="hidden") for name in HIDDEN}
            ends, prompts = view("ends"), view("prompts")
            back = gr.Button("↩ Back to my settings", visible=False, elem_id="latent-back", elem_classes="chip")
            knobs["layout"] = pills("layout", initial["layout"])
            knobs["interpolation"] = pills("interpolation", initial["interpolation"])
            knobs["frames"] = new("frames")
            with gr.Row(elem_classes="seed-row"):
                knobs["seed"] = new("seed", info="Of what is drawn by chance.")
                random = gr.Checkbox(True, label="Random", info="New at every run.", elem_id="latent-random")
            edits = view("edits")
            with gr.Accordion("Pace and reach", open=False, elem_classes="sampling"):
                knobs |= {name: new(name) for name in FOLDED}
            both = gr.Checkbox(
                False,
                label="VAE and GAN side by side",
                info="The same journey by a second model, smooth but soft beside sharp but uneven.",
                visible=len(choices) > 1,
                elem_id="latent-both",
                elem_classes=ONLY["both"],
            )
            with gr.Row(elem_classes="go-bar"):
                go = gr.Button("Morph", variant="primary", elem_id="latent-generate", scale=3, min_width=80)
                stop = gr.Button("Stop", elem_id="latent-stop", elem_classes="stop", scale=1, min_width=60)
            gr.HTML("<p class='caption'>Or begin with one of these</p>", js_on_load=None)
            with gr.Row(elem_classes="examples"):
                examples = {
                    gr.Button(label, size="sm", min_width=100, elem_classes=f"{place}-only"): values
                    for place, some in ((FACES, EXAMPLES), (SCENES, SCENE_EXAMPLES))
                    for label, values in some.items()
                }
            damaged = gr.HTML(damaged_models(engine), js_on_load=None)
        with gr.Column(scale=8, min_width=320, elem_classes="results latent-results"):
            views = {name: view(name) for name in ("map", "stage", "tools")}
    return Parts(
        {name: knobs[name] for name in LatentRecipe.model_fields if name in knobs},
        none,
        world,
        random,
        both,
        ends,
        prompts,
        edits,
        **views,
        go=go,
        stop=stop,
        back=back,
        examples=examples,
        damaged=damaged,
        opened=gr.State(),
        view=gr.State(time_to_live=3600),
        undo=gr.State(time_to_live=3600),
        stood=gr.State({}, time_to_live=3600),
        recent=recent,
    )


def pills(name: str, value: str) -> gr.Radio:
    """A knob with few choices, all in sight."""
    field = LatentRecipe.model_fields[name]
    return gr.Radio(
        [(label, choice) for choice, label in limits(field)["choices"].items()],
        value=value,
        label=(field.title or name).capitalize(),
        info=field.description,
        elem_id=f"{KIND}-{name}",
        elem_classes=f"pills {ONLY.get(name, '')}",
    )
