"""Events of a grid → what its stage draws (`_grid_stage.js`), and the files that are made of it. Data only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playground.documents import document, to_file
from playground.errors import PlaygroundError
from playground.events import Done, Event, Picture, Progress
from playground.grid import Filled, Grid
from playground.grid_picture import sheet, tile, to_png
from playground.grid_tables import to_csv, to_markdown
from playground.links import to_link
from playground.recipes import Recipe
from playground.snippets import home_of
from tabs._files import data_url
from tabs._updates import Updates

LONGEST_LABEL = 300  # characters on the page; the files hold labels whole
MEDIA_TYPES = {"png": "image/png", "csv": "text/csv", "md": "text/markdown"}  # of a grid's files


@dataclass
class GridView(Updates):
    """One run on the page.

    Attributes:
        base: where links lead to.
        defaults: of the models' manifests, by model.
        estimate: how long recipes take, as far as it is known.
        cells: what is there.
        current: the cell that is being made.
    """

    grid: Grid
    base: str
    defaults: Mapping[str, Mapping[str, Any]]
    estimate: Callable[[list[Recipe]], float | None]
    cells: dict[int, Filled] = field(default_factory=dict)
    current: int = 0

    def _shown(self) -> dict[str, Any]:
        grid = self.grid
        left = [cell.recipe for index, cell in enumerate(grid.cells) if index not in self.cells]
        return {
            "across": grid.across.title,
            "down": grid.down.title if grid.down else "",
            "columns": [_short(label) for label in grid.across.labels],
            "rows": [_short(label) for label in (grid.down.labels if grid.down else ())],
            "tab": tab_of(grid.base.kind),
            "current": self.current,
            "far": [len(self.cells), len(grid.cells), duration(self.estimate(left)) if left else ""],
        }

    def _add(self, events: Iterable[tuple[int, Event | Filled]]) -> None:
        for index, event in events:
            self.current, self.state = index, "drawing"
            self.message = event.message if isinstance(event, Progress) else ""
            if isinstance(event, Filled):
                self.cells[index] = _small(event)
                self.chunks.append(json.dumps([[index, self._cell(event)]], separators=(",", ":")))
        if len(self.cells) == len(self.grid.cells):
            broken = sum(bool(cell.problem) for cell in self.cells.values())
            said = f"; {broken} could not be made" if broken else ""
            self.state, self.message = (
                "done",
                f"All {len(self.cells)} cells are there{said}. Choose one to see it whole.",
            )

    def _stop(self) -> None:
        self.state = "stopped"
        self.message = f"Stopped: {len(self.cells)} of {len(self.grid.cells)} cells are there."

    def _cell(self, made: Filled) -> dict[str, Any]:
        said = [f"seed {made.recipe.seed}", *([f"{made.seconds:.1f} s"] if made.seconds else [])]
        text = made.look if isinstance(made.look, str) else ""
        return {
            "text": text,
            "picture": "" if isinstance(made.look, str) else picture_url(made.look),
            "problem": made.problem,
            "samples": 0 if made.problem else getattr(made.recipe, "samples", 1),
            "said": " ".join([" · ".join(said), *([f"· {made.ended}"] if made.ended else []), *made.notes]),
            **self._link(made),
        }

    def _link(self, made: Filled) -> dict[str, str]:
        """The link that makes a cell again, or why there is none."""
        try:
            defaults = self.defaults.get(made.recipe.model, {})
            return {"link": to_link(made.recipe, self.base, defaults, made.check), "no_link": ""}
        except PlaygroundError as error:
            return {"link": "", "no_link": str(error)}

    def file(self, format: str) -> dict[str, str]:
        """What is there, as a file for the page.

        Args:
            format: a key of `MEDIA_TYPES`.

        Raises:
            PlaygroundError: the picture would be too large.
        """
        with self.lock:
            cells = dict(self.cells)
        if format == "png":
            content = to_png(self.grid, cells)
        else:
            write = to_csv if format == "csv" else to_markdown
            content = write(self.grid, cells, lambda made: self._link(made)["link"]).encode()
        return _taken(f"grid-{self.grid.base.kind}-seed-{self.grid.base.seed}.{format}", content)


def cell_file(done: Done, sample: int) -> dict[str, str]:
    """One of the samples of a cell that was made anew, as a file for the page: it carries its recipe."""
    home, result = home_of(done.recipe), done.results[sample]
    if not home:
        content = json.dumps(document(done), ensure_ascii=False, indent=2).encode()
        return _taken(f"{done.recipe.kind}-seed-{done.recipe.seed}.json", content)
    name = home.pattern.format(seed=result.seed)
    return _taken(name, to_file(result, done, suffix=Path(name).suffix))


def _taken(name: str, content: bytes) -> dict[str, str]:
    """A file as the page's saver takes it."""
    media_type = MEDIA_TYPES.get(Path(name).suffix[1:], "application/octet-stream")
    return {"name": name, "type": media_type, "content": base64.b64encode(content).decode()}


def picture_url(pictures: tuple[Picture, ...]) -> str:
    """The pictures of a cell in one, to be looked at."""
    whole = sheet(pictures)
    return data_url(Picture(*whole.size, whole.tobytes()))


def tab_of(kind: str) -> str:
    """The title of the tab that makes this kind."""
    return kind.capitalize()


def duration(seconds: float | None) -> str:
    """A time as people say it, "" where it is not known: 0.4 → under a second, 95 → 1 min 35 s."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "under a second"
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"


def _small(made: Filled) -> Filled:
    """A cell with no more pixels than its files show: a hundred of large pictures are kept for an hour."""
    if isinstance(made.look, str):
        return made
    whole = tile(made.look)
    return replace(made, look=(Picture(*whole.size, whole.tobytes()),))


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL]}…"
