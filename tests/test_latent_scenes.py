"""The latent tab's other world: journeys between prompts, as the page, programs and agents make them."""

import json
import os
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
from playground.documents import check, document, read
from playground.engine import Engine
from playground.events import Done, Frame, Picture, Preview, Progress, Started
from playground.history import History, new_owner
from playground.links import from_link, from_query, to_record
from playground.recipes import ImageRecipe, LatentRecipe
from playground.registry import Registry
from tabs import latent
from tabs._controls import defaults
from tabs._files import recipe_in
from tabs._latent_layout import draw
from tabs._latent_recent import Recent
from tabs._latent_view import LatentSketch, LatentView
from tabs._latent_wishes import answers
from tabs._latent_worlds import EXAMPLES, FACES, SCENES, first, models_of, why_none, world_of
from tabs._listeners import Undo
from tests.image.tiny import make_checkpoint
from tests.latent.tiny import make_checkpoint as make_faces

TRIP = {"model": "scenes", "a": "prompt:a cat", "b": "prompt:a dog", "seed": 7, "frames": 3, "steps": 2}
BASE = "http://127.0.0.1:7860/"


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Engine:
    """Over both worlds."""
    root = tmp_path_factory.mktemp("worlds")
    make_checkpoint(root / "scenes")
    make_faces(root / "faces-vae")
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def events(engine) -> list:
    return [event for event in engine.generate(engine.recipe("latent", TRIP)) if not isinstance(event, Progress)]


@pytest.fixture(scope="module")
def act(engine):
    with gr.Blocks():
        initial = defaults(engine, LatentRecipe)
        return latent.Listeners(engine, initial, draw(engine, initial))


def values_of(act, **changes) -> list:
    """What the knobs stand at, in their order."""
    stand = act.initial | changes
    return [stand[name] for name in act.parts.knobs]


def named(act, found: dict) -> dict:
    """A listener's outputs by the names of the knobs and parts."""
    names = {id(part): name for name, part in {**vars(act.parts), **act.parts.knobs}.items()}
    return {names[id(component)]: value for component, value in found.items()}


def view_of(recipe: LatentRecipe) -> LatentView:
    return LatentView([recipe], BASE, [{}], drawn=True)


# ---- the switch ----


def test_each_model_is_in_its_world(engine):
    assert world_of(engine, "scenes") == SCENES and world_of(engine, "faces-vae") == FACES
    assert world_of(engine, "nobody") == world_of(engine, None) == FACES
    assert [name for _, name in models_of(engine, SCENES)] == ["scenes"]
    assert [name for _, name in models_of(engine, FACES)] == ["faces-vae"]


def test_the_switch_brings_a_journey_that_can_be_made(act):
    found = named(act, act.choose_world(SCENES, {}, *values_of(act, frames=5, seed=3, via="preset:owl")))
    assert found["world"] == SCENES and found["model"]["value"] == "scenes"
    knobs = {name: value for name, value in found.items() if name in act.parts.knobs and name != "model"}
    assert (knobs["frames"], knobs["seed"], knobs["via"]) == (5, 3, "")
    recipe = act.engine.recipe("latent", knobs | {"model": "scenes", "frames": 2, "steps": 1})
    assert isinstance(list(act.engine.generate(recipe))[-1], Done)


def test_who_comes_back_finds_everything_as_it_was(act):
    there = named(act, act.choose_world(SCENES, {}, *values_of(act, a="preset:cat", edits="smile=1")))
    scenes = act.initial | {name: value for name, value in there.items() if name in act.parts.knobs}
    stand = values_of(act, **(scenes | {"model": "scenes", "a": "prompt:mine"}))
    back = named(act, act.choose_world(FACES, there["stood"], *stand))
    assert (back["world"], back["model"]["value"], back["a"], back["edits"]) == (
        FACES,
        "faces-vae",
        "preset:cat",
        "smile=1",
    )
    again = named(act, act.choose_world(SCENES, back["stood"], *values_of(act)))
    assert again["a"] == "prompt:mine"


@pytest.mark.parametrize("world", [FACES, "mars", "", None])
def test_a_world_that_is_none_or_the_same_changes_nothing(act, world):
    assert named(act, act.choose_world(world, None, *values_of(act))) == {"world": FACES}


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_its_model_the_switch_says_so_and_faces_go_on(tmp_path, damage):
    make_faces(tmp_path / "faces-vae")
    if damage == "damaged":
        make_checkpoint(tmp_path / "scenes")
        (tmp_path / "scenes" / "playground.json").write_text("{")
    engine = Engine(Registry(tmp_path))
    with gr.Blocks():
        initial = defaults(engine, LatentRecipe)
        act = latent.Listeners(engine, initial, draw(engine, initial))
    found = named(act, act.choose_world(SCENES, {}, *values_of(act)))
    assert found["world"] == FACES and "model" not in found
    told = found["stage"]["message"]
    assert "scenes" in told and told.endswith("The other world goes on.") and told.count(".") >= 2
    assert isinstance(list(engine.generate(engine.recipe("latent", {"frames": 2})))[-1], Done)


