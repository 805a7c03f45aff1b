"""The canvas: where shapes land, how edges are smoothed, and what clips what."""

import math

import numpy as np
import pytest

from playground.latent.canvas import Canvas, curve, ellipse, grown, mirrored, path, ribbon
from playground.latent.palette import SKINS, greyness, mix, skin_tone, wheel

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def drawn(canvas):
    return np.asarray(canvas.image, dtype=float)[..., 0] / 255


def test_a_circle_covers_its_area_and_is_smooth_at_its_edge():
    canvas = Canvas(64)
    canvas.fill(ellipse(30, 34, 15, 15), WHITE)
    cover = drawn(canvas)
    assert cover.sum() == pytest.approx(math.pi * 15**2, rel=0.02)
    ys, xs = np.mgrid[:64, :64] + 0.5
    assert (xs * cover).sum() / cover.sum() == pytest.approx(30, abs=0.1)
    assert (ys * cover).sum() / cover.sum() == pytest.approx(34, abs=0.1)
    assert ((cover > 0.1) & (cover < 0.9)).sum() > 40


@pytest.mark.parametrize("far", [(-50, 20), (200, 20), (20, -50), (20, 200)])
def test_what_lies_outside_leaves_no_trace(far):
    canvas = Canvas(64)
    canvas.body(ellipse(*far, 10, 10), WHITE)
    canvas.glow(*far, 12, 12, WHITE, 1.0)
    assert not drawn(canvas).any()


def test_what_is_clipped_stays_inside():
    canvas = Canvas(64)
    left = canvas.mask(np.array([(0, 0), (32, 0), (32, 64), (0, 64)], dtype=float))
    canvas.fill(ellipse(32, 32, 20, 20), WHITE, 1, left)
    canvas.glow(32, 32, 30, 30, WHITE, 1, left)
    assert drawn(canvas)[:, :31].any() and not drawn(canvas)[:, 32:].any()


def test_a_hole_is_left_out():
    canvas = Canvas(64)
    canvas.paint(canvas.mask(ellipse(32, 32, 20, 20), ellipse(32, 32, 10, 10)), WHITE)
    assert drawn(canvas)[32, 32] == 0 and drawn(canvas)[32, 17] == 1


def test_a_placed_canvas_turns_and_scales_about_its_pivot():
    canvas = Canvas(64)
    canvas.place(math.pi / 2, 2.0, (32, 32))
    canvas.fill(ellipse(42, 32, 3, 3), WHITE)
    assert drawn(canvas)[52, 32] == 1 and drawn(canvas).sum() == pytest.approx(math.pi * 36, rel=0.05)


def test_a_point_given_twice_is_a_corner():
    square = [(10, 10), (10, 10), (50, 10), (50, 10), (50, 50), (50, 50), (10, 50), (10, 50)]
    canvas = Canvas(64)
    canvas.fill(curve(square), WHITE)
    assert drawn(canvas)[11, 11] == 1 and drawn(canvas).sum() == pytest.approx(1600, rel=0.03)


def test_a_shape_grows_outward_whichever_way_it_runs():
    circle = ellipse(32, 32, 10, 10)
    for points in (circle, circle[::-1]):
        assert np.hypot(*(grown(points, 2) - 32).T) == pytest.approx(12, abs=0.1)


def test_a_line_is_as_thick_as_asked_and_ends_where_asked():
    outline = ribbon(path([(10, 32), (32, 32), (54, 32)]), 6, end=0.5)
    assert np.ptp(outline[:, 1]) == pytest.approx(6, abs=0.2)
    assert outline[:, 0].min() == pytest.approx(8.5) and outline[:, 0].max() == pytest.approx(55.5)


def test_a_mirrored_shape_does_not_double_its_axis():
    assert mirrored([(5, 0), (8, 1), (5, 2)], 5) == [(5, 0), (8, 1), (5, 2), (2, 1)]


def test_the_wheel_is_even_and_closes():
    colours = [np.array(wheel(k / 24, 0.7, 0.08)) for k in range(25)]
    assert np.array_equal(colours[0], colours[24])
    luma = [colour @ (0.2126, 0.7152, 0.0722) for colour in colours]
    assert np.ptp(luma) < 30
    assert wheel(0.3, 0.0, 0.0) == BLACK and wheel(0.3, 1.0, 0.0) == WHITE


def test_skin_and_grey_run_between_their_ends():
    assert skin_tone(0) == SKINS[0] and skin_tone(1) == SKINS[-1]
    assert sum(skin_tone(0.3)) > sum(skin_tone(0.6))
    assert greyness(0.4) == 0 and greyness(1) == 1 and 0 < greyness(0.7) < 1
    assert mix(BLACK, WHITE, 0.5) == (128, 128, 128)
