"""Both worlds on disk: resumed rather than remade, and refusals in one sentence."""

import json
import os

import pytest

from playground.errors import PlaygroundError
from playground.image import dataset as scenes
from playground.imagefolder import METADATA
from playground.latent import dataset as faces

OTHER = {scenes: "another seed or font", faces: "another seed"}


@pytest.fixture(params=OTHER, ids=lambda world: world.__name__)
def world(request):
    return request.param


def write(world, out, n, **options):
    world.write_dataset(out, n, progress=lambda line: None, **options)


def rows(out):
    return [json.loads(line) for line in (out / METADATA).read_text(encoding="utf-8").splitlines()]


def test_it_resumes_and_grows(world, tmp_path):
    write(world, tmp_path, 3)
    table = rows(tmp_path)
    first = tmp_path / table[0]["file_name"]
    os.utime(first, ns=(1, 1))
    (tmp_path / table[1]["file_name"]).unlink()
    (tmp_path / METADATA).unlink()
    write(world, tmp_path, 5)
    assert first.stat().st_mtime_ns == 1, "what is there is not drawn again"
    assert (tmp_path / table[1]["file_name"]).exists()
    assert rows(tmp_path)[:3] == table and len(rows(tmp_path)) == 5
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("n", [0, -3])
def test_numbers_below_one_are_refused(world, tmp_path, n):
    with pytest.raises(PlaygroundError, match="1 or more"):
        write(world, tmp_path / "new", n)
    assert not (tmp_path / "new").exists()


def test_another_series_or_other_files_are_left_alone(world, tmp_path):
    write(world, tmp_path / "a", 2)
    with pytest.raises(PlaygroundError, match=OTHER[world]):
        write(world, tmp_path / "a", 2, seed=1)
    with pytest.raises(PlaygroundError, match="already holds 2"):
        write(world, tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(PlaygroundError, match="holds other files"):
        write(world, tmp_path / "b", 1)
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_said(world, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PlaygroundError, match="can't be written"):
        write(world, tmp_path / "file" / "new", 1)


def test_what_a_folder_says_of_itself_may_be_damaged(world, tmp_path):
    write(world, tmp_path, 1)
    (tmp_path / world.ORIGIN).write_text("{")
    with pytest.raises(PlaygroundError, match=OTHER[world]):
        write(world, tmp_path, 1)
