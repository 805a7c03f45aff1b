"""How much of a text stands word for word in the training text: an index of every place, and the longest run.

Exact, not sampled: words are compared case-folded and without marks (see `diversity.words`), runs do not cross from
one training text into the next.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.text.diversity import words

HORIZON = 512  # words up to which the order of places, and so the longest run, is exact
LONG_RUN = 25  # a run of more words than this counts as memorised
_BYTES = 4  # per word id; big-endian, so that the order of bytes is the order of ids


@dataclass(frozen=True)
class Run:
    """Words `start` … `start + length − 1` of a text, which stand in training text number `source` too."""

    length: int
    start: int = 0
    source: int | None = None


class Concordance:
    """Every place of the training texts, ordered by the words from there on: a suffix array.

    Built by prefix doubling (Manber & Myers 1993) in a few numpy sorts: some seconds for six million words. A question
    is a binary search, because the longest match of a text stands next to where it would itself be filed.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._ids: dict[str, int] = {}
        stream, self._ends = array("I"), []
        for text in texts:
            stream.extend(self._ids.setdefault(word, len(self._ids) + 1) for word in words(text))
            stream.append(0)  # a word that no question has
            self._ends.append(len(stream))
        numbers = np.array(stream, dtype=np.int64)
        self._places = _suffixes(numbers, HORIZON)
        self._text = numbers.astype(">u4").tobytes()

    def longest_run(self, text: Sequence[str]) -> Run:
        """The longest run of words of `text` (as `diversity.words` makes them) that stands in one training text."""
        unknown = len(self._ids) + 1
        asked = np.array([self._ids.get(word, unknown) for word in text], dtype=">u4").tobytes()
        best = Run(0)
        for start in range(len(text)):
            if len(text) - start <= best.length:
                break
            length, place = self._match(asked[_BYTES * start : _BYTES * (start + HORIZON)])
            if length > best.length:
                best = Run(length, start, self._source(place))
        return best

    def _match(self, asked: bytes) -> tuple[int, int]:
        """Words that `asked` shares with the place that is most like it, and that place."""
        at = bisect_left(self._places, asked, key=lambda place: self._read(place, len(asked)))
        near = (int(place) for place in self._places[max(0, at - 1) : at + 1])
        return max(((_shared(asked, self._read(place, len(asked))), place) for place in near), default=(0, 0))

    def _read(self, place: int, size: int) -> bytes:
        return self._text[_BYTES * place : _BYTES * place + size]

    def _source(self, place: int) -> int:
        return bisect_left(self._ends, place + 1)


def spread(lengths: Sequence[int]) -> dict[str, Any]:
    """Distribution of the longest runs of many texts, in words, and the share of texts with one over `LONG_RUN`."""
    values = np.array(lengths)
    low, median, ninety, ninety_nine, high = np.quantile(values, [0, 0.5, 0.9, 0.99, 1], method="inverted_cdf")
    lengths_seen, counts = np.unique(values, return_counts=True)
    return {
        "texts": len(values),
        "min": int(low),
        "median": int(median),
        "p90": int(ninety),
        "p99": int(ninety_nine),
        "max": int(high),
        "share_over_25": float((values > LONG_RUN).mean()),
        "histogram": {str(length): int(n) for length, n in zip(lengths_seen, counts, strict=True)},
    }


def _suffixes(numbers: np.ndarray, horizon: int) -> np.ndarray:
    """(N,) places of `numbers` in the order of the (at least) `horizon` numbers from there on."""
    count, reach = len(numbers), 1
    rank = numbers + 1  # what lies beyond the end is 0, less than all
    while True:
        following = np.zeros(count, dtype=np.int64)
        following[: max(0, count - reach)] = rank[reach:]
        keys = rank * (count + 2) + following
        order = np.argsort(keys)
        rank = np.empty(count, dtype=np.int64)
        rank[order] = 1 + np.cumsum(np.diff(keys[order], prepend=keys[order[:1]]) != 0)
        reach *= 2
        if reach >= horizon or rank.max(initial=0) == count:
            return order


def _shared(one: bytes, other: bytes) -> int:
    """Whole words at the beginning that two stretches of word ids have in common."""
    pairs = zip(memoryview(one).cast("I"), memoryview(other).cast("I"), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)) // _BYTES)
