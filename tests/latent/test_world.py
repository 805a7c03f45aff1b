"""The world of faces: reproducible draws, independent factors, pictures in which every factor shows."""

import hashlib
import itertools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from playground.errors import PlaygroundError
from playground.latent.factors import CONTINUOUS, DISCRETE, KINDS, applies
from playground.latent.portrait import SIDE
from playground.latent.world import HELD_OUT, Face, draw_face, labels, render

FACES = [draw_face(0, index) for index in range(3000)]


def pixels(face):
    return np.asarray(render(face), dtype=float)


def changed(a, b):
    """How many pixels differ visibly between two pictures."""
    return int((np.abs(a - b).max(-1) > 24).sum())


def test_a_face_depends_on_its_seed_and_index_alone():
    again = [draw_face(0, index) for index in (2999, 5, 17)]
    assert again == [FACES[2999], FACES[5], FACES[17]]
    assert draw_face(0, 5) != draw_face(5, 0) != draw_face(HELD_OUT, 5)


def test_a_picture_is_the_same_in_another_process():
    line = "import hashlib; from playground.latent.world import draw_face, render; "
    line += "print(hashlib.sha256(b''.join(render(draw_face(3, i)).tobytes() for i in range(8))).hexdigest())"
    other = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(b"".join(render(draw_face(3, i)).tobytes() for i in range(8))).hexdigest()


def test_a_picture_is_rgb_of_the_right_size():
    picture = render(FACES[0])
    assert picture.mode == "RGB" and picture.size == (SIDE, SIDE)


def test_factors_are_drawn_independently():
    values = np.array([[getattr(face, name) for name in CONTINUOUS] for face in FACES])
    values = np.column_stack([values, [[face.glasses, face.hat != "none", face.beard] for face in FACES]])
    values = np.column_stack([values, [face.kind == "person" for face in FACES]])
    correlations = np.corrcoef(values.T) - np.eye(values.shape[1])
    assert np.abs(correlations).max() < 0.08  # four standard errors of 3,000 draws


def test_every_value_is_drawn_and_ranges_are_filled():
    for name, choice in DISCRETE.items():
        assert {getattr(face, name) for face in FACES} == set(choice.values)
    for name, factor in CONTINUOUS.items():
        held = [getattr(face, name) for face in FACES]
        slack = 0.02 * (factor.high - factor.low)
        assert factor.low <= min(held) <= factor.low + slack and factor.high - slack <= max(held) <= factor.high


def test_labels_are_json_and_leave_out_what_does_not_apply():
    row = labels(Face(kind="frog", smile=0.5))
    assert row == json.loads(json.dumps(row))
    assert set(row) == set(CONTINUOUS) | set(DISCRETE)
    assert {name for name, value in row.items() if value is None} == {"femininity", "length", "skin", "beard", "hair"}
    assert row["smile"] == 0.5 and None not in labels(Face()).values()


@pytest.mark.parametrize("kind", KINDS)
def test_every_factor_shows_on_every_kind_it_applies_to(kind):
    base = Face(kind=kind)
    for name, factor in CONTINUOUS.items():
        ends = (factor.low, factor.middle) if factor.cyclic else (factor.low, factor.high)
        seen = changed(*(pixels(replace(base, **{name: value})) for value in ends))
        assert (seen > 40) == applies(name, kind), (name, seen)
    for name, choice in DISCRETE.items():
        if name == "kind":
            continue
        pictures = [pixels(replace(base, **{name: value})) for value in choice.values]
        for a, b in itertools.combinations(pictures, 2):
            assert (changed(a, b) > 40) == applies(name, kind), name


def test_kinds_look_different():
    for a, b in itertools.combinations([pixels(Face(kind=kind)) for kind in KINDS], 2):
        assert changed(a, b) > 1000


@pytest.mark.parametrize("name", [name for name, factor in CONTINUOUS.items() if factor.cyclic])
def test_a_cyclic_factor_ends_where_it_begins(name):
    assert np.array_equal(pixels(Face(**{name: 0.0})), pixels(Face(**{name: 1.0})))


@pytest.mark.parametrize("kind", KINDS)
def test_extremes_are_drawn(kind):
    for corner in itertools.product(("low", "high"), repeat=4):
        values = dict(zip(("smile", "age", "turn", "length"), corner, strict=True))
        values = {name: getattr(CONTINUOUS[name], end) for name, end in values.items()}
        assert pixels(Face(kind=kind, eyes=0.0, glasses=True, hat="crown", **values)).std() > 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smile": 1.01}, "smile"),
        ({"age": float("nan")}, "age"),
        ({"tilt": -0.1}, "tilt"),
        ({"hue": "red"}, "hue"),
        ({"kind": "dragon"}, "dragon"),
        ({"hat": True}, "beanie"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong, said):
    with pytest.raises(PlaygroundError, match=said):
        Face(**wrong)
