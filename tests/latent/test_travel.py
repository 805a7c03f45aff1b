"""Journeys between prompts and seeds: each frame is the picture that its own recipe makes."""

import pytest

from playground.documents import check, compare, document, read, to_file
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Ended, Frame, Preview, Progress, Started
from playground.latent.travel import ends, pictures, shares
from playground.likeness import digest, stride
from playground.links import from_link, from_query, to_link
from playground.recipes import EASINGS, LOOPS, MAX_SEED, ImageRecipe, LatentRecipe
from playground.registry import Registry
from tests.image.tiny import make_checkpoint
from tests.latent.tiny import make_checkpoint as make_faces

TRIP = {"model": "scenes", "a": "prompt:a cat", "b": "prompt:a dog", "seed": 7, "frames": 4, "steps": 2}
DEFAULTS = {"size": 64}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds")
    make_checkpoint(folder / "scenes")
    make_faces(folder / "faces-vae")
    return folder


@pytest.fixture(scope="module")
def engine(root) -> Engine:
    return Engine(Registry(root))


def run(engine, **values) -> list:
    return list(engine.generate(engine.recipe("latent", TRIP | values)))


def result(engine, **values):
    return run(engine, **values)[-1].results[0]


def recipe(**values) -> LatentRecipe:
    return LatentRecipe.make(TRIP | values)


# ---- recipes ----


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("prompt:a cat", "prompt:a dog", (("a cat", 7), ("a dog", 7))),
        ("prompt:a cat", "seed:9", (("a cat", 7), ("a cat", 9))),
        ("seed:5 prompt:a cat", "seed:9 prompt:a dog", (("a cat", 5), ("a dog", 9))),
        ("seed:5 prompt:a cat", "prompt:a dog", (("a cat", 5), ("a dog", 5))),
        ("prompt:a cat", "", (("a cat", 7), ("a cat", 8))),
        ("", "", (("", 7), ("", 8))),
        ("  prompt:  a cat  ", "prompt:", (("a cat", 7), ("", 7))),
        ("prompt:seed:5 prompt:x", "prompt:two\nlines", (("seed:5 prompt:x", 7), ("two\nlines", 7))),
    ],
)
def test_an_end_is_a_prompt_a_seed_or_both(a, b, expected):
    assert ends(recipe(a=a, b=b)) == expected


def test_the_seed_after_the_last_is_the_first():
    assert ends(recipe(b="", seed=MAX_SEED))[1].seed == 0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a": "preset:cat"}, "a is 'preset:cat'; prompt:a cat, seed:7, or seed:7 prompt:a cat is allowed"),
        ({"b": "seed:9prompt:x"}, "b is 'seed:9prompt:x'"),
        ({"b": "a dog"}, "b is 'a dog'"),
        ({"a": "seed:3000000000"}, "seed is '3000000000'; a whole number from 0"),
        ({"a": "prompt:" + "x" * 2001}, "The prompt has 2,001 characters; at most 2,000 are allowed."),
        ({"via": "prompt:a cow"}, "via is for models of faces; with scenes it has to be empty."),
        ({"edits": "smile=1"}, "edits is for models of faces"),
        ({"directions": "{}"}, "directions is for models of faces"),
        ({"layout": "grid"}, "layout is 'grid'; with scenes only path is allowed."),
        ({"interpolation": "lerp"}, "interpolation is 'lerp'"),
    ],
)
def test_what_can_not_be_travelled_is_told_before_anything_is_drawn(engine, values, sentence):
    with pytest.raises(PlaygroundError) as caught:
        next(engine.generate(engine.recipe("latent", TRIP | values)))
    assert str(caught.value).startswith(sentence) and str(caught.value).endswith(".")


