"""What a data set on disk holds; how it is written is `test_imagefolder.py`'s."""

import json

import numpy as np
from PIL import Image

from playground.imagefolder import METADATA
from playground.latent.dataset import write_dataset
from playground.latent.world import draw_face, labels, render


def write(out, n, **options):
    lines = []
    write_dataset(out, n, progress=lines.append, **options)
    return lines


def rows(out):
    return [json.loads(line) for line in (out / METADATA).read_text(encoding="utf-8").splitlines()]


def test_pictures_and_labels_are_written(tmp_path):
    out = tmp_path / "new" / "faces"
    assert write(out, 6, seed=4) == ["6 of 6 pictures"]
    assert [row["index"] for row in rows(out)] == list(range(6))
    for row in rows(out):
        face = draw_face(4, row["index"])
        assert np.array_equal(np.asarray(Image.open(out / row["file_name"])), np.asarray(render(face)))
        assert labels(face).items() <= row.items() and row["seed"] == 4
    assert (out / "README.md").read_text(encoding="utf-8").startswith("---")
