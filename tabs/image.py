"""The image tab: a prompt, the knobs, and pictures that form, with the steps and the words that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.hub import HubManifest
from playground.links import base_url
from playground.modalities import part_of
from playground.recipes import RANDOM_SEED, SCHEDULERS, ImageRecipe, TextRecipe, limits
from tabs._arrivals import arrivals_of
from tabs._controls import (
    PARALLEL,
    UPDATE_S,
    damaged_models,
    defaults,
    endpoint,
    manifest_defaults,
    model_choices,
    model_update,
    opened_link,
    told,
    usable,
)
from tabs._image_layout import OF_PRESET, PRESETS, Parts, draw, preset_values
from tabs._image_view import ImageSketch, ImageView, with_files
from tabs._image_wishes import WRITTEN, from_stage, start_of
from tabs._keeping import keeper_of
from tabs._listeners import Maker, knobs_of, notice
from tabs._visitors import client_of

TITLE, ORDER, KIND = "Image", 2, ImageRecipe.kind
OPENED = "This link holds everything that a picture was made with: Generate draws it again."
RESTORED = "Every setting of that picture is back: Generate draws it again."
NUMBERS = (
    "(steps, guidance, scheduler) => [`${steps} steps`, guidance > 1 ? `guidance ${guidance}` : 'no guidance', "
    f"({json.dumps(SCHEDULERS)})[scheduler] ?? ''].join(' · ')"
)  # the page's own numbers, no text of anybody
PROMPTS = ("prompt", "second_prompt", "negative_prompt")
SHOW_START = "(start) => ({ start, said: '' })"


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it."""
    initial = defaults(engine, ImageRecipe)
    parts = draw(engine, initial)
    keeper = keeper_of(demo)
    act = Listeners(engine, initial, parts, keeper)
    knobs, stage = parts.knobs, parts.stage
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shared: dict[str, Any] = {"concurrency_limit": PARALLEL, "concurrency_id": "generate"}
    running = gr.on(
        [parts.go.click, knobs["prompt"].submit, stage.submit, *(example.click for example in parts.examples)],
        act.paint,
        [parts.random, parts.opened, keeper.owner, *knobs.values()],
        [stage, parts.view, parts.preset, parts.random, *knobs.values()],
        trigger_mode="once",
        **shared,
        **private,
    )
    parts.stop.click(act.stop, parts.view, [stage, parts.view], cancels=[running], queue=False, **private)
    of_preset = [knobs[name] for name in OF_PRESET]
    parts.preset.input(act.choose_preset, [parts.preset, knobs["model"]], of_preset, queue=False, **private)
    gr.on([knob.input for knob in of_preset], None, None, parts.preset, js="() => null", api_visibility="private")
    moved = [knob.change for knob in of_preset]
    gr.on(moved, None, of_preset, parts.numbers, js=NUMBERS, api_visibility="private")
    arrivals_of(demo).run(NUMBERS, of_preset, [parts.numbers])
    knobs["model"].input(act.choose_model, knobs["model"], [parts.preset, *knobs.values()], queue=False, **private)
    stage.reuse(act.reuse_seed, None, [knobs["seed"], parts.random], queue=False, **private)
    knobs["seed"].input(None, None, parts.random, js="() => [false]", api_visibility="private")  # it is meant
    to_start = [knobs["start"], parts.start_view, parts.start_fold]
    for picked in (stage.use, parts.start_view.pick):
        picked(act.start_from, knobs["size"], to_start, queue=False, **private)
    knobs["start"].change(None, knobs["start"], parts.start_view, js=SHOW_START, api_visibility="private")
    settings = [stage, parts.preset, parts.random, parts.opened, parts.undo, parts.back, *knobs.values()]
    stage.restore(act.restore, [parts.random, *knobs.values()], settings, queue=False, **private)
    parts.back.click(
        act.go_back, parts.undo, [parts.undo, parts.back, parts.random, *knobs.values()], queue=False, **private
    )
    prompts = [knobs[name] for name in ("model", *PROMPTS)]
    gr.on(
        [knob.change for knob in prompts],
        act.know_words,
        prompts,
        parts.hints,
        trigger_mode="always_last",
        queue=False,
        **private,
    )
    page = [stage, parts.none, parts.damaged, parts.preset, parts.random, parts.opened, *knobs.values()]
    arrivals_of(demo).call(act.arrive, outputs=[stage, parts.none, parts.damaged, knobs["model"]])
    arrivals_of(demo).call(lambda _, *stood: {parts.hints: act.know_words(*stood)}, prompts, [parts.hints])
    stage.fill(act.open_page, None, page, queue=False, **private)
    summary = "Draw a picture from a prompt; the result's image is its PNG. A null leaves a knob to the model."
    gr.api(endpoint(engine, ImageRecipe, ImageSketch, summary, with_files), api_name=KIND, **shared)


