"""A filled grid as one picture with labels, which carries what makes it again. Knows no models."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.grid import Filled, Grid
from playground.links import VERSION, to_record

KEY = "playground-grid"  # under which the picture keeps what it was made with
LARGEST_AREA = 100_000_000  # px
PAPER, INK, FAINT, RULE = "#ffffff", "#292524", "#68605a", "#e3dfda"
TILE, TEXT_WIDTH, LABEL_WIDTH, NARROWEST = 256, 300, 150, 480  # px
MARGIN, GAP, PAD, LOWEST = 24, 10, 10, 40  # px
LARGE, BODY, SMALL = 20, 14, 13  # px, of letters
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "Arial Unicode.ttf")
LONGEST_LABEL = 400  # characters; the metadata and the tables hold them whole
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
Cells = Mapping[int, Filled]


def metadata(grid: Grid) -> dict[str, Any]:
    """What makes the grid again: its base recipe, and what each axis varies."""
    axes = [{"knob": axis.knob, "words": axis.words, "values": list(axis.values)} for axis in grid.axes]
    return {"v": VERSION, "base": to_record(grid.base), "across": axes[0], "down": axes[1] if axes[1:] else None}


def sheet(pictures: Sequence[Picture]) -> Image.Image:
    """Pictures of one size side by side, as square as can be."""
    width, height = pictures[0].width, pictures[0].height
    columns = math.ceil(math.sqrt(len(pictures)))
    whole = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height), PAPER)
    for i, picture in enumerate(pictures):
        tile = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
        whole.paste(tile, (i % columns * width, i // columns * height))
    return whole


def tile(pictures: Sequence[Picture]) -> Image.Image:
    """The pictures of a cell as the whole shows them: no larger than `TILE`."""
    whole = sheet(pictures)
    whole.thumbnail((TILE, TILE))
    return whole


def to_png(grid: Grid, cells: Cells) -> bytes:
    """The grid with its labels as one picture, which carries what makes it again. Texts are wrapped, and whole.

    Raises:
        PlaygroundError: the texts are so long that the picture would be too large.
    """
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(metadata(grid), ensure_ascii=False))
    file = io.BytesIO()
    _drawn(grid, cells).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@dataclass(frozen=True)
class _Layout:
    """Where everything stands: pictures and wrapped texts by cell, labels as lines, and px."""

    looks: dict[int, Image.Image]
    said: dict[int, list[str]]
    across: list[list[str]]
    down: list[list[str]]
    width: int
    left: int
    columns: int

    @property
    def full(self) -> int:
        """Width of the whole picture."""
        return max(self.left + self.columns * (self.width + GAP) - GAP + MARGIN, NARROWEST)

    def height(self, row: int) -> int:
        """Of a row of cells, with its label."""
        mine = range(row * self.columns, (row + 1) * self.columns)
        tall = [self.looks[i].height for i in mine if i in self.looks]
        tall += [_height(self.said[i], _font(BODY)) + 2 * PAD for i in mine if i in self.said]
        label = _height(self.down[row], _font(SMALL)) if self.down else 0
        return max([*tall, label, LOWEST])


def _laid_out(grid: Grid, cells: Cells) -> _Layout:
    looks = {i: tile(made.look) for i, made in cells.items() if isinstance(made.look, tuple) and made.look}
    texts = {i: made.problem or str(made.look) for i, made in cells.items() if i not in looks}
    wordy = any(not cells[i].problem for i in texts)
    width = TEXT_WIDTH if wordy else max((look.width for look in looks.values()), default=TILE)
    return _Layout(
        looks,
        {i: _wrapped(text, _font(BODY), width - 2 * PAD) for i, text in texts.items()},
        [_wrapped(_label(label), _font(SMALL), width) for label in grid.across.labels],
        [_wrapped(_label(label), _font(SMALL), LABEL_WIDTH) for label in (grid.down.labels if grid.down else ())],
        width,
        MARGIN + (LABEL_WIDTH + GAP if grid.down else 0),
        grid.columns,
    )


def _drawn(grid: Grid, cells: Cells) -> Image.Image:
    place = _laid_out(grid, cells)
    title = _wrapped(_title(grid), _font(LARGE), place.full - 2 * MARGIN)
    about = _wrapped(_about(grid), _font(SMALL), place.full - 2 * MARGIN)
    below = MARGIN + _height(title, _font(LARGE)) + 6
    top = below + _height(about, _font(SMALL)) + 26 + _height(max(place.across, key=len), _font(SMALL))
    heights = [place.height(row) for row in range(grid.rows)]
    whole = top + sum(heights) + GAP * (grid.rows - 1) + MARGIN
    if place.full * whole > LARGEST_AREA:
        raise PlaygroundError(f"The picture would have {place.full:,} × {whole:,} px, too many: save a table instead.")
    canvas = Image.new("RGB", (place.full, whole), PAPER)
    pen = ImageDraw.Draw(canvas)
    _write(pen, (MARGIN, MARGIN), title, _font(LARGE), INK)
    _write(pen, (MARGIN, below), about, _font(SMALL), FAINT)
    for column, lines in enumerate(place.across):
        x = place.left + column * (place.width + GAP)
        _write(pen, (x, top - 8 - _height(lines, _font(SMALL))), lines, _font(SMALL), INK)
    for row, height in enumerate(heights):
        y = top + sum(heights[:row]) + row * GAP
        if place.down:
            _write(pen, (MARGIN, y), place.down[row], _font(SMALL), INK)
        for column in range(grid.columns):
            i = row * grid.columns + column
            at = (place.left + column * (place.width + GAP), y)
            if i in place.looks:
                canvas.paste(place.looks[i], at)
                continue
            pen.rounded_rectangle((*at, at[0] + place.width - 1, y + height - 1), 6, outline=RULE)
            ink = FAINT if i in cells and cells[i].problem else INK
            _write(pen, (at[0] + PAD, y + PAD), place.said.get(i, []), _font(BODY), ink)
    return canvas


def _title(grid: Grid) -> str:
    where = [f"{axis.title} {axis.name.lower()}" for axis in grid.axes]
    return f"{_label(', '.join(where))} · {grid.base.model}"


def _about(grid: Grid) -> str:
    """The base recipe in words, as far as no axis varies it and it is not at its default."""
    varied = {axis.knob for axis in grid.axes if not axis.words} | {"model", "fingerprint"}
    told = {"seed": grid.base.seed, **grid.base.differences()}
    return " · ".join(_label(f"{name} {value}") for name, value in told.items() if name not in varied)


def _label(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}…"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines of at most `width` px; a word that is longer is broken."""
    lines: list[str] = []
    for paragraph in _CONTROL.sub(" ", text.replace("\t", " ")).strip().split("\n"):
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}" if line else word
            if font.getlength(joined) <= width:
                line = joined
                continue
            lines += [line] if line else []
            *pieces, line = _broken(word, font, width)
            lines += pieces
        lines.append(line)
    return lines


def _broken(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    if font.getlength(word) <= width:
        return [word]
    pieces, piece = [], ""
    for character in word:
        if piece and font.getlength(piece + character) > width:
            pieces.append(piece)
            piece = ""
        piece += character
    return [*pieces, piece]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font of the system that has most of Europe's letters; else Pillow's own, which has only plain Latin ones."""
    for name in FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _line(font: ImageFont.FreeTypeFont) -> int:
    return round(font.size * 1.4)


def _height(lines: Sequence[str], font: ImageFont.FreeTypeFont) -> int:
    return len(lines) * _line(font)


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[str], font: ImageFont.FreeTypeFont, ink: str
) -> None:
    for i, line in enumerate(lines):
        pen.text((at[0], at[1] + i * _line(font)), line, fill=ink, font=font)
