"""Pictures from the command line: files that appear where one expects them, and that `replay` makes again."""

import base64
import io
import json

import pytest
from PIL import Image

from playground.__main__ import main
from playground.documents import check, read
from playground.engine import Engine
from playground.image import png
from playground.links import to_link
from playground.recipes import ImageRecipe
from playground.registry import Registry
from tests.image.tiny import make_checkpoint

BRIEF = ["--prompt", "a cat on a beach", "--seed", "7", "--steps", "2", "--size", "64"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    make_checkpoint(root / "scenes")
    return root


@pytest.fixture(autouse=True)
def here(checkpoints, tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(checkpoints))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(capsys):
    """Run a command line: (exit code, stdout, stderr)."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def generate(run):
    """`generate image` with brief settings."""
    return lambda *argv: run("generate", "image", *BRIEF, *argv)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# generate ------------------------------------------------------------------------------------------------------


def test_the_file_is_printed_and_holds_picture_and_recipe(generate, here):
    code, out, err = generate("--out", "car.png")
    assert (code, out) == (0, "car.png\n") and names(here) == ["car.png"]
    assert err.startswith("seed 7 · 2 steps · ") and err.endswith(" · The picture is complete.\n")
    picture, metadata = png.read(here / "car.png")
    assert (picture.width, picture.height) == (64, 64)
    assert metadata["playground"]["prompt"] == "a cat on a beach" and metadata["environment"]["diffusers"]


def test_json_is_one_object_with_path_and_checksum(generate, here):
    code, out, err = generate("--out", "car.png", "--json")
    document = json.loads(out)
    assert code == 0 and not err
    assert document["result"]["path"] == "car.png"
    assert read((here / "car.png").read_bytes())[1]["result"]["sha256"] == document["result"]["sha256"]
    assert document["recipe"]["seed"] == 7 and document["stats"]["seconds_per_picture"] > 0


def test_several_pictures_are_numbered(generate, here):
    code, out, _ = generate("--out", "car.png", "--samples", "3", "--json")
    samples = json.loads(out)["result"]["samples"]
    assert code == 0 and [sample["path"] for sample in samples] == ["car.png", "car-2.png", "car-3.png"]
    assert names(here) == ["car-2.png", "car-3.png", "car.png"]
    assert png.read(here / "car-3.png")[1]["playground"]["seed"] == 9


def test_without_a_name_each_is_called_by_its_seed_and_nothing_is_replaced(generate, here):
    (here / "image-seed-8.png").write_text("mine")
    assert generate("--samples", "2")[1] == "image-seed-7.png\nimage-seed-8-2.png\n"
    assert generate()[1] == "image-seed-7-2.png\n"
    assert (here / "image-seed-8.png").read_text() == "mine"


def test_a_folder_is_filled_without_replacing_anything(generate, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in ("", "-2"):
        assert generate("--out", str(folder))[1] == f"{folder}/image-seed-7{number}.png\n"


def test_a_file_that_is_named_is_replaced(generate, here):
    (here / "car.png").write_text("old")
    assert generate("--out", "car.png")[0] == 0
    assert png.read(here / "car.png") and names(here) == ["car.png"]


def test_help_tells_every_knob_and_where_pictures_go(run):
    code, out, _ = run("generate", "image", "--help")
    words = " ".join(out.split())
    assert code == 0
    for name, field in ImageRecipe.model_fields.items():
        assert f"--{name.replace('_', '-')} " in words and (field.description in words or name == "start")
    assert "in place of one that is there" in words and "One of dpmpp_2m, ddim," in words


MISTAKES = [
    (("--out", "car.jpg"), "out is 'car.jpg'; a file that ends in .png, or a folder that is there, is allowed."),
    (("--out", "no/such/"), "out is 'no/such/'; a file that ends in .png"),
    (("--out", "nowhere/car.png"), "There is no folder nowhere to write car.png to."),
    (("--out", "/dev/null/car.png"), "There is no folder /dev/null to write car.png to."),
    (("--out", "/proc/car.png"), "The folder /proc can't be written to"),
    (("--out", "x" * 300 + ".png"), "File name too long."),
    (("--out", "a\0b"), "out is "),
    (("--out", "folder.png/.png"), "out is "),
    (("--out", "\x1b[31m\n"), "out is '\\x1b[31m\\n'"),
    (("--start", "nobody.jpg"), "nobody.jpg: No such file or directory."),
    (("--start", "."), ".: Is a directory."),
    (("--start", "/dev/zero"), "The picture has more than 20 MB"),
    (("--start", "/dev/null"), "The picture is empty"),
    (("--start", "http://127.0.0.1:1/x.png"), "a file is needed, nothing is fetched."),
    (("--start", "data:image/png;base64,AAAA"), "That is not a PNG."),
    (("--scheduler", "karras"), "scheduler is 'karras'; one of dpmpp_2m, "),
    (("--size", "100"), "size is '100'; a whole number from 64 to 768 in steps of 64"),
    (("--steps", "0"), "steps is '0'; a whole number from 1 to 100"),
    (("--model", "tales"), "There is no model 'tales'; for image there is: scenes."),
]


@pytest.mark.parametrize(("argv", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_and_leaves_no_file(generate, here, argv, sentence):
    code, out, err = generate(*argv)
    assert (code, out) == (2, "") and sentence in err and len(err.splitlines()) == 1
    assert names(here) == []


def test_a_file_that_may_not_be_written_is_refused_before_anything_is_drawn(generate, here, monkeypatch):
    (here / "car-2.png").mkdir()
    assert generate("--out", "car.png", "--samples", "2") == (2, "", "car-2.png can't be written: it is a folder.\n")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    (here / "mine.png").write_text("mine")
    assert generate("--out", "mine.png") == (2, "", "mine.png can't be written: it is write-protected.\n")


def test_a_file_to_start_from_is_read_cropped_and_kept_in_the_recipe(generate, here):
    Image.new("RGB", (300, 200), (200, 40, 40)).save(here / "mine.jpg")
    code, out, _ = generate("--start", "mine.jpg", "--strength", "0.5", "--out", "car.png", "--json")
    start = json.loads(out)["recipe"]["start"]
    assert code == 0
    picture = Image.open(io.BytesIO(base64.b64decode(start.partition(",")[2])))
    assert picture.size == (64, 64) and picture.format == "PNG"
    assert (
        json.loads(generate("--start", start, "--strength", "0.5", "--out", "b.png", "--json")[1])["result"]["sha256"]
        == (json.loads(out)["result"]["sha256"])
    )


# replay --------------------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(generate, here):
    """car.png and car.json."""
    (here / "car.json").write_text(generate("--out", "car.png", "--json")[1])
    return here


@pytest.mark.parametrize("name", ["car.png", "car.json"])
def test_replay_of_a_picture_is_identical(run, drawn, name):
    assert run("replay", name) == (0, "Identical.\n", "")


def test_replay_of_one_picture_of_several(run, generate, here):
    generate("--samples", "2", "--out", "car.png", "--variation-strength", "0.5")
    assert run("replay", "car-2.png") == (0, "Identical.\n", "")


def test_replay_of_a_picture_with_a_start(run, generate, here):
    Image.new("RGB", (300, 200), (200, 40, 40)).save(here / "mine.jpg")
    generate("--start", "mine.jpg", "--out", "car.png")
    assert run("replay", "car.png") == (0, "Identical.\n", "")


def test_replay_tells_how_far_a_picture_is_off(run, drawn):
    picture, metadata = png.read(drawn / "car.png")
    shifted = bytes(value + 1 if value < 128 else value - 1 for value in picture.rgb)
    recipe = ImageRecipe.make({k: v for k, v in metadata["playground"].items() if k not in ("v", "kind")})
    (drawn / "near.png").write_bytes(png.encode(picture._replace(rgb=shifted), recipe))
    assert run("replay", "near.png")[:2] == (
        0,
        "The same, within rounding:\n  pixels differ by up to 1/255, which is within the 2/255 of rounding\n",
    )
    (drawn / "far.png").write_bytes(png.encode(picture, recipe.with_seed(8)))
    code, out, _ = run("replay", "far.png")
    assert code == 1 and out.startswith("It differs:\n") and "of the pixels differ, by up to" in out


def test_replay_of_a_link_compares_with_its_check(run, drawn):
    content = json.loads((drawn / "car.json").read_text())
    recipe = Engine(Registry()).recipe("image", read(json.dumps(content))[0].values)
    link = to_link(recipe, "http://127.0.0.1:7860/", check=check(content))
    assert run("replay", link) == (0, "Identical.\n", "")
    code, out, _ = run("replay", link[:-12] + "0123456789ab")
    assert code == 1 and "instead of 0123456789ab" in out


def test_replay_cannot_with_a_picture_of_another_tool(run, here):
    Image.new("RGB", (9, 9)).save(here / "other.png")
    Image.new("RGB", (9, 9)).save(here / "other.jpg")
    assert run("replay", "other.png") == (2, "", "The picture carries no recipe of the playground.\n")
    assert run("replay", "other.jpg") == (2, "", "The file is neither JSON nor a picture that was made here.\n")
