"""The commands of `scenes`: data, train and evaluate from the command line, with what only this model has."""

import json
import shutil

import pytest

from playground.__main__ import main
from playground.image.emoji import find_font


@pytest.fixture
def run(capsys):
    """Run a command line: (exit code, stdout, stderr)."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    return run


def test_data_writes_so_many_pictures_with_captions(run, tmp_path):
    out = tmp_path / "made"
    assert run("data", "scenes", "--n", "5", "--out", str(out)) == (0, f"{out}\n", "5 of 5 pictures\n")
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert len(rows) == 5 and all((out / row["file_name"]).is_file() and row["text"] for row in rows)


def test_data_goes_to_the_cache_if_nothing_else_is_said(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "playground" / "scenes"
    assert run("data", "scenes", "--n", "1")[:2] == (0, f"{folder}\n")
    assert (folder / "metadata.jsonl").is_file()


def test_a_folder_with_other_files_is_left_alone(run, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    code, out, err = run("data", "scenes", "--n", "1", "--out", str(tmp_path))
    assert (code, out) == (2, "") and err == f"{tmp_path} holds other files; give an empty or a new folder.\n"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("train", "scenes", "--smoke", "--warm"), "scenes has no record of an earlier training to go on from."),
        (("train", "scenes", "--smoke", "--data", "/nowhere"), "There is no emoji font at /nowhere"),
        (("evaluate", "scenes"), "There is no model 'scenes'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(run, argv, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(tmp_path))
    code, out, err = run(*argv)
    assert (code, out) == (2, "") and sentence in err and len(err.splitlines()) == 1


@pytest.mark.slow
def test_a_smoke_run_with_a_font_of_ones_own_makes_a_model_that_draws(run, tmp_path, monkeypatch):
    font = shutil.copy(find_font(), tmp_path / "mine.ttf")
    out = tmp_path / "made" / "tiny"
    code, printed, _ = run("train", "scenes", "--smoke", "--data", str(font), "--out", str(out))
    assert (code, printed) == (0, f"{out}\n")
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(out.parent))
    path = tmp_path / "cat.png"
    assert run("generate", "image", "--model", "tiny", "--prompt", "a cat", "--steps", "2", "--out", str(path))[0] == 0
    assert path.is_file()
