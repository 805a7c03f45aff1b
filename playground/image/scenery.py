"""What places are painted with: skies, weather, hills, trees, clouds; in the light of a time of day.

Everything is drawn at twice the picture's size, in picture coordinates (0 … 128), and then halved. Knows no place.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from playground.image.dice import Dice

SIZE = 128  # px of a picture
ZOOM = 2
Colour = tuple[int, int, int]
TIMES = ("day", "sunset", "night", "snow")
SKIES: dict[str, tuple[tuple[Colour, ...], ...]] = {  # from top to horizon; each time has several
    "day": (
        ((72, 160, 236), (152, 208, 250), (214, 238, 252)),
        ((92, 182, 244), (170, 220, 252), (236, 247, 252)),
        ((64, 140, 222), (124, 190, 244), (196, 228, 250)),
    ),
    "sunset": (
        ((84, 58, 128), (226, 108, 96), (255, 190, 112)),
        ((120, 66, 138), (244, 130, 100), (255, 214, 130)),
        ((60, 62, 130), (206, 98, 128), (255, 172, 110)),
    ),
    "night": (
        ((8, 11, 38), (22, 28, 74), (46, 54, 112)),
        ((12, 10, 42), (34, 28, 84), (66, 54, 122)),
        ((6, 16, 36), (16, 40, 78), (38, 72, 112)),
    ),
    "snow": (
        ((158, 178, 204), (196, 211, 228), (226, 234, 243)),
        ((170, 186, 206), (208, 218, 231), (234, 239, 245)),
        ((144, 170, 200), (186, 206, 226), (220, 232, 243)),
    ),
}
LIGHT: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (0.86, 0.62, 0.58),
    "night": (0.36, 0.42, 0.64),
    "snow": (0.97, 0.98, 1.0),
}

GREENS = ((112, 188, 84), (136, 202, 92), (92, 172, 88), (150, 204, 104))
LEAVES = ((58, 136, 66), (78, 156, 70), (44, 118, 72), (104, 164, 66))
FIRS = ((30, 96, 66), (40, 112, 72), (24, 84, 74))
BLOOMS = ((244, 96, 110), (252, 210, 80), (250, 250, 250), (202, 124, 226), (255, 150, 190))


def lit(colour: Colour, time: str) -> Colour:
    """`colour` in the light of `time`."""
    return tuple(round(value * gain) for value, gain in zip(colour, LIGHT[time], strict=True))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 … 1) of `second`."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second, strict=True))


class Canvas:
    """A picture in the making. Coordinates and sizes are in pixels of the finished picture."""

    def __init__(self, time: str, dice: Dice) -> None:
        self.time, self.dice = time, dice
        self.image = Image.new("RGB", (SIZE * ZOOM, SIZE * ZOOM))
        self._pen = ImageDraw.Draw(self.image)

    def pixels(self) -> np.ndarray:
        """(128, 128, 3) uint8."""
        return np.asarray(self.image.reduce(ZOOM))

    def gradient(self, stops: tuple[Colour, ...], top: float = 0, bottom: float = SIZE) -> None:
        """Fill the rows from `top` to `bottom`."""
        first, last = round(top * ZOOM), round(bottom * ZOOM)
        rows = np.linspace(0, len(stops) - 1, max(1, last - first))
        column = np.stack([np.interp(rows, range(len(stops)), c) for c in zip(*stops, strict=True)], -1)
        band = np.broadcast_to(column[:, None].astype(np.uint8), (len(rows), SIZE * ZOOM, 3))
        self.image.paste(Image.fromarray(np.ascontiguousarray(band)), (0, first))

    def polygon(self, points: list[tuple[float, float]], fill: Colour) -> None:
        self._pen.polygon([(x * ZOOM, y * ZOOM) for x, y in points], fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: float = 0) -> None:
        self._pen.rounded_rectangle([v * ZOOM for v in (left, top, right, bottom)], radius * ZOOM, fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self._pen.ellipse([(x - rx) * ZOOM, (y - ry) * ZOOM, (x + rx) * ZOOM, (y + ry) * ZOOM], fill)

    def line(self, points: list[tuple[float, float]], fill: Colour, width: float) -> None:
        self._pen.line([(x * ZOOM, y * ZOOM) for x, y in points], fill, max(1, round(width * ZOOM)), "curve")

    def ridge(self, y: float, swing: float, fill: Colour, bottom: float = SIZE, waves: float = 1.5) -> None:
        """Rolling ground whose upper edge swings around `y`."""
        first, second = self.dice.real(0, math.tau), self.dice.real(0, math.tau)
        steps = range(0, SIZE + 5, 4)
        edge = [
            (x, y + swing * (math.sin(first + waves * x / 20) * 0.7 + math.sin(second + waves * x / 9) * 0.3))
            for x in steps
        ]
        self.polygon([*edge, (SIZE + 4, bottom), (0, bottom)], fill)

    def sky(self, horizon: float = SIZE, *, weather: bool = True) -> None:
        """The sky down to `horizon`, with the sun or moon, stars, clouds or falling snow of its time."""
        dice = self.dice
        self.gradient(dice.pick(SKIES[self.time]), 0, horizon + 1)
        if self.time == "night":
            for _ in range(dice.number(10, 24)):
                size = dice.pick((0.7, 0.7, 1.1))
                self.oval(dice.real(0, SIZE), dice.real(0, horizon * 0.8), size, size, (226, 230, 255))
        if weather:
            self._light(horizon)
            self._clouds(horizon)

    def _light(self, horizon: float) -> None:
        dice = self.dice
        if self.time == "night" and dice.chance(0.85):
            x, y, radius = dice.pick((14, 26, 102, 114)), dice.real(12, 26), dice.real(6, 10)
            moon = dice.pick(((250, 240, 200), (240, 240, 232), (255, 228, 160)))
            self.oval(x, y, radius, radius, moon)
            if dice.chance(0.6):
                behind = self.image.getpixel((round(x * ZOOM), round(max(0, y - radius - 2) * ZOOM)))
                self.oval(x + radius * 0.45, y - radius * 0.25, radius * 0.9, radius * 0.9, behind)
        elif self.time == "sunset" and dice.chance(0.8):
            x, radius = dice.real(16, 112), dice.real(9, 15)
            self.oval(x, horizon - dice.real(0, 10), radius * 1.5, radius * 1.5, (255, 192, 120))
            self.oval(x, horizon - dice.real(0, 10), radius, radius, (255, 228, 150))
        elif self.time == "day" and dice.chance(0.45):
            x, radius = dice.pick((14, 24, 104, 116)), dice.real(7, 11)
            self.oval(x, dice.real(12, 24), radius, radius, (255, 226, 96))
        elif self.time == "day" and dice.chance(0.12):
            x, colours = dice.real(40, 90), ((236, 110, 110), (250, 190, 110), (250, 240, 130), (130, 210, 140))
            for k, colour in enumerate(colours):
                self._pen.arc(
                    [(x - 70 + 3 * k) * ZOOM, (8 + 3 * k) * ZOOM, (x + 70 - 3 * k) * ZOOM, 148 * ZOOM],
                    180,
                    360,
                    colour,
                    3 * ZOOM,
                )

    def _clouds(self, horizon: float) -> None:
        dice = self.dice
        colours = {"day": (255, 255, 255), "sunset": (255, 186, 150), "night": (58, 62, 108), "snow": (240, 243, 248)}
        for _ in range(dice.weigh({0: 2, 1: 2, 2: 3, 3: 3, 4: 1})):
            self.cloud(dice.real(0, SIZE), dice.real(8, max(20, horizon * 0.55)), dice.real(8, 16), colours[self.time])
        if self.time == "day" and dice.chance(0.2):
            for _ in range(dice.number(2, 4)):
                x, y = dice.real(10, 118), dice.real(10, 40)
                self.line(
                    [(x - 4, y - 2), (x - 1.5, y - 2.5), (x, y), (x + 1.5, y - 2.5), (x + 4, y - 2)], (70, 90, 120), 0.8
                )

    def cloud(self, x: float, y: float, size: float, fill: Colour) -> None:
        """A flat-bottomed heap of ovals about `2 * size` wide."""
        dice = self.dice
        self.box(x - size, y - size * 0.1, x + size, y + size * 0.3, fill, size * 0.2)
        for k in range(3):
            radius = size * dice.real(0.3, 0.5)
            self.oval(x + size * (k - 1) * 0.55, y, radius * 1.1, radius * (1.25 if k == 1 else 0.95), fill)

    def snowfall(self) -> None:
        """Flakes in the air, where it snows."""
        if self.time == "snow":
            for _ in range(self.dice.number(16, 36)):
                size = self.dice.pick((0.9, 1.2, 1.6))
                self.oval(self.dice.real(0, SIZE), self.dice.real(0, SIZE), size, size, (255, 255, 255))

    def ground(self, colour: Colour) -> Colour:
        """The colour of a piece of land at this time: lit, or under snow."""
        if self.time == "snow":
            return mix(colour, (243, 246, 251), 0.88)
        return lit(colour, self.time)

    def fir(self, x: float, foot: float, height: float, colour: Colour) -> None:
        """A fir tree; its tips are white in the snow."""
        self.box(x - 1.2, foot - 3, x + 1.2, foot + 1, lit((96, 66, 44), self.time))
        for k in range(3):
            top, wide = foot - height + k * height * 0.24, height * (0.17 + 0.075 * k)
            low = top + height * 0.42
            self.polygon([(x, top), (x - wide, low), (x + wide, low)], lit(colour, self.time))
            if self.time == "snow":
                self.polygon(
                    [(x, top), (x - wide * 0.5, top + height * 0.2), (x + wide * 0.5, top + height * 0.2)],
                    (238, 243, 250),
                )

    def tree(self, x: float, foot: float, height: float, colour: Colour) -> None:
        """A tree with a round crown."""
        self.box(x - height * 0.06, foot - height * 0.5, x + height * 0.06, foot, lit((112, 76, 48), self.time))
        crown = mix(colour, (236, 241, 248), 0.75) if self.time == "snow" else lit(colour, self.time)
        for dx, dy, radius in ((-0.2, 0.52, 0.24), (0.2, 0.52, 0.24), (0, 0.72, 0.28)):
            self.oval(x + dx * height, foot - dy * height, radius * height, radius * height, crown)
