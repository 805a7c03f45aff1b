"""Noses, mouths, beaks and whiskers of animals."""

from __future__ import annotations

import numpy as np

from playground.latent.canvas import Canvas, curve, ellipse
from playground.latent.face import Face
from playground.latent.features import MOUTH, TONGUE, draw_mouth, rise
from playground.latent.palette import INK, WHITE, Colour, darker
from playground.latent.pose import Pose

NOSE, ROSE = (52, 38, 46), (240, 126, 138)
BEAK = (248, 176, 58)


def _puffs(canvas: Canvas, pose: Pose, v: float, pale: Colour, wide: float, high: float) -> None:
    """The two cushions of a cat's muzzle, and the chin between them."""
    x, y, _ = pose.at(0, v + 0.16, 1.05)
    canvas.body(ellipse(x, y + 1, 0.62 * wide, 0.7 * high), pale, line=0, depth=0.6)
    for side in (-1, 1):
        x, y, _ = pose.at(side * 0.17, v - 0.06, 1.1)
        canvas.body(ellipse(x, y, wide, high), pale, line=0, depth=0.5)


def _whiskers(canvas: Canvas, pose: Pose, v: float) -> None:
    for side in (-1, 1):
        for down in (-0.08, 0.04, 0.16):
            x, y, _ = pose.at(side * 0.42, v + 0.5 * down, 1.0)
            canvas.line([(x, y), (x + side * 11, y + 14 * down - 1), (x + side * 21, y + 40 * down)], 1.1, WHITE, 0.9)


def _nose(
    canvas: Canvas, pose: Pose, v: float, wide: float, high: float, colour: Colour, depth: float = 1.2
) -> tuple[float, float]:
    """A nose, broad above and narrow below. Gives the place of its lower tip."""
    x, y, _ = pose.at(0, v, depth)
    outline = [(-1, -0.5), (0, -0.75), (1, -0.5), (0.45, 0.6), (0, 1), (-0.45, 0.6)]
    canvas.body(curve([(x + a * wide, y + b * high) for a, b in outline]), colour, line=0.8, depth=0.5)
    canvas.fill(ellipse(x - 0.3 * wide, y - 0.3 * high, 0.32 * wide, 0.22 * high), WHITE, 0.75)
    return x, y + high


def _snout_mouth(canvas: Canvas, pose: Pose, face: Face, v: float, half: float, tip: tuple[float, float]) -> None:
    """A mouth under a muzzle, with the line that joins it to the nose."""
    x, y, _ = pose.at(0, v, 1.12)
    canvas.line([tip, ((x + tip[0]) / 2, (y + tip[1]) / 2), (x, y + 0.3 * half * face.smile)], 1.6, INK, end=0.8)
    draw_mouth(canvas, x, y, half, face)


def _cat(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    _puffs(canvas, pose, v, pale, 9.5, 8)
    _whiskers(canvas, pose, v - 0.1)
    tip = _nose(canvas, pose, v - 0.3, 4.6, 3.2, ROSE)
    _snout_mouth(canvas, pose, face, v, 10.5, tip)


def _dog(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    x, y, _ = pose.at(0, v - 0.08, 1.08)
    canvas.body(ellipse(x, y, 17, 14.5), pale, line=0, depth=0.6)
    tip = _nose(canvas, pose, v - 0.4, 7.4, 5, NOSE, 1.3)
    _snout_mouth(canvas, pose, face, v, 11.5, tip)


def _bear(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    x, y, _ = pose.at(0, v - 0.12, 1.08)
    canvas.body(ellipse(x, y, 16, 13), pale, line=0, depth=0.6)
    tip = _nose(canvas, pose, v - 0.36, 6.2, 4.2, NOSE, 1.25)
    _snout_mouth(canvas, pose, face, v, 10.5, tip)


def _rabbit(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    _puffs(canvas, pose, v, pale, 7.6, 7)
    tip = _nose(canvas, pose, v - 0.3, 3.8, 2.8, ROSE)
    _teeth(canvas, pose, face, v, 6.4)
    _snout_mouth(canvas, pose, face, v, 8.5, tip)


def _mouse(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    x, y, _ = pose.at(0, v - 0.1, 1.1)
    canvas.body(ellipse(x, y, 11, 9.5), pale, line=0, depth=0.5)
    _whiskers(canvas, pose, v - 0.12)
    tip = _nose(canvas, pose, v - 0.36, 4.6, 3.8, ROSE, 1.35)
    _teeth(canvas, pose, face, v, 4.6)
    _snout_mouth(canvas, pose, face, v, 8, tip)


def _teeth(canvas: Canvas, pose: Pose, face: Face, v: float, high: float) -> None:
    x, y, _ = pose.at(0, v, 1.12)
    y += 2.4 * face.smile
    for side in (-1, 1):
        tooth = np.array(
            [(x + side * 0.2, y), (x + side * 4, y), (x + side * 3.6, y + high), (x + side * 0.2, y + high)]
        )
        canvas.body(tooth, WHITE, line=0.8, depth=0.2)


def _fox(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    tip = _nose(canvas, pose, v - 0.26, 5.4, 4, NOSE, 1.35)
    _snout_mouth(canvas, pose, face, v + 0.04, 10, tip)


def _lion(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    _puffs(canvas, pose, v, pale, 9.5, 8.5)
    tip = _nose(canvas, pose, v - 0.36, 7.2, 4.4, (150, 74, 66), 1.22)
    _snout_mouth(canvas, pose, face, v, 11, tip)


def _owl(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    """A beak whose corners tell the mood; it opens to laugh."""
    x, y, _ = pose.at(0, v, 1.2)
    half, bend = 11.5, 6.5 * face.smile
    opened = 12 * rise(face.smile, 0.2, 1.0)
    if opened > 0.5:
        low = canvas.body(
            curve(
                [
                    (x - 0.8 * half, y - bend),
                    (x + 0.8 * half, y - bend),
                    (x + 0.4 * half, y + 3 + opened),
                    (x - 0.4 * half, y + 3 + opened),
                ]
            ),
            darker(BEAK, 0.25),
        )
        canvas.fill(ellipse(x, y + 1 + 0.3 * opened, 0.55 * half, 0.55 * opened + 1), MOUTH, 1, low)
        canvas.fill(ellipse(x, y + 2 + 0.7 * opened, 0.4 * half, 0.4 * opened), TONGUE, 1, low)
    beak = [
        (x - half, y - bend),
        (x - 0.55 * half, y - 6),
        (x, y - 9),
        (x + 0.55 * half, y - 6),
        (x + half, y - bend),
        (x + 0.4 * half, y + 1),
        (x, y + 7),
        (x - 0.4 * half, y + 1),
    ]
    canvas.body(curve(beak), BEAK)


def _frog(canvas: Canvas, pose: Pose, face: Face, v: float, pale: Colour) -> None:
    for side in (-1, 1):
        x, y, _ = pose.at(side * 0.12, v - 0.42, 1.1)
        canvas.fill(ellipse(x, y, 1.5, 1.8), INK, 0.8)
    x, y, narrow = pose.at(0, v, 0.92)
    draw_mouth(canvas, x, y, (23 - 3.5 * abs(face.turn)) * max(narrow, 0.85), face, deep=0.62)


MUZZLES = {
    "cat": _cat,
    "dog": _dog,
    "bear": _bear,
    "rabbit": _rabbit,
    "fox": _fox,
    "mouse": _mouse,
    "panda": _bear,
    "lion": _lion,
    "owl": _owl,
    "frog": _frog,
}
