"""The README tells the truth: commands parse, code runs, files exist, the table of knobs is that of the recipes."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from playground import __version__
from playground.__main__ import parser
from playground.knobs import update

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
STRUCTURE = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)( [\w-]+)?\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.split(" > ")[0] for kind, _, block in BLOCKS if kind == "sh" for line in block.splitlines() if line]
PYTHON = [(flag.strip(), block) for kind, flag, block in BLOCKS if kind == "python"]
FRONT = dict(re.findall(r"^(\w+): (.*)$", README.split("---")[1], re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_that_there_is(command):
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert words[:3] == ["python", "-m", "playground"]
        parser().parse_args(words[3:])


@pytest.mark.parametrize(("flag", "block"), PYTHON, ids=range(len(PYTHON)))
def test_code_runs(flag, block, checkpoints, monkeypatch, capsys):
    tree = ast.parse(block)
    if flag == "no-run" or "gradio_client" in block:  # the client's way in is tested with the page
        return
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(checkpoints))
    exec(compile(tree, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_knobs_are_those_of_the_recipes():
    assert update(README) == README, "run `make readme`"


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def files_in_tree() -> list[str]:
    """Paths of docs/structure.md, put together from their indentation."""
    block = STRUCTURE.split("```")[1].removeprefix("text\n")
    folders, found = {}, []
    for line in block.splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        path = folders.get(depth - 1, "") + name
        folders[depth] = path
        found.append(path)
    return found


def test_every_file_of_the_tree_is_there():
    for path in files_in_tree():
        assert (ROOT / path).exists(), path


def test_every_module_is_in_the_tree():
    listed = set(files_in_tree())
    for top in ("playground", "tabs", "bench"):
        for path in (ROOT / top).rglob("*.py"):
            if path.name != "__init__.py":
                assert path.relative_to(ROOT).as_posix() in listed, f"{path} has no line in docs/structure.md"


def test_the_front_matter_is_what_a_space_takes():
    assert len(FRONT["short_description"]) <= 60
    assert (ROOT / FRONT["app_file"]).exists()
    assert f"gradio=={FRONT['sdk_version']}" in (ROOT / "constraints.txt").read_text().splitlines()


def test_there_is_one_version():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


def test_what_is_required_is_pinned_and_what_is_pinned_fits():
    from packaging.requirements import Requirement

    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for file in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / file).read_text().splitlines()
        for requirement in (Requirement(line) for line in lines if line[0] not in "#-"):
            pin = pins[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(pin), requirement
            assert "+" not in pin
