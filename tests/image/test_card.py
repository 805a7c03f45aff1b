"""The card of a scenes model: a pure function of the folder's records, filed as the Hub does, whole at every stage."""

import json
from dataclasses import asdict

import pytest
import torch
from huggingface_hub import ModelCard

from playground.cards import CARD, LOSS, read_record, write_record
from playground.image import denoiser
from playground.image.adherence import FACTORS
from playground.image.card import write_card
from playground.image.evaluate import evaluate
from playground.image.recogniser import TINY_WIDTHS, Recogniser, save
from playground.image.train import STAGES, train_scenes
from playground.registry import EVALUATION, TRAINING
from playground.stages import NOTES, summarise
from tests.image.tiny import make_checkpoint


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = make_checkpoint(tmp_path_factory.mktemp("bare") / "scenes-tiny")
    write_card(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkpoint that was trained, for a few steps, and evaluated."""
    root = tmp_path_factory.mktemp("whole")
    folder = train_scenes(None, root / "runs", root / "scenes", smoke=True)
    evaluate(folder, lambda line: None, n=16)
    return folder


def sections(folder) -> dict[str, str]:
    parts = (folder / CARD).read_text(encoding="utf-8").split("\n## ")[1:]
    return {heading: text.strip() for heading, text in (part.split("\n", 1) for part in parts)}


def test_a_card_without_records_says_what_is_missing(bare):
    found = sections(bare)
    assert "keeps no record" in found["Training"] and "fills this in" in found["Evaluation"]
    assert "SIL Open Font License 1.1" in found["Data and licence"]
    assert "None" not in (bare / CARD).read_text(encoding="utf-8")


def test_the_hub_can_file_it(whole):
    data = ModelCard.load(whole / CARD).data
    assert (data.library_name, data.pipeline_tag, data.license) == ("diffusers", "text-to-image", "apache-2.0")
    found = read_record(whole / EVALUATION)["adherence"]["held_out"]["model"]
    metrics = {result.metric_type: result.metric_value for result in data.eval_results}
    assert metrics["held_out_all"] == round(found["all"]["share"], 4)
    assert set(metrics) == {f"held_out_{name.replace(' ', '_')}" for name in found}


def test_the_training_of_every_stage_is_told(whole):
    record = json.loads((whole / TRAINING).read_text(encoding="utf-8"))
    assert list(record["stages"]) == list(STAGES)
    assert "psnr_db" in record["stages"]["decoder"]["reported"]
    text = sections(whole)["Training"]
    for stage in STAGES:
        assert f"| {stage} |" in text
    assert f"({LOSS})" in text and (whole / LOSS).is_file()


def test_a_second_leg_is_told(whole, tmp_path):
    record = read_record(whole / TRAINING)
    stage = record["stages"]["denoiser"]
    stage["legs"].append({"step": 40, "plan": {**stage["plan"], "minutes": 90.0}})
    folder = make_checkpoint(tmp_path / "scenes-tiny")
    stage["notes"] = ["Its momenta began anew."]
    write_record(folder / TRAINING, record)
    write_card(folder)
    told = sections(folder)["Training"]
    assert "denoiser, after step 40: by the clock of 90 minutes in all" in told
    assert "- denoiser: Its momenta began anew." in told


def test_notes_beside_a_run_go_into_its_record(tmp_path):
    plan = {**asdict(denoiser.PLAN), "minutes": None}
    row = {"step": 1, "seen": 96, "seconds": 1.0, "lr": 1.0, "loss": 0.5, "grad_norm": 0.1, "plan": plan}
    (tmp_path / "history.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert summarise(tmp_path)["notes"] == []
    (tmp_path / NOTES).write_text("One thing.\nAnother.\n", encoding="utf-8")
    assert summarise(tmp_path)["notes"] == ["One thing.", "Another."]


def test_what_was_measured_is_shown(whole):
    found, text = read_record(whole / EVALUATION), sections(whole)
    rows = found["adherence"]["held_out"]["renders"]
    assert all(f"**{name}**: {FACTORS[name]}" in text["Evaluation"] for name in rows)
    assert f"{found['seeds']['ratio']:.2f} times" in text["Evaluation"]
    assert f"{found['autoencoder']['psnr_db']:.2f} dB" in text["Evaluation"]
    assert "no result" in text["Evaluation"], "a few pictures are none"
    assert text["Pictures"].count("\n") >= 8 and f"1. {found['sheet'][0]}" in text["Pictures"]


def test_tables_are_whole(whole):
    lines = (whole / CARD).read_text(encoding="utf-8").splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and line.startswith("|"):
            assert above.count("|") == line.count("|"), line


def test_an_evaluation_of_other_weights_is_not_shown(whole, tmp_path):
    folder = make_checkpoint(tmp_path / "scenes-tiny", seed=5)
    write_record(folder / EVALUATION, read_record(whole / EVALUATION))
    write_card(folder)
    assert "fills this in" in sections(folder)["Evaluation"]


@pytest.mark.parametrize("reads_details", [False, True])
def test_its_snippet_runs(reads_details, monkeypatch, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoints" / "scenes-tiny", reads_details=reads_details)
    write_card(folder)
    code = sections(folder)["Use"].split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        exec(compile(code.replace("num_inference_steps=12", "num_inference_steps=2"), "card", "exec"), {})
    assert (tmp_path / "cat.png").is_file()


def test_a_recogniser_changes_no_fingerprint(bare, tmp_path):
    folder = make_checkpoint(tmp_path / "scenes-tiny")
    save(Recogniser(TINY_WIDTHS), folder)
    write_card(folder)
    assert (folder / CARD).read_bytes() == (bare / CARD).read_bytes()
