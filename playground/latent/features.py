"""What all faces share: eyes, brows, mouths, cheeks and the lines of age.

They act out `smile`, `age`, `eyes` and `femininity`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from playground.latent.canvas import Canvas, Mask, curve, ellipse
from playground.latent.face import Face
from playground.latent.palette import INK, WHITE, Colour, darker, mix
from playground.latent.pose import Pose

MOUTH, TONGUE, BLUSH, PUPIL = (112, 26, 44), (240, 120, 124), (255, 92, 112), (28, 20, 34)


@dataclass(frozen=True)
class Eyes:
    """Where a kind's eyes sit (u, v), their half-width in pixels at middle age, and their colours."""

    u: float
    v: float
    size: float
    iris: Colour
    lid: Colour
    slit: bool = False
    pupil: float = 0.56  # share of the iris


def rise(value: float, start: float, end: float) -> float:
    """0 up to `start`, 1 from `end` on, smooth between."""
    share = min(max((value - start) / (end - start), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def youth(age: float) -> float:
    """1 for a child, falling evenly to 0 for the grown-up."""
    return max(0.0, 1 - age / 0.55)


def eye_height(face: Face, eyes: Eyes) -> float:
    """The v of the eyes, which sit low in a child's face."""
    return eyes.v + (0.0 if face.kind == "frog" else 0.11 * youth(face.age))


def draw_eyes(canvas: Canvas, pose: Pose, face: Face, eyes: Eyes) -> None:
    """Both eyes: lids, white, iris, lashes. Closed eyes are arcs; a wide smile lifts the lower lids."""
    size = eyes.size * (1 + 0.32 * youth(face.age) - 0.1 * rise(face.age, 0.6, 1.0))
    for side in (-1, 1):
        x, y, narrow = pose.at(side * eyes.u, eye_height(face, eyes))
        _draw_eye(canvas, (x, y), size * max(narrow, 0.55), size, side, face, eyes)


def _draw_eye(
    canvas: Canvas, centre: tuple[float, float], w: float, size: float, side: int, face: Face, eyes: Eyes
) -> None:
    x, y = centre
    opening = face.eyes**0.8
    socket = canvas.fill(ellipse(x, y, w * 1.06, size * 1.16), darker(eyes.lid, 0.16))
    canvas.glow(x, y - 0.5 * size, w, 0.9 * size, eyes.lid, 0.8, socket)
    sag = size * 0.5 * (1 - opening)  # closing lids meet below the middle
    top = y + sag - size * 1.12 * opening
    bottom = y + sag + size * opening * (0.95 - 0.42 * max(face.smile, 0.0))
    corner = y + 0.3 * sag
    upper = [(x - w, corner), (x - 0.68 * w, (corner + 2.2 * top) / 3.2), (x, top)]
    upper += [(x + 0.68 * w, (corner + 2.2 * top) / 3.2), (x + w, corner)]
    lower = [(x + reach * w, (corner + 2.2 * bottom) / 3.2) for reach in (0.68, -0.68)]
    if opening > 0.06:
        white = canvas.fill(curve([*upper, lower[0], (x, bottom), lower[1]]), WHITE)
        _draw_iris(canvas, (x + 0.16 * w * face.turn, y + 0.06 * size), w / size, size, eyes, white)
        canvas.glow(x, top, 1.1 * w, 0.7 * size, darker(WHITE, 0.6), 0.5, white)
    lash = rise(face.femininity, 0.4, 1.0) if face.kind == "person" else 0.0
    lid = [(x - 1.08 * w, corner + 0.4), *upper[1:-1], (x + 1.08 * w, corner + 0.4)]
    canvas.line(lid, 1.7 + 1.5 * lash, INK, end=0.5)
    if lash > 0.05:
        _draw_lashes(canvas, (x + side * w, corner), (x, top), side, lash, opening)


def _draw_iris(canvas: Canvas, at: tuple[float, float], thin: float, size: float, eyes: Eyes, white: Mask) -> None:
    x, y = at
    radius = 0.68 * size
    canvas.fill(ellipse(x, y, radius * thin, radius), darker(eyes.iris, 0.5), 1, white)
    iris = canvas.fill(ellipse(x, y, 0.86 * radius * thin, 0.86 * radius), eyes.iris, 1, white)
    canvas.glow(x, y + 0.7 * radius, radius, 0.8 * radius, mix(eyes.iris, WHITE, 0.6), 0.8, iris)
    wide, high = (0.45, 1.5) if eyes.slit else (1.0, 1.0)
    pupil = eyes.pupil * radius
    canvas.fill(ellipse(x, y, pupil * thin * wide, pupil * high), PUPIL, 1, white)
    canvas.fill(ellipse(x - 0.28 * size * thin, y - 0.34 * size, 0.24 * size, 0.26 * size), WHITE, 1, white)


def _draw_lashes(
    canvas: Canvas, corner: tuple[float, float], top: tuple[float, float], side: int, lash: float, opening: float
) -> None:
    """Three lashes from the outer corner of an eye towards the top of its lid."""
    (cx, cy), (tx, ty) = corner, top
    for k, (inward, up) in enumerate(((0.0, 0.1), (0.22, 0.52), (0.55, 0.82))):
        x, y = cx + (tx - cx) * inward, cy + (ty - cy) * up
        length = (1.5 + 3.4 * lash) * (1 - 0.12 * k)
        dx = side * length * (0.95 - 0.25 * k)
        dy = -length * (0.45 + 0.3 * k) * (0.4 + 0.6 * opening)
        canvas.line([(x, y), (x + 0.5 * dx + side * 0.4, y + 0.5 * dy + 0.4), (x + dx, y + dy)], 1.5, INK, lash**0.5)


def draw_brows(canvas: Canvas, pose: Pose, face: Face, u: float, v: float, colour: Colour, thickness: float) -> None:
    """Eyebrows: their inner ends rise in sorrow, all of them in joy."""
    v = v - 0.05 * abs(face.smile) - 0.06 * face.eyes
    sorrow = max(-face.smile, 0.0)
    places = [(u - 0.19, 0.02 - 0.13 * sorrow), (u, -0.05 - 0.02 * face.smile), (u + 0.21, 0.05 + 0.06 * sorrow)]
    for side in (-1, 1):
        points = [pose.at(side * across, v + down)[:2] for across, down in places]
        canvas.line(points, thickness, colour, end=0.45)


def draw_mouth(
    canvas: Canvas,
    x: float,
    y: float,
    half: float,
    face: Face,
    lip: Colour | None = None,
    line: Colour = INK,
    deep: float = 1.0,
) -> None:
    """A mouth from sad to laughing; beyond a smile it opens on teeth and tongue.

    Args:
        half: half its width in pixels. lip: the colour of lips, or None for a mouth that has none.
        deep: how far it bends and opens for its width.
    """
    half *= 0.78 + 0.26 * abs(face.smile)
    bend = 0.62 * deep * half * face.smile  # how far the corners stand above the middle
    gape = 0.8 * deep * half * rise(face.smile, 0.2, 1.0)
    y += 0.2 * max(-bend, 0.0) - 0.2 * gape
    high, dip = y - 0.5 * bend, y + 0.5 * bend
    low = dip + gape
    upper = [(x + u * half, dip - bend * u * u) for u in (-1, -0.5, 0, 0.5, 1)]
    lower = [(x + 0.7 * half, low - 0.27 * (low - high)), (x, low), (x - 0.7 * half, low - 0.27 * (low - high))]
    if lip:
        plump = (0.9 + 1.5 * face.femininity + 0.8 * face.beard) * (1 - 0.3 * rise(face.smile, 0.2, 1.0))
        full = [(px, plump * (1 - 0.95 * abs(px - x) / half)) for px, _ in upper + lower]
        outer = [(px, py - by) for (px, py), (_, by) in zip(upper, full, strict=False)]
        outer += [(px, py + 1.15 * by) for (px, py), (_, by) in zip(lower, full[5:], strict=True)]
        canvas.fill(curve(outer), lip)
    if gape > 0.8:
        inside = canvas.fill(curve(upper + lower), MOUTH)
        canvas.fill(ellipse(x, low + 0.12 * half, 0.6 * half, 0.6 * gape), TONGUE, 1, inside)
        teeth = [(px, py - 3) for px, py in upper] + [(x + half, high), (x, dip + 0.26 * gape), (x - half, high)]
        canvas.fill(curve(teeth), WHITE, rise(gape, 0.8, 2.5), inside)
        canvas.line([upper[-1], *lower, upper[0]], 1.3, line, end=0.6)
    canvas.line(upper, 2.0, line, end=0.55)
    curl = math.copysign(0.09 * half, face.smile)
    for side in (-1, 1):
        corner = x + side * half
        dimple = [(corner - side * 0.4, high - 0.8), (corner + side * 0.5, high), (corner + side * 0.7, high - curl)]
        canvas.line(dimple, 1.6, line, min(1.0, 1.5 * abs(face.smile)))


def draw_cheeks(canvas: Canvas, pose: Pose, face: Face, u: float, v: float, strength: float) -> None:
    """Rosy cheeks, rosier and higher the wider the smile."""
    for side in (-1, 1):
        x, y, narrow = pose.at(side * u, v - 0.04 * max(face.smile, 0.0))
        rosy = strength * (0.75 + 0.35 * face.smile)
        canvas.glow(x, y, 0.27 * pose.rx * max(narrow, 0.5), 0.22 * pose.ry, BLUSH, rosy)


def draw_wrinkles(canvas: Canvas, pose: Pose, face: Face, tone: Colour, eyes: Eyes, mouth: float) -> None:
    """The lines of age: brow, crow's feet, bags under the eyes, folds beside the mouth."""
    strength = rise(face.age, 0.5, 0.95)
    if strength < 0.03:
        return
    lines = []
    if face.kind == "person":
        lines += [(1.2, [(-w, v + 0.02), (0, v - 0.02), (w, v + 0.02)]) for v, w in ((-0.56, 0.34), (-0.44, 0.42))]
    for side in (-1, 1):
        lines.append((1.4, [(side * (eyes.u + u), eyes.v + v) for u, v in ((-0.2, 0.2), (0, 0.27), (0.18, 0.2))]))
        for fan in (-0.09, 0.0, 0.09):
            feet = [(side * (eyes.u + u), eyes.v + spread * fan) for u, spread in ((0.27, 0.4), (0.38, 1.3))]
            lines.append((1.1, feet))
        lines.append((1.4, [(side * u, mouth + v) for u, v in ((0.2, -0.3), (0.38, -0.14), (0.42, 0.06))]))
    for width, places in lines:
        canvas.line([pose.at(u, v)[:2] for u, v in places], width, darker(tone, 0.42), strength)
