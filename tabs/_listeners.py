"""What is done on a tab that makes something, whatever that is: a run goes on, is stopped, and settings come back.

A tab's own `Listeners` stand on this one and add what only they know.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import gradio as gr

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.recipes import Recipe
from tabs._controls import UPDATE_S, paced
from tabs._files import recipe_in
from tabs._keeping import Keeper
from tabs._updates import Updates


@dataclass(frozen=True)
class Undo:
    """What was overwritten in the controls: every knob, and whether each run had a new seed."""

    values: dict[str, Any]
    random: bool


class Parts(Protocol):
    """The components that every such tab has; `view` holds the run that goes on, and `undo` what `back` brings back."""

    knobs: dict[str, gr.components.Component]
    stage: gr.HTML
    random: gr.Checkbox
    back: gr.Button
    view: gr.State
    undo: gr.State
    opened: gr.State


@dataclass
class Maker:
    """The engine, what the knobs stand at first, the tab's components, and who keeps what it makes.

    Attributes:
        kind: of recipe. written: the knobs that hold what a person made up.
        restored: what is said when a file has brought its settings back.
    """

    kind: ClassVar[str]
    written: ClassVar[tuple[str, ...]]
    restored: ClassVar[str]

    engine: Engine
    initial: dict[str, Any]
    parts: Parts
    keeper: Keeper | None = None

    def open_page(self, request: gr.Request) -> dict[Any, Any]:
        """What the page's address says: all controls, and `opened`. Without a recipe in it, only what may be new."""
        return {}

    def arrive(self, request: gr.Request) -> dict[Any, Any]:
        """What may be new since the page was built; of an address with a recipe the stage asks for more (`fill`).

        A page weighs every component that a listener may change, whether it does or not: most pages come without one.
        """
        shown = self.open_page(request)
        return {self.parts.stage: WANTING} if self.parts.opened in shown else shown

    def follow(
        self, run: Updates, events: Iterator[Any], first: dict[Any, Any], pause: float = UPDATE_S, owner: Any = ""
    ) -> Iterator[dict[Any, Any]]:
        """Show a run as its events come, and keep what it made.

        Args:
            first: other components that change when it begins.
            pause: seconds between two updates.
            owner: the key by which the browser finds it in its history.

        Raises:
            PlaygroundError: the run failed; what came before stays on show.
        """
        stage, view = self.parts.stage, self.parts.view
        made: list[Done] = []
        run.owner = owner
        try:
            yield first | {stage: run.value(), view: run}
            for batch in paced(events, pause):
                made += [] if run.over else finished(batch)
                run.add(batch)
                if run.over:  # done, or stopped before Gradio has ended this generator
                    break
                yield {stage: run.value()}
            yield {stage: run.value(), view: None}
        except PlaygroundError as error:
            run.fail(str(error))
            yield {stage: run.value(), view: None}
            raise
        finally:  # after the last update: nobody waits for the history
            if problem := self.keep(owner, made):
                gr.Warning(html.escape(problem))

    def stop(self, run: Updates | None) -> tuple[Any, None]:
        """Keep what is there; the run itself is cancelled by Gradio."""
        if run is None:
            return gr.skip(), None
        run.stop()
        partial, run.partial = run.partial, None  # a second press keeps it no second time
        if partial and (problem := self.keep(run.owner, [partial])):
            run.message = problem
        return run.value(), None

    def keep(self, owner: Any, made: Iterable[Done]) -> str:
        """Put what was made into the history of its browser; a sentence where that fails, else ""."""
        return self.keeper.keep(owner, made) if self.keeper else ""

    def known(self, opened: Any, recipe: Any) -> tuple[Any, str, str]:
        """The recipe, the checksum that its result should have, and whether a link or a file says so.

        Of a recipe that is not what was opened: itself, and nothing. That which was opened knows its weights, too.

        Args:
            opened: what `Parts.opened` holds.
        """
        if opened and opened[0].model_copy(update={"fingerprint": ""}) == recipe:
            return opened
        return recipe, "", ""

    def reuse_seed(self, event: gr.EventData) -> tuple[Any, Any]:
        """The seed of a result, and that it is to stay."""
        seed = event._data.get("seed") if isinstance(event._data, dict) else None
        return (seed, False) if type(seed) is int else (gr.skip(), gr.skip())

    def restore(self, event: gr.EventData, use_random: bool, *values: Any) -> dict[Any, Any]:
        """Set every control as a file made here says, or tell what is wrong with it."""
        parts, knobs = self.parts, self.parts.knobs
        try:
            link, checksum = recipe_in(event._data)
            if link.kind != self.kind:
                raise PlaygroundError(f"The recipe in this file is for {link.kind}, not for {self.kind}.")
            recipe = self.engine.recipe(self.kind, link.values)
        except PlaygroundError as error:
            return {parts.stage: notice(str(error))}
        stood = dict(zip(knobs, values, strict=True))
        return {
            **{knobs[name]: value for name, value in knobs_of(recipe).items()},
            **self.besides(recipe),
            parts.random: False,
            parts.opened: (recipe, checksum, "file"),
            parts.stage: notice(self.restored),
            **self.undoing(self.overwritten(recipe.model_dump(), stood, use_random)),
        }

    def besides(self, recipe: Any) -> dict[Any, Any]:
        """What stands otherwise beside the knobs, where they make this recipe."""
        return {}

    def overwritten(self, wish: Mapping[str, Any], stood: Mapping[str, Any], random: bool) -> Undo | None:
        """What "Back" brings back once the knobs stand at `wish`."""
        return undo(self.written, wish, stood, random)

    def undoing(self, kept: Undo | None) -> dict[Any, Any]:
        """Offer to bring back what is about to be overwritten, where that is something."""
        return {self.parts.undo: kept, self.parts.back: gr.update(visible=kept is not None)}

    def go_back(self, kept: Undo | None) -> dict[Any, Any]:
        """What was overwritten."""
        if kept is None:
            return self.undoing(None)
        old = {self.parts.knobs[name]: value for name, value in kept.values.items()}
        return self.undoing(None) | {self.parts.random: kept.random} | old


def knobs_of(recipe: Recipe) -> dict[str, Any]:
    """What the controls stand at where they make this recipe."""
    return {name: value for name, value in recipe.model_dump().items() if name != "fingerprint"}


def undo(written: Iterable[str], wish: Mapping[str, Any], values: Mapping[str, Any], random: bool) -> Undo | None:
    """What "Back" brings back: nothing, where all that a person wrote still stands.

    Args:
        written: the knobs that hold what a person made up.
        wish: what the knobs are to stand at.
        values: what they stand at.
        random: whether each run has a new seed.
    """
    lost = [name for name in written if values.get(name) and values[name] != wish.get(name)]
    return Undo(dict(values), random) if lost else None


WANTING = {"run": "", "state": "wanting", "chunks": {}, "results": []}  # a stage that is to ask for `open_page`


def notice(message: str, *, begin: bool = False) -> dict[str, Any]:
    """A stage without a run: a message above what is there, or the wish to begin at once."""
    return {"run": "", "state": "notice", "message": message, "begin": begin, "chunks": {}, "results": []}


def finished(events: Iterable[Any]) -> list[Done]:
    """What is complete among events, or among (lane, event)."""
    alone = (event[1] if type(event) is tuple else event for event in events)
    return [event for event in alone if isinstance(event, Done)]
