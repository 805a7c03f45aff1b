"""Points of a latent space as text that travels in recipes, links and files. Knows no model."""

from __future__ import annotations

import base64

import numpy as np

from playground.errors import PlaygroundError
from playground.recipes import show

PREFIX = "point:"
FARTHEST = 1000.0  # of any coordinate; faces have a few units


def to_text(point: np.ndarray) -> str:
    """A (D,) point as an end of a journey: "point:" and its numbers as `packed`."""
    return PREFIX + packed(point)


def packed(vector: np.ndarray) -> str:
    """A (D,) vector as url-safe base64 (RFC 4648 §5, unpadded) of little-endian float32; exact."""
    return base64.urlsafe_b64encode(vector.astype("<f4").tobytes()).decode("ascii").rstrip("=")


def unpacked(text: str, dims: int, what: str) -> np.ndarray:
    """The (D,) float32 vector of a `packed` text; anybody may have written it.

    Args:
        dims: D of the model.
        what: it is called in a sentence, like "The point".

    Raises:
        PlaygroundError: not base64, of other dimensions, or with numbers that are not finite or beyond `FARTHEST`.
    """
    text = text.rstrip("=")
    try:
        if not text.isascii() or any(mark in text for mark in "+/"):
            raise ValueError
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise PlaygroundError(f"{what} {show(text)} is damaged: it is not url-safe base64.") from error
    if len(data) != 4 * dims:
        raise PlaygroundError(f"{what} has {len(data) / 4:g} numbers; this model's points have {dims}.")
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    check_range(vector, what)
    return vector


def check_range(vector: np.ndarray, what: str) -> None:
    """Refuse what no face is near to.

    Raises:
        PlaygroundError: a number is not finite, or beyond `FARTHEST`.
    """
    if not np.isfinite(vector).all():
        raise PlaygroundError(f"{what} is damaged: it holds numbers that are not finite.")
    if np.abs(vector).max() > FARTHEST:
        raise PlaygroundError(f"{what} is too far out: its numbers are at most {FARTHEST:g}.")
