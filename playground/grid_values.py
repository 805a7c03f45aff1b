"""The values of an axis as a person writes them: lists with commas, quotes around what holds one, ranges of numbers.

`0.2, 0.8` · `1-5` (every step of the knob) · `0.2-1:5` (five, evenly) · `"a red, shiny car", a bicycle`. Knows no
recipes but their declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from playground.errors import PlaygroundError
from playground.recipes import allowed, limits, plain, show

MAX_TEXT = 20_000  # characters of all values of an axis
_ITEM = re.compile(r'\s*+(?:"((?:[^"]|"")*+)"[ \t]*+|([^,\n"]*+))(,|\n|\Z)')
_NUMBER = r"-?[0-9]{0,15}\.?[0-9]{1,15}"
_RANGE = re.compile(rf"({_NUMBER})\s*[-–]\s*({_NUMBER})(?:\s*:\s*([0-9]{{1,9}}))?")


def texts(text: str) -> list[str]:
    """The values of a text knob, in order. A quote within quotes is written twice.

    Raises:
        PlaygroundError: there is none, one is empty without quotes, or a quote is not closed.
    """
    return [value for value, _ in _items(text)]


def numbers(text: str, field: FieldInfo, most: int) -> list[str | float]:
    """The values of a numeric knob, ranges written out; those that stand alone are as they were written.

    Args:
        field: of the knob; what a range yields is on its step.
        most: values that a range may have.

    Raises:
        PlaygroundError: as `texts`, or a range is none of this knob.
    """
    found: list[str | float] = []
    for value, quoted in _items(text):
        asked = None if quoted else _RANGE.fullmatch(value)
        found += _range(asked, field, most) if asked else [value]
    return found


def _items(text: str) -> Iterator[tuple[str, bool]]:
    """(value, whether it stood in quotes)."""
    if len(text) > MAX_TEXT:
        raise PlaygroundError(f"the values have {len(text):,} characters; at most {MAX_TEXT:,} are allowed.")
    text, at = text.strip(), 0
    if not text:
        raise PlaygroundError("there are no values; write some, parted by commas.")
    while True:
        item = _ITEM.match(text, at)
        if item is None:
            raise PlaygroundError(
                f"a quote is not closed, or stands within a value, at {show(text[at:], 30)}; quotes go around a value."
            )
        quoted, bare, end = item.groups()
        if quoted is None and not bare.strip():
            raise PlaygroundError('a value is empty; leave out the comma, or write "" for an empty text.')
        yield (bare.strip(), False) if quoted is None else (quoted.replace('""', '"'), True)
        if not end:
            return
        at = item.end()


def _range(asked: re.Match[str], field: FieldInfo, most: int) -> list[float]:
    rules, whole = limits(field), asked[0]
    step, low, high = rules["step"], float(asked[1]), float(asked[2])
    if not all(rules["ge"] <= end <= rules["le"] for end in (low, high)):
        raise PlaygroundError(f"the range {whole} goes beyond what the {field.title} takes; {allowed(field)}.")
    if asked[3] is None and field.annotation is float:
        raise PlaygroundError(f"the range {whole} doesn't say how many values; write {whole}:5 for five.")
    count = int(asked[3] or abs(high - low) // step + 1)
    if not 2 <= count <= most:
        said = f"{count:,} value{'s' * (count != 1)}"
        raise PlaygroundError(f"the range {whole} has {said}; from 2 to {most} are allowed.")
    gap = (high - low) / (count - 1) if asked[3] else step if high >= low else -step
    values = [round((low + i * gap) / step) * step for i in range(count)]
    if len(set(values)) < count:
        raise PlaygroundError(f"the range {whole} has fewer than {count} values in steps of {plain(step)}.")
    return [round(value, 10) for value in values]
