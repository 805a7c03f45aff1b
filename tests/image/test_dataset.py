"""The data set on disk: `imagefolder` layout, resumed rather than remade, and refusals in one sentence."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.image.dataset import METADATA, ORIGIN, write_dataset
from playground.image.render import render
from playground.image.world import draw_scene


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


def test_it_resumes_and_grows(tmp_path):
    write(tmp_path, 3)
    table = rows(tmp_path)
    first = tmp_path / table[0]["file_name"]
    os.utime(first, ns=(1, 1))
    (tmp_path / table[1]["file_name"]).unlink()
    (tmp_path / METADATA).unlink()
    write(tmp_path, 5)
    assert first.stat().st_mtime_ns == 1, "what is there is not drawn again"
    assert (tmp_path / table[1]["file_name"]).exists()
    assert rows(tmp_path)[:3] == table and len(rows(tmp_path)) == 5
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("n", [0, -3])
def test_numbers_below_one_are_refused(tmp_path, n):
    with pytest.raises(PlaygroundError, match="1 or more"):
        write(tmp_path / "scenes", n)
    assert not (tmp_path / "scenes").exists()


def test_another_series_or_other_files_are_left_alone(tmp_path):
    write(tmp_path / "a", 2)
    with pytest.raises(PlaygroundError, match="another seed or font"):
        write(tmp_path / "a", 2, seed=1)
    with pytest.raises(PlaygroundError, match="already holds 2"):
        write(tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(PlaygroundError, match="holds other files"):
        write(tmp_path / "b", 1)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PlaygroundError, match="can't be written"):
        write(tmp_path / "file" / "scenes", 1)


def test_a_missing_font_is_said(tmp_path):
    with pytest.raises(PlaygroundError, match="no emoji font"):
        write(tmp_path / "scenes", 1, font=tmp_path / "none.ttf")
    assert not (tmp_path / "scenes" / ORIGIN).exists()
