"""Choices that depend on a name alone: the same words, the same throws, in any process and any order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of choices. Built on `random.random()`, whose sequence Python promises never to change."""

    def __init__(self, *name: object) -> None:
        self._random = random.Random("/".join(map(str, name))).random

    def real(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self._random()

    def chance(self, share: float) -> bool:
        return self._random() < share

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]

    def number(self, low: int, high: int) -> int:
        """Uniform in low … high, both included."""
        return low + int(self._random() * (high - low + 1))

    def weigh(self, weights: Mapping[T, float]) -> T:
        """A key, as likely as its weight."""
        left = self._random() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return key
