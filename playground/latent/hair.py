"""Hair of people, in six styles: what hangs behind the head, and what lies on it. `length` sets how much there is."""

from __future__ import annotations

import math

from playground.latent.canvas import Canvas, curve, ellipse, mirrored
from playground.latent.face import Face
from playground.latent.features import rise
from playground.latent.palette import Colour, darker, lighter
from playground.latent.pose import Pose

RIBBON = (240, 84, 110)
FRINGES: dict[str, list[tuple[float, float]]] = {  # the edge of the hair over the face: its right half, from the ear
    "straight": [(0.92, -0.05), (0.84, -0.36), (0.45, -0.42), (0, -0.4)],
    "curly": [(0.93, -0.1), (0.76, -0.5), (0.4, -0.62), (0, -0.64)],
    "bun": [(0.94, -0.2), (0.78, -0.55), (0.42, -0.72), (0, -0.78)],
    "pigtails": [(0.94, -0.1), (0.74, -0.48), (0.36, -0.62), (0, -0.8)],
}
UNEVEN: dict[str, list[tuple[float, float]]] = {  # from ear to ear
    "parted": [(0.93, 0.0), (0.8, -0.35), (0.3, -0.62), (-0.3, -0.8), (-0.55, -0.6), (-0.82, -0.3), (-0.93, 0.0)],
    "spiky": [(0.93, -0.15), (0.8, -0.55), (0.58, -0.32), (0.58, -0.32), (0.4, -0.62), (0.12, -0.34), (0.12, -0.34)]
    + [(-0.1, -0.64), (-0.38, -0.36), (-0.38, -0.36), (-0.56, -0.62), (-0.78, -0.45), (-0.93, -0.15)],
}


def draw_back(canvas: Canvas, pose: Pose, face: Face, colour: Colour) -> None:
    """The hair behind head and shoulders."""
    back, x = darker(colour, 0.18), pose.x - 5 * face.turn
    if face.hair in ("straight", "parted"):
        wide, low = _fall(pose, face)
        half = [(0, -1.12), (0.75, -0.95), (1.12, -0.35), (wide, (low - pose.y) / pose.ry / 2)]
        drop = (low - pose.y) / pose.ry
        half += [(wide * 1.02, drop - 0.09), (0.7 * wide, drop + 0.09)]
        canvas.body(curve(mirrored([(x + u * pose.rx, pose.y + v * pose.ry) for u, v in half], x)), back)
    elif face.hair == "curly":
        _draw_cloud(canvas, pose, face, x, back)
    elif face.hair == "spiky":
        _draw_spikes(canvas, pose, face, x, back)
    elif face.hair == "bun":
        size = 6.5 + 9 * face.length
        bx, by = x, pose.y - 1.02 * pose.ry - 0.55 * size
        if face.hat != "none":  # it would be hidden there
            bx, by = x + 1.02 * pose.rx, pose.y - 0.45 * pose.ry
        canvas.body(ellipse(bx, by, size, 0.92 * size), colour)
        twist = [(bx - 0.6 * size, by), (bx, by + 0.3 * size), (bx + 0.6 * size, by - 0.1 * size)]
        canvas.line(twist, 1.3, darker(colour, 0.4), 0.7)


def _fall(pose: Pose, face: Face) -> tuple[float, float]:
    """How wide hanging hair is in half-axes, and y of its lower edge."""
    wide = 1.16 + (0.1 + 0.16 * face.length if face.hair == "parted" else 0.03 * face.length)
    return wide, pose.y + pose.ry * (0.1 + 1.35 * face.length)


def _draw_cloud(canvas: Canvas, pose: Pose, face: Face, x: float, colour: Colour) -> None:
    points, bumps = [], 12
    for k in range(2 * bumps):
        angle = math.pi * (k + 0.5) / bumps
        reach = (1.2 + 0.36 * face.length) * (1.06 if k % 2 else 0.92)
        point = (x + pose.rx * reach * math.sin(angle), pose.y - pose.ry * (0.14 + 0.94 * reach * math.cos(angle)))
        points += [point] if k % 2 else [point, point]  # twice: a curve has a notch there
    canvas.body(curve(points), colour)


