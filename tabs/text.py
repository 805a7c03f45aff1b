"""The text tab: a beginning, the knobs, and tales side by side with the reason for every word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.links import base_url
from playground.recipes import RANDOM_SEED, TextRecipe
from tabs._controls import (
    PARALLEL,
    UPDATE_S,
    as_list,
    control,
    damaged_models,
    defaults,
    endpoint,
    manifest_defaults,
    model_choices,
    opened_link,
    paced,
    told,
    usable,
)
from tabs._text_view import TextSketch, TextView

TITLE, ORDER, KIND = "Text", 1, TextRecipe.kind
HERE = Path(__file__).parent
STAGE = (HERE / "_stage.html").read_text()
SCRIPT = (HERE / "_why.js").read_text() + (HERE / "_stage.js").read_text()
SAMPLERS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
SAMPLING = (*SAMPLERS, "max_new_tokens", "samples", "stop")
PRESETS: dict[str, dict[str, float]] = {
    "Greedy": {"temperature": 0},
    "Balanced": {},
    "Creative": {"temperature": 1, "top_k": 100, "min_p": 0.02},
    "Chaos": {"temperature": 1.5, "top_k": 0, "top_p": 1},
    "Neutral": {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repetition_penalty": 1},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "A dragon": {"prompt": "Once upon a time, there was a dragon who", "seed": 20},
    "In Andersen's voice": {"prompt": "In the corner of the nursery stood", "style": "Andersen", "seed": 11},
    "About a fox and a well": {"prompt": "", "about": "fox, well, moon", "seed": 3},
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
        opened: the recipe and the checksum of the link by which the page was opened.
        view: of the run that goes on, so that Stop can make a result of it.
    """

    knobs: dict[str, gr.components.Component]
    preset: gr.Radio
    random: gr.Checkbox
    go: gr.Button
    stop: gr.Button
    examples: dict[gr.Button, dict[str, Any]]
    damaged: gr.HTML
    stage: gr.HTML
    opened: gr.State
    view: gr.State


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it."""
    initial = defaults(engine, TextRecipe)
    parts = _draw(engine, initial)
    act = Listeners(engine, initial, parts)
    knobs, stage = parts.knobs, parts.stage
    samplers = [knobs[name] for name in SAMPLERS]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shared: dict[str, Any] = {"concurrency_limit": PARALLEL, "concurrency_id": "generate"}
    running = gr.on(
        [parts.go.click, knobs["prompt"].submit, stage.submit, *(example.click for example in parts.examples)],
        act.tell,
        [parts.random, parts.opened, *knobs.values()],
        [stage, parts.view, parts.preset, parts.random, *knobs.values()],
        trigger_mode="once",
        **shared,
        **private,
    )
    parts.stop.click(act.stop, parts.view, [stage, parts.view], cancels=[running], queue=False, **private)
    parts.preset.input(act.choose_preset, [parts.preset, knobs["model"]], samplers, queue=False, **private)
    gr.on([knob.input for knob in samplers], None, None, parts.preset, js="() => null", api_visibility="private")
    knobs["model"].input(act.choose_model, knobs["model"], list(knobs.values()), queue=False, **private)
    stage.reuse(act.reuse_seed, None, [knobs["seed"], parts.random], queue=False, **private)
    page = [stage, parts.damaged, parts.preset, parts.random, parts.opened, *knobs.values()]
    demo.load(act.open_page, None, page, queue=False, **private)
    gr.api(
        endpoint(
            engine, TextRecipe, TextSketch, "Tell a text that goes on from a prompt. A null leaves a knob to the model."
        ),
        api_name=KIND,
        **shared,
    )


def _draw(engine: Engine, initial: dict[str, Any]) -> Parts:
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
            with gr.Row(elem_classes="header-fields"):
                styles = _styles(engine, initial["model"])
                knobs["style"] = new("style", info="Whose voice?", choices=styles, allow_custom_value=True)
                knobs["about"] = new("about", info="A few key words", placeholder="dragon, key")
                knobs["title"] = new("title", info="Its name", placeholder="The Golden Key")
            preset = gr.Radio(
                list(PRESETS), value="Balanced", label="How daring?", elem_id="text-preset", elem_classes="pills"
            )
            with gr.Row(elem_classes="seed-row"):
                knobs["seed"] = new("seed", info="The same seed, the same result.")
                random = gr.Checkbox(True, label="Random", info="A new seed for every run.", elem_id="text-random")
            with gr.Accordion("Sampling", open=False, elem_classes="sampling"):
                knobs |= {name: new(name) for name in SAMPLING}
            with gr.Row(elem_classes="go-bar"):
                go = gr.Button("Generate", variant="primary", elem_id="text-generate", scale=3)
                stop = gr.Button("Stop", elem_id="text-stop", elem_classes="stop", scale=1)
            gr.HTML("<p class='caption'>Or begin with one of these</p>", js_on_load=None)
            with gr.Row(elem_classes="examples"):
                examples = {gr.Button(label, size="sm", min_width=100): values for label, values in EXAMPLES.items()}
            damaged = gr.HTML(damaged_models(engine), js_on_load=None)
        with gr.Column(scale=8, min_width=320, elem_classes="results"):
            stage = gr.HTML(html_template=STAGE, js_on_load=SCRIPT, apply_default_css=False, elem_id="text-stage")
    return Parts(
        knobs, preset, random, go, stop, examples, damaged, stage, opened=gr.State(), view=gr.State(time_to_live=3600)
    )


@dataclass
class Listeners:
    """What the tab does when something is pressed, opened or chosen; `initial` is what its knobs stand at first."""

    engine: Engine
    initial: dict[str, Any]
    parts: Parts

    def tell(
        self, request: gr.Request, event: gr.EventData, use_random: bool, link: Any, *values: Any
    ) -> Iterator[dict[Any, Any]]:
        """Run the recipe that the controls and the pressed button make, and show it as it comes."""
        knobs, stage, view = self.parts.knobs, self.parts.stage, self.parts.view
        changed = self._changes(event)
        given = dict(zip(knobs, values, strict=True)) | ({"seed": RANDOM_SEED} if use_random else {}) | changed
        with told():
            recipe, expected = self.engine.recipe(KIND, given), ""
            if link and link[0].model_copy(update={"fingerprint": ""}) == recipe:
                recipe, expected = link
            base = base_url(request.headers.get("referer"))
            run = TextView(recipe, base, manifest_defaults(self.engine, recipe.model, KIND), expected)
            shown = {knobs[name]: getattr(recipe, name) for name in {*changed, "seed"}}
            if "seed" in changed:  # an example: its seed and its preset are what the page now stands at
                shown |= {self.parts.preset: _preset_of(recipe, self.initial), self.parts.random: False}
            yield shown | {stage: run.value(), view: run}
            try:
                for events in paced(self.engine.generate(recipe), UPDATE_S * (1 if recipe.samples == 1 else 2)):
                    run.add(events)
                    if run.over:  # done, or stopped before Gradio has ended this generator
                        break
                    yield {stage: run.value()}
            except PlaygroundError as error:
                run.fail(str(error))
                yield {stage: run.value(), view: None}
                raise
            yield {stage: run.value(), view: None}

    def _changes(self, event: gr.EventData | None) -> dict[str, Any]:
        """What the pressed button says of the recipe, besides the controls."""
        example = self.parts.examples.get(getattr(event, "target", None))  # type: ignore[arg-type]
        if example is not None:
            kept = ("style", "about", "title", "max_new_tokens", "samples", "stop")
            values = {name: self.initial[name] for name in (*kept, *SAMPLERS)}
            return (
                values
                | PRESETS[example.get("preset", "Balanced")]
                | {n: v for n, v in example.items() if n != "preset"}
            )
        data = getattr(event, "_data", None)
        if isinstance(data, dict) and isinstance(data.get("text"), str):  # Continue
            return {"prompt": data["text"], "samples": 1}
        return {}

    def stop(self, run: TextView | None) -> tuple[Any, None]:
        """Make a result of what is there; the run itself is cancelled by Gradio."""
        if run is None:
            return gr.skip(), None
        run.stop()
        return run.value(), None

    def choose_preset(self, name: str | None, model: str) -> list[Any]:
        """What the samplers stand at."""
        if name not in PRESETS:
            return [gr.skip() for _ in SAMPLERS]
        own = self.initial | dict(manifest_defaults(self.engine, model, KIND)) | PRESETS[name]
        return [own[sampler] for sampler in SAMPLERS]

    def choose_model(self, name: str) -> dict[Any, Any]:
        """The defaults and the styles of another model."""
        knobs = self.parts.knobs
        own = manifest_defaults(self.engine, name, KIND)
        updates = {knobs[knob]: value for knob, value in own.items() if knob in knobs}
        return updates | {knobs["style"]: gr.update(choices=_styles(self.engine, name))}

    def reuse_seed(self, event: gr.EventData) -> tuple[Any, Any]:
        """The seed of a result, and that it is to stay."""
        seed = event._data.get("seed") if isinstance(event._data, dict) else None
        return (seed, False) if isinstance(seed, int) else (gr.skip(), gr.skip())

    def open_page(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the controls as the page's address says, or tell what is wrong with it."""
        parts, knobs = self.parts, self.parts.knobs
        choices = model_choices(self.engine, KIND)
        fresh = {knobs["model"]: gr.update(choices=choices), parts.damaged: damaged_models(self.engine)}
        recipe, link, problem = opened_link(self.engine, request, KIND, first=KIND)
        if recipe is None or link is None:
            return fresh | {parts.stage: _notice(problem)}
        return fresh | {
            **{knobs[name]: getattr(recipe, name) for name in knobs if name != "model"},
            knobs["model"]: gr.update(choices=choices, value=recipe.model),
            parts.preset: _preset_of(recipe, self.initial),
            parts.random: "seed" not in link.values,
            parts.opened: (recipe, link.check),
            parts.stage: _notice("", begin=link.run),
        }


def _styles(engine: Engine, model: str) -> list[str]:
    """The styles that the model knows; the empty one leaves it free."""
    manifest = usable(engine, model, KIND)
    return ["", *sorted(as_list(manifest.details.get("styles", [])))] if manifest else [""]


def _preset_of(recipe: TextRecipe, initial: dict[str, Any]) -> str | None:
    """The preset whose samplers these are."""
    own = {name: initial[name] for name in SAMPLERS}
    asked = {name: getattr(recipe, name) for name in SAMPLERS}
    return next((name for name, values in PRESETS.items() if own | values == asked), None)


def _notice(message: str, *, begin: bool = False) -> dict[str, Any]:
    """A stage without a run: a message above the empty place, or the wish to begin at once."""
    return {"run": "", "state": "notice", "message": message, "begin": begin, "chunks": {}}
