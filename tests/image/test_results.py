"""Picture records: what a document holds, how a file comes back, and how two pictures are compared."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from playground.documents import check, compare, document, read, save, to_file
from playground.errors import PlaygroundError
from playground.events import Done, ImageResult, Picture
from playground.image import png
from playground.recipes import ImageRecipe
from tests.image.test_png import with_text

SIDE = 8
STATS = {"seconds": 0.5, "steps": 12, "seconds_per_picture": 0.5}


def picture(seed: int = 0, change: int = 0) -> Picture:
    """Noise, of which one number may be moved."""
    pixels = np.random.default_rng(seed).integers(10, 240, SIDE * SIDE * 3, dtype=np.uint8)
    pixels[5] = int(pixels[5]) + change
    return Picture(SIDE, SIDE, pixels.tobytes())


def made(*pictures: Picture, ended: str = "done", **values) -> Done:
    """A finished recipe with these pictures."""
    pictures = pictures or (picture(),)
    recipe = ImageRecipe.make({"prompt": "a cat", "seed": 7, "samples": len(pictures), **values})
    results = tuple(ImageResult(recipe.seed + k, one, ended) for k, one in enumerate(pictures))
    return Done(recipe, results, (0, 5, 1), STATS)


def as_json(done: Done, **options) -> dict:
    return json.loads(json.dumps(document(done, **options)))


def test_the_form_is_what_scripts_rely_on():
    content = as_json(made(), paths=["car.png"])
    assert list(content) == ["recipe", "result", "stats", "environment"]
    sha256 = hashlib.sha256(picture().rgb).hexdigest()
    assert list(content["result"].items()) == [
        ("seed", 7),
        ("width", SIDE),
        ("height", SIDE),
        ("sha256", sha256),
        ("path", "car.png"),
        ("prompt_ids", [0, 5, 1]),
        ("prompt", ""),
        ("ended", "done"),
    ]
    assert content["stats"] == STATS
    assert {"torch", "diffusers", "transformers", "pillow", "device", "dtype"} <= content["environment"].keys()


def test_the_checksum_is_of_the_decoded_pixels():
    done = made()
    saved, _ = png.decode(to_file(done.results[0], done))
    assert as_json(done)["result"]["sha256"] == hashlib.sha256(saved.rgb).hexdigest()


def test_several_samples_are_a_list_of_what_each_is_alone():
    samples = as_json(made(picture(1), picture(2)), paths=["a.png", "a-2.png"])["result"]["samples"]
    assert [sample["path"] for sample in samples] == ["a.png", "a-2.png"]
    assert samples[1] == as_json(made(picture(2), seed=8), paths=["a-2.png"])["result"]


def test_the_check_is_of_the_pixels_alone():
    assert (
        check(as_json(made()))
        == check(as_json(made(prompt="a dog"), paths=["x.png"]))
        != check(as_json(made(picture(1))))
    )


# files ---------------------------------------------------------------------------------------------------------


def test_a_file_carries_the_recipe_of_its_picture_alone():
    done = made(picture(1), picture(2), variation_strength=0.5)
    link, content = read(to_file(done.results[1], done))
    assert link.values == done.recipe.model_copy(update={"seed": 8, "samples": 1}).model_dump()
    assert compare(content, made(picture(2), seed=8, variation_strength=0.5)).verdict == "identical"


def test_a_file_tells_where_it_was_made():
    done = made()
    _, content = read(to_file(done.results[0], done, {"torch": "1.0"}))
    assert compare(content, done).surroundings[0].startswith("torch: 1.0 then, ")


def test_saving_replaces_what_is_there_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("old")
    link = tmp_path / "link.png"
    link.symlink_to(path)
    done = made()
    assert save(done.results[0], done, link) == link
    assert png.read(path)[0] == picture() and link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "link.png"]


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"playground": 5}, "A recipe is a JSON object, not 5."),
        ({"playground": {"kind": "song"}}, "The recipe is for 'song'"),
        ({"playground": {"kind": "image", "steps": 1e99}}, "steps is 1e+99"),
        ({"playground": {"kind": "image", "model_config": 1}}, "There is no knob 'model_config'"),
        ({"playground": {"kind": "text"}}, "The file is neither JSON nor a picture that was made here."),
        ({"playground": {"kind": "image"}, "result": {"sha256": "x"}}, "result.sha256: String should match"),
        ({"playground": {"kind": "image"}, "result": {"prompt_ids": 1}}, "result.prompt_ids: Input should be a valid"),
    ],
)
def test_hostile_metadata_is_told_in_one_sentence(metadata, sentence):
    with pytest.raises(PlaygroundError) as error:
        read(with_text(json.dumps(metadata)))
    assert sentence in str(error.value) and str(error.value).isprintable()


def test_a_picture_without_a_recipe_is_told():
    with pytest.raises(PlaygroundError, match="^The picture carries no recipe of the playground.$"):
        read(with_text("x", key="other"))


def test_a_document_can_not_bring_pixels_of_its_own():
    content = as_json(made())
    content["result"]["picture"] = [1, 1, "abc"]
    with pytest.raises(PlaygroundError, match="result.picture: Input should be an instance of Picture"):
        read(json.dumps(content))


# comparison ----------------------------------------------------------------------------------------------------


def of_file(done: Done) -> dict:
    """What stands in the file of the first sample."""
    return read(to_file(done.results[0], done))[1]


def test_the_same_again_is_identical():
    assert compare(as_json(made()), made()).verdict == "identical"
    assert compare(of_file(made()), made()).verdict == "identical"


@pytest.mark.parametrize("change", [1, -2])
def test_rounding_is_close_where_the_pixels_are_at_hand(change):
    found = compare(of_file(made()), made(picture(change=change)))
    assert found.verdict == "close"
    assert found.differences == (f"pixels differ by up to {abs(change)}/255, which is within the 2/255 of rounding",)


def test_more_than_rounding_is_different():
    found = compare(of_file(made()), made(picture(change=3)))
    assert found.verdict == "different"
    assert found.differences == ("1.6% of the pixels differ, by up to 3/255, more than the 2/255 of rounding",)


def test_checksums_alone_tell_only_whether_it_is_the_same():
    found = compare(as_json(made()), made(picture(change=1)))
    assert found.verdict == "different" and "no telling by how much" in found.differences[0]


def test_another_size_or_prompt_is_told():
    small = Picture(4, 4, bytes(48))
    assert compare(as_json(made()), made(small)).differences == (f"it is 4 × 4 px instead of {SIDE} × {SIDE}",)
    longer = replace(made(), prompt_ids=(0, 5, 6, 1))
    assert compare(as_json(made()), longer).differences == ("the model saw another prompt (4 instead of 3 tokens)",)


def test_a_stopped_picture_is_told_as_such():
    found = compare(of_file(made(picture(1), ended="stopped")), made())
    assert found.verdict == "different"
    assert found.differences == ("it ended by 'done' instead of 'stopped', and the pixels are not the same",)
    assert compare(of_file(made(ended="stopped")), made()).verdict == "identical"


def test_a_picture_that_was_changed_afterwards_is_told():
    done = made()
    painted = replace(done, results=(replace(done.results[0], picture=picture(3)),))
    told = {"sha256": as_json(done)["result"]["sha256"], "prompt_ids": [0, 5, 1], "prompt": "", "ended": "done"}
    data = png.encode(painted.results[0].picture, done.recipe, {"result": told})
    found = compare(read(data)[1], done)
    assert found.verdict == "different" and "changed afterwards" in found.differences[0]


def test_a_document_finds_its_picture_beside_it(tmp_path):
    done = made()
    save(done.results[0], done, tmp_path / "car.png")
    for name in ("car.png", "elsewhere/car.png", str(tmp_path / "car.png")):
        _, content = read(json.dumps(as_json(done, paths=[name])).encode(), tmp_path)
        assert compare(content, made(picture(change=1))).verdict == "close", name


def test_a_document_finds_its_picture_in_a_folder_below(tmp_path):
    done = made()
    (tmp_path / "out").mkdir()
    save(done.results[0], done, tmp_path / "out" / "car.png")
    _, content = read(json.dumps(as_json(done, paths=["out/car.png"])).encode(), tmp_path)
    assert compare(content, made(picture(change=1))).verdict == "close"


@pytest.mark.parametrize("path", ["", ".", "..", "/", "../car.png", "/dev/zero", "x\0y", "x" * 5000, "car.png/x"])
def test_a_document_opens_nothing_elsewhere(tmp_path, path):
    done = made()
    save(done.results[0], done, tmp_path / "car.png")
    inner = tmp_path / "inner"
    inner.mkdir()
    _, content = read(json.dumps(as_json(done, paths=[path])).encode(), inner)
    assert compare(content, made(picture(change=1))).verdict == "different"


@pytest.mark.parametrize(
    "other", [b"", b"hello", b"\x89PNG\r\n\x1a\n", to_file(made(picture(1)).results[0], made(picture(1)))]
)
def test_a_file_that_is_another_by_now_is_left_aside(tmp_path, other):
    (tmp_path / "car.png").write_bytes(other)
    _, content = read(json.dumps(as_json(made(), paths=["car.png"])).encode(), tmp_path)
    assert compare(content, made()).verdict == "identical"
    assert "no telling by how much" in compare(content, made(picture(change=1))).differences[0]
