"""A face as a picture: background, clothes, head, and what it wears, drawn in that order."""

from __future__ import annotations

from PIL import Image

from playground.latent.animals import draw_animal, eyes_of_animal, pose_animal
from playground.latent.canvas import Canvas
from playground.latent.face import Face
from playground.latent.palette import wheel
from playground.latent.people import draw_person, eyes_of_person, pose_person
from playground.latent.wear import draw_clothes, draw_glasses, draw_hat

SIDE = 128  # pixels
SCALE, SCALES = 1.12, {"rabbit": 1.0, "mouse": 1.06}  # of the head
LEAN = 0.09  # radians between the two farthest tilts


def draw_portrait(face: Face) -> Image.Image:
    """The picture of a face: RGB, `SIDE` pixels square."""
    canvas = Canvas(SIDE)
    _draw_background(canvas, face)
    person = face.kind == "person"
    pose = pose_person(face) if person else pose_animal(face)
    if not person:
        draw_clothes(canvas, face)
    canvas.place(LEAN * (face.tilt - 0.5), SCALES.get(face.kind, SCALE), (64, 108))
    if person:
        draw_person(canvas, pose, face)
    else:
        draw_animal(canvas, pose, face)
    if face.glasses:
        draw_glasses(canvas, pose, face, eyes_of_person(face) if person else eyes_of_animal(face))
    if face.hat != "none":
        draw_hat(canvas, pose, face)
    return canvas.image


def _draw_background(canvas: Canvas, face: Face) -> None:
    canvas.backdrop(wheel(face.background, 0.88, 0.065), wheel(face.background, 0.76, 0.085))
    canvas.glow(64, 58, 70, 66, wheel(face.background, 0.95, 0.04), 0.75)
