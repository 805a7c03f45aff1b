"""Faces that have a name: what each is like, and pictures of it, whose points an atlas keeps.

A mean over all cats would be a grey one with half a pair of glasses. What a preset leaves open is as usual for its
kind; only what no label tells varies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.latent.face import Face
from playground.latent.factors import KINDS
from playground.latent.world import render

PRESETS: dict[str, dict[str, Any]] = {
    **{kind: {"kind": kind} for kind in KINDS},
    "smiling person": {"kind": "person", "smile": 0.8},
    "sad person": {"kind": "person", "smile": -0.8},
    "old smiling man": {"kind": "person", "smile": 0.7, "age": 0.85, "femininity": 0.15},
    "girl with glasses": {"kind": "person", "age": 0.15, "femininity": 0.85, "glasses": True},
    "bearded man": {"kind": "person", "femininity": 0.15, "beard": True},
    "old woman": {"kind": "person", "age": 0.85, "femininity": 0.85},
    "cat with a hat": {"kind": "cat", "hat": "beanie"},
    "laughing fox": {"kind": "fox", "smile": 0.8},
}
USUAL: dict[str, dict[str, Any]] = {  # beside what a face is like anyway
    "person": {"hue": 0.05, "background": 0.55, "hair": "parted", "length": 0.35},
    "cat": {"hue": 0.06, "background": 0.5},
    "dog": {"hue": 0.1, "background": 0.3},
    "bear": {"hue": 0.04, "background": 0.6},
    "rabbit": {"hue": 0.9, "background": 0.35},
    "fox": {"hue": 0.03, "background": 0.5},
    "mouse": {"hue": 0.72, "background": 0.15},
    "panda": {"hue": 0.4, "background": 0.35},
    "lion": {"hue": 0.12, "background": 0.55},
    "owl": {"hue": 0.1, "background": 0.7},
    "frog": {"hue": 0.34, "background": 0.55},
}
WIDTHS = (0.35, 0.5, 0.65)


def faces_of(name: str) -> list[Face]:
    """The faces that a preset is the mean of.

    Raises:
        KeyError: there is no such preset.
    """
    wanted = PRESETS[name]
    return [Face(**{**USUAL[wanted["kind"]], **wanted, "width": width}) for width in WIDTHS]


def pictures_of(name: str) -> np.ndarray:
    """Those faces, (B, S, S, 3) uint8."""
    return np.stack([np.asarray(render(face)) for face in faces_of(name)])
