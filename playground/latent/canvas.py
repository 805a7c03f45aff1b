"""A small vector canvas on Pillow: smooth closed shapes, tapered lines and soft light, all antialiased.

A shape is drawn four times as large into a mask of its bounding box, shrunk, and pasted. Lengths are pixels, y goes
down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from playground.latent.palette import Colour, darker, lighter

Points = np.ndarray  # (N, 2) float64, x and y
SCALE = 4
SMOOTH = Image.Resampling.BILINEAR
STEPS = 7  # points of a curve between two of its control points
_T = np.arange(STEPS)[:, None] / STEPS
_SPLINE = 0.5 * np.hstack(
    [_T * (_T * (2 - _T) - 1), _T * _T * (3 * _T - 5) + 2, _T * (_T * (4 - 3 * _T) + 1), _T * _T * (_T - 1)]
)
_RADIUS = np.hypot(*np.mgrid[-1:1:64j, -1:1:64j])
_FALLOFF = Image.fromarray(np.rint(255 * np.clip(1 - _RADIUS**2, 0, 1) ** 1.5).astype(np.uint8))
_RAMP = Image.fromarray(np.arange(256, dtype=np.uint8)[:, None])


def curve(points: Points | list[tuple[float, float]]) -> Points:
    """A smooth closed curve through the points: a Catmull-Rom spline. A point given twice in a row is a corner."""
    p = np.asarray(points, dtype=float)
    return _through(np.concatenate([p[-1:], p, p[:2]]))


def path(points: Points | list[tuple[float, float]]) -> Points:
    """A smooth open curve through the points, from the first to the last."""
    p = np.asarray(points, dtype=float)
    ends = 2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1]
    return np.concatenate([_through(np.concatenate([ends[0], p, ends[1]])), p[-1:]])


def _through(p: Points) -> Points:
    around = np.stack([p[:-3], p[1:-2], p[2:-1], p[3:]], 1)  # (N, 4, 2): each stretch with its neighbours
    stretches = around[(around[:, 1] != around[:, 2]).any(1)]
    return (_SPLINE @ stretches).reshape(-1, 2)


def mirrored(half: list[tuple[float, float]], x: float) -> list[tuple[float, float]]:
    """A shape and its mirror image at the vertical line `x`; the end points on that line are not doubled."""
    return half + [(2 * x - px, py) for px, py in reversed(half) if px != x]


@lru_cache(maxsize=64)
def _circle(n: int) -> Points:
    angles = np.arange(n) * (2 * math.pi / n)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Points:
    """An ellipse with its half-axes, turned clockwise by `angle` radians."""
    points = _circle(20 if max(rx, ry) < 5 else 40) * (rx, ry)
    if angle:
        points = points @ _rotation(angle)
    return points + (x, y)


def grown(points: Points, by: float) -> Points:
    """A closed shape, `by` pixels larger on all sides."""
    x, y = np.concatenate([points[-1:], points, points[:1]]).T
    ahead = np.stack([y[2:] - y[:-2], x[:-2] - x[2:]], 1)
    normals = ahead / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-6)[:, None]
    area = np.dot(x[1:-1], y[2:]) - np.dot(y[1:-1], x[2:])
    return points + normals * (by if area > 0 else -by)


def ribbon(points: Points, width: float, end: float = 0.35) -> Points:
    """The outline of a line along `points`, `width` thick in the middle and `end` of that at both ends, round there."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    ahead = padded[2:] - padded[:-2]
    ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-6)[:, None]
    normals = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    half = width / 2 * (end + (1 - end) * _taper(len(points)))
    tip = width / 2 * end * ahead
    sides = points + normals * half, (points - normals * half)[::-1]
    return np.concatenate([sides[0], points[-1:] + tip[-1:], sides[1], points[:1] - tip[:1]])


@lru_cache(maxsize=64)
def _taper(n: int) -> np.ndarray:
    return 1 - np.linspace(-1, 1, n)[:, None] ** 2


def _rotation(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s], [-s, c]])


@lru_cache(maxsize=256)
def _veil(share: int) -> Image.Image:
    return Image.new("L", (256, 256), share)


@dataclass(frozen=True)
class Mask:
    """Coverage of a part of the canvas: an image of mode L and the place of its left upper corner."""

    image: Image.Image
    left: int
    top: int

    def within(self, other: Mask) -> Mask:
        """What of this mask lies inside the other."""
        x, y = self.left - other.left, self.top - other.top
        cover = other.image.crop((x, y, x + self.image.width, y + self.image.height))
        return Mask(ImageChops.multiply(self.image, cover), self.left, self.top)

    def faint(self, opacity: float) -> Mask:
        if opacity >= 1:
            return self
        return Mask(ImageChops.multiply(self.image, _veil(max(0, round(255 * opacity)))), self.left, self.top)


