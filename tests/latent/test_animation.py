"""Journeys as files and as JSON: what a file keeps, how it comes back, and how two journeys are compared."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from playground.documents import check, compare, document, read, save, to_file
from playground.errors import PlaygroundError
from playground.events import Done, LatentResult, Picture
from playground.image import png
from playground.latent import animation
from playground.latent.animation import SUFFIXES, check_suffix, decode, encode, sheet, still
from playground.recipes import ImageRecipe, LatentRecipe

SIDE = 32
STATS = {"seconds": 0.5, "frames": 3, "frames_per_second": 6.0}
EVERY = pytest.mark.parametrize("suffix", SUFFIXES)
EXACT = pytest.mark.parametrize("suffix", [".webp", ".png"])
ROUGH = pytest.mark.parametrize("suffix", [".gif", ".mp4"])


def picture(seed: int = 0, change: int = 0) -> Picture:
    """Noise, of which one number may be moved."""
    pixels = np.random.default_rng(seed).integers(10, 240, SIDE * SIDE * 3, dtype=np.uint8)
    pixels[5] = int(pixels[5]) + change
    return Picture(SIDE, SIDE, pixels.tobytes())


def made(*pictures: Picture, columns: int = 0, ended: str = "arrived", **values) -> Done:
    """A finished recipe with these frames."""
    pictures = pictures or tuple(map(picture, range(3)))
    recipe = LatentRecipe.make({"seed": 7, "a": "preset:cat", **values})
    points = tuple(f"point:{number}" for number in range(len(pictures)))
    return Done(recipe, (LatentResult(7, pictures, points, columns, ended),), stats=STATS)


def file_of(done: Done, suffix: str) -> bytes:
    return to_file(done.results[0], done, suffix=suffix)


def as_json(done: Done, **options) -> dict:
    return json.loads(json.dumps(document(done, **options)))


# files ---------------------------------------------------------------------------------------------------------


@EVERY
def test_a_file_carries_its_recipe(suffix):
    done = made(b="face:kind=dog,smile=0.5", loop="back", edits="smile=1")
    link, content = read(file_of(done, suffix))
    assert link.kind == "latent" and link.values == done.recipe.model_dump()
    assert content["result"]["frames"] == as_json(done)["result"]["frames"]
    assert content["environment"]["torch"]


@EVERY
def test_the_text_in_a_file_may_be_long_and_is_ascii(suffix):
    text = json.dumps({"é": "x" * 60_000})
    assert decode(encode([picture(0), picture(1)], text, suffix)).text == text


def test_a_film_of_few_frames_is_played_by_browsers():
    import av

    with av.open(io.BytesIO(encode([picture(k) for k in range(5)], "", ".mp4"))) as container:
        (stream,) = container.streams
        assert (stream.codec.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert len(list(container.decode(stream))) == 5
        assert stream.width == stream.height == 256


def test_moving_pictures_go_on_for_ever_at_one_pace():
    for suffix in (".gif", ".webp"):
        with Image.open(io.BytesIO(encode([picture(k) for k in range(4)], "{}", suffix))) as image:
            assert image.n_frames == 4 and image.info["loop"] == 0
            image.seek(2)
            image.load()
            assert image.info["duration"] == animation.FRAME_MS


@EXACT
def test_every_pixel_is_kept(suffix):
    done = made()
    _, content = read(file_of(done, suffix))
    assert content["result"]["pictures"] == done.results[0].frames


@EXACT
@pytest.mark.parametrize("order", [(0,) * 5, (0, 0, 0, 1, 1), (0, 1, 0, 1), (0,)])
def test_frames_that_are_alike_come_back_as_often_as_they_were(suffix, order):
    frames = tuple(map(picture, order))
    assert read(file_of(made(*frames), suffix))[1]["result"]["pictures"] == frames


def test_a_sheet_has_the_grid_s_columns_and_a_path_s_rows():
    frames = [picture(k) for k in range(9)]
    assert sheet(frames, 3).size == (3 * SIDE, 3 * SIDE)
    assert sheet(frames).size == (8 * SIDE, 2 * SIDE)
    assert sheet(frames, 3).crop((SIDE, 0, 2 * SIDE, SIDE)).tobytes() == frames[1].rgb
    assert sheet(frames).getpixel((8 * SIDE - 1, 2 * SIDE - 1)) == (255, 255, 255)


def test_a_still_is_a_png_of_the_same_pixels():
    assert png.decode(still(picture())) == (picture(), None)


def test_the_usual_file_keeps_every_pixel():
    assert decode(file_of(made(), "")).exact


@pytest.mark.parametrize("suffix", [".avi", "", ".GIF", "gif", ".\n"])
def test_other_kinds_of_files_are_refused(suffix):
    with pytest.raises(PlaygroundError, match="^A journey is saved as .gif, .webp, .mp4, .png, not as '"):
        check_suffix(suffix)


def test_without_its_package_a_film_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for suffix in (".gif", ".webp", ".png"):
        check_suffix(suffix)
    with pytest.raises(PlaygroundError, match="^MP4 needs the package av"):
        check_suffix(".mp4")


def test_saving_goes_by_the_ending(tmp_path):
    done = made()
    for name, kind in (("a.gif", "GIF"), ("b.WEBP", "WEBP"), ("c.png", "PNG")):
        with Image.open(save(done.results[0], done, tmp_path / name)) as image:
            assert image.format == kind
    with pytest.raises(PlaygroundError):
        save(done.results[0], done, tmp_path / "d.jpg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "b.WEBP", "c.png"]


# hostile files -------------------------------------------------------------------------------------------------


@EVERY
def test_a_file_of_another_tool_is_told(suffix):
    plain = io.BytesIO()
    if suffix == ".mp4":
        plain = io.BytesIO(encode([picture()] * 2, "", suffix))
    else:
        Image.new("RGB", (9, 9)).save(plain, suffix[1:])
    with pytest.raises(PlaygroundError, match="^The (file|picture) carries no recipe of the playground.$"):
        read(plain.getvalue())


@EVERY
@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ("x", "The file's metadata is not JSON."),
        ("[1]", "The file holds no recipe of the playground."),
        ('{"playground": {"kind": "latent", "frames": 121}}', "frames is 121; a whole number from 2 to 120"),
        ('{"playground": {"kind": "latent"}}', "its result is not an object."),
        ('{"playground": {"kind": "latent"}, "result": 5}', "its result is not an object."),
        ('{"playground": {"kind": "latent"}, "result": {}}', "result.width: Field required."),
        ('{"playground": {"kind": "latent"}, "result": {"frames": [5], "width": 0}}', "result.width: Input should be"),
    ],
)
def test_hostile_metadata_is_told_in_one_sentence(suffix, metadata, sentence):
    data = encode([picture()] * 2, metadata, suffix)
    with pytest.raises(PlaygroundError) as error:
        read(data)
    told = str(error.value)
    assert told.isprintable()
    assert sentence in told or (suffix == ".png" and told.startswith("The picture's metadata is not"))


@EVERY
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_a_file_that_is_cut_off_is_told_in_one_sentence(suffix, share):
    data = file_of(made(), suffix)
    with pytest.raises(PlaygroundError) as error:
        read(data[: int(len(data) * share)])
    assert str(error.value).isprintable()


@EVERY
def test_noise_in_a_file_never_does_more_than_refuse_it(suffix):
    random, done = np.random.default_rng(0), made()
    whole = file_of(done, suffix)
    for _ in range(25):
        data = bytearray(whole)
        for at in random.integers(8, len(data), 12):
            data[at] = random.integers(0, 256)
        try:
            compare(read(bytes(data))[1], done)
        except PlaygroundError as error:
            assert str(error).isprintable()


def test_too_many_frames_are_refused_before_they_are_read():
    tiny = [Image.new("L", (1, 1), value % 256) for value in range(animation.MOST_FRAMES + 1)]
    file = io.BytesIO()
    tiny[0].save(file, "GIF", save_all=True, append_images=tiny[1:])
    with pytest.raises(PlaygroundError, match="^The file has more than 400 frames.$"):
        decode(file.getvalue())


def test_frames_that_would_fill_the_memory_are_refused_before_they_are_read():
    large = [Image.new("1", (4_000, 4_000), value) for value in (0, 1, 0)]
    file = io.BytesIO()
    large[0].save(file, "GIF", save_all=True, append_images=large[1:])
    with pytest.raises(PlaygroundError, match="^The frames have more than 40 megapixels together.$"):
        decode(file.getvalue())


def test_other_files_are_left_to_others():
    for data in (b"", b"{}", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WAVE"):
        assert decode(data) is None


def test_a_picture_of_another_kind_is_not_taken_for_a_journey():
    recipe = ImageRecipe.make({"prompt": "a cat"})
    link, content = read(png.encode(picture(), recipe, {"result": {}}))
    assert link.kind == "image" and content["result"]["width"] == SIDE


# documents -----------------------------------------------------------------------------------------------------


def test_the_form_is_what_scripts_rely_on():
    done = made()
    content = as_json(done, paths=["morph.gif"])
    assert list(content) == ["recipe", "result", "stats", "environment"]
    assert list(content["result"]) == [
        "seed", "width", "height", "columns", "sha256", "frames", "points", "path", "ended"
    ]  # fmt: skip
    assert len(content["result"]["frames"]) == 3 and content["result"]["path"] == "morph.gif"
    assert {"torch", "diffusers", "numpy", "pillow", "device", "dtype"} <= content["environment"].keys()


def test_the_check_is_of_the_pixels_alone():
    same = (as_json(made()), as_json(made(a="seed:3"), paths=["x.gif"]))
    assert len({check(content) for content in same}) == 1
    for other in (made(*map(picture, (0, 2, 1))), made(columns=3), made(picture())):
        assert check(as_json(other)) != check(as_json(made()))


@EVERY
def test_the_same_again_is_identical(suffix):
    assert compare(as_json(made()), made()).verdict == "identical"
    assert compare(read(file_of(made(), suffix))[1], made()).verdict == "identical"


@EXACT
@pytest.mark.parametrize("change", [1, -2])
def test_rounding_is_close_where_the_pixels_are_at_hand(suffix, change):
    found = compare(read(file_of(made(), suffix))[1], made(picture(0), picture(1, change), picture(2)))
    assert found.verdict == "close"
    assert found.differences == (f"pixels differ by up to {abs(change)}/255, which is within the 2/255 of rounding",)


@EXACT
def test_more_than_rounding_is_different(suffix):
    found = compare(read(file_of(made(), suffix))[1], made(picture(0), picture(1, 3), picture(2)))
    assert found.verdict == "different" and "by up to 3/255, more than" in found.differences[0]


@ROUGH
def test_rough_files_tell_only_whether_it_is_the_same(suffix):
    found = compare(read(file_of(made(), suffix))[1], made(picture(0), picture(1, 1), picture(2)))
    assert found.verdict == "different"
    assert found.differences[0].startswith("1 of 3 frames are not the same; without the old pixels, which only .webp")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (made(picture()), "there are 1 frames instead of 3"),
        (made(*[Picture(4, 4, bytes(48))] * 3), f"it is 4 × 4 px instead of {SIDE} × {SIDE}"),
    ],
)
def test_another_number_or_size_is_told(other, sentence):
    assert compare(as_json(made()), other).differences == (sentence,)


@EXACT
def test_frames_that_were_changed_afterwards_are_told(suffix):
    done = made()
    text = decode(file_of(done, suffix)).text
    painted = encode([picture(0), picture(9), picture(2)], text, suffix)
    found = compare(read(painted)[1], done)
    assert found.verdict == "different"
    assert found.differences == ("the frames in the file were changed after they were made",)


def test_a_document_finds_its_journey_beside_it_and_nothing_elsewhere(tmp_path):
    done, inner = made(), tmp_path / "inner"
    inner.mkdir()
    save(done.results[0], done, inner / "a.webp")
    rounded = made(picture(0), picture(1, 1), picture(2))
    for folder, name, verdict in (
        (inner, "a.webp", "close"),
        (inner, "elsewhere/a.webp", "close"),
        (tmp_path, "inner/a.webp", "close"),
        (tmp_path / "inner", "../inner/a.webp", "close"),  # by its name
        (tmp_path, "a.webp", "different"),
        (inner, "/dev/zero", "different"),
        (inner, "x\0y", "different"),
        (inner, "", "different"),
    ):
        _, content = read(json.dumps(as_json(done, paths=[name])).encode(), folder)
        assert compare(content, rounded).verdict == verdict, name


@pytest.mark.parametrize("content", [b"", b"hello", file_of(made(picture(5), picture(6), picture(7)), ".webp")])
def test_a_file_that_is_another_by_now_is_left_aside(tmp_path, content):
    (tmp_path / "a.webp").write_bytes(content)
    _, found = read(json.dumps(as_json(made(), paths=["a.webp"])).encode(), tmp_path)
    assert compare(found, made()).verdict == "identical"


def test_a_document_can_not_bring_frames_of_its_own():
    content = as_json(made())
    content["result"]["pictures"] = [[1, 1, "abc"]]
    with pytest.raises(PlaygroundError, match="result.pictures.0: Input should be an instance of Picture"):
        read(json.dumps(content))


def test_a_stopped_journey_is_compared_by_its_frames():
    done = made(ended="stopped")
    assert compare(as_json(done), replace(made(), stats={})).verdict == "identical"
