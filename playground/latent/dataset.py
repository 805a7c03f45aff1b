"""The world as a data set on disk: pictures and labels in Hugging Face's `imagefolder` layout.

`datasets.load_dataset("imagefolder", data_dir=…)` reads it. Resumable: a picture that is there is whole, because each
file appears at once; the table is written last.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from playground.imagefolder import Series, file_name, to_stderr, write
from playground.latent.face import Face
from playground.latent.world import draw_face, labels, render

ORIGIN = "faces.json"
README = """---
pretty_name: Faces
task_categories: [image-classification, unconditional-image-generation]
license: apache-2.0
---

# Faces

{n} synthetic cartoon portraits of 128 × 128 px, people and ten kinds of animals, with the factors that they were drawn
from. Made by `python -m playground data faces --n {n}`.

The columns of `{metadata}` are factors, drawn independently of one another: `smile` and `turn` of −1 … 1, `age`,
`femininity`, `eyes`, `length`, `hue`, `skin` and `background` of 0 … 1; `kind`, `glasses`, `hat`, `beard`, `hair`. A
factor that does not apply to a kind is null. `seed` and `index` name the face.
"""


def write_dataset(
    out: Path,
    n: int,
    *,
    seed: int = 0,
    progress: Callable[[str], None] = to_stderr,
) -> Path:
    """Write the first `n` faces of the series `seed`, or what is missing of them.

    Args:
        out: the folder; made where it is not there yet.

    Returns:
        `out`.

    Raises:
        PlaygroundError: `n` is not positive, or `out` can't be written or holds other pictures.
    """

    def entry(index: int) -> tuple[dict[str, Any], Callable[[], dict[str, Image.Image]]]:
        face = draw_face(seed, index)
        return describe(face, seed, index), lambda: {"file_name": render(face)}

    return write(Series(ORIGIN, {"seed": seed}, "seed", README, entry), out, n, ("file_name",), progress)


def describe(face: Face, seed: int, index: int) -> dict[str, Any]:
    """The row of `metadata.jsonl` for a face, as plain JSON."""
    return {
        "file_name": f"pictures/{file_name(index)}",
        **labels(face),
        "seed": seed,
        "index": index,
    }
