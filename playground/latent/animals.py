"""Animals: one table of proportions and colours, and the order in which their heads are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from playground.latent.canvas import Canvas
from playground.latent.face import Face
from playground.latent.features import Eyes, draw_brows, draw_cheeks, draw_eyes, draw_wrinkles, eye_height, rise, youth
from playground.latent.fur import draw_ears, draw_ruff, draw_tuft
from playground.latent.marks import MARKS
from playground.latent.muzzles import MUZZLES
from playground.latent.palette import WHITE, Colour, darker, greyness, lighter, mix, wheel
from playground.latent.pose import Pose

ROUND = [(0, -1), (0.58, -0.88), (0.95, -0.38), (1.0, 0.18), (0.84, 0.66), (0.44, 0.94), (0, 1)]
BROAD = [(0, -0.95), (0.52, -0.88), (0.9, -0.42), (1.04, 0.2), (0.84, 0.7), (0.42, 0.95), (0, 1)]
LONG = [(0, -1), (0.6, -0.9), (0.92, -0.45), (0.9, 0.1), (0.76, 0.6), (0.5, 0.92), (0, 1)]
WEDGE = [(0, -0.92), (0.5, -0.88), (0.88, -0.45), (1.12, 0.22), (0.72, 0.62), (0.28, 0.95), (0, 1.02)]
WIDE = [(0, -0.8), (0.45, -0.85), (0.85, -0.6), (1.08, 0.15), (0.92, 0.68), (0.5, 0.95), (0, 1)]


@dataclass(frozen=True)
class Animal:
    """Proportions in pixels and half-axes, and colours; hue and grey come from the face.

    `fur` is lightness and chroma; `eyes` are place (u, v), half-width in pixels, iris, slit pupils, pupil's share.
    """

    y: float
    rx: float
    ry: float
    half: list[tuple[float, float]]
    fur: tuple[float, float]
    eyes: tuple[float, float, float, Colour, bool, float]
    mouth: float  # v of the mouth


ANIMALS: dict[str, Animal] = {
    "cat": Animal(72, 34, 28, BROAD, (0.72, 0.115), (0.45, -0.08, 7.4, (126, 190, 92), True, 0.5), 0.56),
    "dog": Animal(70, 30.5, 32, LONG, (0.68, 0.1), (0.42, -0.16, 6.4, (122, 78, 44), False, 0.6), 0.6),
    "bear": Animal(71, 34, 31, ROUND, (0.52, 0.095), (0.4, -0.14, 5.4, (84, 52, 34), False, 0.62), 0.6),
    "rabbit": Animal(79, 31, 28, ROUND, (0.84, 0.07), (0.48, -0.1, 6.4, (196, 84, 108), False, 0.6), 0.52),
    "fox": Animal(72, 34, 30, WEDGE, (0.66, 0.15), (0.43, -0.12, 6.2, (236, 170, 50), True, 0.62), 0.62),
    "mouse": Animal(77, 29, 26, WEDGE, (0.74, 0.055), (0.46, -0.1, 6.0, (60, 42, 52), False, 0.7), 0.62),
    "panda": Animal(71, 36, 31, BROAD, (0.96, 0.012), (0.44, -0.08, 5.8, (74, 48, 36), False, 0.62), 0.6),
    "lion": Animal(71, 29, 29, LONG, (0.8, 0.09), (0.43, -0.14, 5.8, (206, 140, 40), False, 0.5), 0.6),
    "owl": Animal(70, 34, 32, BROAD, (0.6, 0.095), (0.43, -0.14, 9.0, (250, 186, 40), False, 0.6), 0.42),
    "frog": Animal(76, 36, 26, WIDE, (0.76, 0.14), (0.56, -0.78, 8.0, (240, 196, 60), False, 0.6), 0.36),
}


def pose_animal(face: Face) -> Pose:
    """Where an animal's head is, and how large."""
    animal = ANIMALS[face.kind]
    scale = 0.95 + 0.1 * face.width
    return Pose(64, animal.y, animal.rx * scale, animal.ry * (1 - 0.06 * youth(face.age)), face.turn)


def eyes_of_animal(face: Face) -> Eyes:
    """The eyes of an animal's kind."""
    u, v, size, iris, slit, pupil = ANIMALS[face.kind].eyes
    lid = _dark(face) if face.kind == "panda" else fur_colour(face)
    return Eyes(u, v, size, iris, lid, slit, pupil)


def fur_colour(face: Face) -> Colour:
    """Fur of the face's hue, as light and vivid as its kind's, greyer with the years."""
    lightness, chroma = ANIMALS[face.kind].fur
    grey = greyness(face.age)
    return wheel(face.hue, lightness + (0.86 - lightness) * 0.45 * grey, chroma * (1 - 0.45 * grey))


def _dark(face: Face) -> Colour:
    """The dark of a panda's patches and a fox's ears, a shade of its hue."""
    grey = greyness(face.age)
    return wheel(face.hue, 0.36 + 0.2 * grey, 0.085 * (1 - 0.5 * grey))


def draw_animal(canvas: Canvas, pose: Pose, face: Face) -> None:
    """An animal's head, from the back to the front."""
    animal, fur = ANIMALS[face.kind], fur_colour(face)
    dark = _dark(face) if face.kind in ("panda", "fox") else darker(fur, 0.38)
    pale = lighter(mix(fur, WHITE, 0.62), 0.5 * greyness(face.age))
    draw_ruff(canvas, pose, face, fur)
    draw_ears(canvas, pose, face, fur, dark)
    head = canvas.body(pose.outline(animal.half), fur)
    if face.kind in MARKS:
        MARKS[face.kind](canvas, pose, head, dark, pale)
    eyes = eyes_of_animal(face)
    draw_cheeks(canvas, pose, face, 0.66, 0.3, 0.34 + 0.16 * youth(face.age))
    if face.kind not in ("owl", "frog"):
        draw_wrinkles(canvas, pose, face, fur, eyes, animal.mouth - 0.1)
    draw_eyes(canvas, pose, face, eyes)
    old = rise(face.age, 0.5, 0.9)
    brow = mix(darker(fur, 0.5), WHITE, 0.85 * old)
    draw_brows(canvas, pose, face, eyes.u, eye_height(face, eyes) - 0.34, brow, 2.4 + 2.6 * old)
    MUZZLES[face.kind](canvas, pose, face, animal.mouth, pale)
    if face.hat == "none":
        draw_tuft(canvas, pose, face, fur)
