"""Uploads as a model sees them: the point that it takes a picture for, and the picture that comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.events import Picture
from playground.latent.generate import pictures_of
from playground.latent.loaded import LatentModel
from playground.latent.pixels import signal_to_noise, squared_error
from playground.latent.points import to_text
from playground.latent.similarity import structural_similarity
from playground.uploads import square

BRIGHTER = 3  # times, so that a difference is seen


@dataclass(frozen=True)
class Reconstruction:
    """An upload, and what the model makes of it.

    Attributes:
        original: the upload as the model was shown it: cropped square, at the model's size.
        picture: what the model gives back.
        difference: absolute difference of the two, brightened: black is the same.
        point: as of `Look`.
        psnr: dB; ssim: −1 … 1, of original and picture.
        hint: a sentence where the upload is far from what the model knows; "" where it is not.
    """

    original: Picture
    picture: Picture
    difference: Picture
    point: str
    psnr: float
    ssim: float
    hint: str


def reconstruct(model: LatentModel, upload: bytes | Picture) -> Reconstruction:
    """What the model makes of a picture that it is shown.

    Args:
        upload: the content of a file of any kind that `uploads` reads, or a picture.

    Raises:
        PlaygroundError: the file is not a picture that can be read.
    """
    original = _shown(model, upload)
    point = model.encode(original)
    picture = next(pictures_of(model.decode(point[None])))
    before, after = (_pixels(one)[None] for one in (original, picture))
    apart = np.abs(before.astype(np.int16) - after)
    (difference,) = pictures_of(np.minimum(apart * BRIGHTER, 255).astype(np.uint8))
    return Reconstruction(
        original,
        picture,
        difference,
        to_text(point),
        float(signal_to_noise(after, before)[0]),
        structural_similarity(before[0], after[0]),
        _hint(model, float(np.sqrt(squared_error(after, before)[0]))),
    )


def encode(model: LatentModel, upload: bytes | Picture) -> str:
    """The point that a picture is taken for, as `Look.point`.

    Raises:
        PlaygroundError: as `reconstruct`.
    """
    return to_text(model.encode(_shown(model, upload)))


def _shown(model: LatentModel, upload: bytes | Picture) -> Picture:
    """An upload as the model is shown it."""
    if isinstance(upload, Picture):
        return next(pictures_of(model.fit(upload)[None]))
    image = square(upload, model.size)
    return Picture(image.width, image.height, image.tobytes())


def _pixels(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)


def _hint(model: LatentModel, error: float) -> str:
    usual = model.atlas.usual
    if error <= usual.far_error:
        return ""
    return (
        f"This picture is far from what the model knows: what comes back is {error:.0f} grey levels off, and of faces "
        f"like those it learnt from {usual.error:.0f}, rarely more than {usual.far_error:.0f}."
    )
