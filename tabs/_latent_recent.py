"""The journeys that were made last, so that whoever saves one need not wait until it is made once more."""

from __future__ import annotations

import threading
from collections import OrderedDict

from playground.events import Done
from playground.recipes import LatentRecipe

MOST_BYTES = 8 * 2**20  # of pixels: 170 frames of 128 px


class Recent:
    """Finished journeys by their recipes, which decide all of them: it is the same whoever made it. Thread-safe."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._made: OrderedDict[LatentRecipe, Done] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, done: Done) -> None:
        """Keep a journey in place of the oldest ones, where it is not too large itself."""
        with self._lock:
            self._made[done.recipe] = done
            self._made.move_to_end(done.recipe)
            while sum(map(_size, self._made.values())) > self._most:
                self._made.popitem(last=False)

    def find(self, recipe: LatentRecipe) -> Done | None:
        """The journey of just this recipe, weights included."""
        with self._lock:
            return self._made.get(recipe) if recipe.fingerprint else None


def _size(done: Done) -> int:
    return sum(len(frame.rgb) for result in done.results for frame in result.frames)
