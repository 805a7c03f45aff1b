"""The world as a data set on disk: pictures, masks, captions and labels in Hugging Face's `imagefolder` layout.

`datasets.load_dataset("imagefolder", data_dir=…)` reads it. Resumable: a picture that is there is whole, because each
file appears at once; the table is written last.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from playground.errors import PlaygroundError
from playground.image.captions import write_caption
from playground.image.render import Renderer
from playground.image.world import Scene, draw_scene

METADATA = "metadata.jsonl"
ORIGIN = "scenes.json"  # what the pictures were made from; a folder holds one series only
SHARD = 1000  # pictures in a subfolder
REPORT_EVERY = 500
README = """---
pretty_name: Scenes
task_categories: [text-to-image, image-to-text]
license: ofl-1.1
---

# Scenes

{n} synthetic pictures of 128 × 128 px: things of the font Noto Color Emoji (SIL Open Font License 1.1) in painted
places, with captions and labels. Made by `python -m playground data scenes --n {n}`.

`text` is a caption; the other columns of `{metadata}` are what the picture really shows, also where the caption leaves
it open. `mask_file_name` has 0 for the background and k for the k-th thing. Boxes are [left, top, side] in pixels.
"""


def write_dataset(
    out: Path,
    n: int,
    *,
    seed: int = 0,
    font: Path | None = None,
    progress: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Path:
    """Write the first `n` scenes of the series `seed`, or what is missing of them.

    Args:
        out: the folder; made where it is not there yet.
        font: an emoji font; see `emoji.find_font`.

    Returns:
        `out`.

    Raises:
        PlaygroundError: `n` is not positive, there is no font, or `out` can't be written or holds other pictures.
    """
    if n < 1:
        raise PlaygroundError(f"n must be 1 or more, not {n}.")
    renderer = Renderer(font)
    origin = {"seed": seed, "font_sha256": hashlib.sha256(renderer.font.read_bytes()).hexdigest()}
    try:
        _claim(out, origin, n)
        with (out / f"{METADATA}.part").open("w", encoding="utf-8") as table:
            for index in range(n):
                scene = draw_scene(seed, index)
                row = describe(scene)
                _write_picture(out, row, scene, renderer)
                table.write(json.dumps(row, ensure_ascii=False) + "\n")
                if (index + 1) % REPORT_EVERY == 0 or index + 1 == n:
                    progress(f"{index + 1:,} of {n:,} pictures")
        (out / "README.md").write_text(README.format(n=n, metadata=METADATA), encoding="utf-8")
        (out / f"{METADATA}.part").replace(out / METADATA)
    except OSError as error:
        raise PlaygroundError(f"The pictures can't be written to {out}: {error.strerror or error}.") from error
    return out


def describe(scene: Scene) -> dict[str, Any]:
    """The row of `metadata.jsonl` for a scene, as plain JSON."""
    name = f"{scene.index // SHARD:03d}/{scene.index:06d}.png"
    things = scene.things
    return {
        "file_name": f"pictures/{name}",
        "mask_file_name": f"masks/{name}",
        "text": write_caption(scene, 0),
        "layout": scene.layout,
        "number": scene.number,
        "place": scene.place,
        "time": scene.time,
        "relation": scene.relation,
        "position": scene.position,
        "nouns": [thing.noun for thing in things],
        "drawings": [thing.drawing for thing in things],
        "colours": [thing.colour for thing in things],
        "sizes": [thing.size for thing in things],
        "worn": [thing.worn for thing in things],
        "boxes": [list(thing.box) for thing in things],
        "seed": scene.seed,
        "index": scene.index,
    }


def _claim(out: Path, origin: dict[str, Any], n: int) -> None:
    """Make `out`, or make sure that what it holds is the beginning of the same series."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / ORIGIN
    if not path.exists():
        if any(out.iterdir()):
            raise PlaygroundError(f"{out} holds other files; give an empty or a new folder.")
        _write_whole(path, json.dumps(origin).encode())
    elif json.loads(path.read_text(encoding="utf-8")) != origin:
        raise PlaygroundError(f"{out} holds pictures of another seed or font; give another folder.")
    held = sum(1 for _ in (out / "pictures").glob("*/*.png"))
    if held > n:
        raise PlaygroundError(f"{out} already holds {held:,} pictures; ask for as many or more, or for a new folder.")


def _write_picture(out: Path, row: dict[str, Any], scene: Scene, renderer: Renderer) -> None:
    picture, mask = out / row["file_name"], out / row["mask_file_name"]
    if picture.exists() and mask.exists():
        return
    for path, pixels in zip((mask, picture), reversed(renderer.render(scene)), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        Image.fromarray(pixels).save(part, format="PNG")
        part.replace(path)


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
