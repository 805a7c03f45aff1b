"""What a benchmark asks of its runners, and gets back from those of texts. Imports no library that tells any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playground.recipes import Recipe


@dataclass(frozen=True)
class Job:
    """What is asked for at the same moment.

    Attributes:
        recipes: of texts, one a stream, alike but for prompt and seed; of pictures, a single one.
        prompts: token ids of texts.
        threads: to compute with; None leaves what the library starts with.
    """

    recipes: Sequence[Recipe]
    prompts: Sequence[Sequence[int]] = ()
    threads: int | None = None


@dataclass(frozen=True)
class Told:
    """What became of a job.

    Attributes:
        ids: new tokens of each stream.
        seconds: from the asking to the last token of all.
        first_token_s: of each stream, from the asking; so it counts waiting for others.
        threads: that computed.
    """

    ids: list[list[int]]
    seconds: float
    first_token_s: list[float]
    threads: int

    @property
    def speed(self) -> float:
        """Tokens a second, of all streams together."""
        return sum(map(len, self.ids)) / self.seconds


Way = Callable[[Job], Any]  # each of what `load(path)` of a runner's module returns, by name; gives a `Told` or `Drawn`


def agreement(told: Told, others: Told) -> float:
    """How much of each text the two have in common before they first differ: 0 … 1, the mean over streams."""
    shares = []
    for mine, theirs in zip(told.ids, others.ids, strict=True):
        pairs = list(zip(mine, theirs, strict=True))
        shares.append(next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs)) / len(pairs))
    return sum(shares) / len(shares)
