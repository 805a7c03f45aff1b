"""Any picture that a person brings → RGB pixels. Never fetches anything.

What is too large, damaged or no picture ends as one sentence, before memory is spent on it. Of what moves, or has
several pages, the first frame counts.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from playground.errors import PlaygroundError
from playground.recipes import show

LARGEST_FILE = 20 * 2**20  # bytes
LARGEST_AREA = 40_000_000  # px
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
READ = "PNG, JPEG, WebP, GIF, BMP and TIFF are read"
TOO_MANY = f"The picture has more than {LARGEST_AREA // 10**6} megapixels: make it smaller first."
DAMAGED = "The picture is damaged or cut off."
_SIGNATURES = {  # what files begin with → what they are
    b"%PDF": "a PDF",
    b"<svg": "an SVG",
    b"<?xml": "an SVG or other XML",
    b"PK\x03\x04": "an archive",
    b"\x00\x00\x01\x00": "an icon",
    b"8BPS": "a Photoshop file",
    b"\x1a\x45\xdf\xa3": "a film",
}
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF", b"isom": "a film", b"mp42": "a film"}
_OURS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


def square(data: bytes, size: int) -> Image.Image:
    """An uploaded file as a square RGB picture: turned as EXIF says, its middle cropped, resized, on white.

    The name of the file does not matter; its content tells what it is.

    Args:
        size: px of the side.

    Raises:
        PlaygroundError: empty, over 20 MB or 40 megapixels, damaged, cut off, or of a kind that is not read.
    """
    with opened(data) as image:
        image.draft(None, (2 * size, 2 * size))  # a JPEG is decoded no larger than needed
        image.load()
        with contextlib.suppress(Exception):  # EXIF data may be broken where the picture is not
            image = ImageOps.exif_transpose(image)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return resized(flatten(image.crop((left, top, left + side, top + side))), size)


def read_file(path: Path) -> bytes:
    """The content of a file, of which no more is read than tells that it is too large.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1)


@contextlib.contextmanager
def opened(data: bytes, formats: Sequence[str] = FORMATS) -> Iterator[Image.Image]:
    """A picture of which only the header has been read, and that is not too large.

    Whatever decoders complain about within the `with` block, hostile files included, becomes one sentence.

    Args:
        formats: of Pillow, which may be tried.

    Raises:
        PlaygroundError: as `square`.
    """
    if not data:
        raise PlaygroundError("The picture is empty: the file has no content.")
    if len(data) > LARGEST_FILE:
        raise PlaygroundError(f"The picture has more than {LARGEST_FILE // 2**20} MB: make it smaller first.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's are for developers; the size is checked below
            with Image.open(io.BytesIO(data), formats=formats) as image:
                if image.width * image.height > LARGEST_AREA:
                    raise PlaygroundError(TOO_MANY)
                yield image
    except PlaygroundError:
        raise
    except Image.DecompressionBombError as error:
        raise PlaygroundError(TOO_MANY) from error
    except UnidentifiedImageError as error:
        raise PlaygroundError(_what_it_is(data, formats)) from error
    except Exception as error:  # decoders raise all there is: OSError, SyntaxError, struct.error, EOFError …
        raise PlaygroundError(DAMAGED) from error


def flatten(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB: transparent parts on white, 16 bits as 8, more bits from darkest to lightest.

    Raises:
        PlaygroundError: its colours can't be converted.
    """
    if image.mode.startswith("I;16"):
        image = _grey(np.asarray(image).astype(np.float64) / 257)
    elif image.mode in ("I", "F"):
        image = _grey(_stretched(np.asarray(image).astype(np.float64)))
    try:
        if image.has_transparency_data:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        return image.convert("RGB")
    except ValueError as error:
        raise PlaygroundError(f"Colours of the kind {show(image.mode)} are not read: save it as RGB first.") from error


def resized(image: Image.Image, size: int) -> Image.Image:
    """A picture at `size` × `size` px; the same one where it has them."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray((values + 0.5).astype(np.uint8))


def _stretched(values: np.ndarray) -> np.ndarray:
    """(H, W) finite values of 0 … 255, whatever they were."""
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    return (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)


def _what_it_is(data: bytes, formats: Sequence[str]) -> str:
    """The sentence about a file that no decoder takes."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if formats != FORMATS:
        return DAMAGED if head.startswith(_OURS[:1]) else "That is not a PNG."
    if head.startswith(_OURS):
        return DAMAGED
    what = next((name for start, name in _SIGNATURES.items() if head.startswith(start)), "")
    if head[4:8] == b"ftyp":
        what = _BRANDS.get(head[8:12], "a film or a picture of another kind")
    if b"<svg" in head:
        what = "an SVG"
    return f"That is {what}: {READ}." if what else f"That is not a picture that can be read: {READ}."
