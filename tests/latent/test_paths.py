"""Ways between points: straight, along arcs, by way of others, there and back, and grids."""

import numpy as np
import pytest

from playground.latent.paths import EASES, grid, lerp, places, slerp_about, walk
from playground.recipes import EASINGS, LOOPS

CENTRE = np.array([1.0, 2.0, 3.0], np.float32)
A, B, C, D = np.array([[2, 2, 3], [1, 4, 3], [1, 2, 6], [0, 2, 3]], np.float32)
slerp = slerp_about(CENTRE)
WAYS = pytest.mark.parametrize("way", [lerp, slerp], ids=["lerp", "slerp"])


def away(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points - CENTRE, axis=-1)


@WAYS
def test_a_path_begins_and_ends_at_its_ends_bit_for_bit(way):
    a, b = np.random.default_rng(0).standard_normal((2, 48)).astype(np.float32)
    points = walk([a, b], 7, lerp if way is lerp else slerp_about(np.float32(0.1) * a), "smooth", "once")
    assert points.dtype == np.float32 and points.shape == (7, 48)
    assert (points[0] == a).all() and (points[-1] == b).all()


def test_a_straight_way_leads_through_the_middle_and_an_arc_around_it():
    assert away(lerp(A, D, 0.5)) == 0  # A and D are opposite
    assert away(slerp(A, D, 0.5)) == pytest.approx(1)
    assert away(slerp(A, B, 0.5)) == pytest.approx(1.5)  # lengths 1 and 2
    assert away(slerp(A, C, 1 / 3)) == pytest.approx(1 + 2 / 3)


@WAYS
def test_equal_ends_make_one_picture(way):
    assert (walk([A, A], 5, way, "linear", "once") == A).all()


def test_the_middle_itself_can_be_an_end():
    points = walk([CENTRE, A], 5, slerp, "linear", "once")
    assert np.allclose(away(points), [0, 0.25, 0.5, 0.75, 1])


@pytest.mark.parametrize("frames", [2, 3, 16, 119, 120])
@pytest.mark.parametrize("legs", [1, 2, 5])
def test_places_follow_each_other_evenly_from_first_to_last(frames, legs):
    found = [leg + share for leg, share in places(frames, legs, "once")]
    assert len(found) == frames and found[0] == 0 and found[-1] == legs
    assert np.allclose(np.diff(found), legs / (frames - 1))
    assert all(0 <= leg < legs and 0 <= share <= 1 for leg, share in places(frames, legs, "once"))


def test_a_way_point_is_met_where_a_frame_falls_on_it():
    points = walk([A, B, C], 5, slerp, "in", "once")
    assert (points[[0, 2, 4]] == [A, B, C]).all()


def test_there_and_back_repeats_no_frame_at_the_end():
    points = walk([A, B], 8, lerp, "linear", "back")
    assert (points[0] == A).all() and (points[4] == B).all()
    assert (points[1:4] == points[5:][::-1]).all() and not (points[-1] == A).all()


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_there_and_back_with_few_frames_stays_on_the_way(frames):
    found = [leg + share for leg, share in places(frames, 3, "back")]
    assert found[0] == 0 and max(found) <= 3 and len(found) == frames


def test_a_round_comes_straight_back_to_the_beginning():
    points = walk([A, B, C], 6, lerp, "linear", "round")
    assert (points[::2] == [A, B, C]).all()
    assert (points[5] == lerp(C, A, 0.5)).all()


def test_every_easing_goes_from_0_to_1_without_turning_back():
    assert set(EASES) == set(EASINGS)
    for ease in EASES.values():
        found = [ease(step / 100) for step in range(101)]
        assert found[0] == 0 and found[-1] == 1 and found == sorted(found)
    slow = {name: (ease(0.1) < 0.099, ease(0.9) > 0.901) for name, ease in EASES.items()}
    assert slow == {"linear": (False, False), "smooth": (True, True), "in": (True, False), "out": (False, True)}


@pytest.mark.parametrize("loop", LOOPS)
def test_every_loop_has_as_many_frames_as_were_asked_for(loop):
    assert len(walk([A, B], 9, slerp, "smooth", loop)) == 9


@WAYS
@pytest.mark.parametrize("side", [2, 3, 10])
def test_a_grid_has_its_corners_in_the_corners(way, side):
    points = grid([A, B, C, D], side, way).reshape(side, side, 3)
    corners = points[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == [A, B, C, D]).all()


def test_a_straight_grid_is_bilinear():
    points = grid([A, B, C, D], 3, lerp).reshape(3, 3, 3)
    assert np.allclose(points[1, 1], (A + B + C + D) / 4)
    assert np.allclose(points[1, 0], (A + C) / 2)