@dataclass
class Listeners(Maker):
    """What the tab does when something is pressed, opened or chosen; `initial` is what its knobs stand at first."""

    kind: ClassVar[str] = KIND
    written: ClassVar[tuple[str, ...]] = WRITTEN
    restored: ClassVar[str] = RESTORED

    parts: Parts

    def paint(
        self,
        request: gr.Request,
        event: gr.EventData,
        use_random: bool,
        link: Any,
        owner_key: Any,
        *values: Any,
    ) -> Iterator[dict[Any, Any]]:
        """Run the recipe that the controls and the pressed button make, and show it as it comes."""
        parts, knobs = self.parts, self.parts.knobs
        stood = dict(zip(knobs, values, strict=True))
        with told():
            wish = self._wish(event, stood)
            recipe = self.engine.recipe(KIND, stood | ({"seed": RANDOM_SEED} if use_random else {}) | wish)
            recipe, expected, source = self.known(link, recipe)
            base = base_url(request.headers.get("referer"))
            defaults_there = manifest_defaults(self.engine, recipe.model, KIND)
            run = ImageView(recipe, base, dict(defaults_there), expected, source)
            varied = wish and event.target is parts.stage  # once: what a person set stays as it is for the next run
            shown = {} if varied else {knobs[name]: getattr(recipe, name) for name in {*wish, "seed"}}
            if wish and not varied:  # an example: its seed and its preset are what the page now stands at
                shown |= {parts.preset: self._preset_of(recipe), parts.random: False}
            pause = UPDATE_S * (1 if recipe.samples == 1 else 2)
            yield from self.follow(run, self.engine.generate(recipe, client_of(request)), shown, pause, owner_key)

    def _wish(self, event: gr.EventData, stood: dict[str, Any]) -> dict[str, Any]:
        """What the pressed button says of the recipe, besides the controls."""
        example = self.parts.examples.get(event.target)  # type: ignore[call-overload]
        if example is None:
            return from_stage(getattr(event, "_data", None))
        own = self.initial | dict(manifest_defaults(self.engine, str(stood["model"]), KIND))
        kept = [name for name in self.parts.knobs if name not in ("model", "prompt", "seed")]
        return {name: own[name] for name in kept} | preset_values("Balanced", own) | example

    def choose_preset(self, name: str | None, model: str) -> list[Any]:
        """What the steps and their kin stand at."""
        if name not in PRESETS:
            return [gr.skip() for _ in OF_PRESET]
        own = preset_values(name, self.initial | dict(manifest_defaults(self.engine, model, KIND)))
        return [own[knob] for knob in OF_PRESET]

    def choose_model(self, name: str) -> dict[Any, Any]:
        """The defaults of another model."""
        knobs = self.parts.knobs
        own = manifest_defaults(self.engine, name, KIND)
        updates = {knobs[knob]: value for knob, value in own.items() if knob in knobs}
        return (updates | ({self.parts.preset: "Balanced"} if "steps" in own else {})) or gr.skip()

    def start_from(self, event: gr.EventData, size: Any) -> dict[Any, Any]:
        """A picture of the stage, a file, or none, as what the drawing begins from."""
        parts = self.parts
        try:
            start = start_of(event._data, size)
        except PlaygroundError as error:
            return {parts.start_view: {"start": None, "said": str(error)}}
        return {parts.knobs["start"]: start, parts.start_fold: gr.update(open=True)}

    def besides(self, recipe: ImageRecipe) -> dict[Any, Any]:
        """The preset."""
        return {self.parts.preset: self._preset_of(recipe)}

    def know_words(self, model: Any, *texts: Any) -> dict[str, Any]:
        """The words that the model has never seen, each with the nearest that it knows."""
        manifest = usable(self.engine, model, KIND) if isinstance(model, str) else None
        if manifest is None or isinstance(manifest, HubManifest):  # whose vocabulary is another
            return {"unknown": [], "known": False}
        unknown = part_of(KIND, "words").unknown_words
        found = [
            [name, word, list(near)]
            for name, text in zip(PROMPTS, texts, strict=True)
            if isinstance(text, str) and len(text) <= limits(ImageRecipe.model_fields[name])["max_length"]
            for word, near in unknown(text)
        ]
        return {"unknown": found, "known": True}

    def open_page(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the controls as the page's address says, or tell what is wrong with it."""
        parts, knobs = self.parts, self.parts.knobs
        choices = model_choices(self.engine, KIND)
        recipe, link, problem = opened_link(self.engine, request, KIND, first=TextRecipe.kind)
        model = recipe.model if recipe else self.initial["model"]
        fresh = {
            knobs["model"]: gr.update(**model_update(choices, model)),
            parts.none: gr.update(visible=not choices),
            parts.damaged: damaged_models(self.engine),
        }
        if recipe is None or link is None:
            return fresh | {parts.stage: notice(problem)}
        return fresh | {
            **{knobs[name]: value for name, value in knobs_of(recipe).items() if name != "model"},
            **self.besides(recipe),
            parts.random: not link.is_one,
            parts.opened: (recipe, link.check, "link"),
            parts.stage: notice("" if link.run or not link.values else OPENED, begin=link.run),
        }

    def _preset_of(self, recipe: ImageRecipe) -> str | None:
        """The preset whose settings these are."""
        own = self.initial | dict(manifest_defaults(self.engine, recipe.model, KIND))
        asked = {name: getattr(recipe, name) for name in OF_PRESET}
        return next((name for name in PRESETS if preset_values(name, own) == asked), None)