@pytest.mark.parametrize("frames", [1, 121, 0, -3, 2.5])
def test_a_number_of_frames_beyond_the_limits_is_refused(engine, frames):
    with pytest.raises(PlaygroundError, match="frames is .*; a whole number from 2 to 120 is allowed."):
        engine.recipe("latent", TRIP | {"frames": frames})


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("easing", EASINGS)
@pytest.mark.parametrize("frames", [2, 3, 16, 120])
def test_the_way_begins_at_a_and_stays_between_the_ends(loop, easing, frames):
    found = shares(recipe(frames=frames, easing=easing, loop=loop))
    assert len(found) == frames and found[0] == 0
    assert all(0 <= share <= 1 for share in found)
    assert (1 in found) == (loop == "once" or frames % 2 == 0)
    if loop == "once":
        assert found == sorted(found) and found[-1] == 1
    if loop == "back":
        assert found[1:] == found[:0:-1]


def test_at_both_ends_the_picture_is_the_ends_own():
    asked = pictures(recipe(b="seed:9 prompt:a dog"), DEFAULTS)
    own = {"model": "scenes", "steps": 2, "details": "noise"}
    assert asked[0] == ImageRecipe.make({**own, "prompt": "a cat", "seed": 7}, DEFAULTS)
    assert asked[-1] == ImageRecipe.make({**own, "prompt": "a dog", "seed": 9}, DEFAULTS)


@pytest.mark.parametrize(
    ("b", "blends", "variations"),
    [
        ("prompt:a dog", [0.33, 0.67], [0, 0]),
        ("seed:9", [0, 0], [0.33, 0.67]),
        ("seed:9 prompt:a dog", [0.33, 0.67], [0.33, 0.67]),
    ],
)
def test_only_what_differs_between_the_ends_varies(b, blends, variations):
    between = pictures(recipe(b=b), DEFAULTS)[1:-1]
    assert [one.blend for one in between] == blends
    assert [one.variation_strength for one in between] == variations


def test_between_two_seeds_none_of_them_makes_up_details():
    assert {one.details for one in pictures(recipe(b="seed:9"), DEFAULTS)} == {"noise"}
    assert {one.details for one in pictures(recipe(), DEFAULTS)} == {"seed"}


def test_knobs_of_the_journey_reach_every_picture_and_the_rest_is_the_models():
    for one in pictures(recipe(steps=3, guidance_scale=5), DEFAULTS | {"steps": 50, "scheduler": "euler"}):
        assert (one.steps, one.guidance_scale, one.size, one.scheduler) == (3, 5, 64, "euler")


def test_defaults_of_the_model_come_before_those_of_the_recipe(tmp_path):
    make_checkpoint(tmp_path / "scenes")
    manifest = tmp_path / "scenes" / "playground.json"
    manifest.write_text(manifest.read_text().replace('"defaults": {}', '"defaults": {"steps": 12, "size": 64}'))
    made = Engine(Registry(tmp_path)).recipe("latent", {"model": "scenes", "a": "prompt:a cat"})
    assert made.steps == 12


# ---- runs ----


@pytest.mark.parametrize("b", ["prompt:a dog", "seed:9", "seed:9 prompt:a dog", "", "prompt:zxqv blorp 🦄"])
def test_every_frame_is_exactly_the_picture_of_its_own_recipe(engine, b):
    made = result(engine, b=b)
    for point, frame, one in zip(made.points, made.frames, pictures(recipe(b=b), {}), strict=True):
        alone = list(engine.generate(engine.recipe("image", from_query(point).values)))[-1]
        assert alone.results[0].picture == frame
        assert list(engine.generate(one))[-1].results[0].picture == frame
    assert len(set(made.frames)) == 4


def test_events_come_in_order_and_tell_the_time_that_is_left(engine):
    events = [event for event in run(engine) if not isinstance(event, Progress)]
    one = [Preview, Preview, Frame]
    assert [type(event) for event in events] == [Started, *(4 * one), Ended, Done]
    assert [event.index for event in events if isinstance(event, Frame)] == [0, 1, 2, 3]
    assert [event.sample for event in events if isinstance(event, Preview)] == [0, 0, 1, 1, 2, 2, 3, 3]
    left = [event.seconds_left for event in events if isinstance(event, Frame)]
    assert all(seconds > 0 for seconds in left[:-1]) and left[-1] == 0


def test_the_same_recipe_gives_the_same_journey(engine):
    assert result(engine) == result(engine)


