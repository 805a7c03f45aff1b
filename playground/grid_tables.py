"""A filled grid as tables: a text is told whole, a picture by its checksum or its link. Knows no models."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from playground.grid import Filled, Grid

Cells = Mapping[int, Filled]
Link = Callable[[Filled], str]


def to_csv(grid: Grid, cells: Cells, link: Link) -> str:
    """A row for every cell that is there: the axes, the seed, the result (a text, or the sha256 of the pixels) …"""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\r\n")  # RFC 4180
    rows.writerow([*(axis.title for axis in grid.axes), "seed", "result", "ended", "seconds", "problem", "link"])
    for index, cell in enumerate(grid.cells):
        if made := cells.get(index):
            values = [axis.values[place] for axis, place in zip(grid.axes, (cell.column, cell.row), strict=False)]
            result = made.look if isinstance(made.look, str) else made.sha256
            row = [*values, made.recipe.seed, result, made.ended, round(made.seconds, 3), made.problem, link(made)]
            rows.writerow(map(_harmless, row))
    return file.getvalue()


def to_markdown(grid: Grid, cells: Cells, link: Link) -> str:
    """The grid as a table: texts whole, pictures as links to what makes them, nothing of it live HTML."""
    corner = f"{grid.down.title} ↓ {grid.across.title} →" if grid.down else f"{grid.across.title} →"
    lines = [[*map(_escaped, (corner, *grid.across.labels))], ["---"] * (grid.columns + 1)]
    for row in range(grid.rows):
        line = [f"**{_escaped(grid.down.labels[row])}**" if grid.down else ""]
        for column in range(grid.columns):
            made = cells.get(row * grid.columns + column)
            line.append("" if made is None else _markdown(made, link))
        lines.append(line)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _markdown(made: Filled, link: Link) -> str:
    if made.problem:
        return f"*{_escaped(made.problem)}*"
    if isinstance(made.look, str):
        return _escaped(made.look)
    return f"[seed {made.recipe.seed}]({target})" if (target := link(made)) else f"seed {made.recipe.seed}"


def _escaped(text: str) -> str:
    marked = re.sub(r"([\\`*_\[\]|#~$!])", r"\\\1", text.strip())
    return re.sub(r"\s*\n\s*", "<br>", marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _harmless(value: Any) -> Any:
    """What a spreadsheet takes for a text where it would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
