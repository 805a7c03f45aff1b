"""The command line: what scripts rely on. Most tests call `main`; a few run real processes for signals and pipes."""

import gzip
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from playground.__main__ import main
from playground.events import ENDINGS
from playground.links import to_link
from playground.recipes import Recipe, TextRecipe
from playground.registry import MANIFEST, Registry
from playground.text.data import Story

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 180
NOBODY = "There is no model 'nobody' to make here; there is: scenes, scenes-fast, faces, faces-vae, faces-gan, tales."
BRIEF = ["--prompt", "Once upon a time", "--seed", "7", "--max-new-tokens", "8"]


@pytest.fixture(autouse=True)
def shelf(checkpoints, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(checkpoints))
    monkeypatch.delenv("PLAYGROUND_DATA", raising=False)
    return checkpoints


@pytest.fixture
def run(capsys):
    """Run a command line: (exit code, stdout, stderr)."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    return run


def start(*argv: str, **options) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "playground", *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


# generate ----------------------------------------------------------------------------------------------------


def test_generate_prints_prompt_and_text_and_nothing_else_on_stdout(run):
    code, out, err = run("generate", "text", *BRIEF)
    document = json.loads(run("generate", "text", *BRIEF, "--json")[1])
    assert code == 0
    assert out == "Once upon a time" + document["result"]["text"] + "\n"
    assert err.startswith("seed 7 · 8 tokens · ") and err.endswith(ENDINGS["length"] + "\n")


def test_generate_json_is_one_object_of_the_agreed_form(run):
    code, out, err = run("generate", "text", *BRIEF, "--json")
    document = json.loads(out)
    assert code == 0 and not err
    assert document["recipe"]["seed"] == 7 and document["recipe"]["max_new_tokens"] == 8
    assert set(document["result"]["tokens"][0]) == {"id", "text", "logprob"}
    assert document["result"]["prompt_ids"] and document["stats"]["tokens_per_second"] > 0


def test_several_samples(run):
    code, out, _ = run("generate", "text", *BRIEF, "--samples", "3")
    samples = json.loads(run("generate", "text", *BRIEF, "--samples", "3", "--json")[1])["result"]["samples"]
    assert code == 0 and [sample["seed"] for sample in samples] == [7, 8, 9]
    assert out == "".join(
        ("" if k == 0 else f"\n--- seed {7 + k} ---\n") + "Once upon a time" + sample["text"] + "\n"
        for k, sample in enumerate(samples)
    )


def test_every_knob_is_an_option(run):
    values = TextRecipe().model_dump() | {"temperature": 0.5, "top_k": 3, "samples": 2, "stop": "x|y", "about": "key"}
    argv = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    recipe = json.loads(run("generate", "text", *argv, "--max-new-tokens=2", "--json")[1])["recipe"]
    changed = {"fingerprint": recipe["fingerprint"], "max_new_tokens": 2}
    assert recipe == {"v": 1, "kind": "text", **values, **changed}


def test_help_tells_every_knob(run):
    code, out, _ = run("generate", "text", "--help")
    words = " ".join(out.split())
    assert code == 0
    for name, field in TextRecipe.model_fields.items():
        assert f"--{name.replace('_', '-')} " in words and field.description in words


@pytest.mark.parametrize("prompt", ["", "<script>", "${x}{{y}}", "\udcff", "\u202eabc", "a\nb", "👩‍👩‍👧", "%s %d"])
def test_hostile_prompts_are_only_text(run, prompt):
    code, out, _ = run("generate", "text", f"--prompt={prompt}", "--max-new-tokens=2", "--json")
    assert code == 0
    assert json.loads(out)["recipe"]["prompt"] == prompt.replace("\udcff", "\ufffd")


# mistakes ----------------------------------------------------------------------------------------------------

MISTAKES = [
    ((), "the following arguments are required: COMMAND"),
    (("dance",), "invalid choice: 'dance'"),
    (("generate",), "the following arguments are required: KIND"),
    (("generate", "smell"), "invalid choice: 'smell'"),
    (("generate", "text", "--warmth", "1"), "unrecognized arguments: --warmth 1"),
    (("generate", "text", "--temp", "1"), "unrecognized arguments: --temp 1"),
    (("generate", "text", "--seed"), "expected one argument (write --option=VALUE where VALUE begins with a dash)"),
    (("generate", "text", "--temperature", "-1"), "temperature is '-1'; a number from 0 to 2 in steps of 0.01"),
    (("generate", "text", "--temperature", "nan"), "temperature is 'nan'"),
    (("generate", "text", "--temperature", "0.815"), "temperature is '0.815'"),
    (("generate", "text", "--temperature", "1e999"), "temperature is '1e999'"),
    (("generate", "text", "--seed", "9" * 5000), "seed is '999"),
    (("generate", "text", "--seed", "1.5"), "seed is '1.5'; a whole number"),
    (("generate", "text", "--samples", ""), "samples is ''"),
    (("generate", "text", "--prompt", "x" * 100_000), "The prompt has 100,000 characters; at most 20,000"),
    (("generate", "text", "--prompt", "zyx " * 200), "tokens; the model takes at most 127 (its context is 128)."),
    (("generate", "text", "--model", "nobody"), "There is no model 'nobody'; for text there is: tales."),
    (("generate", "text", "--model", "../../etc"), "There is no model '../../etc'"),
    (("generate", "text", "--model", "\x1b[31m\n"), "There is no model '\\x1b[31m\\n'"),
    (("generate", "text", "a\nb\x1b[31m"), "unrecognized arguments: a b [31m"),
    (("replay", "no-such-file"), "no-such-file: No such file or directory."),
    (("replay", "."), ".: Is a directory."),
    (("replay", "a\0b"), "That is no name of a file."),
    (("replay", "x" * 5000), "File name too long"),
    (("replay", "http://127.0.0.1:1/"), "The link holds no recipe."),
    (("replay", "http://127.0.0.1:1/?tab=text&seed=7"), "nothing to compare with"),
    (("replay", "?tab=text&seed=x&check=0123456789ab"), "seed is 'x'"),
    (
        ("data", "nobody"),
        NOBODY,
    ),
    (("generate", "image", "--model", "tales"), "The model tales makes text, not image."),
    (("generate", "image", "--out", "a.gif"), "There is no model 'scenes'; for image there is: none."),
    (("data", "tales", "--n", "0"), "'0' is not a whole number from 1 on"),
    (("data", "tales", "--n", "-3"), "'-3' is not a whole number from 1 on"),
    (("data", "tales", "--out", "/dev/null/x"), "The folder /dev/null/x can't be written to: Not a directory."),
    (
        ("train", "nobody"),
        NOBODY,
    ),
    (("train", "tales", "--minutes", "nan"), "'nan' is not a number of minutes"),
    (("train", "tales", "--minutes", "0"), "'0' is not a number of minutes"),
    (("train", "tales", "--smoke", "--data", "/nowhere"), "No stories in /nowhere: give a folder of .jsonl.gz files"),
    (("train", "tales", "--smoke", "--out", "/dev/null/x"), "can't be written to: Not a directory."),
    (("train", "tales", "--smoke", "--out", "My Model"), "'My Model' can't name a model"),
    (
        ("evaluate", "nobody"),
        NOBODY,
    ),
    (("evaluate", "tales", "--data", "/nowhere"), "No stories in /nowhere"),
    (("bench", "nobody"), "There is no benchmark 'nobody'"),
]


@pytest.mark.parametrize(("argv", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_on_stderr_and_exit_code_2(run, argv, sentence):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert sentence in err and len(err.splitlines()) == 1 and len(err) < 600
    assert err[:-1].isprintable()


# replay ------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(run, tmp_path) -> Path:
    path = tmp_path / "tale.json"
    path.write_text(run("generate", "text", *BRIEF, "--json")[1])
    return path


def test_replay_of_a_file_is_identical(run, saved):
    assert run("replay", str(saved)) == (0, "Identical.\n", "")


def test_replay_tells_what_differs(run, saved):
    document = json.loads(saved.read_text())
    document["result"]["tokens"][2]["id"] += 1
    document["environment"]["torch"] = "1.0"
    saved.write_text(json.dumps(document))
    code, out, _ = run("replay", str(saved))
    assert code == 1
    assert out.startswith("It differs:\n  the texts part at token 3: ") and "  not as it was: torch: 1.0 then, " in out


def test_replay_within_rounding_counts_as_the_same(run, saved):
    document = json.loads(saved.read_text())
    document["result"]["tokens"][2]["logprob"] += 1e-6
    saved.write_text(json.dumps(document))
    code, out, _ = run("replay", str(saved))
    assert code == 0 and out.startswith("The same, within rounding:\n")


def test_replay_cannot_without_the_model(run, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(tmp_path))
    code, out, err = run("replay", str(saved))
    assert (code, out) == (2, "") and "There is no model 'tales'" in err


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[]", b'{"recipe": 1}', b"\x89PNG\r\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]
)
def test_replay_cannot_with_what_is_no_result(run, tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    code, out, err = run("replay", str(path))
    assert (code, out) == (2, "") and len(err.splitlines()) == 1


def test_replay_of_a_link_compares_with_its_check(run, engine):
    from playground.documents import check, document

    *_, done = engine.generate(engine.recipe("text", {"prompt": "Once", "seed": 7, "max_new_tokens": 8}))
    link = to_link(done.recipe, "http://127.0.0.1:7860/", check=check(document(done)))
    assert run("replay", link) == (0, "Identical.\n", "")
    code, out, _ = run("replay", link[:-12] + "0123456789ab")
    assert code == 1 and "instead of 0123456789ab" in out


# models, data, train, evaluate -------------------------------------------------------------------------------


def test_models_lists_the_damaged_ones_with_the_reason(run, shelf, tmp_path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "tales").symlink_to(shelf / "tales")
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(tmp_path))
    code, out, _ = run("models")
    assert code == 0
    assert out.splitlines()[0] == "broken           can't be used: it has no playground.json."
    assert out.splitlines()[1].startswith("tales            text ")
    broken, tales = json.loads(run("models", "--json")[1])["models"]
    assert broken == {"name": "broken", "problem": "it has no playground.json."}
    assert tales["kind"] == "text" and tales["problem"] is None and tales["fingerprint"]


@pytest.fixture
def stories(tmp_path) -> Path:
    """A folder of a hundred short stories, some of which are held out."""
    from tests.conftest import TALE

    folder = tmp_path / "stories"
    folder.mkdir()
    told = [Story("Tales", 1, "Jacob Grimm", f"Tale {n}", "tale", TALE + f"And that was tale {n}.") for n in range(100)]
    assert any(story.held_out for story in told)
    with gzip.open(folder / "tales-00.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(vars(story)) + "\n" for story in told)
    return folder


def test_a_smoke_run_makes_a_model_that_generates(run, stories, tmp_path, monkeypatch):
    out = tmp_path / "made" / "tiny"
    code, printed, _ = run("train", "tales", "--smoke", "--data", str(stories), "--out", str(out))
    assert (code, printed) == (0, f"{out}\n")
    assert Registry(out.parent).names("text") == ["tiny"]
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(out.parent))
    assert run("generate", "text", "--model", "tiny", "--max-new-tokens", "2")[0] == 0


def test_ctrl_c_keeps_what_was_trained(stories, tmp_path):
    out = tmp_path / "made" / "tiny"
    argv = ["train", "tales", "--smoke", "--minutes", "10", "--data", str(stories), "--out", str(out)]
    process = start(*argv)
    seen = ""
    while "loss=" not in seen:  # the bar: training is under way
        assert (more := process.stderr.read(1)), seen
        seen += more
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert err.endswith("Interrupted.\n") and "Traceback" not in err
    assert (out.with_name("tiny-run") / "state.pt").is_file() and not (out / MANIFEST).exists()


def test_ctrl_c_while_waiting_for_a_server(tmp_path):
    asked = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            asked.set()
            self.rfile.read()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        process = start("data", "tales", env={"PLAYGROUND_GUTENBERG": address, "XDG_CACHE_HOME": str(tmp_path)})
        assert asked.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        server.shutdown()
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted.\n"


def test_a_reader_that_leaves_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "playground", "models", "--json"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert process.stderr == b"" and process.returncode == 141


def test_help_is_there_without_torch():
    program = "import sys; from playground.__main__ import main; main(['--help']); print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "False"
    for command in ("generate", "replay", "models", "data", "train", "evaluate", "bench"):
        assert f"\n    {command} " in told


def test_every_kind_can_be_generated(run):
    for kind in Recipe.kinds:
        assert run("generate", kind, "--help")[0] == 0
