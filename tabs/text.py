"""The text tab: a beginning, the knobs, and tales side by side with the reason for every word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.links import base_url
from playground.recipes import RANDOM_SEED, TextRecipe
from tabs import _compare
from tabs._arrivals import arrivals_of
from tabs._controls import (
    PARALLEL,
    UPDATE_S,
    damaged_models,
    defaults,
    endpoint,
    manifest_defaults,
    model_choices,
    opened_link,
    told,
)
from tabs._keeping import keeper_of
from tabs._listeners import Maker, notice
from tabs._text_layout import PRESETS, Parts, draw, is_chat, known_styles
from tabs._text_view import TextSketch, TextView
from tabs._visitors import client_of
from tabs._wishes import BEGINNING, SAMPLERS, SCORE, Undo, Wish, fixed_there, from_stage, owner, sampler_values, undo

TITLE, ORDER, KIND = "Text", 1, TextRecipe.kind
OPENED = "This link holds everything that a tale was made with: Generate tells it again, word for word."
RESTORED = "Every setting of that tale is back: Generate tells it again."
WRITTEN = ("prompt", "system", "about", "title")  # knobs that hold what a person made up
NUMBERS = """(temperature, k, p, least, penalty) => [
    ...(temperature ? [
        `temperature ${temperature}`, `top-k ${k || "off"}`, `top-p ${p < 1 ? p : "off"}`, `min-p ${least || "off"}`,
    ] : ["temperature 0: always the likeliest word, no dice"]),
    ...(penalty > 1 ? [`repetition penalty ${penalty}`] : []),
].join(" · ")"""  # the samplers in words; the page's own numbers, no text of anybody
LET_GO = """(forced, owner, ...beginning) =>
    [owner === JSON.stringify(beginning.map((value) => value ?? "")) ? forced : ""]"""


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it."""
    initial = defaults(engine, TextRecipe)
    parts = draw(engine, initial)
    keeper = keeper_of(demo)
    act = Listeners(engine, initial, parts, keeper)
    knobs, stage = parts.knobs, parts.stage
    samplers = [knobs[name] for name in SAMPLERS]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shared: dict[str, Any] = {"concurrency_limit": PARALLEL, "concurrency_id": "generate"}
    running = gr.on(
        [
            parts.go.click,
            parts.score.click,
            knobs["prompt"].submit,
            stage.submit,
            *(example.click for example in parts.examples),
        ],
        act.tell,
        [parts.random, parts.opened, parts.undo, keeper.owner, *knobs.values()],
        [stage, parts.view, parts.preset, parts.random, parts.undo, parts.back, parts.owner, *knobs.values()],
        trigger_mode="once",
        **shared,
        **private,
    )
    parts.stop.click(act.stop, parts.view, [stage, parts.view], cancels=[running], queue=False, **private)
    parts.preset.input(act.choose_preset, [parts.preset, knobs["model"]], samplers, queue=False, **private)
    gr.on([knob.input for knob in samplers], None, None, parts.preset, js="() => null", api_visibility="private")
    _compare.wire(engine, parts, PRESETS, SAMPLERS)
    knobs["model"].input(act.choose_model, knobs["model"], list(knobs.values()), queue=False, **private)
    stage.reuse(act.reuse_seed, None, [knobs["seed"], parts.random], queue=False, **private)
    knobs["seed"].input(None, None, parts.random, js="() => [false]", api_visibility="private")  # it is meant
    beginning = [knobs[name] for name in BEGINNING]
    stage.visit(act.visit, beginning, [knobs["forced"], parts.owner], queue=False, **private)
    stage.use(act.use_samplers, None, [parts.preset, *samplers], queue=False, **private)
    settings = [stage, parts.preset, parts.random, parts.opened, parts.owner, parts.undo, parts.back, *knobs.values()]
    stage.restore(act.restore, [parts.random, *knobs.values()], settings, queue=False, **private)
    parts.back.click(
        act.go_back,
        parts.undo,
        [parts.undo, parts.back, parts.random, parts.owner, *knobs.values()],
        queue=False,
        **private,
    )
    style = [knobs["style"], knobs["model"]]
    gr.on([knob.change for knob in style], act.know_style, style, parts.stranger, queue=False, **private)
    knobs["forced"].change(act.show_fixed, knobs["forced"], parts.fixed, queue=False, **private)
    parts.fixed.click(None, None, knobs["forced"], js="() => ['']", api_visibility="private")
    gr.on(  # by what stands there: `input` does not tell of a paste with the mouse
        [knob.change for knob in beginning],
        None,
        [knobs["forced"], parts.owner, *beginning],
        knobs["forced"],
        js=LET_GO,
        api_visibility="private",
    )
    moved = [parts.preset.change, *(knob.change for knob in samplers)]
    gr.on(moved, None, samplers, parts.numbers, js=NUMBERS, api_visibility="private")
    arrivals_of(demo).run(NUMBERS, samplers, [parts.numbers])
    page = [stage, parts.damaged, parts.preset, parts.random, parts.opened, parts.owner, *knobs.values()]
    arrivals_of(demo).call(act.arrive, outputs=[stage, parts.damaged, knobs["model"]])
    stage.fill(act.open_page, None, page, queue=False, **private)
    gr.api(
        endpoint(
            engine, TextRecipe, TextSketch, "Tell a text that goes on from a prompt. A null leaves a knob to the model."
        ),
        api_name=KIND,
        **shared,
    )


