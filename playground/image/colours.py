"""Colour words and what they do to a drawing: a light-to-dark ramp laid over the pixels of its body.

Plain NumPy on RGBA arrays; knows nothing of fonts or scenes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

RAMPS: dict[str, tuple[tuple[int, int, int], ...]] = {  # dark, middle, light
    "red": ((96, 6, 16), (222, 34, 40), (255, 176, 170)),
    "orange": ((128, 50, 0), (248, 134, 22), (255, 222, 172)),
    "yellow": ((136, 96, 0), (252, 212, 36), (255, 246, 190)),
    "green": ((8, 66, 24), (58, 170, 66), (194, 240, 186)),
    "blue": ((10, 28, 110), (42, 108, 228), (180, 214, 255)),
    "purple": ((48, 10, 92), (138, 60, 204), (222, 190, 250)),
    "pink": ((146, 30, 94), (250, 124, 184), (255, 222, 238)),
    "brown": ((48, 24, 10), (130, 80, 44), (216, 178, 140)),
    "black": ((6, 6, 10), (44, 44, 52), (150, 150, 162)),
    "white": ((138, 142, 156), (240, 241, 246), (255, 255, 255)),
}
PLAINS: dict[str, tuple[int, int, int]] = {
    "white": (252, 252, 252),
    "grey": (158, 160, 166),
    "black": (26, 25, 32),
    "red": (226, 86, 82),
    "orange": (248, 170, 92),
    "yellow": (252, 224, 112),
    "green": (136, 212, 130),
    "blue": (112, 166, 238),
    "purple": (176, 138, 222),
    "pink": (252, 180, 208),
}
TINTS = ((1.0, 1.0, 1.0), (0.86, 0.86, 0.88), (1.1, 1.08, 1.04), (1.07, 1.0, 0.9), (0.92, 0.97, 1.07))
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@lru_cache(maxsize=4096)
def tones(colour: str, middle: int) -> np.ndarray:
    """Tones of a colour by luma: (256, 3) float32 of 0 … 255, its middle tone at luma `middle`."""
    stops = (0, middle, max(255, middle + 70))
    return np.stack(
        [np.interp(np.arange(256), stops, c) for c in zip(*RAMPS[colour], strict=True)], -1, dtype=np.float32
    )


def body(sprite: np.ndarray, paint: str = "") -> tuple[np.ndarray, int]:
    """How much each pixel of a drawing belongs to its main part.

    The main part is the commonest hue and its neighbours, or all grey and white where the drawing has little colour;
    black outlines, eyes, leaves and wheels stay what they are.

    Args:
        sprite: (H, W, 4) uint8 RGBA. paint: "hue" or "grey" where the choice of the two is made.

    Returns:
        (H, W) float32 of 0 … 1, and the luma (40 … 252) of the main part's middle tone.
    """
    weight = _weigh(sprite, paint)
    sure = (weight > 0.5) & (sprite[..., 3] > 128)
    luma = sprite[..., :3].astype(np.float32) @ LUMA
    return weight, int(np.clip(np.median(luma[sure]), 40, 252)) if sure.any() else 128


def _weigh(sprite: np.ndarray, paint: str) -> np.ndarray:
    rgb = sprite[..., :3].astype(np.float32) / 255
    opaque = sprite[..., 3] > 128
    high, low = rgb.max(-1), rgb.min(-1)
    chroma = high - low
    luma = rgb @ LUMA
    hue = _hue(rgb, high, chroma)
    vivid = opaque & (chroma > 0.18)
    share = vivid.sum() / max(1, opaque.sum())
    grey = _ramp(0.24 - chroma, 0.08)
    if paint == "grey" or (share < 0.4 and paint != "hue"):
        dark = opaque.any() and np.median(luma[opaque]) < 0.36
        return grey if dark else grey * _ramp(luma - 0.22, 0.16)
    bins = np.bincount((hue[vivid] * 36).astype(int) % 36, weights=chroma[vivid], minlength=36)
    smooth = bins + 0.7 * (np.roll(bins, 1) + np.roll(bins, -1))
    main = (int(smooth.argmax()) + 0.5) / 36
    distance = np.abs((hue - main + 0.5) % 1 - 0.5) * 360  # degrees
    near = _ramp(52 - distance, 14) * _ramp(chroma - 0.06, 0.08)
    if (near[opaque].sum() / opaque.sum()) < 0.36:
        near = np.maximum(near, _ramp(chroma - 0.06, 0.08))
    return near


def _hue(rgb: np.ndarray, high: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Hue of 0 … 1 as in HSV; 0 where there is none."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    safe = np.where(chroma > 0, chroma, 1)
    sector = np.where(
        high == red,
        (green - blue) / safe % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return np.where(chroma > 0, sector / 6, 0)


def _ramp(value: np.ndarray, width: float) -> np.ndarray:
    """0 below 0, 1 above `width`, straight between."""
    return np.clip(value / width, 0, 1).astype(np.float32)
