"""The page's own JavaScript, put together from the files beside this one."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def script(*names: str) -> str:
    """The files `_<name>.js` in one scope, in which the last one begins to act."""
    return "".join((HERE / f"_{name}.js").read_text() for name in names)