class Canvas:
    """An RGB picture to draw on, at most 256 pixels square; `place` turns and scales all that is drawn after it."""

    def __init__(self, side: int) -> None:
        self.image = Image.new("RGB", (side, side))
        self._turned = np.eye(2)
        self._pivot = np.zeros(2)
        self._scale = 1.0

    def place(self, angle: float, scale: float, pivot: tuple[float, float]) -> None:
        """Turn clockwise by `angle` radians, and scale, about a point that stays."""
        self._turned, self._pivot, self._scale = scale * _rotation(angle), np.array(pivot), scale

    def mask(self, points: Points, hole: Points | None = None) -> Mask:
        """The inside of a closed shape, less the inside of `hole`."""
        points, side = self._placed(points), self.image.width
        left, top = (max(0, math.floor(v)) for v in points.min(0))
        right, bottom = (min(side, math.ceil(v)) for v in points.max(0))
        if right <= left or bottom <= top:
            return Mask(Image.new("L", (1, 1)), 0, 0)
        image = Image.new("L", ((right - left) * SCALE, (bottom - top) * SCALE))
        draw, corner = ImageDraw.Draw(image), (left, top)
        draw.polygon(((points - corner) * SCALE).ravel().tolist(), fill=255)
        if hole is not None:
            draw.polygon(((self._placed(hole) - corner) * SCALE).ravel().tolist(), fill=0)
        return Mask(image.reduce(SCALE), left, top)

    def paint(self, mask: Mask, colour: Colour, opacity: float = 1.0) -> None:
        mask = mask.faint(opacity)
        self.image.paste(colour, (mask.left, mask.top), mask.image)

    def fill(self, points: Points, colour: Colour, opacity: float = 1.0, within: Mask | None = None) -> Mask:
        """Fill a closed shape, and give its mask back."""
        mask = self.mask(points)
        if within:
            mask = mask.within(within)
        self.paint(mask, colour, opacity)
        return mask

    def line(self, points: Points, width: float, colour: Colour, opacity: float = 1.0, end: float = 0.35) -> None:
        """Draw a smooth tapered line through the points."""
        self.fill(ribbon(path(points), width, end), colour, opacity)

    def glow(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, opacity: float, within: Mask | None = None
    ) -> None:
        """Lay soft light or shade of this colour over an ellipse: full in the middle, none at its edge."""
        x, y = self._placed(np.array([x, y]))
        rx, ry = rx * self._scale, ry * self._scale
        left, top = round(x - rx), round(y - ry)
        size = max(2, round(2 * rx)), max(2, round(2 * ry))
        if within:  # only where both are
            box = (within.left - left, within.top - top)
            box = (*box, box[0] + within.image.width, box[1] + within.image.height)
            light = _FALLOFF.resize(size, SMOOTH).crop(box)
            light = Mask(ImageChops.multiply(light, within.image), within.left, within.top)
        else:
            light = Mask(_FALLOFF.resize(size, SMOOTH), left, top)
        self.paint(light, colour, opacity)

    def backdrop(self, above: Colour, below: Colour) -> None:
        """Fill the whole picture, from one colour at its top to another at its bottom."""
        self.image.paste(above, (0, 0, *self.image.size))
        self.image.paste(below, (0, 0), _RAMP.resize(self.image.size))

    def body(self, points: Points, colour: Colour, line: float = 1.5, depth: float = 1.0) -> Mask:
        """A rounded thing: outline in its own dark tone, light from the left above, shade at the right below.

        Args:
            line: thickness of the outline in pixels. depth: how strong light and shade are.
        """
        if line:
            self.fill(grown(points, line), darker(colour, 0.6))
        mask = self.fill(points, colour)
        (left, top), (right, bottom) = points.min(0), points.max(0)
        width, height = right - left, bottom - top
        shade = darker(colour, 0.45)
        self.glow(right - 0.02 * width, bottom, 0.75 * width, 0.75 * height, shade, 0.5 * depth, mask)
        self.glow(
            left + 0.34 * width,
            top + 0.24 * height,
            0.6 * width,
            0.55 * height,
            lighter(colour, 0.6),
            0.55 * depth,
            mask,
        )
        return mask

    def _placed(self, points: Points) -> Points:
        return (points - self._pivot) @ self._turned + self._pivot
