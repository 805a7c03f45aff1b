"""The grid tab: one recipe of any kind with two of its settings varied, cell by cell, to be compared at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.grid import Asked, Grid, plan, run
from playground.line import LineFullError
from playground.links import base_url, from_link
from playground.recipes import Recipe, allowed, show
from tabs._arrivals import arrivals_of
from tabs._controls import PARALLEL, UPDATE_S, manifest_defaults, paced, told
from tabs._grid_layout import (
    FIRST_AXIS,
    NOTHING,
    WORDS,
    Parts,
    axis_choices,
    axis_value,
    draw,
    fronts_of,
    models_update,
)
from tabs._grid_view import MEDIA_TYPES, GridView, cell_file, duration, tab_of
from tabs._grid_wishes import as_line, axis_of, kind_of, settings
from tabs._visitors import client_of

TITLE, ORDER = "Grid", 9


def build(demo: gr.Blocks, engine: Engine) -> None:
    """Draw the tab and wire it. The tabs that cells are opened in are those that stand by now."""
    parts = draw(engine)
    others = _controls_of(demo)
    act = Listeners(engine, parts, others, _tabs_of(demo))
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    standing = [parts.kind, parts.model, *parts.folds.values(), parts.seed, parts.more, *act.boxes]
    running = gr.on(
        [parts.go.click, *(example.click for example in parts.examples)],
        act.fill,
        parts.inputs,
        [parts.stage, parts.view, parts.plan, *standing],
        trigger_mode="once",
        concurrency_limit=PARALLEL,
        concurrency_id="generate",
        **private,
    )
    parts.stop.click(act.stop, parts.view, parts.stage, cancels=[running], queue=False, **private)
    parts.kind.input(act.choose_kind, parts.kind, standing, queue=False, **private)
    parts.link.change(act.read_link, parts.link, [parts.link, parts.plan, *standing], queue=False, **private)
    gr.on(
        [control.change for control in parts.inputs],
        act.plan,
        parts.inputs,
        parts.plan,
        trigger_mode="always_last",
        queue=False,
        **private,
    )
    arrivals_of(demo).call(lambda _, *stood: {parts.plan: act.plan(*stood)}, parts.inputs, [parts.plan])
    parts.stage.export(act.save, parts.view, parts.saver, concurrency_limit=PARALLEL, **private)
    generating = {"concurrency_limit": PARALLEL, "concurrency_id": "generate"}
    parts.stage.take(act.take, parts.view, parts.saver, **generating, **private)
    if others:
        opened = [*([act.tabs] if act.tabs else []), *(control for tab in others.values() for control in tab.values())]
        parts.stage.visit(act.visit, None, opened, queue=False, **private)


def _controls_of(demo: gr.Blocks) -> dict[str, dict[str, gr.components.Component]]:
    """The controls of the tabs that make something, by kind and knob: they are called as the recipe's fields are."""
    named = {getattr(block, "elem_id", None): block for block in demo.blocks.values()}
    found = {}
    for kind, recipe in Recipe.kinds.items():
        names = [*recipe.model_fields, "random", "preset"]
        mine = {name: named[f"{kind}-{name}"] for name in names if f"{kind}-{name}" in named}
        found |= {kind: mine} if mine else {}
    return found


def _tabs_of(demo: gr.Blocks) -> gr.Tabs | None:
    """The tabs of the page itself."""
    return next((block for block in demo.blocks.values() if isinstance(block, gr.Tabs) and block.parent is demo), None)