def test_where_a_world_has_its_model_there_is_nothing_to_say(engine):
    assert why_none(engine, SCENES) == why_none(engine, FACES) == ""


@pytest.mark.parametrize("label", EXAMPLES)
def test_examples_of_scenes_can_be_travelled(engine, label):
    start = first(engine, SCENES, "scenes", defaults(engine, LatentRecipe), defaults(engine, LatentRecipe))
    recipe = engine.recipe("latent", start | EXAMPLES[label] | {"frames": 2, "steps": 1})
    assert isinstance(list(engine.generate(recipe))[-1], Done)


def test_back_leads_to_the_world_where_it_stood(act):
    kept = Undo(dict(zip(act.parts.knobs, values_of(act, model="scenes"), strict=True)), True)
    found = named(act, act.go_back(kept))
    assert found["world"] == SCENES and found["model"]["value"] == "scenes"


def test_a_file_of_the_other_world_brings_that_along(act, events):
    done = events[-1]
    content = answers(act.engine)["save"]({"recipe": to_record(done.recipe), "format": "webp"})
    event = gr.EventData(None, {"file": content["file"]})
    found = named(act, act.restore(event, True, *values_of(act)))
    assert found["world"] == SCENES and found["model"]["value"] == "scenes" and found["a"] == "prompt:a cat"


# ---- a run ----


def test_the_view_shows_frames_as_they_form_and_how_far_each_step_goes(events):
    view, forming = view_of(events[0].recipe), 0
    for event in events:
        view.add([(0, event)])
        value = view.value()
        if isinstance(event, Preview):
            forming += 1
            assert value["forming"][0] == event.sample and value["forming"][1].startswith("data:image/")
            assert value["far"][:2] == [event.sample, 3]
        else:
            assert value["forming"] is None
    assert forming == 6 and view.value()["state"] == "done"
    frames = [frame for chunk in view.chunks for frame in json.loads(chunk)]
    assert frames[0][4] is None and all(frame[4] > 0 for frame in frames[1:])
    assert max(frame[4] for frame in frames[1:]) == pytest.approx(events[-1].stats["largest_stride"], abs=1e-4)
    assert view.value()["lanes"] == [{"model": "scenes", "frames": 3, "columns": 0, "drawn": True}]
    json.dumps(view.value())


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_stop_in_the_middle_of_a_frame_keeps_the_frames_before(events, count):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events[:count])
    view.stop()
    view.add((0, event) for event in events[count:])
    whole = sum(isinstance(event, Frame) for event in events[:count])
    assert view.value()["state"] == "stopped" and view.value()["forming"] is None
    assert [frame[1] for chunk in view.chunks for frame in json.loads(chunk)] == list(range(whole))


def test_a_frame_of_the_page_opens_as_its_own_picture(engine, events):
    for event in events:
        if isinstance(event, Frame):
            link = from_link(BASE + event.point)
            assert link.kind == "image"
            made = list(engine.generate(engine.recipe("image", link.values)))[-1]
            assert made.results[0].picture == event.picture


def test_a_link_of_the_page_leads_the_same_way(engine, events):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events)
    link = from_link(view.value()["results"][0]["link"])
    assert link.values["model"] == "scenes"
    assert check(document(list(engine.generate(engine.recipe("latent", link.values)))[-1])) == link.check


def test_a_link_of_version_1_means_for_ever_what_it_means():
    link = from_query("tab=latent&v=1&model=scenes&a=prompt%3Aa%20cat&b=seed%3A9%20prompt%3Aa%20dog&seed=7&steps=12")
    assert link.values == {"model": "scenes", "a": "prompt:a cat", "b": "seed:9 prompt:a dog", "seed": 7, "steps": 12}


def test_the_sketch_tells_the_frame_that_is_drawn(events):
    sketch = LatentSketch()
    for event in events[:3]:
        sketch.add(event)
    assert sketch.document()["result"]["frame"] == 0 and sketch.document()["result"]["seconds_left"] > 0


