"""The patches and stripes of animals, clipped to their heads. Kinds that are not in `MARKS` have none."""

from __future__ import annotations

from playground.latent.canvas import Canvas, Mask, ellipse
from playground.latent.palette import Colour, darker, lighter
from playground.latent.pose import Pose

BLAZE = [(0, -1.05), (0.13, -0.7), (0.12, -0.2), (0.3, 0.2), (-0.3, 0.2), (-0.12, -0.2), (-0.13, -0.7)]
CHEEK = [(0.0, 0.32), (0.3, 0.16), (0.62, 0.05), (1.1, 0.12), (1.2, 0.6), (0.5, 1.1), (0.0, 1.1)]
CHIN = [(-0.9, 0.5), (0, 0.3), (0.9, 0.5), (0.7, 1.1), (0, 1.2), (-0.7, 1.1)]


def _cat(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    """Stripes on brow and cheeks."""
    for u, low in ((-0.24, -0.52), (0, -0.4), (0.24, -0.52)):
        places = [(1.15 * u, -1.05), (u, (low - 1) / 2), (0.8 * u, low)]
        canvas.line([pose.at(u, v)[:2] for u, v in places], 4.5, dark, 0.75, 0.5)
    for side in (-1, 1):
        for v in (0.02, 0.2):
            places = [(0.98, v), (0.86, v + 0.03), (0.72, v + 0.08)]
            canvas.line([pose.at(side * u, v)[:2] for u, v in places], 3.4, dark, 0.6, 0.5)


def _dog(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    canvas.fill(pose.shape(BLAZE), pale, 1, head)


def _fox(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    for side in (-1, 1):
        canvas.fill(pose.shape([(side * u, v) for u, v in CHEEK]), pale, 1, head)


def _panda(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    for side in (-1, 1):
        x, y, narrow = pose.at(side * 0.46, -0.04)
        canvas.fill(ellipse(x, y, 11.5 * max(narrow, 0.65), 13.5, 0.55 * side), dark, 1, head)


def _owl(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    for side in (-1, 1):
        x, y, narrow = pose.at(side * 0.43, -0.1)
        disc = canvas.fill(ellipse(x, y, 17 * max(narrow, 0.7), 18), pale, 1, head)
        canvas.glow(x, y, 13, 13, darker(pale, 0.3), 0.35, disc)


def _frog(canvas: Canvas, pose: Pose, head: Mask, dark: Colour, pale: Colour) -> None:
    canvas.fill(pose.shape(CHIN), lighter(pale, 0.2), 0.9, head)


MARKS = {"cat": _cat, "dog": _dog, "fox": _fox, "panda": _panda, "owl": _owl, "frog": _frog}
