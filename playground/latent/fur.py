"""Ears, manes, cheek fur and forelocks of animals. `length` sets how far fur stands out."""

from __future__ import annotations

import math

from playground.latent.canvas import Canvas, Points, curve, ellipse, mirrored
from playground.latent.face import Face
from playground.latent.palette import Colour, darker, greyness, mix, wheel
from playground.latent.pose import Pose

PINK, CREAM = (250, 164, 168), (255, 236, 214)


def draw_ruff(canvas: Canvas, pose: Pose, face: Face, fur: Colour) -> None:
    """The fur that frames the head: locks at the cheeks, or a lion's mane all around."""
    if face.kind == "frog":
        return
    x, y = pose.x - 2.5 * face.turn, pose.y
    if face.kind == "lion":
        grey = greyness(face.age)
        mane = wheel(face.hue, 0.5 + 0.2 * grey, 0.135 * (1 - 0.45 * grey))
        canvas.body(_locks(x, y, pose, 1.2 + 0.42 * face.length, 0.09, 11), mane)
        canvas.body(_locks(x, y, pose, 1.08 + 0.2 * face.length, 0.07, 10), mix(mane, fur, 0.35), line=0.9)
        return
    reach = 0.04 + 0.4 * face.length
    shown = 1.5 if face.kind == "dog" else 1.0  # past hanging ears
    canvas.body(_cheek_fur(x, y, pose, shown * reach), darker(fur, 0.08))


def _locks(x: float, y: float, pose: Pose, reach: float, swing: float, n: int) -> Points:
    """Round locks all around the head."""
    points = []
    for k in range(2 * n):
        angle = math.pi * k / n
        r = reach + (swing if k % 2 else -swing)
        points.append((x + pose.rx * r * math.sin(angle), y - pose.ry * r * math.cos(angle)))
    return curve(points)


def _cheek_fur(x: float, y: float, pose: Pose, reach: float) -> Points:
    """Pointed locks at both cheeks, longest in the middle, pointing out and down."""
    half = [(0.0, -0.8), (0.7, -0.6)]
    for angle, share in ((84, 0.6), (108, 1.0), (132, 0.95), (156, 0.6)):
        root, tip = math.radians(angle - 14), math.radians(angle + 5)
        fluff = 1 + 0.35 * reach * share
        half.append((fluff * math.sin(root), -fluff * math.cos(root)))
        end = ((1.03 + reach * share) * math.sin(tip), -(1.0 + reach * share * 0.85) * math.cos(tip))
        half += [end, end]  # twice: a curve has a point there
    half.append((0.2, 0.95))
    return curve([(x + pose.rx * u, y + pose.ry * v) for u, v in mirrored(half, 0.0)])


def draw_tuft(canvas: Canvas, pose: Pose, face: Face, fur: Colour) -> None:
    """A forelock of three strands."""
    if face.kind == "frog":
        return
    size = 7 + 11 * face.length
    x, y, _ = pose.at(0, -0.84, 0.5)
    tip = (x - 0.05 * size, y - size)
    left, right = (x - 3 - 0.6 * size, y - 0.5 * size), (x + 4 + 0.5 * size, y - 0.62 * size)
    strands = [(x - 5, y + 3), left, left, (x - 2, y - 0.35 * size), tip, tip, (x + 3, y - 0.4 * size), right, right]
    strands += [(x + 5.5, y + 2), (x, y + 6)]
    canvas.body(curve(strands), darker(fur, 0.1), line=1.2)


def draw_ears(canvas: Canvas, pose: Pose, face: Face, fur: Colour, dark: Colour) -> None:
    """Both ears, the far one first."""
    sides = (-1, 1) if face.turn < 0 else (1, -1)
    for side in sides:
        _EARS[face.kind](canvas, pose, side, fur, dark)


def _shape(points: list[tuple[float, float]], x: float, y: float, side: int) -> Points:
    """A right ear's shape (dx outward, dy) set at (x, y), mirrored for the left one."""
    return curve([(x + side * dx, y + dy) for dx, dy in points])


def _pointed(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.62, -0.66, -0.15)
    outer = [(-13, 2), (-3, -13), (8, -26), (13, -10), (13, 12), (0, 12)]
    inner = [(-7, 1), (0, -10), (7.5, -19), (10, -6), (9, 9), (0, 9)]
    canvas.body(_shape(outer, x, y, side), fur)
    canvas.fill(_shape(inner, x, y, side), PINK)


def _fox_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.6, -0.62, -0.15)
    outer = [(-12, 2), (-3, -16), (9, -33), (15, -12), (14, 12), (0, 12)]
    inner = [(-5, 0), (1, -11), (7, -21), (10.5, -7), (9, 8), (0, 8)]
    mask = canvas.body(_shape(outer, x, y, side), fur)
    canvas.fill(ellipse(x + 9 * side, y - 30, 13, 15), dark, 1, mask)
    canvas.fill(_shape(inner, x, y, side), CREAM)


def _round(canvas: Canvas, place: tuple[float, float, float], size: float, outer: Colour, inner: Colour) -> None:
    x, y, _ = place
    canvas.body(ellipse(x, y, size, 0.96 * size), outer)
    canvas.fill(ellipse(x, y + 1, 0.6 * size, 0.56 * size), inner)


def _bear_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    _round(canvas, pose.at(side * 0.76, -0.72, -0.2), 12.5, fur, mix(fur, PINK, 0.6))


def _lion_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    _round(canvas, pose.at(side * 0.82, -0.74, -0.1), 9.5, fur, mix(fur, PINK, 0.6))


def _panda_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    _round(canvas, pose.at(side * 0.76, -0.76, -0.2), 12.5, dark, darker(dark, 0.28))


def _mouse_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.92, -0.86, -0.2)
    canvas.body(ellipse(x + 4 * side, y - 1, 19, 19.5), fur)
    canvas.body(ellipse(x + 3.5 * side, y, 13, 13.5), PINK, line=0)


def _rabbit_ear(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.5, -0.7, -0.15)
    canvas.body(ellipse(x + 4 * side, y - 25, 10, 31, 0.2 * side), fur)
    canvas.body(ellipse(x + 4 * side, y - 24, 5.2, 24, 0.2 * side), PINK, line=0)


def _hanging(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.8, -0.66, -0.1)
    ear = [(-7, -7), (5, -9), (15, 8), (17, 32), (8, 41), (0, 28), (-2, 10)]
    canvas.body(_shape(ear, x, y, side), darker(fur, 0.3))


def _tufted(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.66, -0.7, -0.1)
    ear = [(-14, 4), (-2, -9), (13, -24), (13, -4), (8, 12)]
    canvas.body(_shape(ear, x, y, side), darker(fur, 0.2))


def _eye_hill(canvas: Canvas, pose: Pose, side: int, fur: Colour, dark: Colour) -> None:
    x, y, _ = pose.at(side * 0.56, -0.76, 0.8)
    canvas.body(ellipse(x, y, 13.5, 13.5), fur)


_EARS = {
    "cat": _pointed,
    "dog": _hanging,
    "bear": _bear_ear,
    "rabbit": _rabbit_ear,
    "fox": _fox_ear,
    "mouse": _mouse_ear,
    "panda": _panda_ear,
    "lion": _lion_ear,
    "owl": _tufted,
    "frog": _eye_hill,
}
