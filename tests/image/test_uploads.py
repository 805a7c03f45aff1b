"""Uploads: any picture becomes a square PNG, and what is no picture, damaged or too large is told in one sentence."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from playground.errors import PlaygroundError
from playground.image import uploads
from playground.image.uploads import PREFIX, read_start, start_from, start_from_file
from playground.recipes import MAX_PICTURE

SIZE = 64
RED, BLUE, WHITE = (220, 30, 30), (20, 40, 210), (255, 255, 255)


def stripes(width: int = 96, height: int = 96, mode: str = "RGB") -> Image.Image:
    """Upper half red, lower half blue."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (0, height // 2, width, height))
    return picture.convert(mode)


def saved(picture: Image.Image, format: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def opened(url: str) -> Image.Image:
    assert url.startswith(PREFIX)
    picture = Image.open(io.BytesIO(base64.b64decode(url[len(PREFIX) :], validate=True)))
    assert picture.format == "PNG" and picture.mode == "RGB" and picture.size == (SIZE, SIZE)
    return picture


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], within: int = 12) -> bool:
    return max(abs(a - b) for a, b in zip(picture.getpixel(place), colour, strict=True)) <= within


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, *, data: bytes = b"", before: bytes = b"", bits: int = 8, colour: int = 2) -> bytes:
    """A PNG put together by hand, whatever its header claims."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(data, 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_the_formats_that_people_have(format, options):
    if format == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    found = opened(start_from(saved(stripes(), format, **options), SIZE))
    assert near(found, (32, 8), RED) and near(found, (32, 56), BLUE)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_kind_of_pixels(mode):
    """Light above, dark below, whatever the numbers are called."""
    grey = np.full((96, 96), 230, np.uint8)
    grey[48:] = 20
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        picture = Image.fromarray(grey.astype(np.int32 if mode == "I" else np.float32) * 1000 - 5)
    else:
        picture = Image.fromarray(grey).convert("RGB").convert(mode)
    assert picture.mode == mode
    format = {"CMYK": "JPEG", "YCbCr": "JPEG", "I": "TIFF", "F": "TIFF"}.get(mode, "PNG")
    found = opened(start_from(saved(picture, format), SIZE))
    assert found.getpixel((32, 8))[0] >= 225 and found.getpixel((32, 56))[0] <= 25


def test_sixteen_bits_keep_their_brightness():
    found = opened(start_from(saved(Image.fromarray(np.full((64, 64), 0x8000, np.uint16))), SIZE))
    assert found.getpixel((5, 5)) == (128, 128, 128)


@pytest.mark.parametrize("bits", [8, 16])
def test_colours_of_eight_and_sixteen_bits(bits):
    pixel = bytes(RED) if bits == 8 else bytes(b for value in RED for b in (value, value))
    data = (b"\0" + pixel * 64) * 64
    assert near(opened(start_from(png_of(64, 64, data=data, bits=bits), SIZE)), (30, 30), RED, 0)


def test_what_is_transparent_lies_on_white():
    clear = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    clear.paste((*RED, 255), (0, 0, SIZE, SIZE // 2))
    assert opened(start_from(saved(clear), SIZE)).getpixel((32, 60)) == WHITE
    half = opened(start_from(saved(Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 128))), SIZE))
    assert near(half, (9, 9), (127, 127, 127), 1)


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_colour_lies_on_white(format):
    picture = stripes(SIZE, SIZE).quantize(4)
    seen = picture.getpixel((0, SIZE - 1))
    found = opened(start_from(saved(picture, format, transparency=seen), SIZE))
    assert found.getpixel((32, 60)) == WHITE and near(found, (32, 4), RED)


@pytest.mark.parametrize(
    ("orientation", "red_at"), [(1, (32, 4)), (3, (32, 60)), (6, (60, 32)), (8, (4, 32)), (2, (32, 4)), (4, (32, 60))]
)
def test_a_camera_held_sideways_is_turned_upright(orientation, red_at):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = opened(start_from(saved(stripes(), "JPEG", exif=exif.tobytes(), quality=95), SIZE))
    assert near(found, red_at, RED, 20)


def test_broken_exif_does_not_spoil_the_picture():
    data = saved(stripes(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert near(opened(start_from(data, SIZE)), (32, 8), RED, 20)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (64, 65), (1000, 1)])
def test_the_middle_square_is_kept(size):
    picture = Image.new("RGB", size, BLUE)
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    picture.paste(RED, (left, top, left + side, top + side))
    found = opened(start_from(saved(picture), SIZE))
    assert found.getextrema() == tuple((value, value) for value in RED)


def test_a_single_pixel_fills_the_square():
    assert opened(start_from(saved(Image.new("RGB", (1, 1), RED)), SIZE)).getpixel((63, 63)) == RED


def test_of_what_moves_the_first_frame_counts():
    frames = [Image.new("RGB", (SIZE, SIZE), colour) for colour in (RED, BLUE)]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if format == "WEBP" else {}
        data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert near(opened(start_from(data, SIZE)), (32, 32), RED), format


def test_the_same_file_gives_the_same_url_that_fits_into_a_recipe():
    noise = np.random.default_rng(0).integers(0, 256, (800, 900, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise))
    url = start_from(data, 768)
    assert url == start_from(data, 768) and len(url) < MAX_PICTURE
    small = start_from(data, SIZE)
    assert opened(small).tobytes() == read_start(small, SIZE).rgb


SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><image href="http://x/y"/></svg>'
NO_PICTURES = [
    (b"", "The picture is empty"),
    (b"hello, I am a picture", "That is not a picture that can be read: PNG, JPEG, WebP, GIF, BMP and TIFF are read."),
    (b"%PDF-1.7\n" + b"x" * 900, "That is a PDF: PNG"),
    (SVG, "That is an SVG: PNG"),
    (b"  <svg width='9'/>", "That is an SVG: PNG"),
    (b"\0\0\0\x18ftypheic" + b"\0" * 100, "That is HEIC: PNG"),
    (b"PK\x03\x04" + b"\0" * 100, "That is an archive: PNG"),
    (b"\0" * 1000, "That is not a picture that can be read"),
    (b"\x89PNG\r\n\x1a\n", "The picture is damaged or cut off."),
    (b"\xff\xd8\xff\xe0" + b"\0" * 50, "The picture is damaged or cut off."),
    (b"RIFF\xff\xff\xff\xffWEBPVP8 ", "The picture is damaged or cut off."),
]


@pytest.mark.parametrize(("data", "sentence"), NO_PICTURES, ids=range(len(NO_PICTURES)))
def test_what_is_no_picture_is_told_in_one_sentence(data, sentence):
    with pytest.raises(PlaygroundError) as error:
        start_from(data, SIZE)
    assert str(error.value).startswith(sentence) and str(error.value).isprintable()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(format, share):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), format)
    with pytest.raises(PlaygroundError, match="^The picture is damaged or cut off.$"):
        start_from(data[: int(len(data) * share)], SIZE)


def test_noise_in_a_file_never_does_more_than_refuse_it():
    random = np.random.default_rng(0)
    for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = saved(stripes(), format)
        for _ in range(40):
            data = bytearray(whole)
            for at in random.integers(0, len(data), 8):
                data[at] = random.integers(0, 256)
            try:
                opened(start_from(bytes(data), SIZE))
            except PlaygroundError as error:
                assert str(error).isprintable()


BOMBS = [
    png_of(100_000, 100_000),  # without data: decoding it would tell of damage
    png_of(7_000, 7_000),  # over 40 megapixels, and below the size at which Pillow itself refuses
    png_of(10_000, 10_000),  # at which Pillow only warns
    b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\0;",
    saved(Image.new("1", (8_000, 8_000))),
    saved(Image.new("1", (8_000, 8_000)), "TIFF", compression="group4"),
]


@pytest.mark.parametrize("data", BOMBS, ids=range(len(BOMBS)))
@pytest.mark.filterwarnings("error")
def test_more_than_forty_megapixels_are_refused_before_they_are_decoded(data):
    with pytest.raises(PlaygroundError, match="^The picture has more than 40 megapixels: make it smaller first.$"):
        start_from(data, SIZE)


def test_a_large_photograph_is_welcome():
    data = saved(stripes(6_000, 4_000), "JPEG")
    found = opened(start_from(data, SIZE))
    assert near(found, (32, 8), RED, 20) and near(found, (32, 56), BLUE, 20)


def test_more_than_twenty_megabytes_are_refused_unread(tmp_path):
    path = tmp_path / "large.bmp"
    with path.open("wb") as file:
        file.truncate(uploads.LARGEST_FILE + 1)
    for start in (lambda: start_from_file(path, SIZE), lambda: start_from(path.read_bytes(), SIZE)):
        with pytest.raises(PlaygroundError, match="^The picture has more than 20 MB: make it smaller first.$"):
            start()


def test_text_that_bursts_its_bounds_is_refused():
    text = b"Comment\0\0" + zlib.compress(b"x" * 50_000_000, 9)
    with pytest.raises(PlaygroundError, match="damaged or cut off"):
        start_from(png_of(1, 1, data=b"\0\0\0\0", before=chunk(b"zTXt", text)), SIZE)


def test_a_wrong_ending_does_not_matter(tmp_path):
    path = tmp_path / "photograph.jpg"
    path.write_bytes(saved(stripes()))
    assert near(opened(start_from_file(path, SIZE)), (32, 8), RED)


# a recipe's own value ------------------------------------------------------------------------------------------


def url(data: bytes) -> str:
    return PREFIX + base64.b64encode(data).decode()


def test_a_start_of_another_size_is_resized():
    found = read_start(url(saved(stripes(200, 200))), SIZE)
    assert (found.width, found.height, len(found.rgb)) == (SIZE, SIZE, SIZE * SIZE * 3)
    assert tuple(found.rgb[:3]) == RED and tuple(found.rgb[-3:]) == BLUE


STARTS = [
    ("http://169.254.169.254/x.png", "start is 'http://169.254.169.254/x.png'; a square PNG as a data URL (data:"),
    ("file:///etc/passwd", "start is 'file:///etc/passwd'; a square PNG"),
    ("/etc/passwd", "start is '/etc/passwd'; a square PNG"),
    ("<script>\x1b[31m\n", "start is '<script>\\x1b[31m\\n'; a square PNG"),
    ("data:image/jpeg;base64," + base64.b64encode(saved(stripes(), "JPEG")).decode(), "start is 'data:image/jpeg"),
    ("data:image/png,abc", "start is 'data:image/png,abc'; a square PNG"),
    (PREFIX, "The picture is empty"),
    (PREFIX + "%%%", "start is a data URL that is not valid base64."),
    (PREFIX + "é", "start is a data URL that is not valid base64."),
    (PREFIX + "abc", "start is a data URL that is not valid base64."),
    (url(b"hello"), "That is not a PNG."),
    (url(saved(stripes(), "JPEG")), "That is not a PNG."),
    (url(saved(stripes())[:-60]), "The picture is damaged or cut off."),
    (url(saved(stripes(64, 32))), "The start picture has 64 × 32 px; a square one is allowed."),
    (url(png_of(100_000, 100_000)), "The picture has more than 40 megapixels"),
    (url(png_of(7_000, 7_000)), "The picture has more than 40 megapixels"),
]


@pytest.mark.parametrize(("start", "sentence"), STARTS, ids=range(len(STARTS)))
def test_a_hostile_start_is_told_in_one_sentence(start, sentence):
    with pytest.raises(PlaygroundError) as error:
        read_start(start, SIZE)
    assert str(error.value).startswith(sentence) and str(error.value).isprintable()
