"""A journey is a function of its recipe, comes frame by frame in order, and can be left at any frame."""

import threading

import numpy as np
import pytest

from playground.errors import PlaygroundError
from playground.events import Done, Ended, Frame, Started
from playground.latent.explore import look
from playground.latent.generate import BATCH, batches, journey
from playground.latent.points import to_text
from playground.recipes import EASINGS, LOOPS, MAX_SEED, PATHS, LatentRecipe


def recipe(guide, **values) -> LatentRecipe:
    return guide.recipe("latent", {"seed": 5, "frames": 6, **values})


def run(guide, **values) -> list:
    return list(guide.generate(recipe(guide, **values)))


def result(guide, **values):
    return run(guide, **values)[-1].results[0]


MODELS = pytest.mark.parametrize("name", ["faces-vae", "faces-gan"])


@MODELS
def test_every_frame_is_what_it_is_alone(guide, model, name):
    whole = result(guide, model=name, frames=2 * BATCH + 3)
    for point, frame in zip(whole.points, whole.frames, strict=True):
        alone = result(guide, model=name, a=point, b=point, frames=2)
        assert alone.frames == (frame, frame) and alone.points == (point, point)


def test_more_frames_pass_the_same_places(guide):
    assert result(guide, frames=25).frames[::6] == result(guide, frames=5).frames


def test_frames_in_any_batch_are_the_same(vae):
    points = journey(vae, LatentRecipe.make({"frames": 20}))
    together = vae.decode(points)
    for size in (1, 3, 7):
        apart = [vae.decode(points[start : start + size]) for start in range(0, len(points), size)]
        assert (np.concatenate(apart) == together).all()


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 6},
        {"a": "preset:cat"},
        {"b": "preset:cat"},
        {"via": "preset:cat"},
        {"interpolation": "lerp"},
        {"easing": "smooth"},
        {"loop": "back"},
        {"loop": "round"},
        {"spread": 0.5},
        {"edits": "smile=2"},
        {"model": "faces-gan"},
        {"layout": "grid", "side": 2},
    ],
)
def test_every_knob_matters(guide, values):
    assert result(guide, **values).frames != result(guide).frames


@pytest.mark.parametrize("values", [{"c": "preset:cat"}, {"d": "preset:cat"}, {"side": 3}])
def test_every_knob_of_a_grid_matters(guide, values):
    whole = {"layout": "grid", "side": 2}
    assert result(guide, **whole).frames != result(guide, **whole | values).frames


def test_an_edit_moves_all_of_a_journey(vae):
    plain, moved = (journey(vae, LatentRecipe.make({"frames": 4, "edits": edits})) for edits in ("", "age=-1"))
    assert np.allclose(moved - plain, -vae.atlas.directions["age"], atol=1e-5)


def test_a_grid_is_told_with_its_side_and_its_corners(guide, vae):
    whole = result(guide, layout="grid", side=3, seed=MAX_SEED)
    assert whole.columns == 3 and len(whole.frames) == 9
    assert [whole.points[place] for place in (0, 2, 6, 8)] == [to_text(vae.draw(s, 1.0)) for s in (MAX_SEED, 0, 1, 2)]


def test_equal_ends_are_one_face(guide):
    assert len(set(result(guide, a="seed:1", b="seed:1").frames)) == 1


@pytest.mark.parametrize("frames", [2, 120])
def test_the_fewest_and_the_most_frames(guide, frames):
    assert len(result(guide, frames=frames).frames) == frames


@pytest.mark.parametrize("frames", [1, 121, 2.5, float("nan")])
def test_other_numbers_of_frames_are_refused(guide, frames):
    with pytest.raises(PlaygroundError, match="^frames is .*; a whole number from 2 to 120 is allowed.$"):
        recipe(guide, frames=frames)


@pytest.mark.parametrize("name", ["layout", "interpolation", "easing", "loop"])
def test_an_unknown_choice_is_told_with_those_there_are(guide, name):
    with pytest.raises(PlaygroundError, match=f"^{name} is 'sideways'; one of .* is allowed.$"):
        recipe(guide, **{name: "sideways"})


