"""Journeys from the command line: files that appear where one expects them, and that `replay` makes again."""

import json

import pytest
from PIL import Image

from playground.__main__ import main
from playground.documents import check, read
from playground.engine import Engine
from playground.latent.animation import decode
from playground.latent.explore import make_direction
from playground.latent.world import draw_face, render
from playground.links import to_link
from playground.recipes import LatentRecipe
from playground.registry import Registry

BRIEF = ["--a", "seed:1", "--b", "preset:dog", "--frames", "3", "--seed", "7"]


@pytest.fixture(autouse=True)
def here(faces, tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(faces))
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
    """`generate latent` with brief settings."""
    return lambda *argv: run("generate", "latent", *BRIEF, *argv)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4", ".png"])
def test_the_file_is_printed_and_can_be_replayed(run, generate, here, suffix):
    code, out, err = generate("--out", f"morph{suffix}", "--loop", "back")
    assert (code, out) == (0, f"morph{suffix}\n") and names(here) == [f"morph{suffix}"]
    assert err.startswith("seed 7 · 3 frames · ") and err.endswith(" · The journey is complete.\n")
    assert run("replay", f"morph{suffix}") == (0, "Identical.\n", "")


def test_json_is_one_object_with_path_and_checksums(run, generate, here):
    code, out, err = generate("--out", "morph.gif", "--json")
    document = json.loads(out)
    assert code == 0 and not err
    assert document["result"]["path"] == "morph.gif" and len(document["result"]["frames"]) == 3
    assert read((here / "morph.gif").read_bytes())[1]["result"]["sha256"] == document["result"]["sha256"]
    assert document["stats"]["frames_per_second"] > 0
    (here / "morph.json").write_text(out)
    assert run("replay", "morph.json") == (0, "Identical.\n", "")


def test_without_a_name_it_is_called_by_its_seed_and_nothing_is_replaced(generate, here, tmp_path):
    assert generate()[1] == "latent-seed-7.gif\n"
    assert generate()[1] == "latent-seed-7-2.gif\n"
    assert generate("--layout", "grid", "--side", "2")[1] == "latent-seed-7.png\n"
    assert generate("--out", str(tmp_path))[1] == f"{tmp_path}/latent-seed-7.gif\n"


def test_a_grid_s_sheet_is_replayed(run, generate):
    assert generate("--layout", "grid", "--side", "3", "--out", "grid.png")[0] == 0
    assert run("replay", "grid.png") == (0, "Identical.\n", "")


def test_replay_tells_a_journey_of_other_weights(run, generate, here):
    generate("--out", "a.webp", "--model", "faces-gan")
    text = decode((here / "a.webp").read_bytes()).text
    (here / "b.json").write_text(json.dumps(_renamed(json.loads(text))))
    code, out, _ = run("replay", "b.json")
    assert code == 1 and "It differs:" in out and "weights: " in out


def _renamed(metadata: dict) -> dict:
    return {"recipe": {**metadata["playground"], "model": "faces-vae"}, "result": {**metadata["result"], "seed": 7}}


def test_replay_of_a_link_compares_with_its_check(run, generate):
    content = json.loads(generate("--json")[1])
    recipe = Engine(Registry()).recipe("latent", read(json.dumps(content))[0].values)
    link = to_link(recipe, "http://127.0.0.1:7860/", check=check(content))
    assert run("replay", link) == (0, "Identical.\n", "")
    assert run("replay", link[:-12] + "0123456789ab")[0] == 1


def test_a_picture_becomes_a_point_of_the_recipe(generate, here):
    render(draw_face(1, 2)).save(here / "me; 1.jpg")
    render(draw_face(1, 2)).save(here / "me.jpg")
    code, out, _ = generate("--a", "picture:me; 1.jpg", "--via", "seed:4; picture:me.jpg", "--json")
    recipe = json.loads(out)["recipe"]
    assert code == 0 and recipe["a"].startswith("point:")
    assert recipe["via"] == f"seed:4;{recipe['a']}"
    assert json.loads(generate("--a", recipe["a"], "--json")[1])["recipe"]["a"] == recipe["a"]


def test_directions_are_read_from_a_file_or_as_they_are(generate, here, vae):
    text = make_direction(vae, "wild", ["seed:1"], ["seed:2"])
    (here / "wild.json").write_text(text)
    results = [
        json.loads(generate("--directions", given, "--edits", "wild=2", "--json")[1]) for given in ("wild.json", text)
    ]
    assert results[0]["result"]["sha256"] == results[1]["result"]["sha256"]
    assert results[0]["recipe"]["directions"] == text


def test_help_tells_every_knob(run):
    code, out, _ = run("generate", "latent", "--help")
    words = " ".join(out.split())
    assert code == 0 and "picture:FILE" in words
    for name in LatentRecipe.model_fields:
        assert f"--{name.replace('_', '-')} " in words


MISTAKES = [
    (("--out", "morph.avi"), "out is 'morph.avi'; a file that ends in .gif, .webp, .mp4, .png, or a folder"),
    (("--out", "nowhere/a.gif"), "There is no folder nowhere to write a.gif to."),
    (("--a", "tiger"), "a is 'tiger'; seed:7, preset:cat"),
    (("--a", "picture:nobody.png"), "nobody.png: No such file or directory."),
    (("--a", "picture:."), ".: Is a directory."),
    (("--a", "picture:/dev/zero"), "The picture has more than 20 MB"),
    (("--a", "picture:/dev/null"), "The picture is empty"),
    (("--a", "picture:a\0b"), "No such file"),
    (("--a", "picture:http://127.0.0.1:1/x.png"), "No such file or directory."),
    (("--via", "seed:1;picture:/dev/null"), "The picture is empty"),
    (("--frames", "1"), "frames is '1'; a whole number from 2 to 120"),
    (("--frames", "121"), "frames is '121'; a whole number"),
    (("--edits", "smile=6"), "edits has 'smile=6'"),
    (("--directions", "{"), "directions is not JSON."),
    (("--directions", "nobody.json"), "nobody.json: No such file or directory."),
    (("--directions", "/dev/zero"), "The directions has "),
    (("--loop", "for ever"), "loop is 'for ever'; one of once, back, round is allowed."),
    (("--model", "scenes"), "There is no model 'scenes'; for latent there is: faces-gan, faces-vae."),
]


@pytest.mark.parametrize(("argv", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_and_leaves_no_file(generate, here, argv, sentence):
    code, out, err = generate(*argv)
    assert (code, out) == (2, "") and sentence in err and len(err.splitlines()) == 1
    assert names(here) == []


def test_replay_cannot_with_an_animation_of_another_tool(run, here):
    for format in ("gif", "webp"):
        Image.new("RGB", (9, 9)).save(here / f"other.{format}")
        assert run("replay", f"other.{format}") == (2, "", "The file carries no recipe of the playground.\n")
