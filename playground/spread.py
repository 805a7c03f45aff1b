"""How far apart texts come out that differ only in their seed: first sentences, which are equal, how many words differ.

Pure functions on texts. Knows no models, and nothing of how it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

CUT = "…"  # stands where a text was cut before its first sentence was over
MARKS = ".,;:!?…\"'“”‘’«»()[]-–—"  # around a word, not of it

_CLOSING = r"[\"'”’»)\]]*"
_SHORT = r"(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\b[A-Z])"  # a full stop after these ends no sentence
_END = re.compile(
    rf"(?:[!?…]+|{_SHORT}\.+){_CLOSING}(?=\s+[^\sa-z])"  # “Come in!” said he: a small letter goes on with the sentence
    r"|(?=\n\s*\n)"
)
_WHOLE = re.compile(rf"[.!?…]{_CLOSING}$")


def first_sentence(text: str, *, over: bool = False) -> str:
    """The first sentence of a text that is still in the making, with single spaces, or "" while its end is not sure.

    Args:
        over: nothing more will come; a sentence that has no end by then is cut with "…".
    """
    body = text.lstrip()
    if end := _END.search(body):
        return " ".join(body[: end.end()].split())
    if not over:
        return ""
    rest = " ".join(body.split())
    return rest if _WHOLE.search(rest) else f"{rest}{CUT}"


def alike(texts: Sequence[str]) -> dict[str, list[int]]:
    """Where each different text stands in `texts`; equal ones together, in the order in which they first come."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text, []).append(place)
    return places


def words_apart(texts: Sequence[str]) -> float:
    """How much of their words two of the texts have not in common, as the mean over all pairs: 0 the same, 1 nothing.

    The Jaccard distance of their sets of words, 1 − |both| / |either|; letter case and the marks around words don't
    count. Texts without words are alike. Fewer than two texts are 0 apart.
    """
    bags = [{word for piece in text.lower().split() if (word := piece.strip(MARKS))} for text in texts]
    pairs = list(combinations(bags, 2))
    return sum(_distance(one, other) for one, other in pairs) / len(pairs) if pairs else 0.0


def _distance(one: set[str], other: set[str]) -> float:
    either = one | other
    return 1 - len(one & other) / len(either) if either else 0.0
