"""The benchmark of journeys runs and counts right; how fast anything is, no test says."""

import json

import pytest

from bench import latent
from bench._image_drawn import packed
from bench._latent_walked import OURS, PLAIN, Walked
from playground.errors import PlaygroundError
from tests.latent.tiny import make_checkpoint


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    for kind in ("vae", "gan"):
        make_checkpoint(root / f"faces-{kind}", kind)
    return latent.run(root, repeats=2, frames=6, moves=5)


def test_both_models_are_measured_both_ways(figures):
    assert list(figures["models"]) == ["faces-vae", "faces-gan"]
    for found in figures["models"].values():
        assert set(found["frames_per_second"]) == set(found["threads"]) == {OURS, PLAIN}
        assert found["ratio"] > 0 and found["memory_mib"] > 10
        assert 0 < found["pointer_ms"]["p50"] <= found["pointer_ms"]["p95"]


def test_frames_are_those_of_the_plain_loop(figures):
    assert all(found["apart"] <= latent.MOST_APART for found in figures["models"].values())


def test_the_figures_are_json_and_tables(figures):
    assert json.loads(json.dumps(figures)) == figures
    assert figures["markdown"].startswith("| frames a second | playground | plain loop |")
    assert "faces-gan: pointer to picture, p95 | < 60 ms" in figures["markdown"]


def test_frames_that_differ_are_told():
    one, other = (Walked(1.0, 1, [packed(bytes([value, 9, 9]))]) for value in (0, 3))
    assert latent._prove({OURS: [one], PLAIN: [one]}) == 0
    with pytest.raises(RuntimeError, match="3 levels apart; rounding makes 2"):
        latent._prove({OURS: [one], PLAIN: [other]})


def test_bars_are_held_to_what_was_measured():
    found = {"frames_per_second": {OURS: 59.9}, "pointer_ms": {"p95": 60.0}, "growth_mib": 23.9}
    assert [bar["met"] for bar in latent._judge("faces-vae", found)] == [False, False, True]


def test_without_a_model_it_says_so(tmp_path):
    with pytest.raises(PlaygroundError, match="There is no model to measure: none of faces-vae, faces-gan."):
        latent.run(tmp_path)
