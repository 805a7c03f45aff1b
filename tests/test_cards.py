"""Model cards: a pure function of the folder's records, filed as the Hub does, with a snippet that runs."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import ModelCard

from playground.cards import (
    CARD,
    CURVE_POINTS,
    duration,
    quote,
    read_evaluation,
    read_history,
    read_manifest,
    table,
    training_section,
    training_summary,
    write_record,
)
from playground.errors import PlaygroundError
from playground.registry import EVALUATION, TRAINING, Registry
from playground.text.card import write_card
from playground.text.evaluate import evaluate
from playground.training import Plan, plot
from tests.stories import make_stories, write_stories

PLAN = Plan(steps=1000, batch_size=512, lr=1e-3, muon_lr=2e-3, ema=0.99, minutes=2)


def history(steps: int = 1000) -> list[dict[str, float]]:
    rows = [
        {"step": n + 1, "seen": 512 * (n + 1), "seconds": 0.1 * n, "lr": 1.0, "loss": 5 - n / steps, "grad_norm": 1.0}
        for n in range(steps)
    ]
    for row in rows[::300]:
        row.update(valid_loss=4.5, valid_bits_per_byte=1.5)
    return rows


@pytest.fixture
def folder(checkpoints, tmp_path):
    return shutil.copytree(checkpoints / "tales", tmp_path / "checkpoints" / "tales")


@pytest.fixture(scope="module")
def whole(checkpoints, tmp_path_factory):
    """A checkpoint folder with all its records, evaluated."""
    root = tmp_path_factory.mktemp("cards")
    folder = shutil.copytree(checkpoints / "tales", root / "checkpoints" / "tales")
    write_stories(root / "data", make_stories())
    write_record(folder / TRAINING, training_summary(history(), PLAN))
    plot(history(), folder / "loss.png")
    evaluate(folder, root / "data", progress=lambda line: None, quick=True)
    return folder


def test_a_run_can_go_on_from_a_record(tmp_path):
    path = tmp_path / TRAINING
    write_record(path, training_summary(history(), PLAN))
    rows = read_history(path)
    assert {name: rows[-1][name] for name in ("step", "seen", "seconds")} == {
        name: history()[-1][name] if name != "seconds" else round(history()[-1][name], 1)
        for name in ("step", "seen", "seconds")
    }
    assert sum("valid_loss" in row for row in rows) == sum("valid_loss" in row for row in history())
    again = training_summary(rows, PLAN)
    assert (again["steps"], again["seen"]) == (1000, 512_000)


def test_there_must_be_a_record_to_go_on_from(tmp_path):
    with pytest.raises(PlaygroundError, match="no record of an earlier training"):
        read_history(tmp_path / TRAINING)


def test_a_training_summary_keeps_what_a_card_tells():
    found = json.loads(json.dumps(training_summary(history(), PLAN)))
    assert (found["steps"], found["seen"], found["seconds"]) == (1000, 512_000, 99.9)
    assert found["plan"]["muon_lr"] == 2e-3 and found["machine"]["cores"] >= 1
    assert len(found["curve"]) == CURVE_POINTS
    assert found["curve"][-1]["seen"] == 512_000
    assert sum(row["loss"] for row in found["curve"]) / CURVE_POINTS == pytest.approx(4.5, abs=1e-3)
    assert found["checks"] == [
        {"step": n + 1, "seen": 512 * (n + 1), "valid_loss": 4.5, "valid_bits_per_byte": 1.5}
        for n in range(0, 1000, 300)
    ]


@pytest.mark.parametrize("steps", [0, 1, 7, 201])
def test_a_short_history_is_summed_up_too(steps):
    found = training_summary(history(steps), PLAN)
    assert found["steps"] == steps and len(found["curve"]) <= CURVE_POINTS
    assert not steps or found["curve"][-1]["step"] == steps


def test_a_card_before_evaluation_says_what_is_missing(folder):
    write_card(folder)
    text = (folder / CARD).read_text()
    assert "keeps no record of the run" in text
    assert "`python -m playground evaluate tales` fills this in" in text
    assert "model-index" not in text


def test_the_front_matter_is_what_the_hub_reads(whole):
    data = ModelCard.load(whole / CARD).data
    assert (data.license, data.language, data.library_name) == ("apache-2.0", "en", "transformers")
    assert data.pipeline_tag == "text-generation" and data.model_name == "tales"
    found = json.loads((whole / EVALUATION).read_text())["likelihood"]["plain"]["all"]
    metrics = {result.metric_type: result.metric_value for result in data.eval_results}
    assert metrics == {name: round(found[name], 4) for name in ("bits_per_byte", "accuracy")}


def test_the_card_tells_the_whole_story(whole):
    text = (whole / CARD).read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "What it is",
        "Use",
        "Prompts",
        "Data and licence",
        "Architecture",
        "Training",
        "Evaluation",
        "Examples",
        "Limits",
    ]
    for phrase in (
        "public domain in the USA",
        "python -m playground data tales",
        "512,000 tokens",
        "![Loss",
        "<|style|>",
    ):
        assert phrase in text
    assert text.count("Temperature 0:") == text.count("Temperature 0.8:") == text.count("Temperature 1.2:") == 6
    assert "no result" in text, "a quick evaluation is no evaluation, and says so"


def test_the_card_is_a_pure_function_of_the_folder(whole):
    before = (whole / CARD).read_text()
    write_card(whole)
    assert (whole / CARD).read_text() == before


def test_an_evaluation_of_other_weights_is_left_out(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "tales")
    write_record(folder / EVALUATION, {**json.loads((folder / EVALUATION).read_text()), "fingerprint": "0" * 12})
    assert read_evaluation(folder, read_manifest(folder)) is None
    write_card(folder)
    assert "fills this in" in (folder / CARD).read_text()


def test_the_snippet_of_the_card_runs(whole):
    (program,) = re.findall(r"```python\n(.+?)```", (whole / CARD).read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=whole.parent.parent,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_records_do_not_change_the_fingerprint(whole, checkpoints):
    with Registry(whole.parent).use("tales", "text") as a, Registry(checkpoints).use("tales", "text") as b:
        assert a.manifest.fingerprint == b.manifest.fingerprint


def test_a_damaged_record_or_manifest_is_one_sentence(folder):
    (folder / TRAINING).write_text("{")
    with pytest.raises(PlaygroundError, match=r"training\.json of the model tales is damaged"):
        training_section(folder, "tokens")
    (folder / "playground.json").unlink()
    with pytest.raises(PlaygroundError, match="The model tales can't be used"):
        write_card(folder)


def test_a_table_has_a_rule_and_a_row_each():
    assert table(("a", "b"), [("x", 1), ("y", 2)]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Once", "> Once"),
        ("a *b* <i> `c` | # d", r"> a \*b\* \<i\> \`c\` \| \# d"),
        ("one\ntwo", "> one\\\n> two"),
        ("one\n\ntwo", "> one\n> \n> two"),
        ("- a\n1. b", "> \\- a\\\n> 1\\. b"),
        ("", "> "),
    ],
)
def test_a_quoted_text_is_no_markup_and_keeps_its_lines(text, expected):
    assert quote(text) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(3, "3 s"), (59.4, "59 s"), (61, "1 min"), (3600, "1 h 0 min"), (6720, "1 h 52 min")]
)
def test_durations_are_told_in_units_that_suit(seconds, expected):
    assert duration(seconds) == expected
