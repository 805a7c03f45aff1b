"""What faces wear: a jumper, glasses, hats. Their colours are their own: no factor of the face shows in them."""

from __future__ import annotations

import numpy as np

from playground.latent.canvas import Canvas, curve, ellipse, mirrored
from playground.latent.face import Face
from playground.latent.features import Eyes, eye_height, youth
from playground.latent.palette import WHITE, darker, lighter, wheel
from playground.latent.pose import Pose

FRAME, RED, SILK, GOLD, TEAL = (44, 40, 66), (226, 72, 82), (66, 60, 92), (250, 198, 62), (78, 182, 196)
PERCH = {  # v of the lower edge of a hat, and its half-width in half-axes
    "person": (-0.63, 0.98),
    "cat": (-0.72, 0.5),
    "dog": (-0.72, 0.72),
    "bear": (-0.76, 0.58),
    "rabbit": (-0.72, 0.5),
    "fox": (-0.72, 0.5),
    "mouse": (-0.72, 0.56),
    "panda": (-0.74, 0.58),
    "lion": (-0.74, 0.72),
    "owl": (-0.72, 0.6),
    "frog": (-0.96, 0.28),
}


def draw_clothes(canvas: Canvas, face: Face) -> None:
    """A jumper with a rolled collar; a child's shoulders are narrow."""
    colour = wheel(face.clothes, 0.67, 0.12)
    broad = (43 - 6 * face.femininity if face.kind == "person" else 38) - 9 * youth(face.age)
    shoulders = [(64, 103), (64 + 0.5 * broad, 106), (64 + broad, 118), (64 + broad + 4, 140)]
    canvas.body(curve(mirrored(shoulders, 64)), colour)
    canvas.body(curve(mirrored([(64, 101), (79, 104), (75, 111), (64, 115)], 64)), darker(colour, 0.18), line=1)


def draw_glasses(canvas: Canvas, pose: Pose, face: Face, eyes: Eyes) -> None:
    """Round glasses, their bridge and arms, and a glint on the lenses."""
    v, radius = eye_height(face, eyes), max(10.0, eyes.size * 1.62) * (1 + 0.12 * youth(face.age))
    places = [pose.at(side * eyes.u, v, 1.06) for side in (-1, 1)]
    (lx, y, lr), (rx, _, rr) = rims = [(x, y, radius * max(narrow, 0.62)) for x, y, narrow in places]
    canvas.line([(lx + lr, y - 1), ((lx + lr + rx - rr) / 2, y - 3.2), (rx - rr, y - 1)], 2.6, FRAME, end=0.8)
    high = 0.96 * radius
    for side, (x, y, r) in zip((-1, 1), rims, strict=True):
        hinge, ear = x + side * r, pose.at(side * 0.98, v, 0.0)[0]
        if side * (ear - hinge) > 0:
            canvas.line([(hinge, y - 2), ((hinge + ear) / 2, y - 2.6), (ear, y - 3)], 2.4, FRAME, end=0.7)
        glass = canvas.fill(ellipse(x, y, r, high), WHITE, 0.16)
        glint = [(-0.7, -0.1), (-0.1, -0.75), (0.15, -0.7), (-0.55, 0.25)]
        canvas.fill(curve([(x + a * r, y + b * radius) for a, b in glint]), WHITE, 0.35, glass)
        canvas.paint(canvas.mask(ellipse(x, y, r + 2.1, high + 2.1), ellipse(x, y, r, high)), WHITE, 0.55)
        canvas.paint(canvas.mask(ellipse(x, y, r + 1.3, high + 1.3), ellipse(x, y, r - 1.2, high - 1.2)), FRAME)


def draw_hat(canvas: Canvas, pose: Pose, face: Face) -> None:
    """The hat of a face, on its crown or between its ears."""
    v, share = PERCH[face.kind]
    x, y, _ = pose.at(0, v, 0.75 if face.kind == "frog" else 0.35)
    _HATS[face.hat](canvas, x, y, pose.rx * share)


def _beanie(canvas: Canvas, x: float, y: float, half: float) -> None:
    high = 0.5 * half + 11
    dome = [(x, y - high), (x + 0.85 * half, y - 0.6 * high), (x + half, y), (x, y + 2)]
    canvas.body(curve(mirrored(dome, x)), RED)
    canvas.body(ellipse(x, y - high - 1, 5.5, 5.2), WHITE, line=1.2, depth=0.7)
    band = [(x, y - 7.5), (x + half + 2, y - 6), (x + half + 2, y + 3), (x, y + 3)]
    canvas.body(curve(mirrored(band, x)), lighter(RED, 0.25), line=1.2, depth=0.6)


def _top_hat(canvas: Canvas, x: float, y: float, half: float) -> None:
    wide, high = 0.66 * half + 2, 22
    tube = [(x, y - high - 1.5), (x + wide * 1.08, y - high), (x + wide, y - high / 2), (x + wide, y), (x, y + 1)]
    crown = canvas.body(curve(mirrored(tube, x)), SILK)
    band = [(x + wide, y - 9), (x + wide, y - 2), (x - wide, y - 2), (x - wide, y - 9)]
    canvas.fill(np.array(band), RED, 1, crown)
    canvas.body(ellipse(x, y, half + 5, 4.2), SILK, depth=0.6)


def _party_hat(canvas: Canvas, x: float, y: float, half: float) -> None:
    wide, high = 0.52 * half + 3, 29
    cone = canvas.body(np.array(mirrored([(x, y - high), (x + wide, y + 1), (x + 0.5 * wide, y + 3.5)], x)), TEAL)
    for share in (0.25, 0.68):
        low, top = y - high * share + 4, y - high * share - 2
        stripe = [(x - wide, low), (x + wide, low - 5), (x + wide, top - 5), (x - wide, top)]
        canvas.fill(np.array(stripe), GOLD, 1, cone)
    canvas.body(ellipse(x, y - high, 4.4, 4.4), (244, 104, 140), line=1.1)


def _crown(canvas: Canvas, x: float, y: float, half: float) -> None:
    wide = 0.72 * half + 1
    teeth = [(0, -19), (0.55, -7), (1.12, -15), (1, 2), (0, 4)]
    canvas.body(np.array(mirrored([(x + u * wide, y + v) for u, v in teeth], x)), GOLD)
    for u, v, colour in ((-1.12, -16, RED), (0, -20, (86, 150, 226)), (1.12, -16, RED)):
        canvas.body(ellipse(x + u * wide, y + v, 2.6, 2.6), colour, line=1)


_HATS = {"beanie": _beanie, "top hat": _top_hat, "party hat": _party_hat, "crown": _crown}
