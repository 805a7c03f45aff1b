"""generate(recipe): waits in line, picks the model, loads it without blocking, runs it step by step and turn by turn.

The one door to models for tabs, API, command line and benchmarks. Knows no modality: a manifest's kind names the code.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground import zerogpu
from playground.errors import PlaygroundError
from playground.events import Done, Event, Progress, Started
from playground.line import Limits, Line
from playground.modalities import part_of
from playground.pace import Pace
from playground.recipes import Recipe, show
from playground.registry import Loaded, Manifest, Registry
from playground.turns import Taker, asking

POLL_S, LONGEST_POLL_S = 0.25, 1.0  # so long, and ever longer, until who waits looks whether the caller has left


class Engine:
    """Generates from recipes with the models of a registry. Safe to use from several threads.

    Args:
        work: entered for as long as a recipe is worked at.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        work: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self.registry, self._work = registry or Registry(), work
        self.pace = Pace()
        self.line = Line()

    def limit(self, limits: Limits) -> None:
        """Let in only so many runs of clients from now on; those that go on are not counted."""
        self.line = Line(limits)

    def recipe(self, kind: str, values: Mapping[str, Any]) -> Recipe:
        """A checked recipe from raw values: recipe defaults < the model's manifest < `values`.

        Raises:
            PlaygroundError: a bad value, or a model that is not there.
        """
        return self.recipes(kind)(values)

    def recipes(self, kind: str) -> Callable[[Mapping[str, Any]], Recipe]:
        """`recipe` for many values of a kind: each model is looked up only once.

        Raises:
            PlaygroundError: there is no such kind.
        """
        if kind not in Recipe.kinds:
            raise PlaygroundError(f"There is no kind {show(kind)}; there is: {', '.join(Recipe.kinds)}.")
        manifest_of = functools.cache(lambda name: self.registry.manifest(name, kind))

        def make(values: Mapping[str, Any]) -> Recipe:
            checked = Recipe.kinds[kind].make(values)
            manifest = manifest_of(checked.model)
            given = {**values, "model": manifest.name, "seed": checked.seed}
            return Recipe.kinds[kind].make(given, defaults_for(kind, manifest))

        return make

    def generate(self, recipe: Recipe, client: str = "", *, follows: bool = False) -> Iterator[Event]:
        """Yield the events of a recipe. Close the iterator to stop; the model is then free at the next step.

        Args:
            client: whose run it is, as `turns` tells clients apart; "" waits in no line.
            follows: it goes on with what this client was let in for before: it may wait, and is never refused.

        Raises:
            LineFullError: there is no room for one more run of this client, or of anybody.
            PlaygroundError: the model is missing or damaged, or refuses the recipe.
        """
        manifest = self.registry.manifest(recipe.model, recipe.kind)  # a mistake is told at once
        with contextlib.ExitStack() as stack:
            yield from self._let_in(recipe, client, follows, stack)
            stack.enter_context(self._work())
            if manifest.kind != recipe.kind:
                yield from self._made_of_others(recipe, manifest, client)
            else:
                yield from self._run(recipe, client)

    def _let_in(self, recipe: Recipe, client: str, follows: bool, stack: contextlib.ExitStack) -> Iterator[Event]:
        """Wait in line for a place, which `stack` gives back; yields how near the front it is."""
        place = self.line.join(client, self.pace.seconds([recipe]) if client else None, follows=follows)
        stack.callback(place.leave)
        if place.wait(0):
            return
        yield Progress(place.told())
        polls = _polls()
        while not place.wait(next(polls)):
            yield Progress(place.told())

    def _run(self, recipe: Recipe, client: str) -> Iterator[Event]:
        """The events of a recipe that has been let in."""
        with contextlib.ExitStack() as stack:
            loaded = yield from self._load(recipe, stack)
            ready = recipe.model_copy(update={"fingerprint": loaded.manifest.fingerprint})
            notes = _notes(recipe, ready)
            taker = None
            if not _is_shared(loaded):
                taker = loaded.lock.join(client)
                stack.callback(taker.leave)
            events = zerogpu.run(self.registry.folder, loaded, ready)
            stack.callback(events.close)
            while True:  # by step, not by run: several people take turns at every step
                event = yield from _step(loaded, events, taker, client)
                if event is None:
                    return
                if isinstance(event, Started | Done):
                    event = replace(event, notes=event.notes + notes)
                if isinstance(event, Done):
                    event = replace(event, dtype=getattr(loaded.model, "dtype", event.dtype))
                    self.pace.add(event.recipe, event.stats.get("seconds", 0))
                yield event
                if isinstance(event, Done):  # the last one: to hear so takes no turn
                    next(events, None)
                    return

    def _made_of_others(self, recipe: Recipe, manifest: Manifest, client: str) -> Iterator[Event]:
        """The events of a recipe whose model is of another kind: `travel` makes it of recipes of that kind."""
        draw = functools.partial(self._run, client=client)
        with contextlib.closing(part_of(recipe.kind, "travel").generate(recipe, manifest.defaults, draw)) as events:
            for event in events:
                if isinstance(event, Started | Done):
                    event = replace(event, notes=event.notes + _notes(recipe, event.recipe))
                if isinstance(event, Done):
                    self.pace.add(event.recipe, event.stats.get("seconds", 0))
                yield event

    def together(self, recipes: Sequence[Recipe], client: str = "") -> Iterator[tuple[int, Event]]:
        """Yield (index of the recipe, event) of several recipes as they come. Close the iterator to stop them all.

        Args:
            client: as of `generate`; each recipe is a run of its own.

        Raises:
            PlaygroundError: of the first recipe that fails; the others are stopped.
        """
        events: queue.SimpleQueue[tuple[int, Event | Exception | None]] = queue.SimpleQueue()
        stopped = threading.Event()

        def run(index: int, recipe: Recipe) -> None:
            try:
                with contextlib.closing(self.generate(recipe, client)) as made:
                    for event in made:
                        if stopped.is_set():
                            return
                        events.put((index, event))
                events.put((index, None))
            except Exception as error:  # handed to the thread that consumes
                events.put((index, error))

        for index, recipe in enumerate(recipes):
            threading.Thread(target=run, args=(index, recipe), name=f"recipe {index}", daemon=True).start()
        running = len(recipes)
        try:
            while running:
                index, event = events.get()
                if isinstance(event, Exception):
                    raise event
                if event is None:
                    running -= 1
                else:
                    yield index, event
        finally:
            stopped.set()

    def examine(self, recipe: Recipe, new_ids: Sequence[int], index: int) -> Any:
        """What the model of a result thought at one of its places, as `playground.<kind>.examine` tells it.

        Raises:
            PlaygroundError: the model can't be used, or there is no such place.
        """
        with self.registry.use(recipe.model, recipe.kind) as loaded, loaded.lock:
            code = part_of(recipe.kind, "examine")
            return code.examine(loaded.model, recipe, new_ids, index)

    @contextlib.contextmanager
    def model(self, name: str, kind: str, client: str = "") -> Iterator[Any]:
        """The loaded model itself, for what is no recipe's result; nobody else's meanwhile, unless its kind is shared.

        Args:
            client: as of `generate`; a place in line is waited for here.

        Raises:
            LineFullError: as of `generate`.
            PlaygroundError: the model can't be used.
        """
        place = self.line.join(client)
        try:
            place.wait()
            with self.registry.use(name, kind) as loaded, _turn(loaded):
                yield loaded.model
        finally:
            place.leave()

    def warm_up(self, kind: str, name: str) -> threading.Thread:
        """Load a model in the background; a failure is left for the first request to tell."""

        def load() -> None:
            with contextlib.suppress(PlaygroundError), self.registry.use(name, kind):
                return

        thread = threading.Thread(target=load, name=f"load {name}", daemon=True)
        thread.start()
        return thread

    def _load(self, recipe: Recipe, stack: contextlib.ExitStack) -> Iterator[Event]:
        """The loaded model, held by `stack`; yields `Progress` while that takes, so that a caller can leave."""
        if self.registry.is_loaded(recipe.model):
            return stack.enter_context(self.registry.use(recipe.model, recipe.kind))
        yield from self.registry.fetch(recipe.model, recipe.kind)
        loading = _Loading(self.registry, recipe)
        began = time.monotonic()
        while not loading.done.wait(POLL_S):
            yield Progress(f"Loading the model {recipe.model} … {time.monotonic() - began:.0f} s")
        return stack.enter_context(loading.taken())


