"""The world as a data set on disk: pictures, masks, captions and labels in Hugging Face's `imagefolder` layout.

`datasets.load_dataset("imagefolder", data_dir=…)` reads it. Resumable: a picture that is there is whole, because each
file appears at once; the table is written last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from playground.image.captions import write_caption
from playground.image.render import Renderer
from playground.image.world import Scene, draw_scene
from playground.imagefolder import Series, check_count, file_name, to_stderr, write

ORIGIN = "scenes.json"
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
    progress: Callable[[str], None] = to_stderr,
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
    check_count(n)
    renderer = Renderer(font)
    origin = {"seed": seed, "font_sha256": hashlib.sha256(renderer.font.read_bytes()).hexdigest()}

    def entry(index: int) -> tuple[dict[str, Any], Callable[[], dict[str, Image.Image]]]:
        scene = draw_scene(seed, index)

        def draw() -> dict[str, Image.Image]:
            picture, mask = renderer.render(scene)
            return {"mask_file_name": Image.fromarray(mask), "file_name": Image.fromarray(picture)}

        return describe(scene), draw

    series = Series(ORIGIN, origin, "seed or font", README, entry)
    return write(series, out, n, ("file_name", "mask_file_name"), progress)


def describe(scene: Scene) -> dict[str, Any]:
    """The row of `metadata.jsonl` for a scene, as plain JSON."""
    name = file_name(scene.index)
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
