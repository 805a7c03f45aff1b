"""Code that makes a result again: it holds the differences alone, quotes whatever stands in them, and really runs."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench._serving import environment, serving
from playground.__main__ import parser
from playground.documents import read
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.latent.explore import make_direction
from playground.recipes import ImageRecipe, Recipe, TextRecipe
from playground.registry import Registry
from playground.snippets import LONGEST_WORD, snippets
from tests.conftest import write_tiny_model
from tests.image.tiny import ASKED
from tests.image.tiny import make_checkpoint as make_painter
from tests.latent.tiny import JOURNEY
from tests.latent.tiny import make_checkpoint as make_faces

BASE = "http://127.0.0.1:7860/"
WAYS = ["Command line", "Python", "gradio_client", "curl"]
PATIENCE_S = 300
PASSWORD = '@it\'s $HOME of "ann"'
HOSTILE = [
    "it's \"quoted\" 'twice' \\ and \\\\ and \\n",
    "$(touch hacked) `touch hacked` ${HOME} $HOME !! !$ \\!",
    "two\nlines\r\nand\ttabs\n",
    "emoji 👑 👩‍👩‍👧 and 日本語",
    "\u202eright to left\u202c \ufeff \x7f \x9b",
    "\x1b[201~\ntouch hacked\n\x03\x04\x1a it's!",
    "--help",
    "-x",
    "=ls",
    "@/etc/passwd",
    "'; touch hacked; '",
    "' + __import__('os').system('touch hacked') + '",
    '"); import os; os.system("touch hacked") #',
    '{"seed": 1}, "url": "http://example.org/evil"',
    "</script><script>alert(1)</script>",
    "~ * ? [a-z] {a,b} # & ; | < > %s \\x41 \\u0041 \\101",
    " ",
    "\\",
]


def code_of(way: str, recipe: Recipe, base: str = BASE, **known) -> str:
    return next(snippet.code for snippet in snippets(recipe, base, **known) if snippet.name == way)


# ---- what it holds ----


def test_there_are_four_ways_and_each_says_what_it_needs():
    made = snippets(TextRecipe.make({"prompt": "Once"}), BASE)
    assert [snippet.name for snippet in made] == WAYS
    assert all(snippet.code and snippet.needs for snippet in made)


@pytest.mark.parametrize("way", WAYS)
def test_only_differences_and_the_seed_stand_in_it(way):
    code = code_of(way, TextRecipe.make({"temperature": 1, "fingerprint": "0123456789ab"}))
    assert "seed" in code and "temperature" in code
    assert not [name for name in ("fingerprint", "top_k", "top-k", "stop", "samples", "tales") if name in code]


@pytest.mark.parametrize("way", WAYS)
def test_what_differs_from_the_manifest_alone_stands_in_it(way):
    assert "20" in code_of(way, ImageRecipe(), defaults={"steps": 8})


@pytest.mark.parametrize("way", ["gradio_client", "curl"])
def test_what_the_api_would_take_otherwise_stands_in_its_code_alone(way):
    of_api = {**ImageRecipe().model_dump(), "steps": 8}
    assert "steps" in code_of(way, ImageRecipe(), of_api=of_api)
    assert "steps" not in code_of("Python", ImageRecipe(), of_api=of_api)


def test_the_address_is_that_of_the_page():
    base = "https://example.org/play"
    assert 'Client("https://example.org/play")' in code_of("gradio_client", TextRecipe(), base)
    assert "https://example.org/play/gradio_api/call/v2/text " in code_of("curl", TextRecipe(), base)


@pytest.mark.parametrize(
    "base", ["", "javascript:alert(1)", "http://", "http://[", 'http://x/"$(id)\n', "file:///etc/passwd", "http://a b/"]
)
def test_what_is_no_address_is_refused(base):
    with pytest.raises(PlaygroundError, match="is no address of a page"):
        snippets(TextRecipe(), base)


def test_what_no_command_line_takes_is_told():
    recipe = ImageRecipe.make({"start": "data:image/png;base64," + "A" * LONGEST_WORD})
    line, python, client, curl = snippets(recipe, BASE)
    assert (line.code, curl.code) == ("", "") and "too large for a command line" in line.needs
    assert recipe.start in python.code and recipe.start in client.code


# ---- whatever stands in it is text ----

PROBE = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"  # a program that tells its words


def words_of(code: str, program: str, folder: Path, shell: str = "bash") -> list[list[str]]:
    """The words that a shell gives to a program, once for each call."""
    probe = folder / program
    probe.write_text(PROBE)
    probe.chmod(0o755)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    told = subprocess.run([shell, "-c", code], cwd=folder, env=env, capture_output=True, timeout=PATIENCE_S)
    assert not told.stderr, told.stderr
    assert not (folder / "hacked").exists()
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_shell_takes_a_prompt_for_text(prompt, tmp_path):
    code = code_of("Command line", TextRecipe.make({"prompt": prompt, "stop": prompt}))
    (words,) = words_of(code, "python", tmp_path)
    assert words[:4] == ["-m", "playground", "generate", "text"]
    args = parser().parse_args(words[2:])
    assert (args.seed, args.prompt, args.stop, args.temperature) == ("0", prompt, prompt, None)
    if prompt.isprintable():
        assert words_of(code, "python", tmp_path, "sh") == [words]


@pytest.mark.parametrize("prompt", HOSTILE)
def test_what_is_copied_can_not_act_while_it_is_pasted(prompt):
    """A terminal acts on control characters before any shell sees a quote; a new line parts knobs and nothing else."""
    for snippet in snippets(TextRecipe.make({"prompt": prompt}), BASE):
        lines = snippet.code.split("\n")
        assert all(line.isprintable() for line in lines)
        assert "touch hacked" not in [line.strip() for line in lines]


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("way", ["Python", "gradio_client"])
def test_python_takes_a_prompt_for_text(prompt, way):
    tree = ast.parse(code_of(way, TextRecipe.make({"prompt": prompt, "seed": 5})))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert texts.count(prompt) == 1 and 5 in texts


@pytest.mark.parametrize("prompt", HOSTILE)
def test_curl_sends_a_prompt_as_text(prompt, tmp_path):
    code = code_of("curl", TextRecipe.make({"prompt": prompt, "seed": 5}))
    assert code.startswith("event=$(curl ")
    call = code.removeprefix("event=$(").partition(" |\n")[0]
    (words,) = words_of(call, "curl", tmp_path)
    assert json.loads(words[words.index("-d") + 1]) == {"seed": 5, "prompt": prompt}


# ---- it really runs ----


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A folder with a tiny model of each kind."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_model(root / "tales")
    make_painter(root / "scenes")
    make_faces(root / "faces-vae")
    return root


@pytest.fixture(scope="module")
def alone(models) -> Engine:
    """The engine without any page."""
    return Engine(Registry(models))


@pytest.fixture(scope="module")
def page(models):
    """The address of the app over the same models, in a process of its own."""
    with serving(models) as app:
        yield app.url


@pytest.fixture(scope="module")
def behind_a_login(models):
    """The address of another that asks who one is."""
    with serving(models, extra={"PLAYGROUND_LOGIN": f"ann:{PASSWORD}"}) as app:
        yield app.url


@pytest.fixture(scope="module")
def expected(alone) -> dict:
    """What the engine makes of hostile recipes, a kind each."""
    with alone.model("faces-vae", "latent") as model:
        directions = make_direction(model, "odd one", ["seed:1"], ["seed:2"])
    prompt = 'It\'s a "king" $(touch hacked) `id` \\ 👑\nwho'
    asked = {
        "text": {"prompt": prompt, "seed": 7, "max_new_tokens": 12, "temperature": 1.25},
        "image": ASKED | {"prompt": f"-a cat{prompt}", "negative_prompt": "--out x", "guidance_scale": 2.5},
        "latent": JOURNEY | {"easing": "smooth", "edits": "odd one=1.5", "directions": directions},
    }
    assert set(asked) == set(Recipe.kinds)
    return {kind: list(alone.generate(alone.recipe(kind, values)))[-1] for kind, values in asked.items()}


def run(code: str, way: str, folder: Path, models: Path, **settings: str) -> str:
    """Run it as a person who has activated the environment would; what it prints."""
    env = environment(models) | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"} | settings
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = ["bash", "-c", code] if way in ("Command line", "curl") else [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=PATIENCE_S, check=False)
    assert told.returncode == 0, told.stderr.decode()
    assert not (folder / "hacked").exists()
    return told.stdout.decode()


def made_by(way: str, kind: str, printed: str, folder: Path):
    """What a run has made: the whole text, or every pixel."""
    if kind == "text":
        if way != "curl":
            return printed.removesuffix("\n").removeprefix("Loaded as API: " + BASE)
        last = [line for line in printed.splitlines() if line.startswith("data: ")][-1]
        (document,) = json.loads(last.removeprefix("data: "))
        return document["recipe"]["prompt"] + document["result"]["text"]
    path = Path(printed.split()[-1]) if way == "gradio_client" else next(folder.iterdir())
    if kind == "image":
        return Image.open(path).tobytes()
    _, content = read(path.read_bytes())
    return b"".join(picture.rgb for picture in content["result"]["pictures"])


def pixels_or_text(done) -> str | bytes:
    (result,) = done.results
    if done.recipe.kind == "text":
        return done.recipe.prompt + result.text
    pictures = [result.picture] if done.recipe.kind == "image" else result.frames
    return b"".join(picture.rgb for picture in pictures)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", list(Recipe.kinds))
def test_it_makes_the_very_result(kind, way, expected, models, page, tmp_path):
    done = expected[kind]
    code = code_of(way, done.recipe, page)
    made = made_by(way, kind, run(code, way, tmp_path, models), tmp_path)
    if kind == "text":
        assert made.endswith(pixels_or_text(done))
    else:
        assert made == pixels_or_text(done)


@pytest.mark.parametrize("way", ["gradio_client", "curl"])
def test_several_samples_come_each_as_a_file(way, alone, models, page, tmp_path):
    recipe = alone.recipe("image", ASKED | {"samples": 2})
    expected = {result.picture.rgb for result in list(alone.generate(recipe))[-1].results}
    printed = run(code_of(way, recipe, page), way, tmp_path, models)
    files = map(Path, printed.splitlines()[-2:]) if way == "gradio_client" else tmp_path.iterdir()
    assert {Image.open(path).tobytes() for path in files} == expected


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize("way", ["gradio_client", "curl"])
def test_behind_a_login_it_brings_a_name_and_a_password(way, kind, behind_a_login, expected, models, tmp_path):
    done = expected[kind]
    code = code_of(way, done.recipe, behind_a_login, login=True)
    assert PASSWORD not in code
    made = made_by(way, kind, run(code, way, tmp_path, models, LOGIN_USER="ann", LOGIN_PASSWORD=PASSWORD), tmp_path)
    assert made.endswith(pixels_or_text(done))
