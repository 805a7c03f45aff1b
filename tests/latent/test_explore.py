"""What the page asks of a model besides journeys: map, faces at a point, uploads, copies."""

import io
import json
from math import inf

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.latent.explore import (
    MOST_FACES,
    atlas_of,
    encode,
    look,
    look_all,
    neighbours,
    reconstruct,
    trace,
)
from playground.latent.factors import CONTINUOUS, DISCRETE
from playground.latent.generate import journey
from playground.latent.points import to_text
from playground.latent.similarity import structural_similarity
from playground.latent.world import draw_face, labels, render
from playground.recipes import LatentRecipe
from tests.latent.tiny import CHARTED


def face(index: int = 0, seed: int = 0) -> Image.Image:
    return render(draw_face(seed, index))


def saved(image: Image.Image, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


# the map -------------------------------------------------------------------------------------------------------


def test_the_map_is_plain_json_with_every_sample_on_both_planes(model):
    found = atlas_of(model)
    assert json.loads(json.dumps(found)) == found
    assert (found["model"], found["kind"], found["dims"]) == (model.name, model.kind, model.dims)
    for plane in found["places"].values():
        assert len(plane) == CHARTED and all(len(place) == 2 for place in plane)
    assert set(found["factors"]) == {*CONTINUOUS, *DISCRETE}
    assert all(len(factor["values"]) == CHARTED for factor in found["factors"].values())
    assert found["directions"] == list(model.atlas.directions) and "cat" in found["presets"]


def test_a_sample_s_factors_are_those_of_its_face(vae):
    factors, place = atlas_of(vae)["factors"], 7
    known = labels(draw_face(*map(int, vae.atlas.samples[place])))
    assert factors["kind"]["values"][place] == known["kind"]
    assert factors["smile"]["values"][place] == pytest.approx(known["smile"], abs=1e-3)


def test_a_sample_stands_where_its_point_is_looked_up(model):
    places = look(model, to_text(model.atlas.points[3])).places
    for plane, place in atlas_of(model)["places"].items():
        assert places[plane] == pytest.approx(place[3], abs=2e-3), plane


def test_a_place_on_the_plane_is_where_its_face_is_found(model):
    assert look(model, "at:0.3,-1.2").places["pca"] == pytest.approx((0.3, -1.2), abs=1e-3)


def test_the_face_follows_a_hand_on_the_t_sne_plane_without_a_jump(model):
    steps = [model.atlas.near(x / 2000, 0.1) for x in range(-2000, 2000)]
    moved = np.linalg.norm(np.diff(steps, axis=0), axis=1)
    apart = np.linalg.norm(model.atlas.points - model.atlas.mean, axis=1).mean()
    assert moved.max() < 0.05 * apart


# looks ---------------------------------------------------------------------------------------------------------


def test_a_look_is_the_frame_of_a_journey_there(guide, model):
    found = look(model, "preset:cat", "smile=1", spread=0.5)
    asked = {"model": model.name, "a": "preset:cat", "edits": "smile=1", "frames": 2, "spread": 0.5}
    first = list(guide.generate(guide.recipe("latent", asked)))[-1].results[0]
    assert (found.picture, found.point) == (first.frames[0], first.points[0])


def test_looks_together_are_what_each_is_alone(model):
    asked = ["seed:1", "at:0,0", "near:0.5,0.5", ""]
    assert look_all(model, asked, seed=9) == [look(model, one, seed=9) for one in asked]
    assert look(model, " ", seed=9) == look(model, "seed:9")
    assert look_all(model, []) == []


def test_a_look_can_be_looked_at_again(model):
    found = look(model, "near:0.3,0.1", "age=2")
    assert look(model, found.point) == found


def test_what_is_far_from_all_faces_is_told(vae):
    assert look(vae, to_text(vae.atlas.points[0])).unusual == 0
    assert look(vae, "10*seed:1 + 10*seed:2").unusual > 3
    assert look(vae, "seed:1").unusual < inf


@pytest.mark.parametrize("values", [("x",), ("seed:1", "mood=1"), ("seed:1", "", "x")])
def test_a_mistake_is_one_sentence(vae, values):
    with pytest.raises(PlaygroundError):
        look(vae, *values)


def test_too_many_faces_at_once_are_refused(vae):
    with pytest.raises(PlaygroundError, match="65 faces are asked for at once; at most 64"):
        look_all(vae, ["seed:1"] * (MOST_FACES + 1))


def test_a_trace_is_where_the_frames_are_looked_up(model):
    recipe = LatentRecipe.make({"model": model.name, "frames": 4, "edits": "age=1"})
    found = trace(model, recipe)
    assert json.loads(json.dumps(found)) == found
    for number, point in enumerate(journey(model, recipe)):
        there = look(model, to_text(point))
        assert found["unusual"][number] == pytest.approx(there.unusual, abs=1e-3)
        for plane, place in there.places.items():
            assert found["places"][plane][number] == pytest.approx(place, abs=1e-3)


# uploads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "GIF"])
def test_an_upload_comes_back_with_its_point_and_the_difference(model, format):
    found = reconstruct(model, saved(face(), format))
    side = {(one.width, one.height) for one in (found.original, found.picture, found.difference)}
    assert side == {(model.size, model.size)}
    assert found.point == encode(model, saved(face(), format))
    assert look(model, found.point).picture == found.picture
    original, made, apart = (
        np.frombuffer(one.rgb, np.uint8).astype(int) for one in (found.original, found.picture, found.difference)
    )
    assert (apart == np.minimum(abs(original - made) * 3, 255)).all()
    assert found.psnr == pytest.approx(10 * np.log10(255**2 / ((original - made) ** 2).mean()))
    assert -1 <= found.ssim <= 1


def test_a_picture_is_as_good_as_its_file(model):
    image = face().resize((model.size, model.size))
    whole = Picture(model.size, model.size, image.tobytes())
    assert reconstruct(model, whole) == reconstruct(model, saved(image))
    large = Picture(128, 128, face().tobytes())
    assert reconstruct(model, large).original.width == model.size


def test_what_is_far_from_a_face_gets_a_hint(vae):
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    found = reconstruct(vae, saved(Image.fromarray(noise)))
    assert found.hint.startswith("This picture is far from what the model knows: what comes back is ")
    assert found.hint.endswith("rarely more than 39.")


def test_what_comes_back_as_usual_gets_none(vae):
    seen = look(vae, "seed:1").picture
    found = reconstruct(vae, seen)
    error = 255 / 10 ** (found.psnr / 20)
    assert (found.hint == "") == (error <= vae.atlas.usual.far_error)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
@pytest.mark.parametrize("size", [(1, 1), (300, 100), (500, 700)])
def test_uploads_of_any_mode_and_size(vae, mode, size):
    image = Image.new("RGB", size, (200, 40, 90)).convert(mode)
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    assert reconstruct(vae, data).original.width == vae.size


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"%PDF"])
def test_what_is_no_picture_is_one_sentence(vae, data):
    with pytest.raises(PlaygroundError):
        reconstruct(vae, data)


