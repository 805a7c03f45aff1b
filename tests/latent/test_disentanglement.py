"""DCI and MIG on spaces whose answer is known: axes that are factors, the same turned, and noise."""

import numpy as np
import pytest

from playground.latent.disentanglement import disentanglement, lasso
from playground.latent.readings import FACTORS, PLACES, applying, truth
from playground.latent.world import draw_face, labels

CLEAN = ("smile", "age", "turn", "eyes")  # factors that all kinds have


@pytest.fixture(scope="module")
def faces():
    known = [labels(draw_face(7, index)) for index in range(600)]
    applied = applying([one["kind"] for one in known])
    applied &= np.isin(FACTORS, CLEAN)  # the others are left out
    true = truth(known)
    return true, applied, np.stack([true[:, PLACES[name]][:, 0] for name in CLEAN], axis=1)


def measure(faces, points):
    true, applied, _ = faces
    return disentanglement(points[:400], true[:400], applied[:400], points[400:], true[400:], applied[400:])


def test_axes_that_are_factors_have_it_all(faces):
    found = measure(faces, faces[2] * [1, 20, 0.1, 5])
    assert all(found[name] > 0.9 for name in ("disentanglement", "completeness", "informativeness"))
    assert found["mig"] > 0.75, "the next axis seems to know a little, where faces are few"
    assert list(found["by"]) == [name for name in FACTORS if name in CLEAN] and found["faces"] == 400


def test_a_turned_space_knows_as_much_and_parts_it_less(faces):
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    straight, turned = measure(faces, faces[2]), measure(faces, faces[2] @ turn)
    assert turned["informativeness"] > 0.9
    assert all(turned[name] < straight[name] - 0.3 for name in ("disentanglement", "completeness", "mig"))


def test_noise_knows_nothing(faces):
    noise = np.random.default_rng(1).standard_normal((600, 5))
    found = measure(faces, noise)
    assert found["informativeness"] < 0.05 and found["mig"] < 0.1


def test_an_axis_that_never_moves_is_borne(faces):
    points = np.concatenate([faces[2], np.zeros((600, 1))], axis=1)
    assert measure(faces, points)["disentanglement"] > 0.9


def test_the_lasso_of_independent_axes_is_a_soft_threshold():
    draw = np.random.default_rng(2)
    points = np.linalg.qr(draw.standard_normal((500, 3)))[0] * np.sqrt(500)
    weights = np.array([[0.8], [-0.5], [0.05]])
    found = lasso(points, points @ weights, penalty=0.1)
    assert found[:, 0] == pytest.approx([0.7, -0.4, 0.0], abs=1e-6)
