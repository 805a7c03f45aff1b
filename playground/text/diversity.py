"""How varied texts are: words, distinct n-grams, repetition. Knows nothing of models."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in small letters; marks and spaces don't count, an apostrophe within a word does."""
    return _WORD.findall(text.lower())


def words_after(text: str, prompt: str) -> list[str]:
    """Words of `text` behind `prompt`, its beginning; a word that the prompt begins and the text ends counts whole."""
    behind = len(prompt.lower())
    return [match.group() for match in _WORD.finditer(text.lower()) if match.end() > behind]


def ngrams(text: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of `n` words, in order."""
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Distinct n-grams over all n-grams of all `texts` together, 0 … 1 (distinct-n of Li et al. 2016).

    It falls as texts get more: compare it only between sets of the same size.
    """
    found = [gram for text in texts for gram in ngrams(text, n)]
    return len(set(found)) / len(found) if found else 0.0


def repetition(texts: Sequence[Sequence[str]], n: int) -> float:
    """Share of the n-grams of a text that stood in it before, as the mean over `texts` (0 … 1).

    seq-rep-n of Welleck et al. 2020, "Neural text generation with unlikelihood training": 1 − distinct / all, within
    each text by itself. Texts of fewer than n words have none and are left out.
    """
    shares = [1 - len(set(grams)) / len(grams) for text in texts if (grams := ngrams(text, n))]
    return sum(shares) / len(shares) if shares else 0.0
