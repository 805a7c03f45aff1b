"""Sharpness, ways and edits against values known otherwise, and the whole evaluation on tiny models."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.latent.album import draw
from playground.latent.bars import bars, worst_leak
from playground.latent.evaluate import evaluate
from playground.latent.factors import KINDS
from playground.latent.measures import path_length, sharpness
from playground.latent.paths import lerp
from playground.latent.readings import PLACES, WIDTH, applying
from playground.latent.recogniser import TINY, Recogniser, save
from playground.latent.steering import spearman, spreads, steer, target
from playground.manifests import EVALUATION, read_entry
from tests.latent.tiny import make_checkpoint

N = 16


def test_blurred_pictures_are_less_sharp():
    pictures = np.stack([draw(0, index) for index in range(6)])
    sides = [np.asarray(Image.fromarray(one).resize((64, 64)).resize((128, 128))) for one in pictures]
    assert sharpness(np.stack(sides)) < 0.7 * sharpness(pictures)
    assert sharpness(np.full((2, 32, 32, 3), 90, np.uint8)) == pytest.approx(0, abs=1e-9)


def test_an_even_way_is_as_long_as_its_ends_are_apart():
    draws = np.random.default_rng(0)
    starts, ends, shares = draws.standard_normal((20, 3)), draws.standard_normal((20, 3)), draws.random(20) * 0.9
    even = path_length(lambda points: 2 * points, starts, ends, lerp, shares)
    assert even["length"] == pytest.approx(4 * np.square(ends - starts).sum(axis=1).mean(), rel=0.01)
    assert even["detour"] == pytest.approx(1, rel=0.01)
    uneven = path_length(lambda points: np.sin(9 * points), starts, ends, lerp, shares)
    assert uneven["detour"] > 3


def test_rank_correlation_knows_ties_and_flat_rows():
    steps = np.arange(5.0)
    assert spearman(steps, np.exp(steps)) == pytest.approx(1) and spearman(steps, -steps) == pytest.approx(-1)
    assert spearman(steps, np.array([0, 0, 1, 1, 1.0])) == pytest.approx(0.8660254)
    assert spearman(steps, np.zeros(5)) == 0


def test_a_direction_is_of_a_factor_or_a_value():
    assert target("smile") == ("smile", None) and target("hat") == ("hat", None)
    assert target("top hat") == ("hat", "top hat") and target("curly") == ("hair", "curly")
    assert target("my own") is None


def world_of_lines(points):
    """Readings of a world in which the first number is the smile, the second the age, the third glasses."""
    rows = np.zeros((len(points), WIDTH))
    rows[:, PLACES["smile"]], rows[:, PLACES["age"]] = points[:, :1], points[:, 1:2]
    share = 1 / (1 + np.exp(-points[:, 2]))
    rows[:, PLACES["glasses"]] = np.stack([1 - share, share], axis=1)
    return rows


def test_edits_are_judged_by_what_moves_and_what_stays():
    points = np.random.default_rng(0).standard_normal((40, 3))
    kinds = ["person"] * 20 + ["cat"] * 20
    spread = spreads(world_of_lines(points), applying(kinds))
    directions = {
        "smile": np.array([1, 0.1, 0]),
        "age": np.array([0, -1.0, 0]),
        "skin": np.zeros(3),
        "mine": np.ones(3),
    }
    found = steer(world_of_lines, directions, points, kinds, spread, 30)
    assert list(found) == ["smile", "age", "skin"], "what is of no factor is left out"
    assert found["smile"]["rank_correlation"] == pytest.approx(1) and found["smile"]["faces"] == 30
    assert found["smile"]["leaks"]["age"] == pytest.approx(0.1 / spread["age"])
    assert found["smile"]["leaks"]["glasses"] == pytest.approx(0) and "smile" not in found["smile"]["leaks"]
    assert found["age"]["rank_correlation"] == pytest.approx(-1)
    assert found["skin"]["faces"] == 20 and found["skin"]["rank_correlation"] == 0, "only people have skin"
    assert worst_leak(found["smile"])[0] == "age"


def test_what_moves_either_way_wanders_and_does_not_leak():
    points = np.stack([np.zeros(40), np.where(np.arange(40) % 2, 1.0, -1.0), np.zeros(40)], axis=1)

    def look(moved):
        return world_of_lines(np.stack([moved[:, 0], moved[:, 1] * (1 + 0.5 * moved[:, 0]), moved[:, 2]], axis=1))

    found = steer(look, {"smile": np.array([1.0, 0, 0])}, points, [KINDS[0]] * 40, {"age": 1.0}, 40)["smile"]
    assert found["leaks"]["age"] == pytest.approx(0, abs=1e-12) and found["wanders"]["age"] == pytest.approx(0.5)


def test_bars_are_met_or_not():
    edit = {"rank_correlation": 0.95, "leaks": {"eyes": 0.2, "turn": 0.01}}
    good = {"rank_correlation": 0.89, "leaks": {}}
    rows = bars({"reconstruction": {"psnr_db": 26.0}, "edits": {"smile": edit, "age": good, "glasses": good}})
    assert [row["met"] for row in rows] == [True, True, False, False, True, False, True]
    assert rows[2]["found"] == "20.0% (eyes)"


@pytest.fixture(scope="module", params=["vae", "gan"])
def evaluated(request, tmp_path_factory):
    folder = make_checkpoint(tmp_path_factory.mktemp("evaluation") / f"faces-{request.param}", request.param)
    torch.manual_seed(0)
    save(Recogniser(TINY), folder)
    said: list[str] = []
    return folder, evaluate(folder, said.append, n=N), said


def test_evaluate_writes_what_it_returns_and_leaves_the_model_whole(evaluated):
    folder, result, said = evaluated
    assert json.loads((folder / EVALUATION).read_text(encoding="utf-8")) == result and said
    entry = read_entry(folder)
    assert entry.problem is None and entry.manifest.fingerprint == result["fingerprint"]
    assert result["quick"] and result["pictures"] == N


def test_evaluate_measures_everything(evaluated):
    result = evaluated[1]
    assert result["frechet"]["samples"] > result["frechet"]["renders"] > 0, "noise is farther than renders"
    assert set(result["frechet"]) == {"renders", "reconstructions", "samples", "lerp", "slerp"}
    assert set(result["sharpness"]["alike"]) == {"reconstructions", "samples", "lerp", "slerp"}
    assert 0 < result["reconstruction"]["least_db"] <= result["reconstruction"]["psnr_db"] < 60
    assert -1 <= result["reconstruction"]["ssim"] <= 1
    assert result["neighbours"]["of"] == 48
    for who in ("samples", "renders"):
        assert 0 < result["neighbours"][who]["least"] <= result["neighbours"][who]["median"]
    assert all(result["paths"][way]["length"] > 0 for way in ("lerp", "slerp"))
    assert {"smile", "age", "glasses", "hat"} <= set(result["edits"])
    assert all(0 <= result["disentanglement"][name] <= 1 for name in ("disentanglement", "completeness", "mig"))
    assert set(result["recogniser"]["read"]) > {"kind", "smile"} and len(result["bars"]) == 7


def test_the_sheets_show_samples_and_edits(evaluated):
    folder, result, _ = evaluated
    side = result["size"]
    with Image.open(folder / "samples.png") as sheet:
        assert sheet.size == (8 * side, 2 * side) and np.asarray(sheet).std() > 5
    with Image.open(folder / "edits.png") as sheet:
        assert sheet.size == (10 * side, 3 * side)


def test_evaluating_again_gives_the_same_numbers(evaluated):
    folder, result, _ = evaluated
    again = evaluate(folder, lambda line: None, n=N)
    timed = ("seconds", "machine")
    assert {k: v for k, v in again.items() if k not in timed} == {k: v for k, v in result.items() if k not in timed}


def test_a_model_without_recogniser_is_one_sentence(tmp_path):
    with pytest.raises(PlaygroundError, match="has no recogniser"):
        evaluate(make_checkpoint(tmp_path / "faces-vae"), n=N)
