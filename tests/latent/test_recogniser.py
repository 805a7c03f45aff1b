"""The recogniser of faces: the layout of readings, scores by hand, batches, saving, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from playground.errors import PlaygroundError
from playground.latent.album import Album, draw, shrink
from playground.latent.readings import FACTORS, PLACES, WIDTH, applying, column, score, truth
from playground.latent.recogniser import (
    FILE,
    FOLDER,
    PLAN,
    TINY,
    Recogniser,
    RecogniserJob,
    load,
    save,
    train_recogniser,
)
from playground.latent.world import draw_face, labels
from playground.manifests import read_entry
from playground.training import fit
from tests.latent.tiny import make_checkpoint

COUNT = 48


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    return Album(tmp_path_factory.mktemp("faces"), seed=0, count=COUNT)


@pytest.fixture(scope="module")
def known():
    return [labels(draw_face(0, index)) for index in range(COUNT)]


def test_a_row_has_a_place_for_every_factor(known):
    rows = truth(known)
    assert rows.shape == (COUNT, WIDTH) and sum(place.stop - place.start for place in PLACES.values()) == WIDTH
    person = next(k for k, one in enumerate(known) if one["kind"] == "person")
    for name in ("kind", "hair", "glasses"):
        assert rows[person, PLACES[name]].sum() == 1
    assert np.hypot(*rows[person, PLACES["hue"]]) == pytest.approx(1)
    assert rows[person, PLACES["smile"]][0] == pytest.approx(known[person]["smile"] * np.sqrt(3), abs=1e-6)
    cat = next(k for k, one in enumerate(known) if one["kind"] != "person")
    assert not rows[cat, PLACES["skin"]].any() and not rows[cat, PLACES["hair"]].any()


def test_scores_are_of_faces_that_have_the_factor(known):
    rows, applied = truth(known), applying([one["kind"] for one in known])
    assert all(value == pytest.approx(1) for value in score(rows, rows, applied).values())
    animals = ~applied[:, FACTORS.index("skin")]
    wrong = rows.copy()
    wrong[animals, PLACES["skin"]] = 9.0
    assert score(wrong, rows, applied)["skin"] == pytest.approx(1), "an animal's skin is nobody's business"
    wrong[:, PLACES["smile"]] = rows[:, PLACES["smile"]].mean()
    wrong[:, PLACES["kind"]] = np.roll(rows[:, PLACES["kind"]], 1, axis=1)
    found = score(wrong, rows, applied)
    assert found["smile"] == pytest.approx(0, abs=1e-6) and found["kind"] == 0


def test_a_column_grows_with_its_factor():
    rows = np.zeros((3, WIDTH), np.float32)
    rows[:, PLACES["glasses"]] = [[1, 0], [0.5, 0.5], [0, 1]]
    rows[:, PLACES["hat"]] = [[1, 0, 0, 0, 0], [0.2, 0.8, 0, 0, 0], [0, 0, 1, 0, 0]]
    rows[:, PLACES["smile"]] = [[-1], [0], [2]]
    assert (np.diff(column(rows, "glasses")) > 0).all() and column(rows, "glasses")[1] == pytest.approx(0)
    assert (np.diff(column(rows, "hat")) > 0).all() and np.isfinite(column(rows, "hat")).all()
    assert column(rows, "hat", "beanie").argmax() == 1
    assert column(rows, "smile").tolist() == [-1, 0, 2]


def test_large_pictures_and_small_ones_are_read_alike():
    torch.manual_seed(0)
    recogniser = Recogniser(TINY).eval()
    pictures = np.stack([draw(0, index) for index in range(4)])
    large, small = recogniser.look(pictures), recogniser.look(shrink(pictures, 64))
    assert np.allclose(large[0], small[0], atol=0.02) and np.allclose(large[1], small[1], atol=0.02)
    assert large[0][:, PLACES["kind"]].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_batches_depend_on_their_place_alone_and_split_between_processes(album, tmp_path):
    job = RecogniserJob(album, COUNT, tmp_path, replace(PLAN, batch_size=8), tiny=True)
    whole, again, half = job.batch(64, 0.0, 0, 1), job.batch(64, 0.5, 0, 1), job.batch(64, 0.0, 1, 2)
    assert torch.equal(whole.pixels, again.pixels) and torch.equal(whole.truth, again.truth)
    assert torch.equal(whole.truth[1::2], half.truth) and torch.equal(whole.applied[1::2], half.applied)
    assert whole.pixels.shape == (8, 3, 64, 64)


def test_it_learns_and_what_is_saved_looks_alike(album, tmp_path):
    plan = replace(PLAN, steps=40, batch_size=16, report_every_s=float("inf"))
    job = RecogniserJob(album, COUNT, tmp_path / "out", plan, tiny=True)
    history = fit(job, plan, tmp_path / "run")
    assert np.mean([row["loss"] for row in history[-5:]]) < history[0]["loss"] - 0.1
    assert 0 <= history[-1]["valid_kind"] <= 1
    path = tmp_path / "out" / FILE
    assert path.stat().st_mode & 0o777 == 0o644
    assert {weight.dtype for weight in load_file(path).values()} == {torch.float16}
    recogniser = load(tmp_path / "out")
    pictures = np.stack([draw(3, index) for index in range(5)])
    rows, features = recogniser.look(pictures)
    alone = recogniser.look(pictures[3:4])
    assert np.allclose(alone[0][0], rows[3], atol=1e-4) and np.allclose(alone[1][0], features[3], atol=1e-4)


def test_the_shipped_size_is_below_two_megabytes():
    assert 2 * sum(weight.numel() for weight in Recogniser().parameters()) < 1.95e6


def test_the_models_beside_get_a_copy_that_changes_no_fingerprint(tmp_path):
    model = make_checkpoint(tmp_path / "faces-vae")
    before = read_entry(model).manifest.fingerprint
    folder = train_recogniser(tmp_path / "runs", tmp_path / "faces", smoke=True)
    assert folder == tmp_path / "runs" / FOLDER and (folder / "loss.png").is_file()
    assert (model / FILE).read_bytes() == (folder / FILE).read_bytes()
    entry = read_entry(model)
    assert entry.problem is None and entry.manifest.fingerprint == before
    assert not (tmp_path / "faces-gan").exists() and not (tmp_path / "faces").exists()


def test_a_missing_or_damaged_or_other_file_is_one_sentence(tmp_path):
    with pytest.raises(PlaygroundError, match="has no recogniser.*train faces"):
        load(tmp_path)
    save(Recogniser(TINY), tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-100])
    with pytest.raises(PlaygroundError, match="is damaged"):
        load(tmp_path)
    at = whole.index(b'"names":"') + 9
    (tmp_path / FILE).write_bytes(whole[:at] + b"0123456789ab" + whole[at + 12 :])
    with pytest.raises(PlaygroundError, match="another world"):
        load(tmp_path)
