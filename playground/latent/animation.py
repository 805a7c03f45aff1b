"""Frames ⇄ files that carry a text beside them: GIF, lossless WebP, MP4, and a PNG with all frames on one sheet.

Knows files, not results: what the text says is the caller's. Never trusts what it reads.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from PIL import Image, ImageSequence
from PIL.PngImagePlugin import PngInfo

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.links import KEY
from playground.uploads import DAMAGED, LARGEST_AREA, flatten, opened

FRAME_MS = 80  # GIF counts in hundredths of a second
SUFFIXES = (".gif", ".webp", ".mp4", ".png")
MEDIA_TYPES = {".gif": "image/gif", ".webp": "image/webp", ".mp4": "video/mp4", ".png": "image/png"}
SHEET = 8  # frames in a row of a path's sheet
MOST_FRAMES = 400
_FILM_SIDE = 256  # px at least: half of the colours' detail is lost in a film
_DESCRIPTION = 0x010E  # of EXIF


class File(NamedTuple):
    """What `encode` wrote.

    Attributes:
        text: None where the file holds none of ours.
        frames: as they stand there, one for several that follow each other and are alike; of a PNG the whole sheet; of
            an MP4, whose pixels are never what was made, none.
        exact: whether each pixel is what it was.
    """

    text: str | None
    frames: tuple[Picture, ...]
    exact: bool


def check_suffix(suffix: str) -> None:
    """Refuse a kind of file that can't be written here.

    Raises:
        PlaygroundError: unknown, or MP4 where the package for it is missing.
    """
    if suffix not in SUFFIXES:
        raise PlaygroundError(f"A journey is saved as {', '.join(SUFFIXES)}, not as {ascii(suffix)}.")
    if suffix == ".mp4" and importlib.util.find_spec("av") is None:
        raise PlaygroundError("MP4 needs the package av, which is not installed here: pip install av.")


def encode(frames: Sequence[Picture], text: str, suffix: str, columns: int = 0) -> bytes:
    """A file of one of the `SUFFIXES`; WebP and PNG keep every pixel as it is, the others nearly.

    Args:
        text: ASCII, which stands in the file: a GIF's comment, a WebP's EXIF description, an MP4's comment, a PNG's
            iTXt chunk.
        columns: frames in a row of a PNG; 0 for as many as look well.

    Raises:
        PlaygroundError: as `check_suffix`.
    """
    check_suffix(suffix)
    file = io.BytesIO()
    if suffix == ".mp4":
        _film(file, frames, text)
    elif suffix == ".png":
        info = PngInfo()
        info.add_itxt(KEY, text)
        sheet(frames, columns).save(file, "PNG", pnginfo=info)
    else:
        first, *others = map(_image, frames)
        options = {"save_all": True, "append_images": others, "duration": FRAME_MS, "loop": 0}
        if suffix == ".gif":
            first.save(file, "GIF", comment=text.encode("ascii"), **options)
        else:
            exif = Image.Exif()
            exif[_DESCRIPTION] = text
            first.save(file, "WEBP", lossless=True, exif=exif, **options)
    return file.getvalue()


def still(picture: Picture) -> bytes:
    """One picture as a PNG, without a word beside it; packed quickly rather than tightly, for a moving hand."""
    file = io.BytesIO()
    _image(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def sheet(frames: Sequence[Picture], columns: int = 0) -> Image.Image:
    """All frames, row by row; what is left of the last row is white."""
    columns = columns or min(len(frames), SHEET)
    width, height = frames[0].width, frames[0].height
    whole = Image.new("RGB", (columns * width, -(-len(frames) // columns) * height), "white")
    for place, frame in enumerate(frames):
        whole.paste(_image(frame), (place % columns * width, place // columns * height))
    return whole


def decode(data: bytes) -> File | None:
    """What a file holds; None where it is none of these kinds.

    Raises:
        PlaygroundError: damaged, cut off, too large, or of too many frames.
    """
    if data[4:8] == b"ftyp":
        return File(_read_film(data), (), False)
    format = _format(data)
    if format is None:
        return None
    with opened(data, (format,)) as image:
        count = getattr(image, "n_frames", 1)
        if count > MOST_FRAMES:
            raise PlaygroundError(f"The file has more than {MOST_FRAMES} frames.")
        if count * image.width * image.height > LARGEST_AREA:
            raise PlaygroundError(f"The frames have more than {LARGEST_AREA // 10**6} megapixels together.")
        frames = tuple(map(_picture, ImageSequence.Iterator(image)))
        if format == "PNG":
            text = image.info.get(KEY)
        elif format == "GIF":
            text = image.info.get("comment", b"").decode("ascii", "replace") or None
        else:
            text = image.getexif().get(_DESCRIPTION)
    return File(text if isinstance(text, str) else None, frames, format != "GIF")


def cells(whole: Picture, width: int, height: int, count: int) -> list[Picture]:
    """The frames of a `sheet`, whose sizes are known; none where it has not so many."""
    if width < 1 or height < 1 or whole.width % width or whole.height % height:
        return []
    image = _image(whole)
    places = [(left, top) for top in range(0, whole.height, height) for left in range(0, whole.width, width)]
    return [_picture(image.crop((x, y, x + width, y + height))) for x, y in places[:count]]


def _format(data: bytes) -> str | None:
    if data.startswith(b"GIF8"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "PNG" if data.startswith(b"\x89PNG\r\n\x1a\n") else None


def _film(file: io.BytesIO, frames: Sequence[Picture], text: str) -> None:
    """H.264 in MP4, as every browser plays it."""
    import av

    scale = -(-_FILM_SIDE // frames[0].width)
    width, height = (side * scale // 2 * 2 for side in frames[0][:2])  # it takes even sides only
    with av.open(file, "w", format="mp4") as container:
        container.metadata["comment"] = text
        stream = container.add_stream(
            "libx264", rate=Fraction(1000, FRAME_MS), options={"crf": "16", "preset": "medium"}
        )
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = width, height, "yuv420p", 1
        for frame in frames:
            large = _image(frame).resize((width, height), Image.Resampling.BICUBIC)
            container.mux(stream.encode(av.VideoFrame.from_image(large)))
        container.mux(stream.encode())


def _read_film(data: bytes) -> str | None:
    check_suffix(".mp4")
    import av

    try:
        with contextlib.closing(av.open(io.BytesIO(data), format="mp4")) as container:
            return container.metadata.get("comment")
    except Exception as error:  # whatever a hostile file makes of the decoder
        raise PlaygroundError(DAMAGED.replace("picture", "film")) from error


def _image(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def _picture(image: Image.Image) -> Picture:
    flat = flatten(image)
    return Picture(flat.width, flat.height, flat.tobytes())