def test_a_pair_of_models_is_for_faces_alone(act, events):
    recipe = act.engine.recipe("latent", TRIP)
    found = [event for lane, event in act._together([recipe]) if isinstance(event, Done) and lane == 0]
    assert found[0].results == events[-1].results
    assert act.parts.recent.find(found[0].recipe) is found[0]


def test_the_history_keeps_it_and_tells_its_prompts(tmp_path, events):
    entry = History(tmp_path).keep(new_owner(), events[-1])
    assert "prompt:a cat" in entry.title and entry.files == ("latent-7.webp",)


# ---- questions ----


def test_a_journey_that_is_at_hand_is_saved_at_once_and_any_other_is_made(engine, events):
    done, recent = events[-1], Recent()
    asked = {"recipe": to_record(done.recipe), "format": "webp"}
    fresh = answers(engine, recent)["save"](asked)
    recent.keep(done)
    engine_without = Engine(Registry(engine.registry.folder))
    kept = answers(engine_without, recent)["save"](asked)
    assert not engine_without.registry.is_loaded("scenes")
    assert recipe_in({"file": kept["file"]})[1] == recipe_in({"file": fresh["file"]})[1] == check(document(done))


def test_what_is_at_hand_is_bounded_and_the_oldest_goes(events):
    done = events[-1]
    size = sum(len(frame.rgb) for frame in done.results[0].frames)
    recent = Recent(2 * size)
    made = [Done(done.recipe.with_seed(seed), done.results) for seed in range(3)]
    for one in made:
        recent.keep(one)
    assert [recent.find(one.recipe) is one for one in made] == [False, True, True]
    Recent(size - 1).keep(done)  # larger than all there is room for
    assert recent.find(LatentRecipe()) is None


def test_words_that_the_model_has_never_seen_are_told(engine):
    ask = answers(engine)["unknown"]
    found = ask({"model": "scenes", "texts": ["a zxqv cat", "a feline"]})["unknown"]
    assert [one["word"] for one in found] == ["zxqv", "feline"] and "cat" in found[1]["near"]
    assert ask({"model": "faces-vae", "texts": ["zxqv"]}) == {"unknown": []}
    for odd in (None, {}, {"model": "scenes"}, {"model": "nobody", "texts": []}, {"model": "scenes", "texts": [1]}):
        assert ask(odd)["problem"].endswith(".")


@pytest.mark.parametrize("name", ["atlas", "look", "trace"])
def test_there_is_no_map_of_scenes_and_that_is_told(engine, name):
    found = answers(engine)[name]({"model": "scenes", "expressions": ["seed:1"]})
    assert found == {"problem": "The model scenes makes image, not latent."}


# ---- programs ----


@pytest.fixture(scope="module")
def client(engine, tmp_path_factory):
    demo = app.build(engine)
    os.environ.pop("GRADIO_SERVER_PORT", None)
    address = app.serve(demo)
    yield Client(address, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))
    demo.close()


def test_a_client_gets_the_same_journey_and_its_file(client, events):
    found = client.predict(**TRIP, api_name="/latent")
    link, content = read(Path(found["result"]["file"]).read_bytes())
    assert link.values["a"] == "prompt:a cat"
    assert check(content) == check(document(events[-1]))
    assert from_query(found["result"]["points"][1]).values["blend"] == 0.5


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"frames": 1}, "frames is 1; a whole number from 2 to 120 is allowed."),
        ({"frames": 121}, "frames is 121; a whole number from 2 to 120 is allowed."),
        ({"a": "preset:cat"}, "a is 'preset:cat'; prompt:a cat"),
        ({"layout": "grid"}, "with scenes only path is allowed."),
        ({"steps": 101}, "steps is 101"),
    ],
)
def test_a_mistake_gives_one_sentence(client, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**TRIP | values, api_name="/latent")
    assert sentence in str(caught.value) and "Traceback" not in str(caught.value)


def test_an_empty_prompt_is_a_picture_of_nothing_in_particular(client):
    found = client.predict(**TRIP | {"a": "prompt:"}, api_name="/latent")
    assert len(set(found["result"]["frames"])) == 3


def test_who_leaves_a_journey_leaves_the_model_free(client, engine):
    job = client.submit(**TRIP | {"frames": 60, "steps": 20}, api_name="/latent")
    for _ in job:
        break
    job.cancel()
    made = list(engine.generate(engine.recipe("image", {"prompt": "a cat", "steps": 1, "size": 64})))
    assert isinstance(made[-1], Done) and isinstance(made[-1].recipe, ImageRecipe)
    assert isinstance(made[0], Started | Progress) and isinstance(made[-1].results[0].picture, Picture)