def _draw_spikes(canvas: Canvas, pose: Pose, face: Face, x: float, colour: Colour) -> None:
    points, n = [], 7
    for k in range(2 * n + 1):
        angle = math.pi * (k / (2 * n) - 0.5) * 1.2 * (1.04 if k % 2 else 1)
        swing = 0.14 + 0.6 * face.length
        reach = 1.06 + swing * (1 - 0.3 * abs(math.sin(angle))) * (1.0 if k % 2 else 0.22)
        point = (x + pose.rx * reach * math.sin(angle), pose.y - pose.ry * (0.1 + 0.96 * reach * math.cos(angle)))
        points += [point, point] if k % 2 else [point]
    canvas.body(curve([*points, (x + 0.5 * pose.rx, pose.y + 18), (x - 0.5 * pose.rx, pose.y + 18)]), colour)


def draw_sides(canvas: Canvas, pose: Pose, face: Face, colour: Colour) -> None:
    """The hair that falls over the shoulders: long locks, or tails."""
    if face.hair == "pigtails":
        _draw_tails(canvas, pose, face, colour)
    if face.hair not in ("straight", "parted") or face.length < 0.4:
        return
    (wide, low), x = _fall(pose, face), pose.x - 5 * face.turn
    for side in (-1, 1):
        inner, outer = x + side * 0.62 * pose.rx, x + side * wide * 1.02 * pose.rx
        tip, middle = (outer + side * 2, low + 3), (pose.y + low) / 2
        lock = [(inner, pose.y), (outer - side * 2, pose.y), (outer + side, middle), (outer - side, low - 8), tip, tip]
        lock += [(inner + side * 3, low - 3), (inner - side * 2, middle)]
        canvas.body(curve(lock), darker(colour, 0.06))
        strand = [(outer - side * 5, middle - 6), (outer - side * 5, middle + 4), (outer - side * 4, low - 6)]
        canvas.line(strand, 1.2, darker(colour, 0.4), 0.45)


def _draw_tails(canvas: Canvas, pose: Pose, face: Face, colour: Colour) -> None:
    reach, wide = pose.ry * (0.45 + 1.25 * face.length), 6 + 3 * face.length
    for side in (-1, 1):
        x, y, _ = pose.at(side * 1.0, -0.12, -0.3)
        x += side * 3
        tail = [(x, y - 4), (x + side * wide, y - 2), (x + side * (wide * 1.7), y + 0.5 * reach)]
        tail += [(x + side * wide * 0.9, y + reach), (x + side * 0.2 * wide, y + 0.5 * reach)]
        canvas.body(curve(tail), colour)
        canvas.body(ellipse(x + side * 1.5, y - 2, 3.6, 4.4), RIBBON, line=1.2)


def draw_front(canvas: Canvas, pose: Pose, face: Face, colour: Colour) -> None:
    """The hair on the crown, its fringe, and the shine on it. Men's hairlines rise with the years."""
    bare = 0.2 * rise(face.age, 0.45, 1.0) * (1 - face.femininity)
    edge = UNEVEN.get(face.hair) or mirrored(FRINGES[face.hair], 0)
    fringe = [pose.at(u, v - bare * (v < -0.2))[:2] for u, v in edge]
    crown = [(-1.05, -0.02 + 0.1 * face.length), (-1.0, -0.52), (-0.6, -1.0), (0, -1.14)]
    crown = [(pose.x + pose.rx * u, pose.y + pose.ry * v) for u, v in mirrored(crown, 0)]
    mask = canvas.body(curve(crown + fringe), colour)
    for u in (-0.5, -0.15, 0.2, 0.55):
        strand = [pose.at(0.55 * u, -1.05, 0.8), pose.at(u, -0.86), pose.at(1.25 * u, -0.62)]
        canvas.line([(x, y) for x, y, _ in strand], 1.2, darker(colour, 0.4), 0.45)
    if face.hair == "curly":
        for u, v in ((-0.78, -0.42), (0.78, -0.42), (-0.44, -0.6), (0.44, -0.6), (0, -0.64)):
            x, y, narrow = pose.at(u, v - bare)
            canvas.body(ellipse(x, y, 6.8 * max(narrow, 0.7), 6), colour, line=1, depth=0.8)
    x, y, _ = pose.at(-0.2, -0.82)
    canvas.glow(x, y, 0.55 * pose.rx, 0.14 * pose.ry, lighter(colour, 0.75), 0.65, mask)
