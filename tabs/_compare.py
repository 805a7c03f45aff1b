"""Randomness, side by side: one beginning told greedy, balanced and hot, and how far apart ten seeds come out.

It has a stage of its own below the tab's, which is hidden until it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Progress, Token
from playground.links import base_url
from playground.recipes import RANDOM_SEED, TextRecipe
from playground.spread import first_sentence
from tabs._compare_view import COLUMNS, SEEDS, SENTENCE, CompareView, Sentence, Step
from tabs._controls import PARALLEL, manifest_defaults, paced, told
from tabs._scripts import script
from tabs._share import sharer
from tabs._visitors import client_of

if TYPE_CHECKING:
    from tabs._text_layout import Parts

KIND = TextRecipe.kind
HERE = Path(__file__).parent
UPDATE_S = 0.125  # three texts at once: more to draw than on the tab's stage
NOT_TAKEN = ("samples", "forced")  # controls that would make something else than one text from its prompt


@dataclass
class Compare:
    """The components: a button among the controls, and the stage, which is to be rendered among the results."""

    go: gr.Button
    stage: gr.HTML
    view: gr.State


def draw(engine: Engine) -> Compare:
    """The button, here; `stage` is hidden until it is used."""
    go = gr.Button("Greedy │ balanced │ hot, side by side", elem_id="text-compare", elem_classes="compare-go")
    stage = gr.HTML(
        html_template=(HERE / "_compare.html").read_text(),
        js_on_load=script("page", "share", "tint", "compare"),
        apply_default_css=False,
        elem_id="text-compare-stage",
        server_functions=[sharer(engine)],
        render=False,
    )
    return Compare(go, stage, gr.State(time_to_live=3600))


def wire(engine: Engine, parts: Parts, presets: Mapping[str, Mapping[str, float]], samplers: tuple[str, ...]) -> None:
    """Connect it with the tab's controls and its Stop button.

    Args:
        presets: of the tab, by name.
        samplers: the knobs that presets are about.
    """
    compare = parts.compare
    act = Listeners(engine, parts, compare, presets, samplers)
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    running = compare.go.click(
        act.run,
        [parts.random, *parts.knobs.values()],
        [compare.stage, compare.view, parts.knobs["seed"]],
        trigger_mode="once",
        concurrency_limit=PARALLEL,
        concurrency_id="generate",
        **private,
    )
    outputs = [compare.stage, compare.view]
    parts.stop.click(act.stop, compare.view, outputs, cancels=[running], queue=False, **private)
    taken = [parts.knobs[name] for name in (*act.samplers, "seed", "samples")]
    compare.stage.take(act.take, parts.knobs["model"], [parts.preset, parts.random, *taken], queue=False, **private)


@dataclass
class Listeners:
    """What happens when the button is pressed, a column's settings are taken, or Stop is pressed."""

    engine: Engine
    parts: Parts
    compare: Compare
    presets: Mapping[str, Mapping[str, float]]
    samplers: tuple[str, ...]

    def recipes(self, given: dict[str, Any]) -> list[TextRecipe]:
        """The recipe of each column: the same seed, all samplers but those of its preset at the model's defaults.

        Raises:
            PlaygroundError: a bad value, or a model that is not there.
        """
        values = {name: value for name, value in given.items() if name not in (*self.samplers, *NOT_TAKEN)}
        made: list[TextRecipe] = []
        for column in COLUMNS:
            made.append(self.engine.recipe(KIND, values | dict(self.presets[column.preset])))
            values["seed"] = made[0].seed  # it may have been picked just now
        return made

    def run(self, request: gr.Request, use_random: bool, *values: Any) -> Iterator[dict[Any, Any]]:
        """Run all columns at once, then the seeds, and show what comes."""
        stage, view = self.compare.stage, self.compare.view
        given = dict(zip(self.parts.knobs, values, strict=True)) | ({"seed": RANDOM_SEED} if use_random else {})
        with told():
            recipes = self.recipes(given)
            base = base_url(request.headers.get("referer"))
            shown = CompareView(recipes, base, dict(manifest_defaults(self.engine, recipes[0].model, KIND)))
            yield {stage: shown.value(), view: shown, self.parts.knobs["seed"]: recipes[0].seed}
            try:
                for batch in paced(steps(self.engine, recipes, client_of(request)), UPDATE_S):
                    shown.add(batch)
                    if shown.over:  # stopped, before Gradio has ended this generator
                        break
                    yield {stage: shown.value()}
            except PlaygroundError as error:
                shown.end("failed", str(error))
                yield {stage: shown.value(), view: None}
                raise
            shown.end("done")
            yield {stage: shown.value(), view: None}

    def stop(self, shown: CompareView | None) -> tuple[Any, None]:
        """Make results of what is there; the run itself is cancelled by Gradio."""
        if shown is None:
            return gr.skip(), None
        shown.end("stopped", ENDINGS["stopped"])
        return shown.value(), None

    def take(self, event: gr.EventData, model: str) -> list[Any]:
        """The preset, the seed and the samplers of a column, for the tab's controls."""
        data = event._data if isinstance(event._data, dict) else {}
        column = next((column for column in COLUMNS if column.name == data.get("column")), None)
        if column is None:
            return [gr.skip()] * (len(self.samplers) + 4)
        with told():
            values = {"model": model, "seed": data.get("seed"), **self.presets[column.preset]}
            recipe = self.engine.recipe(KIND, values)
        return [column.preset, False, *(getattr(recipe, name) for name in self.samplers), recipe.seed, 1]


def steps(engine: Engine, recipes: list[TextRecipe], client: str = "") -> Iterator[Step]:
    """All columns at once; then, where there are dice, the first sentences of ten seeds. Close it to stop all."""
    with closing(engine.together(recipes, client)) as events:
        yield from events
    for column, recipe in enumerate(recipes):
        for k in range(SEEDS if recipe.temperature else 0):
            yield from _sentence(engine, column, recipe.with_seed(recipe.seed + k), client)


def _sentence(engine: Engine, column: int, recipe: TextRecipe, client: str) -> Iterator[Step]:
    """Run a recipe until its first sentence is over; a step at every token, so that it can be stopped there."""
    text = ""
    short = recipe.model_copy(update={"max_new_tokens": SENTENCE})
    with closing(engine.generate(short, client, follows=True)) as events:
        for event in events:
            if isinstance(event, Token):
                text += event.shown
            if first_sentence(text):
                break
            yield column, Progress(f"{COLUMNS[column].name}: the first sentences of {SEEDS} seeds …")
    yield column, Sentence(first_sentence(text, over=True))
