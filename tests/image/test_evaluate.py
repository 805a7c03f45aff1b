"""What is asked for, distances against values known otherwise, and the whole evaluation on a tiny model."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from playground.distances import frechet, nearest, spread
from playground.errors import PlaygroundError
from playground.image.asked import KINDS, SPLITS, choose, combinations, open_prompts, scenes_alike
from playground.image.evaluate import evaluate, signal_to_noise
from playground.image.recogniser import TINY_WIDTHS, Recogniser, save
from playground.image.world import is_held_out
from playground.registry import EVALUATION, read_entry
from tests.image.tiny import make_checkpoint

N = 16


def test_prompts_are_half_held_out_in_what_they_say_and_of_all_kinds_alike():
    asked = choose(48)
    assert asked == choose(48) and asked[:10] == choose(10)
    for split in ("seen", "held_out"):
        for kind in KINDS:
            assert sum(one.split == split and one.scene.layout == kind for one in asked) == 6
    for one in asked:
        assert not one.saying.unknown and one.saying.fits(one.scene)
        assert any(is_held_out(*c) for c in combinations(one.saying)) == (one.split == "held_out")
    assert len({one.seed for one in asked}) == 48


def test_scenes_alike_could_have_the_same_caption():
    prompts = open_prompts(choose(64), 4)
    assert len({one.scene.things[0].noun for one in prompts}) == 4
    for one, scenes in zip(prompts, scenes_alike(prompts, 5), strict=True):
        assert len(scenes) == 5 and len({scene.things for scene in scenes}) > 3
        assert one.saying.place and not one.saying.position
        assert all(one.saying.fits(scene) for scene in scenes)


def test_the_frechet_distance_of_normal_distributions_is_the_analytic_one():
    draw = np.random.default_rng(0)
    first = draw.standard_normal((20_000, 3)) * [1, 2, 0.5]
    second = draw.standard_normal((20_000, 3)) * [2, 1, 0.5] + [3, 0, 4]
    assert frechet(first, second) == pytest.approx(25 + 1 + 1, rel=0.02)
    assert frechet(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet(first, first + 2) == pytest.approx(12, rel=1e-6)
    turn = np.linalg.qr(draw.standard_normal((3, 3)))[0]
    assert frechet(first @ turn, second @ turn) == pytest.approx(frechet(first, second), rel=1e-6)


def test_the_frechet_distance_bears_fewer_samples_than_features():
    draw = np.random.default_rng(0)
    first = draw.standard_normal((8, 40))
    assert frechet(first, first[::-1]) == pytest.approx(0, abs=1e-6)
    assert frechet(first, draw.standard_normal((8, 40))) > 1


def test_distances_between_points():
    points = np.array([[0, 0], [3, 4], [6, 8]], dtype=np.float32)
    assert nearest(points, np.array([[3, 4], [6, 7]])).tolist() == pytest.approx([5, 0, 1])
    assert spread(points) == pytest.approx(20 / 3)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = make_checkpoint(tmp_path_factory.mktemp("evaluation") / "scenes-tiny")
    torch.manual_seed(0)
    save(Recogniser(TINY_WIDTHS), folder)
    said: list[str] = []
    return folder, evaluate(folder, said.append, n=N), said


def test_evaluate_writes_what_it_returns_and_leaves_the_model_whole(evaluated):
    folder, result, said = evaluated
    assert json.loads((folder / EVALUATION).read_text(encoding="utf-8")) == result and said
    entry = read_entry(folder)
    assert entry.problem is None and entry.manifest.fingerprint == result["fingerprint"]
    assert result["quick"] and result["pictures"] == N


def test_evaluate_judges_both_splits_with_renders_beside(evaluated):
    adherence, kinds = evaluated[1]["adherence"], evaluated[1]["kinds"]
    for split in ("seen", "held_out"):
        model, *others = (
            {name: row["of"] for name, row in adherence[split][who].items()} for who in ("model", "renders", "decoded")
        )
        assert others == [model, model] and model["all"] == N // 2
        assert {"noun", "both nouns", "number", "worn", "place", "all"} <= set(model)
        assert all(set(kinds[kind][split]) == {"model", "renders", "decoded"} for kind in KINDS)


def test_evaluate_measures_distances_beside_renders(evaluated):
    result = evaluated[1]
    assert result["frechet"]["model"] > result["frechet"]["renders"] > 0, "noise is farther from renders than renders"
    assert result["neighbours"]["of"] == 10 * N
    for who in ("model", "renders"):
        assert 0 < result["neighbours"][who]["least"] <= result["neighbours"][who]["median"]
    seeds = result["seeds"]
    assert seeds["ratio"] == pytest.approx(seeds["model"] / seeds["renders"]) and seeds["model"] > 0
    assert 0 < result["autoencoder"]["least_db"] <= result["autoencoder"]["psnr_db"] < 60


def test_signal_to_noise_is_the_mean_of_pictures():
    black, grey = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 51, np.uint8)
    found = signal_to_noise(np.concatenate([black, black]), np.concatenate([black + 5, grey]))
    assert found["least_db"] == pytest.approx(20 * np.log10(5), abs=1e-3)
    assert found["psnr_db"] == pytest.approx((20 * np.log10(5) + 20 * np.log10(51)) / 2, abs=1e-3)


def test_evaluate_sweeps_guidance_and_steps(evaluated):
    by, default = evaluated[1]["by"], evaluated[1]["adherence"]
    assert list(by["guidance_scale"]) == ["1", "2", "3", "4", "6"] and list(by["steps"]) == ["6", "8", "12", "20"]
    assert evaluated[1]["swept"] == {"guidance_scale": 3, "steps": N}
    halves = [default[split]["model"]["all"]["share"] for split in SPLITS]
    assert by["steps"]["12"]["all"] == pytest.approx(sum(halves) / 2), "the default settings, drawn once"
    assert by["guidance_scale"]["1"] != by["guidance_scale"]["6"]


def test_the_sheet_shows_the_held_out_prompts(evaluated):
    folder, result, _ = evaluated
    with Image.open(folder / "held-out.png") as sheet:
        assert sheet.size == (8 * 128, 128)
        colours = [np.asarray(sheet)[:, 128 * k : 128 * (k + 1)].std() for k in range(8)]
    assert len(result["sheet"]) == 8 and min(colours) > 5, "a picture for each"
    assert result["sheet"] == [one.caption for one in choose(N) if one.split == "held_out"]


def test_evaluating_again_gives_the_same_numbers(evaluated):
    folder, result, _ = evaluated
    again = evaluate(folder, lambda line: None, n=N)
    assert {name: value for name, value in again.items() if name not in ("seconds", "machine")} == {
        name: value for name, value in result.items() if name not in ("seconds", "machine")
    }


def test_a_model_without_recogniser_is_one_sentence(tmp_path):
    with pytest.raises(PlaygroundError, match="has no recogniser"):
        evaluate(make_checkpoint(tmp_path / "scenes-tiny"), n=8)
