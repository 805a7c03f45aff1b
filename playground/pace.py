"""How fast this process makes what recipes ask for: measured at every run, told for recipes that are still to be run.

How much a recipe asks for is the modality's to say, in units of its own (`work` in `playground.<kind>.results`).
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable

from playground.modalities import part_of
from playground.recipes import Recipe

RUNS = 12  # of a model, the last ones that count


class Pace:
    """Seconds per unit of work, by kind and model. Safe to use from several threads."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=RUNS))
        self._lock = threading.Lock()

    def add(self, recipe: Recipe, seconds: float) -> None:
        """A recipe took so long, loading left aside."""
        if seconds > 0:
            with self._lock:
                self._runs[recipe.kind, recipe.model].append((work(recipe), seconds))

    def seconds(self, recipes: Iterable[Recipe]) -> float | None:
        """How long the recipes take one after the other; None as long as one's model has never been measured."""
        total = 0.0
        for recipe in recipes:
            with self._lock:
                runs = tuple(self._runs.get((recipe.kind, recipe.model), ()))
            if not runs:
                return None
            total += work(recipe) * sum(seconds for _, seconds in runs) / sum(units for units, _ in runs)
        return total


def work(recipe: Recipe) -> float:
    """How much a recipe asks for, above 0; only recipes of one model can be compared."""
    return part_of(recipe.kind, "results").work(recipe)


def about(seconds: float) -> str:
    """A time to come as people say it: 0.3 → any moment now, 4.2 → about 4 s, 200 → about 3 min."""
    if seconds < 1.5:
        return "any moment now"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