def test_the_same_end_twice_is_drawn_once(engine):
    events = run(engine, b="prompt:a cat", frames=120)
    assert len(set(events[-1].results[0].frames)) == 1 and len(events[-1].results[0].frames) == 120
    assert sum(isinstance(event, Preview) for event in events) == 2
    assert events[-1].stats["largest_stride"] == 0


def test_what_lies_on_the_way_back_is_drawn_once(engine):
    events = run(engine, frames=6, loop="back")
    made = events[-1].results[0].frames
    assert made[1:3] == made[:3:-1]
    assert sum(isinstance(event, Preview) for event in events) == 2 * 4


@pytest.mark.parametrize("count", range(1, 12, 2))
def test_it_can_be_left_at_any_step_and_the_model_is_free(engine, count):
    events = engine.generate(engine.recipe("latent", TRIP))
    for _ in range(count):
        next(events)
    events.close()
    with engine.registry.use("scenes", "image") as loaded:
        assert loaded.users == 1
    assert isinstance(run(engine, frames=2, steps=1)[-1], Done)


def test_two_people_at_once_get_what_each_gets_alone(engine):
    recipes = [engine.recipe("latent", TRIP | {"seed": seed}) for seed in (1, 2)]
    found = {k: event for k, event in engine.together(recipes) if isinstance(event, Done)}
    assert [found[k].results[0] for k in (0, 1)] == [result(engine, seed=seed) for seed in (1, 2)]


def test_strides_tell_how_far_the_frames_are_apart(engine):
    done = run(engine)[-1]
    frames = done.results[0].frames
    apart = sorted(stride(old, new) for old, new in zip(frames, frames[1:], strict=False))
    assert done.stats["largest_stride"] == pytest.approx(apart[-1], abs=1e-4)
    assert done.stats["usual_stride"] == pytest.approx(apart[1], abs=1e-4)


def test_long_prompts_are_told_to_be_cut_once(engine):
    done = run(engine, a="prompt:" + "cat " * 60)[-1]
    assert len(done.notes) == len(set(done.notes)) and "this was cut" in done.notes[0]


# ---- weights, links and files ----


def test_the_result_names_the_weights_that_drew_it(engine):
    done = run(engine)[-1]
    assert done.recipe.fingerprint == engine.registry.manifest("scenes", "image").fingerprint
    again = list(engine.generate(done.recipe.model_copy(update={"fingerprint": "0" * 12})))[-1]
    assert again.notes[0].startswith("Made with other weights")


def test_a_link_leads_the_same_way(engine):
    done = run(engine, b="seed:9 prompt:a dog")[-1]
    link = from_link(to_link(done.recipe, "http://127.0.0.1:7860/", {}, check(document(done))))
    again = list(engine.generate(engine.recipe(link.kind, link.values)))[-1]
    assert check(document(again)) == link.check


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".png", ".mp4"])
def test_a_file_holds_its_recipe(engine, suffix):
    done = run(engine)[-1]
    link, content = read(to_file(done.results[0], done, suffix=suffix))
    again = list(engine.generate(engine.recipe(link.kind, link.values)))[-1]
    assert compare(content, again).verdict == "identical"
    assert list(map(digest, again.results[0].frames)) == content["result"]["frames"]


def test_models_of_pictures_have_no_points_to_ask_for(engine):
    with (
        pytest.raises(PlaygroundError, match="The model scenes makes image, not latent."),
        engine.model("scenes", "latent"),
    ):
        raise AssertionError("it was lent")


def test_a_model_of_neither_kind_is_refused(engine, root, tmp_path):
    with pytest.raises(PlaygroundError, match="The model faces-vae makes latent, not image."):
        engine.recipe("image", {"model": "faces-vae"})


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_model_is_told_and_faces_go_on(tmp_path, damage):
    make_checkpoint(tmp_path / "scenes")
    make_faces(tmp_path / "faces-vae")
    weights = next((tmp_path / "scenes" / "vae").glob("*.safetensors"))
    data = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(data[:-1] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    engine = Engine(Registry(tmp_path))
    with pytest.raises(PlaygroundError, match="The model scenes can't be used: vae/"):
        run(engine)
    assert isinstance(list(engine.generate(engine.recipe("latent", {"frames": 2})))[-1], Done)
