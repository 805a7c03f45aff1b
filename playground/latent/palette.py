"""The colours of the world: wheels of equal lightness, skin tones, and what light and age do to a colour."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

Colour = tuple[int, int, int]
SHADE, LIGHT = (44, 22, 58), (255, 248, 232)  # what dark and bright tones lean to
INK, WHITE = (46, 34, 52), (255, 253, 248)
SKINS = ((255, 222, 200), (244, 190, 152), (214, 148, 104), (156, 98, 66), (98, 60, 44))
RED = 29  # degrees: where hue 0 lies on OKLab's wheel


@lru_cache(maxsize=4096)
def wheel(hue: float, lightness: float, chroma: float) -> Colour:
    """A colour by hue 0 … 1, as light and as vivid to the eye at any hue: OKLab (Ottosson, 2020) in polar form.

    Args:
        lightness: 0 … 1. chroma: 0 … about 0.3; colours outside sRGB are clipped.
    """
    angle = math.radians(RED + 360 * hue)
    a, b = chroma * math.cos(angle), chroma * math.sin(angle)
    l, m, s = (  # noqa: E741 - cone responses, as the paper names them
        (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3,
    )
    linear = (
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    )
    return tuple(round(255 * _gamma(min(max(c, 0.0), 1.0))) for c in linear)


def _gamma(c: float) -> float:
    return 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a`, with `share` (0 … 1) of `b`."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))


def darker(colour: Colour, share: float) -> Colour:
    """A tone in shade: `share` (0 … 1) of the way to the darkest."""
    return mix(colour, SHADE, share)


def lighter(colour: Colour, share: float) -> Colour:
    """A tone in light: `share` (0 … 1) of the way to the brightest."""
    return mix(colour, LIGHT, share)


def skin_tone(skin: float) -> Colour:
    """Skin by 0 (light) … 1 (dark)."""
    place = skin * (len(SKINS) - 1)
    step = min(int(place), len(SKINS) - 2)
    return mix(*tuple(pairwise(SKINS))[step], place - step)


def greyness(age: float) -> float:
    """How grey hair and fur are, 0 … 1: not at all until the middle of life."""
    share = min(max((age - 0.45) / 0.5, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def hair_colour(hue: float, age: float) -> Colour:
    """Hair of a hue, greyer with the years, though never without a tint."""
    grey = greyness(age)
    return wheel(hue, 0.52 + 0.3 * grey, 0.125 * (1 - 0.6 * grey))
