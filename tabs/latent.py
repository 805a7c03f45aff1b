"""The latent tab: a map of faces, journeys between them, edits along directions, and what lies next to a face."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from playground.engine import Engine
from playground.events import Done, Event
from playground.links import base_url
from playground.recipes import RANDOM_SEED, LatentRecipe, TextRecipe
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
)
from tabs._keeping import keeper_of
from tabs._latent_edit import editor
from tabs._latent_layout import Parts, draw
from tabs._latent_view import LatentSketch, LatentView, with_file
from tabs._latent_wishes import WRITTEN
from tabs._latent_worlds import RECIPES, SCENES, WORLDS, first, models_of, why_none, world_of
from tabs._listeners import Maker, Undo, knobs_of, notice, undo
from tabs._visitors import client_of

TITLE, ORDER, KIND = "Latent", 3, LatentRecipe.kind
OPENED = "This link holds everything that a journey was made with: Morph leads the same way again."
RESTORED = "Every setting of that journey is back: Morph leads the same way again."
SUMMARY = "Lead from one face to another through a latent space. The result's file keeps every pixel, as WebP or PNG."


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it."""
    initial = defaults(engine, LatentRecipe)
    parts = draw(engine, initial)
    keeper = keeper_of(demo)
    act = Listeners(engine, initial, parts, keeper)
    knobs, stage = parts.knobs, parts.stage
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shared: dict[str, Any] = {"concurrency_limit": PARALLEL, "concurrency_id": "generate"}
    running = gr.on(
        [parts.go.click, stage.submit, *(example.click for example in parts.examples)],
        act.morph,
        [parts.random, parts.both, parts.opened, parts.undo, keeper.owner, *knobs.values()],
        [stage, parts.view, parts.random, parts.undo, parts.back, *knobs.values()],
        trigger_mode="once",
        **shared,
        **private,
    )
    parts.stop.click(act.stop, parts.view, [stage, parts.view], cancels=[running], queue=False, **private)
    parts.world.input(
        act.choose_world,
        [parts.world, parts.stood, *knobs.values()],
        [stage, parts.world, parts.stood, *knobs.values()],
        queue=False,
        **private,
    )
    knobs["model"].input(act.choose_model, knobs["model"], list(knobs.values()), queue=False, **private)
    stage.reuse(act.reuse_seed, None, [knobs["seed"], parts.random], queue=False, **private)
    knobs["seed"].input(None, None, parts.random, js="() => [false]", api_visibility="private")  # it is meant
    settings = [stage, parts.world, parts.random, parts.opened, parts.undo, parts.back, *knobs.values()]
    stage.restore(act.restore, [parts.random, *knobs.values()], settings, queue=False, **private)
    parts.back.click(
        act.go_back,
        parts.undo,
        [parts.undo, parts.back, parts.world, parts.random, *knobs.values()],
        queue=False,
        **private,
    )
    standing = {**knobs, "both": parts.both, "world": parts.world}
    readers = [parts.ends, parts.edits, parts.map, parts.tools, parts.prompts]
    tell, knobs_and_world = standing_at(list(standing)), list(standing.values())
    gr.on([knob.change for knob in knobs_and_world], None, knobs_and_world, readers, js=tell, api_visibility="private")
    arrivals_of(demo).run(tell, knobs_and_world, readers)
    page = [stage, parts.world, parts.none, parts.damaged, parts.both, parts.random, parts.opened, *knobs.values()]
    shown = [stage, parts.world, parts.none, parts.damaged, parts.both, knobs["model"]]
    arrivals_of(demo).call(act.arrive, outputs=shown)
    stage.fill(act.open_page, None, page, queue=False, **private)
    gr.api(endpoint(engine, LatentRecipe, LatentSketch, SUMMARY, with_file), api_name=KIND, **shared)
    gr.api(editor(engine), api_name="edit", **shared)


def standing_at(names: list[str]) -> str:
    """JavaScript that tells the parts of the tab what the knobs stand at: those of the world that is travelled."""
    return (
        f"(...values) => {{ const names = {json.dumps(names)}; "
        "const stand = Object.fromEntries(names.map((name, i) => [name, values[i]])); "
        "document.body.dataset.latentWorld = stand.world; "
        f"const drawn = stand.world === {json.dumps(SCENES)}, faces = drawn ? null : stand; "
        "return [faces, faces, faces, faces, drawn ? stand : null]; }"
    )


def in_lane(made: Iterator[Event]) -> Iterator[tuple[int, Event]]:
    """Events of the only run, as those of several come."""
    with closing(made) as events:
        for event in events:
            yield 0, event