@dataclass
class Listeners:
    """What the tab does when something is pressed or chosen.

    Attributes:
        others: the controls of the other tabs, by kind and knob.
        tabs: of the page.
    """

    engine: Engine
    parts: Parts
    others: dict[str, dict[str, gr.components.Component]]
    tabs: gr.Tabs | None

    @property
    def boxes(self) -> list[gr.components.Component]:
        """The components of both axes, and the boxes of every kind."""
        axes = [part for axis in self.parts.axes for part in axis]
        return [*axes, *(box for fronts in self.parts.fronts.values() for box in fronts.values())]

    def asked(self, values: tuple[Any, ...]) -> Grid:
        """The grid that the controls ask for.

        Raises:
            PlaygroundError: one sentence on what is wrong with them.
        """
        stood = dict(zip(self.parts.inputs, values, strict=True))
        parts = self.parts
        kind = kind_of(stood[parts.kind])
        base = {"model": stood[parts.model] or None, "seed": stood[parts.seed]}
        base |= {name: stood[box] for name, box in parts.fronts[kind].items()}
        for name, value in settings(str(stood[parts.more] or "")).items():
            if name in base:
                raise PlaygroundError(f"More settings: {show(name)} has a box of its own.")
            base[name] = value
        across, down = (axis_of(stood[knob], stood[values]) for knob, values in parts.axes)
        if across is None:
            raise PlaygroundError("Across: choose what varies.")
        return plan(self.engine, kind, base, across, down)

    def plan(self, *values: Any) -> dict[str, Any]:
        """How much the controls ask for, or what is wrong with them."""
        hint = ""
        try:
            hint = self._hint(values)
            return {"said": self._much(self.asked(values)), "wrong": False, "hint": hint}
        except PlaygroundError as error:
            return {"said": str(error), "wrong": True, "hint": hint}

    def _much(self, grid: Grid) -> str:
        count = len(grid.cells)
        size = f"{grid.columns} × {grid.rows} = {count} runs" if grid.down else f"{count} run{'s' * (count > 1)}"
        expected = duration(self.engine.pace.seconds(grid.recipes))
        return f"{size} · {expected or 'how long is not known before the first run'}"

    def _hint(self, values: tuple[Any, ...]) -> str:
        """What the knobs of the axes take."""
        stood = dict(zip(self.parts.inputs, values, strict=True))
        fields = Recipe.kinds[kind_of(stood[self.parts.kind])].model_fields
        named = dict.fromkeys(str(stood[knob]) for knob, _ in self.parts.axes)
        found = []
        for name in named:
            if name in fields:
                rule = "a name of a model is allowed" if name == "model" else allowed(fields[name])
                found.append(f"{fields[name].title}: {rule.removesuffix(' is allowed')}.")
            elif name.removeprefix(WORDS) in fields:
                title = fields[name.removeprefix(WORDS)].title
                found.append(f"words of “{title}”: the first is looked for, the others take its place.")
        return " ".join(found)

    def fill(self, request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[dict[Any, Any]]:
        """Run the grid of the controls or of an example, and show each cell as it comes."""
        parts, engine = self.parts, self.engine
        example = parts.examples.get(event.target)  # type: ignore[call-overload]
        with told():
            shown: dict[Any, Any] = {}
            if example:
                model = models_update(engine, example.kind)["value"]
                shown = self._stand(example.kind, {"model": model, **example.base}, example.across, example.down)
                grid = plan(engine, example.kind, {"model": model, **example.base}, example.across, example.down)
            else:
                grid = self.asked(values)
            kind = grid.base.kind
            models = {recipe.model: manifest_defaults(engine, recipe.model, kind) for recipe in grid.recipes}
            view = GridView(grid, base_url(request.headers.get("referer")), models, engine.pace.seconds)
            yield shown | {parts.stage: view.value(), parts.view: view}
            try:
                for batch in paced(run(engine, grid, client_of(request)), UPDATE_S * 2):
                    view.add(batch)
                    if view.over:  # done, or stopped before Gradio has ended this generator
                        break
                    yield {parts.stage: view.value()}
            except LineFullError as error:
                view.state, view.message = "failed", str(error)
                yield {parts.stage: view.value()}
                raise
            yield {parts.stage: view.value(), parts.plan: {"said": self._much(grid), "wrong": False, "hint": None}}

    def stop(self, view: GridView | None) -> Any:
        """Keep what is there; the run itself is cancelled by Gradio."""
        if view is None:
            return gr.skip()
        view.stop()
        return view.value()

    def choose_kind(self, kind: Any) -> dict[Any, Any]:
        """The boxes, the models and the axes of another kind."""
        with told():
            return self._stand(kind_of(kind), {"seed": 7}, FIRST_AXIS, None)

    def read_link(self, link: Any) -> dict[Any, Any]:
        """Fill the controls as a share link says."""
        if not str(link or "").strip():
            return {self.parts.link: gr.skip()}
        try:
            asked = from_link(str(link).strip())
            if not asked.kind:
                raise PlaygroundError("The link holds no recipe; Share on a result makes one that does.")
            self.engine.recipe(asked.kind, asked.values)
        except PlaygroundError as error:
            return {self.parts.plan: {"said": f"Share link: {error}", "wrong": True, "hint": None}}
        return {self.parts.link: "", **self._stand(asked.kind, asked.values, FIRST_AXIS, None)}

    def _stand(self, kind: str, base: Mapping[str, Any], across: Asked, down: Asked | None) -> dict[Any, Any]:
        """What every control stands at for a recipe and its axes."""
        parts = self.parts
        fronts = fronts_of(kind)
        more = {k: v for k, v in base.items() if k not in (*fronts, "model", "seed", "fingerprint") and v is not None}
        shown: dict[Any, Any] = {
            parts.kind: kind,
            parts.model: gr.update(**models_update(self.engine, kind, str(base.get("model") or ""))),
            parts.seed: base.get("seed", 0),
            parts.more: "\n".join(f"{name}={as_line(value)}" for name, value in more.items()),
            **{fold: gr.update(visible=name == kind) for name, fold in parts.folds.items()},
            **{box: base.get(name, "") for name, box in parts.fronts[kind].items()},
        }
        for (knob, values), asked, nothing in zip(
            parts.axes, (across, down), ([], [("nothing", NOTHING)]), strict=True
        ):
            shown[knob] = gr.update(choices=nothing + axis_choices(kind), value=axis_value(asked))
            shown[values] = asked.values if asked else ""
        return shown

    def save(self, event: gr.EventData, view: GridView | None) -> Any:
        """What is there, as a file."""
        format = event._data.get("format") if isinstance(event._data, dict) else None
        if view is None or not isinstance(format, str) or format not in MEDIA_TYPES:
            return gr.skip()
        with told():
            return view.file(format)

    def take(self, request: gr.Request, event: gr.EventData, view: GridView | None) -> Any:
        """A cell's own file: it is made once more, since a grid keeps no more of it than it shows."""
        asked = event._data if isinstance(event._data, dict) else {}
        cell, sample = asked.get("cell"), asked.get("sample")
        made = view.cells.get(cell) if view is not None and isinstance(cell, int) else None
        if made is None or made.problem or not isinstance(sample, int):
            return gr.skip()
        with told():
            *_, done = self.engine.generate(made.recipe, client_of(request))
            return cell_file(done, sample) if 0 <= sample < len(done.results) else gr.skip()

    def visit(self, event: gr.EventData) -> dict[Any, Any]:
        """Set the controls of a cell's own tab to its recipe, and bring that tab to the front."""
        link = event._data.get("link") if isinstance(event._data, dict) else None
        with told():
            asked = from_link(link if isinstance(link, str) else "")
            controls = self.others.get(asked.kind)
            if not controls:
                raise PlaygroundError("There is no tab for this cell.")
            recipe = self.engine.recipe(asked.kind, asked.values)
        stands = {**recipe.model_dump(), "random": False, "preset": None}
        front = {self.tabs: gr.Tabs(selected=tab_of(asked.kind).lower())} if self.tabs else {}
        return front | {control: stands[name] for name, control in controls.items()}