@dataclass
class Listeners(Maker):
    """What the tab does when something is pressed, opened or chosen; `initial` is what its knobs stand at first."""

    kind: ClassVar[str] = KIND
    written: ClassVar[tuple[str, ...]] = WRITTEN
    restored: ClassVar[str] = RESTORED

    parts: Parts

    def tell(
        self,
        request: gr.Request,
        event: gr.EventData,
        use_random: bool,
        link: Any,
        old: Undo | None,
        owner_key: Any,
        *values: Any,
    ) -> Iterator[dict[Any, Any]]:
        """Run the recipe that the controls and the pressed button make, and show it as it comes."""
        parts, knobs = self.parts, self.parts.knobs
        stood = dict(zip(knobs, values, strict=True))
        with told():
            wish = self._wish(event, stood)
            recipe = self.engine.recipe(KIND, stood | ({"seed": RANDOM_SEED} if use_random else {}) | wish.changes)
            recipe, expected, source = self.known(link, recipe)
            base = base_url(request.headers.get("referer"))
            defaults_there = manifest_defaults(self.engine, recipe.model, KIND)
            run = TextView(recipe, base, dict(defaults_there), expected, source, wish.number)
            changed = wish.changes if wish.fills else {}
            shown = {knobs[name]: getattr(recipe, name) for name in {*changed, "seed"}}
            if "model" in changed:
                shown |= self._suited(recipe.model, recipe.model_dump())
            if "forced" in changed:
                shown[parts.owner] = owner(recipe.model_dump())
            if "seed" in changed:  # an example or a branch: its seed and its preset are what the page now stands at
                shown |= {parts.preset: _preset_of(recipe, self.initial), parts.random: False}
            if event.target is parts.stage and changed:
                shown |= self.undoing(undo(old, wish, stood, use_random))
            pause = UPDATE_S * (1 if recipe.samples == 1 else 2)
            yield from self.follow(run, self.engine.generate(recipe, client_of(request)), shown, pause, owner_key)

    def _wish(self, event: gr.EventData, stood: dict[str, Any]) -> Wish:
        """What the pressed button says of the recipe, besides the controls."""
        example = self.parts.examples.get(event.target)  # type: ignore[call-overload]
        if example is not None:
            kept = ("model", "style", "about", "title", "system", "forced", "max_new_tokens", "samples", "stop")
            values = {name: self.initial[name] for name in (*kept, *SAMPLERS)} | PRESETS[
                example.get("preset", "Balanced")
            ]
            return Wish(values | {n: v for n, v in example.items() if n != "preset"})
        if event.target is self.parts.score:
            if not str(stood["prompt"] or "").strip():
                raise PlaygroundError("There is nothing to score: write or paste a text into the prompt first.")
            return SCORE
        return from_stage(getattr(event, "_data", None))

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
        return updates | self._suited(name, {})

    def _suited(self, model: str, values: Mapping[str, str]) -> dict[Any, Any]:
        """The fields that only some models take: shown where this one does, else empty; with `values` where given."""
        styles = known_styles(self.engine, model)
        shown = dict.fromkeys(("style", "about", "title"), len(styles) > 1) | {"system": is_chat(self.engine, model)}
        updates = {
            name: {"visible": there or bool(values.get(name))}
            | ({} if there and not values else {"value": values.get(name, "")})
            for name, there in shown.items()
        }
        updates["style"]["choices"] = styles
        return {self.parts.knobs[name]: gr.update(**update) for name, update in updates.items()}

    def visit(self, event: gr.EventData, *beginning: Any) -> tuple[str, str]:
        """The tokens that are fixed in the tale that is on show."""
        return fixed_there(event._data, dict(zip(BEGINNING, beginning, strict=True)))

    def use_samplers(self, event: gr.EventData) -> list[Any]:
        """The samplers as they were tried on the stage, for the controls."""
        with told():
            values = sampler_values(event._data)
        recipe = TextRecipe.make(values)
        return [_preset_of(recipe, self.initial), *(values[name] for name in SAMPLERS)]

    def go_back(self, kept: Undo | None) -> dict[Any, Any]:
        """What a button of the stage overwrote."""
        return super().go_back(kept) | ({self.parts.owner: kept.owner} if kept else {})

    def know_style(self, style: str | None, model: str) -> Any:
        """A hint where the model knows styles and not this one."""
        known = known_styles(self.engine, model)
        return gr.update(visible=len(known) > 1 and (style or "").strip() not in known)

    def show_fixed(self, forced: str) -> Any:
        """How many tokens are fixed, where there are any."""
        count = len((forced or "").split())
        label = f"{count} token is fixed by a branch ✕" if count == 1 else f"{count} tokens are fixed by a branch ✕"
        return gr.update(value=label, visible=count > 0)

    def besides(self, recipe: TextRecipe) -> dict[Any, Any]:
        """The fields that the model takes, the preset, and whose the fixed tokens are."""
        values = recipe.model_dump()
        return {
            **self._suited(recipe.model, values),
            self.parts.preset: _preset_of(recipe, self.initial),
            self.parts.owner: owner(values),
        }

    def overwritten(self, wish: Mapping[str, Any], stood: Mapping[str, Any], random: bool) -> Undo | None:
        """With the fixed tokens' owner."""
        kept = super().overwritten(wish, stood, random)
        return kept and Undo(kept.values, kept.random, owner(stood), wish["prompt"])

    def open_page(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the controls as the page's address says, or tell what is wrong with it."""
        parts, knobs = self.parts, self.parts.knobs
        choices = model_choices(self.engine, KIND)
        fresh = {knobs["model"]: gr.update(choices=choices), parts.damaged: damaged_models(self.engine)}
        recipe, link, problem = opened_link(self.engine, request, KIND, first=KIND)
        if recipe is None or link is None:
            return fresh | {parts.stage: notice(problem)}
        return fresh | {
            **{knobs[name]: getattr(recipe, name) for name in knobs if name != "model"},
            knobs["model"]: gr.update(choices=choices, value=recipe.model),
            **self.besides(recipe),
            parts.random: not link.is_one,
            parts.opened: (recipe, link.check, "link"),
            parts.stage: notice("" if link.run or not link.values else OPENED, begin=link.run),
        }


def _preset_of(recipe: TextRecipe, initial: dict[str, Any]) -> str | None:
    """The preset whose samplers these are."""
    own = {name: initial[name] for name in SAMPLERS}
    asked = {name: getattr(recipe, name) for name in SAMPLERS}
    return next((name for name, values in PRESETS.items() if own | values == asked), None)