@dataclass
class Listeners(Maker):
    """What the tab does when something is pressed, opened or chosen; `initial` is what its knobs stand at first."""

    kind: ClassVar[str] = KIND
    written: ClassVar[tuple[str, ...]] = WRITTEN
    restored: ClassVar[str] = RESTORED

    parts: Parts

    def morph(
        self,
        request: gr.Request,
        event: gr.EventData,
        use_random: bool,
        both: bool,
        link: Any,
        old: Undo | None,
        owner_key: Any,
        *values: Any,
    ) -> Iterator[dict[Any, Any]]:
        """Run the recipe that the controls and the pressed button make, and show it as it comes."""
        knobs = self.parts.knobs
        stood = dict(zip(knobs, values, strict=True))
        with told():
            wish = self._wish(event, stood)
            recipe = self.engine.recipe(KIND, stood | ({"seed": RANDOM_SEED} if use_random else {}) | wish)
            recipe, expected, source = self.known(link, recipe)
            drawn = world_of(self.engine, recipe.model) == SCENES
            recipes = [recipe, *(self._beside(recipe) if both and not drawn else ())]
            base = base_url(request.headers.get("referer"))
            manifests = [dict(manifest_defaults(self.engine, each.model, KIND)) for each in recipes]
            run = LatentView(recipes, base, manifests, expected, source, drawn=drawn)
            shown = {knobs[name]: getattr(recipe, name) for name in {*wish, "seed"}}
            if wish:  # an example: its seed is what the page now stands at
                shown |= {self.parts.random: False} | self.undoing(undo(WRITTEN, wish, stood, use_random) or old)
            made, pause = self._together(list(recipes), client_of(request)), UPDATE_S * (3 if drawn else 1)
            yield from self.follow(run, made, shown, pause, owner_key)

    def _together(self, recipes: list[LatentRecipe], client: str = "") -> Iterator[tuple[int, Event]]:
        """(lane, event) of one journey or of several, whose wholes are at hand for a while."""
        many = len(recipes) > 1
        both = self.engine.together(recipes, client) if many else in_lane(self.engine.generate(recipes[0], client))
        with closing(both) as events:
            for lane, event in events:
                if isinstance(event, Done):
                    self.parts.recent.keep(event)
                yield lane, event

    def _beside(self, recipe: LatentRecipe) -> list[LatentRecipe]:
        """The same journey by the first of the other models, if there is one; directions of one's own stay behind."""
        others = [name for name in self.engine.registry.names(KIND) if name != recipe.model]
        return [recipe.model_copy(update={"model": n, "fingerprint": "", "directions": ""}) for n in others[:1]]

    def _wish(self, event: gr.EventData, stood: dict[str, Any]) -> dict[str, Any]:
        """What the pressed button says of the recipe, besides the controls."""
        example = self.parts.examples.get(event.target)  # type: ignore[call-overload]
        if example is None:
            return {}
        own = self.initial | dict(manifest_defaults(self.engine, str(stood["model"]), KIND))
        return {name: own[name] for name in self.parts.knobs if name not in ("model", "directions")} | example

    def choose_world(self, world: str, stood: dict[str, dict[str, Any]] | None, *values: Any) -> dict[Any, Any]:
        """What the knobs stood at in another world, or stand at first; where it has no model, why, and the old one."""
        parts, knobs = self.parts, self.parts.knobs
        now = dict(zip(knobs, values, strict=True))
        left = world_of(self.engine, now["model"])
        if world == left or world not in WORLDS:
            return {parts.world: left}
        choices = models_of(self.engine, world)
        if not choices:
            return {parts.world: left, parts.stage: notice(why_none(self.engine, world))}
        model = model_update(choices, RECIPES[world].model_fields["model"].default)["value"]
        kept = {**(stood or {}), left: now}
        then = kept.get(world) or first(self.engine, world, model, self.initial, now)
        return {
            parts.stage: notice(""),
            parts.stood: kept,
            **{knobs[name]: value for name, value in then.items() if name in knobs},
            **self._at(then["model"]),
        }

    def _at(self, model: str) -> dict[Any, Any]:
        """The switch and the list of models where a model is chosen."""
        world = world_of(self.engine, model)
        return {
            self.parts.world: world,
            self.parts.knobs["model"]: gr.update(**model_update(models_of(self.engine, world), model)),
        }

    def go_back(self, kept: Undo | None) -> dict[Any, Any]:
        """What was overwritten, in the world where it stood."""
        return super().go_back(kept) | (self._at(kept.values["model"]) if kept else {})

    def choose_model(self, name: str) -> dict[Any, Any]:
        """The defaults of another model, whose points and directions are others."""
        knobs = self.parts.knobs
        own = manifest_defaults(self.engine, name, KIND)
        return {knobs[knob]: value for knob, value in own.items() if knob in knobs} | {knobs["directions"]: ""}

    def besides(self, recipe: LatentRecipe) -> dict[Any, Any]:
        """The switch and the list of models."""
        return self._at(recipe.model)

    def open_page(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the controls as the page's address says, or tell what is wrong with it."""
        parts, knobs = self.parts, self.parts.knobs
        choices = model_choices(self.engine, KIND)
        recipe, link, problem = opened_link(self.engine, request, KIND, first=TextRecipe.kind)
        model = recipe.model if recipe else self.initial["model"]
        fresh = {
            **self._at(model),
            parts.none: gr.update(visible=not choices),
            parts.both: gr.update(visible=len(choices) > 1),
            parts.damaged: damaged_models(self.engine),
        }
        if recipe is None or link is None:
            return fresh | {parts.stage: notice(problem)}
        return fresh | {
            **{knobs[name]: value for name, value in knobs_of(recipe).items() if name != "model"},
            parts.random: not link.is_one,
            parts.opened: (recipe, link.check, "link"),
            parts.stage: notice("" if link.run or not link.values else OPENED, begin=link.run),
        }