def test_similarity_is_that_of_the_paper():
    one = np.asarray(face(0))
    assert structural_similarity(one, one) == pytest.approx(1)
    flat, lighter = (np.full((32, 32, 3), value, np.uint8) for value in (100, 120))
    expected = (2 * 100 * 120 + 6.5025) / (100**2 + 120**2 + 6.5025)
    assert structural_similarity(flat, lighter) == pytest.approx(expected)
    assert structural_similarity(one, 255 - one) < 0
    noisy = np.clip(one + np.random.default_rng(0).normal(0, 20, one.shape), 0, 255).astype(np.uint8)
    assert (
        0.05
        < structural_similarity(one, noisy)
        < structural_similarity(one, np.asarray(face(0).resize((64, 64)).resize((128, 128))))
    )


# copies --------------------------------------------------------------------------------------------------------


def test_the_nearest_faces_are_drawn_again_as_they_were(model):
    found = neighbours(model, to_text(model.atlas.points[5]), 4)
    first = found.faces[0]
    assert first.distance == 0 and (first.seed, first.index) == tuple(model.atlas.samples[5])
    assert first.picture.rgb == face(first.index, first.seed).tobytes()
    assert first.labels == labels(draw_face(first.seed, first.index))
    distances = [one.distance for one in found.faces]
    assert distances == sorted(distances) and len(distances) == 4
    assert found.verdict.startswith("Nearly a copy of the first: the distance is 0.00")


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [("10*seed:1 + 10*seed:2", "No copy, and unlike any of them: the distance to the nearest of 48 is ")],
)
def test_what_no_face_is_near_to_is_told(vae, expression, verdict):
    found = neighbours(vae, expression)
    assert found.verdict.startswith(verdict)
    assert (found.usual, found.far) == (vae.atlas.usual.distance, vae.atlas.usual.far_distance)


@pytest.mark.parametrize(("count", "shown"), [(0, 1), (-3, 1), (10**6, CHARTED)])
def test_there_are_no_more_neighbours_than_faces(vae, count, shown):
    assert len(neighbours(vae, "seed:1", count).faces) == shown