@pytest.mark.parametrize("interpolation", PATHS)
@pytest.mark.parametrize("easing", EASINGS)
@pytest.mark.parametrize("loop", LOOPS)
def test_all_choices_go_together(guide, interpolation, easing, loop):
    choices = {"interpolation": interpolation, "easing": easing, "loop": loop}
    assert len(result(guide, **choices, frames=3, via="preset:owl").frames) == 3


def test_an_arc_of_a_gan_bends_around_its_mean(gan):
    middle = gan.draw(0, 0.0)
    points = journey(gan, LatentRecipe.make({"frames": 5}))
    lengths = np.linalg.norm(points - middle, axis=1)
    assert np.allclose(np.diff(lengths), (lengths[-1] - lengths[0]) / 4, atol=1e-4)


# events --------------------------------------------------------------------------------------------------------


def test_frames_come_in_order_and_then_the_whole(guide, vae):
    started, *frames, ended, done = run(guide, frames=BATCH + 2)
    assert isinstance(started, Started) and isinstance(done, Done)
    assert all(isinstance(frame, Frame) for frame in frames)
    assert [(frame.index, frame.frames) for frame in frames] == [(k, BATCH + 2) for k in range(BATCH + 2)]
    assert all(frame.seconds_left >= 0 for frame in frames) and frames[-1].seconds_left == 0
    whole = done.results[0]
    assert ended == Ended(0, whole) and whole.ended == "arrived" and whole.columns == 0
    assert whole.frames == tuple(frame.picture for frame in frames)
    assert whole.points == tuple(frame.point for frame in frames)
    assert done.stats["frames"] == BATCH + 2
    assert set(done.stats) == {"seconds", "frames", "frames_per_second", "largest_stride", "usual_stride"}
    assert done.recipe.fingerprint == vae.fingerprint and done.dtype == "float32"
    assert (frames[0].picture.width, frames[0].picture.height) == (vae.size, vae.size)


def test_the_first_frame_waits_for_no_other():
    assert list(batches(2)) == [(0, 1), (1, 2)]
    assert list(batches(18)) == [(0, 1), (1, 9), (9, 17), (17, 18)]


def test_it_stops_at_any_frame_and_frees_the_model(guide):
    whole = run(guide, frames=BATCH + 4)
    with guide.registry.use("faces-vae", "latent") as loaded:
        before = loaded.users
    for taken in range(len(whole)):
        events = guide.generate(recipe(guide, frames=BATCH + 4))
        for _ in range(taken):
            next(events)
        events.close()
    with guide.registry.use("faces-vae", "latent") as loaded:
        assert loaded.users == before
    assert result(guide, frames=BATCH + 4) == whole[-1].results[0]


def test_a_drag_waits_for_nobody_s_journey(guide):
    """While one person's journey rests between two frames, another looks around on the same model."""
    with guide.model("faces-vae", "latent") as first, guide.model("faces-vae", "latent") as second:
        events = guide.generate(recipe(guide, frames=BATCH))
        shown = [next(events), next(events), next(events)]
        assert first is second and look(second, shown[2].point).picture == shown[2].picture
        events.close()


def test_two_people_at_once_get_what_each_gets_alone(guide):
    asked = [
        {"seed": 1, "frames": 30},
        {"seed": 2, "frames": 20, "interpolation": "lerp"},
        {"seed": 3, "layout": "grid"},
    ]
    found = {}

    def work(number: int) -> None:
        found[number] = result(guide, **asked[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: result(guide, **values) for number, values in enumerate(asked)}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a": "tiger"}, "a is 'tiger'; "),
        ({"edits": "smile=9"}, "edits has 'smile=9'"),
        ({"directions": "{"}, "directions is not JSON."),
        ({"model": "nobody"}, "There is no model 'nobody'; for latent there is: faces-gan, faces-vae."),
    ],
)
def test_a_mistake_is_told_before_anything_is_decoded(guide, values, sentence):
    with pytest.raises(PlaygroundError) as error:
        next(guide.generate(recipe(guide, **values)))
    assert str(error.value).startswith(sentence)


def test_a_result_made_with_other_weights_is_told(guide):
    started = run(guide, fingerprint="0" * 12)[0]
    assert started.notes[0].startswith("Made with other weights (000000000000) than these")


def test_a_corner_that_no_path_needs_is_not_read(guide):
    """A half-written one spoils nothing."""
    assert len(result(guide, c="half").frames) == 6
