"""A drawn world on disk in Hugging Face's `imagefolder` layout: resumed rather than remade. Knows no world.

`load_dataset("imagefolder", data_dir=…)` of `datasets` finds the columns in `metadata.jsonl`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from playground.errors import PlaygroundError

METADATA = "metadata.jsonl"
SHARD = 1000  # pictures in a subfolder
REPORT_EVERY = 500


@dataclass(frozen=True)
class Series:
    """What is written.

    Attributes:
        name: of the file that says what the pictures were made from; a folder holds one series only.
        origin: its content.
        differs: what is another where that content is, like "seed or font".
        readme: the data set's card, with {n} and {metadata}.
        entry: of an index, its row of `metadata.jsonl`, with the names of its files in columns, and how its pictures
            are drawn, by those columns.
    """

    name: str
    origin: Mapping[str, Any]
    differs: str
    readme: str
    entry: Callable[[int], tuple[dict[str, Any], Callable[[], Mapping[str, Image.Image]]]]


def file_name(index: int) -> str:
    """The path of a picture within its kind's folder."""
    return f"{index // SHARD:03d}/{index:06d}.png"


def to_stderr(line: str) -> None:
    """How far it is, where nobody else wants to know."""
    print(line, file=sys.stderr)


def check_count(n: int) -> None:
    """Refuse a number of pictures before anything else is done.

    Raises:
        PlaygroundError: `n` is not positive.
    """
    if n < 1:
        raise PlaygroundError(f"n must be 1 or more, not {n}.")


def write(series: Series, out: Path, n: int, columns: tuple[str, ...], progress: Callable[[str], None]) -> Path:
    """Write the first `n` pictures, or what is missing of them, and then the table.

    Args:
        columns: those of a row that name files.

    Returns:
        `out`.

    Raises:
        PlaygroundError: `n` is not positive, or `out` can't be written or holds other pictures.
    """
    check_count(n)
    try:
        _claim(series, out, n)
        with (out / f"{METADATA}.part").open("w", encoding="utf-8") as table:
            for index in range(n):
                row, draw = series.entry(index)
                if not all((out / row[column]).exists() for column in columns):
                    for column, picture in draw().items():
                        _save(out / row[column], picture)
                table.write(json.dumps(row, ensure_ascii=False) + "\n")
                if (index + 1) % REPORT_EVERY == 0 or index + 1 == n:
                    progress(f"{index + 1:,} of {n:,} pictures")
        (out / "README.md").write_text(series.readme.format(n=n, metadata=METADATA), encoding="utf-8")
        (out / f"{METADATA}.part").replace(out / METADATA)
    except OSError as error:
        raise PlaygroundError(f"The pictures can't be written to {out}: {error.strerror or error}.") from error
    return out


def _claim(series: Series, out: Path, n: int) -> None:
    """Make `out`, or make sure that what it holds is the beginning of the same series."""
    out.mkdir(parents=True, exist_ok=True)
    path, content = out / series.name, json.dumps(dict(series.origin))
    if not path.exists():
        if any(out.iterdir()):
            raise PlaygroundError(f"{out} holds other files; give an empty or a new folder.")
        part = path.with_name(f"{path.name}.part")
        part.write_text(content, encoding="utf-8")
        part.replace(path)
    elif path.read_text(encoding="utf-8") != content:
        raise PlaygroundError(f"{out} holds pictures of another {series.differs}; give another folder.")
    held = sum(1 for _ in (out / "pictures").glob("*/*.png"))
    if held > n:
        raise PlaygroundError(f"{out} already holds {held:,} pictures; ask for as many or more, or for a new folder.")


def _save(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    picture.save(part, format="PNG")
    part.replace(path)
