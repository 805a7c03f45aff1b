"""A grid: one recipe with two of its knobs varied, any of any kind, and the results cell by cell.

Every cell is a recipe as `Engine.recipe` makes it and is run as any other, so that it equals the single run exactly.
Knows no modality; what a result looks like in a cell is `look` of `playground.<kind>.results`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from playground import grid_values
from playground.documents import check, document
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Event, Picture
from playground.likeness import digest
from playground.line import LineFullError
from playground.modalities import part_of
from playground.recipes import Recipe, limits, plain, show

MAX_CELLS = 100
LONGEST_TITLE = 30  # characters of the words that an axis looks for, where it is named after them
ACROSS, DOWN = "Across", "Down"
Make = Callable[[Mapping[str, Any]], Recipe]


@dataclass(frozen=True)
class Asked:
    """An axis as a person asks for it.

    Attributes:
        knob: its name.
        values: as `grid_values` reads them.
        words: search and replace: the first value is looked for in the knob's text and stands for itself, the others
            take its place.
    """

    knob: str
    values: str
    words: bool = False


@dataclass(frozen=True)
class Axis:
    """A checked axis. `values` are as the recipe holds them, `labels` as people read them."""

    name: str
    knob: str
    words: bool
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class Cell:
    """One of the results that are asked for: where it stands, from 0, and what makes it."""

    column: int
    row: int
    recipe: Recipe


@dataclass(frozen=True)
class Grid:
    """What is to be run. `cells` stand row by row; without `down` there is one row."""

    base: Recipe
    across: Axis
    down: Axis | None
    cells: tuple[Cell, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (self.across,) if self.down is None else (self.across, self.down)

    @property
    def columns(self) -> int:
        return len(self.across.values)

    @property
    def rows(self) -> int:
        return len(self.down.values) if self.down else 1

    @property
    def recipes(self) -> list[Recipe]:
        return [cell.recipe for cell in self.cells]


@dataclass(frozen=True)
class Filled:
    """What became of a cell.

    Attributes:
        recipe: with the weights that made it.
        look: a text, or pictures; empty where there is a problem.
        sha256: of the pixels; "" of a text.
        ended: how, in a sentence, where that is worth telling.
        check: of the result, for its link.
        problem: why there is no result, in a sentence, or "".
    """

    recipe: Recipe
    look: str | tuple[Picture, ...] = ""
    ended: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    check: str = ""
    sha256: str = ""
    problem: str = ""


def plan(engine: Engine, kind: str, base: Mapping[str, Any], across: Asked, down: Asked | None = None) -> Grid:
    """The grid that is asked for, with every cell's recipe checked.

    Args:
        base: raw values of the recipe that is varied, as `Engine.recipe` takes them.

    Raises:
        PlaygroundError: one sentence, which names the axis where one is to blame.
    """
    make = engine.recipes(kind)
    values = {name: value for name, value in base.items() if name != "fingerprint"}
    recipe = make(values)
    values["seed"] = recipe.seed  # it may have been picked just now
    axes = [_axis(make, values, recipe, ACROSS, across)]
    axes += [_axis(make, values, recipe, DOWN, down)] if down else []
    if down and across.knob == down.knob and not (across.words and down.words):
        raise PlaygroundError(f"{DOWN}: {show(down.knob)} is varied across already; choose another knob.")
    if down and across.knob == down.knob and axes[0].values[0] == axes[1].values[0]:
        raise PlaygroundError(f"{DOWN}: {show(axes[0].values[0])} is looked for across already; choose other words.")
    columns, rows = len(axes[0].values), len(axes[1].values) if down else 1
    if columns * rows > MAX_CELLS:
        raise PlaygroundError(
            f"The grid has {columns} × {rows} = {columns * rows:,} cells; at most {MAX_CELLS} are allowed."
        )
    places = [(column, row) for row in range(rows) for column in range(columns)]
    cells = tuple(Cell(column, row, make(_varied(make, values, axes, (column, row)))) for column, row in places)
    return Grid(recipe, axes[0], axes[1] if down else None, cells)


def run(engine: Engine, grid: Grid, client: str = "") -> Iterator[tuple[int, Event | Filled]]:
    """Yield (index of the cell, event) of one cell after the other, and its `Filled` last. Close it to stop.

    A cell that its model refuses is told in its place, and the others go on.

    Args:
        client: as of `Engine.generate`; between two cells others are let in.

    Raises:
        LineFullError: there is no room for it.
    """
    for index, cell in enumerate(grid.cells):
        try:
            with closing(engine.generate(cell.recipe, client, follows=index > 0)) as events:
                for event in events:
                    yield index, event
                    if isinstance(event, Done):
                        yield index, filled(event)
        except LineFullError:
            raise
        except PlaygroundError as error:
            yield index, Filled(cell.recipe, problem=str(error))


def filled(done: Done) -> Filled:
    """A finished recipe as a cell shows it."""
    look = part_of(done.recipe.kind, "results").look(done.results)
    endings = {result.ended for result in done.results} - {"done", "arrived"}
    return Filled(
        done.recipe,
        look,
        " ".join(ENDINGS[ended] for ended in sorted(endings)),
        done.stats.get("seconds", 0.0),
        done.notes,
        check(document(done)),
        "" if isinstance(look, str) else digest(*look),
    )


def knobs(kind: str) -> dict[str, str]:
    """The knobs that an axis may vary, with what people call them."""
    fields = Recipe.kinds[kind].model_fields
    return {name: field.title for name, field in fields.items() if name != "fingerprint"}


def texts(kind: str) -> list[str]:
    """The knobs of which an axis may vary words."""
    fields = Recipe.kinds[kind].model_fields
    return [name for name in knobs(kind) if _is_text(fields[name]) and name != "model"]


def _is_text(field: Any) -> bool:
    return field.annotation is str and "choices" not in limits(field)


def _axis(make: Make, base: Mapping[str, Any], recipe: Recipe, name: str, asked: Asked) -> Axis:
    known = knobs(recipe.kind)
    if asked.knob not in known:
        raise PlaygroundError(f"{name}: there is no knob {show(asked.knob)}; there is: {', '.join(known)}.")
    try:
        values = _words(recipe, asked) if asked.words else _values(make, base, recipe, asked)
    except PlaygroundError as error:
        raise PlaygroundError(f"{name}, {known[asked.knob]}: {error}") from error
    if len(values) > MAX_CELLS:
        raise PlaygroundError(f"{name}: {len(values):,} values are too many; at most {MAX_CELLS} cells are allowed.")
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise PlaygroundError(f"{name}, {known[asked.knob]}: {show(twice)} stands twice.")
    choices = limits(type(recipe).model_fields[asked.knob]).get("choices", {})
    labels = tuple(choices.get(v, v) if isinstance(v, str) else plain(v) for v in values)
    title = f"“{_short(values[0])}” in the {known[asked.knob]}" if asked.words else known[asked.knob]
    return Axis(name, asked.knob, asked.words, tuple(values), labels, title)


def _values(make: Make, base: Mapping[str, Any], recipe: Recipe, asked: Asked) -> list[Any]:
    """As the recipe holds them, each tried with all else as it is."""
    field = type(recipe).model_fields[asked.knob]
    if field.annotation is str:
        written: Sequence[Any] = grid_values.texts(asked.values)
    else:
        written = grid_values.numbers(asked.values, field, MAX_CELLS)
    if len(written) > MAX_CELLS:  # before each is tried
        raise PlaygroundError(f"{len(written):,} values are too many; at most {MAX_CELLS} cells are allowed.")
    return [getattr(make({**base, asked.knob: value}), asked.knob) for value in written]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[:LONGEST_TITLE]}…"


def _words(recipe: Recipe, asked: Asked) -> list[str]:
    if asked.knob not in texts(recipe.kind):
        raise PlaygroundError(f"only texts have words: {', '.join(texts(recipe.kind))}.")
    written = grid_values.texts(asked.values)
    if not written[0]:
        raise PlaygroundError("the first value is what is looked for, and can't be empty.")
    return written


def _varied(make: Make, base: Mapping[str, Any], axes: Sequence[Axis], place: tuple[int, ...]) -> dict[str, Any]:
    """The raw values of a cell: knobs first, then words, all of a text at once, so that none is replaced twice."""
    values = dict(base)
    at = list(zip(axes, place, strict=False))
    values |= {axis.knob: axis.values[i] for axis, i in at if not axis.words}
    for knob in {axis.knob for axis in axes if axis.words}:
        mine = [(axis, axis.values[i]) for axis, i in at if axis.words and axis.knob == knob]
        text = getattr(make(values), knob)
        values[knob] = _replaced(text, knob, mine)
        try:
            make(values)
        except PlaygroundError as error:
            axis, value = mine[-1]
            raise PlaygroundError(f"{axis.name}, words of the {knob}: with {show(value)}, {error}") from error
    return values


def _replaced(text: str, knob: str, axes: Iterable[tuple[Axis, str]]) -> str:
    by = {axis.values[0]: (axis, value) for axis, value in axes}
    longest = sorted(by, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest)))
    found = set(pattern.findall(text))
    for searched, (axis, _) in by.items():
        if searched not in found:
            raise PlaygroundError(
                f"{axis.name}, words of the {knob}: {show(searched)}, the first value, is looked for, "
                f"and the {knob} does not hold it."
            )
    return pattern.sub(lambda match: by[match[0]][1], text)
