"""What the grid tab's controls say, checked: what a browser sends → settings, kinds and axes. No layout.

Whatever comes from a page is anybody's: what is none of ours is told in a sentence.
"""

from __future__ import annotations

import json
from typing import Any

from playground.errors import PlaygroundError
from playground.grid import Asked
from playground.recipes import Recipe, show
from tabs._grid_layout import NOTHING, WORDS

MAX_MORE = 100_000  # characters of "More settings"


def settings(text: str) -> dict[str, Any]:
    """Lines of name=value; a value in quotes is a JSON text, so that it can hold line breaks.

    Raises:
        PlaygroundError: a line is none, or a name stands twice.
    """
    if len(text) > MAX_MORE:
        raise PlaygroundError(f"More settings: {len(text):,} characters; at most {MAX_MORE:,} are allowed.")
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = (piece.strip() for piece in line.partition("="))
        name = name.replace("-", "_").lstrip("_")
        if not equals or not name:
            raise PlaygroundError(f"More settings: {show(line)} is no setting; write name=value, like temperature=0.7.")
        if name in found:
            raise PlaygroundError(f"More settings: {show(name)} stands twice.")
        found[name] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        text = json.loads(value)
    except ValueError as error:
        raise PlaygroundError(f"More settings: the quotes of {show(value)} are not closed.") from error
    return text if isinstance(text, str) else value


def as_line(value: Any) -> str:
    """A value as it stands on one line."""
    text = str(value)
    return json.dumps(text) if text.startswith('"') or len(text.splitlines()) > 1 or text != text.strip() else text


def kind_of(value: Any) -> str:
    """The kind of recipe that was chosen.

    Raises:
        PlaygroundError: there is none such.
    """
    if not isinstance(value, str) or value not in Recipe.kinds:
        raise PlaygroundError(f"There is no kind {show(value)}; there is: {', '.join(Recipe.kinds)}.")
    return value


def axis_of(knob: Any, values: Any) -> Asked | None:
    """What an axis is to vary; None for nothing."""
    name = knob if isinstance(knob, str) else ""
    if name == NOTHING:
        return None
    return Asked(name.removeprefix(WORDS), str(values or ""), name.startswith(WORDS))