class _Loading:
    """Loads a model in a thread of its own; a caller who leaves meanwhile leaves a loaded model behind."""

    def __init__(self, registry: Registry, recipe: Recipe) -> None:
        self.done = threading.Event()
        self._registry, self._recipe = registry, recipe
        self._error: Exception | None = None
        threading.Thread(target=self._run, name=f"load {recipe.model}", daemon=True).start()

    def _run(self) -> None:
        try:
            with self._registry.use(self._recipe.model, self._recipe.kind):
                pass
        except Exception as error:  # handed to the thread that waits
            self._error = error
        finally:
            self.done.set()

    def taken(self) -> contextlib.AbstractContextManager[Loaded]:
        if self._error is not None:
            raise self._error
        return self._registry.use(self._recipe.model, self._recipe.kind)


def _step(loaded: Loaded, events: Iterator[Event], taker: Taker | None, client: str) -> Iterator[Event]:
    """The next event, or None at the end, made in a turn of this run; yields `Progress` while others have theirs."""
    waited, polls = False, _polls()
    while taker and not taker.take(next(polls)):
        waited = True
        yield Progress(f"Taking turns with {taker.others} other run{'s' * (taker.others > 1)} …")
    try:
        with asking(client):
            event = loaded.step(events) if taker else next(events, None)
    finally:
        if taker:
            taker.give()
    if waited and event is not None:
        yield Progress("")
    return event


def _polls() -> Iterator[float]:
    """Seconds to wait, again and again: to tell many people all the time costs what they wait for."""
    pause = POLL_S
    while True:
        yield pause
        pause = min(LONGEST_POLL_S, 1.5 * pause)


def _is_shared(loaded: Loaded) -> bool:
    """Whether its modality says that several runs may compute at once."""
    return getattr(loaded.modality, "SHARED", False)


def _turn(loaded: Loaded) -> contextlib.AbstractContextManager[Any]:
    """Held while a model computes for nobody in particular."""
    return contextlib.nullcontext() if _is_shared(loaded) else loaded.lock


def defaults_for(kind: str, manifest: Manifest) -> dict[str, Any]:
    """A manifest's defaults of the knobs that a kind has: of a model of another kind not all."""
    if manifest.kind == kind:
        return manifest.defaults
    return {name: value for name, value in manifest.defaults.items() if name in Recipe.kinds[kind].model_fields}


def _notes(asked: Recipe, ready: Recipe) -> tuple[str, ...]:
    if asked.fingerprint and asked.fingerprint != ready.fingerprint:
        return (f"Made with other weights ({asked.fingerprint}) than these ({ready.fingerprint}): it may differ.",)
    return ()
