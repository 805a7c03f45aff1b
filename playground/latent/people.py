"""People: head, ears, nose, lips and beard. Hair is in `hair`."""

from __future__ import annotations

from playground.latent.canvas import Canvas, curve, ellipse, mirrored
from playground.latent.face import Face
from playground.latent.features import Eyes, draw_brows, draw_cheeks, draw_eyes, draw_mouth, draw_wrinkles, rise, youth
from playground.latent.hair import draw_back, draw_front, draw_sides
from playground.latent.palette import WHITE, darker, hair_colour, lighter, mix, skin_tone
from playground.latent.pose import Pose
from playground.latent.wear import draw_clothes

LIPS = (206, 52, 74)


def pose_person(face: Face) -> Pose:
    """Where a person's head is, and how large: round in a child."""
    child = youth(face.age)
    return Pose(64, 68, 28 + 3.5 * face.width + 2 * child, 34 - 4.5 * child + 1.0 * face.age, face.turn)


def eyes_of_person(face: Face) -> Eyes:
    """A person's eyes."""
    return Eyes(0.4, 0.02, 6.4, mix((78, 54, 40), (70, 130, 170), 0.35), skin_tone(face.skin))


def draw_person(canvas: Canvas, pose: Pose, face: Face) -> None:
    """A person's head and hair, from the back to the front."""
    skin, hair = skin_tone(face.skin), hair_colour(face.hue, face.age)
    eyes, child = eyes_of_person(face), youth(face.age)
    draw_back(canvas, pose, face, hair)
    _draw_neck(canvas, pose, face)
    draw_clothes(canvas, face)
    draw_sides(canvas, pose, face, hair)
    _draw_ears(canvas, pose, face)
    jaw = 0.9 - 0.17 * face.femininity + 0.05 * child
    chin = 0.5 - 0.17 * face.femininity + 0.03 * child
    sag = 0.05 * rise(face.age, 0.6, 1.0)
    head = pose.outline(
        [(0, -1), (0.6, -0.87), (0.95, -0.42), (1.0, 0.08), (jaw + sag, 0.6 + sag), (chin, 0.93), (0, 1.0)]
    )
    mask = canvas.body(head, skin, depth=0.75)
    draw_cheeks(canvas, pose, face, 0.58, 0.38 + 0.06 * child, 0.3 + 0.2 * child)
    shadow = 0.5 * rise(1 - face.femininity, 0.35, 1.0) * (1 - child)
    x, y, _ = pose.at(0, 0.72)
    canvas.glow(x, y, 0.95 * pose.rx, 0.5 * pose.ry, darker(mix(skin, (90, 96, 120), 0.4), 0.25), shadow, mask)
    mouth = 0.62 + 0.02 * child
    draw_wrinkles(canvas, pose, face, skin, eyes, mouth)
    if face.beard:
        _draw_beard(canvas, pose, face)
    draw_eyes(canvas, pose, face, eyes)
    thickness = 4.6 - 2.8 * face.femininity - 0.6 * child
    draw_brows(canvas, pose, face, 0.41, -0.25 + 0.06 * child, darker(hair, 0.4), thickness)
    _draw_nose(canvas, pose, face)
    x, y, narrow = pose.at(0, mouth, 1.02)
    lip = mix(mix(skin, LIPS, 0.65 if face.beard else 0.3), LIPS, rise(face.femininity, 0.2, 1.0))
    draw_mouth(canvas, x, y, (0.46 - 0.09 * child) * pose.rx * max(narrow, 0.8), face, lip, darker(skin, 0.75))
    draw_front(canvas, pose, face, hair)


def _draw_neck(canvas: Canvas, pose: Pose, face: Face) -> None:
    skin = skin_tone(face.skin)
    half = 13 - 3.5 * face.femininity - 3.5 * youth(face.age)
    top = pose.y + 0.6 * pose.ry
    neck = curve(mirrored([(64 + half, top), (64 + half, 112), (64 + half + 5, 124)], 64))
    mask = canvas.body(neck, darker(skin, 0.1), depth=0.4)
    canvas.glow(64 + 3 * face.turn, pose.y + pose.ry, 24, 13, darker(skin, 0.6), 0.7, mask)


def _draw_ears(canvas: Canvas, pose: Pose, face: Face) -> None:
    skin = skin_tone(face.skin)
    size = 5.6 + 2.4 * rise(face.age, 0.4, 1.0)
    for side in (-1, 1):
        x, y, _ = pose.at(side * 0.99, 0.12, -0.2)
        x -= side * (1.2 + 3.0 * max(side * face.turn, 0.0))
        canvas.body(ellipse(x, y, 0.72 * size, size, -0.2 * side), skin)
        canvas.fill(ellipse(x + 0.1 * side * size, y, 0.36 * size, 0.58 * size, -0.2 * side), darker(skin, 0.25), 0.8)


def _draw_nose(canvas: Canvas, pose: Pose, face: Face) -> None:
    skin, age = skin_tone(face.skin), rise(face.age, 0.1, 1.0)
    size = 3.4 + 2.4 * age + 1.1 * (1 - face.femininity)
    x, y, _ = pose.at(0, 0.27 + 0.08 * youth(face.age), 1.14)
    base_x, base_y, _ = pose.at(0, 0.0, 1.03)
    canvas.glow((x + base_x) / 2 - 0.6, (y + base_y) / 2, 0.6 * size + 1, 0.24 * pose.ry, lighter(skin, 0.6), 0.5)
    canvas.glow(x, y + 0.5, 1.6 * size, 1.2 * size, mix(darker(skin, 0.2), (230, 90, 80), 0.35), 0.55)
    canvas.glow(x - 0.25 * size, y - 0.35 * size, 0.7 * size, 0.6 * size, WHITE, 0.45)
    wing = [(-1, -0.15), (-0.75, 0.5), (0, 0.7), (0.75, 0.5), (1, -0.15)]
    wing = [(x + a * size, y + b * size) for a, b in wing]
    canvas.line(wing, 1.7, darker(skin, 0.5), end=0.3)


def _draw_beard(canvas: Canvas, pose: Pose, face: Face) -> None:
    colour = darker(hair_colour(face.hue, face.age), 0.12)
    jaw = 0.99 - 0.12 * face.femininity
    half = [(0, 0.44), (0.3, 0.4), (0.6, 0.42), (0.86, 0.12), (1.02, 0.05), (jaw + 0.04, 0.6), (0.6, 1.02), (0, 1.2)]
    canvas.body(pose.outline(half), colour, depth=0.8)
    for side in (-1, 1):
        x, y, narrow = pose.at(side * 0.2, 0.47, 1.05)
        lobe = ellipse(x, y, 0.27 * pose.rx * max(narrow, 0.7), 0.095 * pose.ry, 0.28 * side)
        canvas.body(lobe, colour, line=0.8, depth=0.6)
