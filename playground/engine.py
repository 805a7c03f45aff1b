"""generate(recipe): picks the model, loads it without blocking, runs it step by step under its lock.

The one door to models for tabs, API, command line and benchmarks. Knows no modality: a manifest's kind names the code.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground.errors import PlaygroundError
from playground.events import Done, Event, Progress, Started
from playground.recipes import Recipe, show
from playground.registry import Loaded, Registry

POLL_S = 0.25


class Engine:
    """Generates from recipes with the models of a registry. Safe to use from several threads."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry or Registry()

    def recipe(self, kind: str, values: Mapping[str, Any]) -> Recipe:
        """A checked recipe from raw values: recipe defaults < the model's manifest < `values`.

        Raises:
            PlaygroundError: a bad value, or a model that is not there.
        """
        if kind not in Recipe.kinds:
            raise PlaygroundError(f"There is no kind {show(kind)}; there is: {', '.join(Recipe.kinds)}.")
        checked = Recipe.kinds[kind].make(values)
        manifest = self.registry.manifest(checked.model, kind)
        return Recipe.kinds[kind].make({**values, "model": manifest.name, "seed": checked.seed}, manifest.defaults)

    def generate(self, recipe: Recipe) -> Iterator[Event]:
        """Yield the events of a recipe. Close the iterator to stop; the model is then free at the next step.

        Raises:
            PlaygroundError: the model is missing or damaged, or refuses the recipe.
        """
        with contextlib.ExitStack() as stack:
            loaded = yield from self._load(recipe, stack)
            ready = recipe.model_copy(update={"fingerprint": loaded.manifest.fingerprint})
            notes = _notes(recipe, ready)
            events = loaded.modality.generate(loaded.model, ready)
            stack.callback(events.close)
            shared = getattr(loaded.modality, "SHARED", False)
            while True:
                # by step, not by run: several people take turns at every step
                with contextlib.nullcontext() if shared else loaded.lock:
                    event = next(events, None)
                if event is None:
                    return
                if isinstance(event, Started | Done):
                    event = replace(event, notes=event.notes + notes)
                if isinstance(event, Done):
                    event = replace(event, dtype=getattr(loaded.model, "dtype", event.dtype))
                yield event

    def together(self, recipes: Sequence[Recipe]) -> Iterator[tuple[int, Event]]:
        """Yield (index of the recipe, event) of several recipes as they come. Close the iterator to stop them all.

        Raises:
            PlaygroundError: of the first recipe that fails; the others are stopped.
        """
        events: queue.SimpleQueue[tuple[int, Event | Exception | None]] = queue.SimpleQueue()
        stopped = threading.Event()

        def run(index: int, recipe: Recipe) -> None:
            try:
                with contextlib.closing(self.generate(recipe)) as made:
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
            code = importlib.import_module(f"playground.{recipe.kind}.examine")
            return code.examine(loaded.model, recipe, new_ids, index)

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
        self.registry.manifest(recipe.model, recipe.kind)  # a mistake is told at once
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


def _notes(asked: Recipe, ready: Recipe) -> tuple[str, ...]:
    if asked.fingerprint and asked.fingerprint != ready.fingerprint:
        return (f"Made with other weights ({asked.fingerprint}) than these ({ready.fingerprint}): it may differ.",)
    return ()
