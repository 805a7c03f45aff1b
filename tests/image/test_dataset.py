"""What a data set on disk holds; how it is written is `test_imagefolder.py`'s."""

import json

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.image.dataset import ORIGIN, write_dataset
from playground.image.render import render
from playground.image.world import draw_scene
from playground.imagefolder import METADATA


def write(out, n, **options):
    lines = []
    write_dataset(out, n, progress=lines.append, **options)
    return lines


def rows(out):
    return [json.loads(line) for line in (out / METADATA).read_text(encoding="utf-8").splitlines()]


def test_pictures_masks_captions_and_labels_are_written(tmp_path):
    lines = write(tmp_path / "scenes", 6, seed=4)
    table = rows(tmp_path / "scenes")
    assert lines == ["6 of 6 pictures"]
    assert [row["index"] for row in table] == list(range(6))
    for row in table:
        picture, mask = render(draw_scene(4, row["index"]))
        assert np.array_equal(np.asarray(Image.open(tmp_path / "scenes" / row["file_name"])), picture)
        assert np.array_equal(np.asarray(Image.open(tmp_path / "scenes" / row["mask_file_name"])), mask)
        assert row["text"] and len(row["nouns"]) == len(row["boxes"]) == mask.max()
    assert (tmp_path / "scenes" / "README.md").read_text(encoding="utf-8").startswith("---")


def test_a_missing_font_is_said(tmp_path):
    with pytest.raises(PlaygroundError, match="no emoji font"):
        write(tmp_path / "scenes", 1, font=tmp_path / "none.ttf")
    assert not (tmp_path / "scenes" / ORIGIN).exists()
