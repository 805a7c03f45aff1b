"""What the latent tab makes of recipes, events and questions."""

import base64
import io
import json
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

import app
from playground.documents import check, document, to_file
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Frame, Picture, Progress, Started
from playground.links import from_link, from_record, to_record
from playground.recipes import ImageRecipe, LatentRecipe
from playground.registry import Registry
from tabs import latent
from tabs._controls import defaults
from tabs._files import recipe_in
from tabs._latent_layout import EXAMPLES, HIDDEN, SCRIPTS, VIEWS, draw
from tabs._latent_view import WINDOW, LatentSketch, LatentView
from tabs._latent_wishes import WRITTEN, answers
from tabs._listeners import undo
from tabs._share import sharer
from tests.latent.tiny import JOURNEY

BASE = "http://127.0.0.1:7860/"
TABS = Path(latent.__file__).parent


@pytest.fixture(scope="module")
def events(traveller) -> list:
    """Of a journey, once the model is there."""
    made = traveller.generate(traveller.recipe("latent", JOURNEY))
    return [event for event in made if not isinstance(event, Progress)]


@pytest.fixture(scope="module")
def ask(traveller) -> dict:
    return answers(traveller) | {"share": sharer(traveller)}


@pytest.fixture(scope="module")
def act(traveller):
    with gr.Blocks():
        initial = defaults(traveller, LatentRecipe)
        return latent.Listeners(traveller, initial, draw(traveller, initial))


def view_of(*recipes: LatentRecipe, **values) -> LatentView:
    return LatentView(list(recipes), BASE, [{} for _ in recipes], **values)


def frames(view: LatentView) -> list:
    return [frame for chunk in view.chunks for frame in json.loads(chunk)]


def bytes_of(url: str) -> bytes:
    assert url.startswith("data:")
    return base64.b64decode(url.partition(",")[2])


def pixels(url: str) -> bytes:
    return Image.open(io.BytesIO(bytes_of(url))).convert("RGB").tobytes()


def as_file(data: bytes) -> dict[str, str]:
    """A file as a page sends it."""
    return {"file": f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"}


def plain_png(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


# ---- layout ----


@pytest.mark.parametrize("label", EXAMPLES)
def test_examples_are_valid_and_can_be_travelled(traveller, label):
    recipe = traveller.recipe("latent", EXAMPLES[label] | {"side": 2, "frames": 2})
    assert isinstance(list(traveller.generate(recipe))[-1], Done)


def test_there_are_the_examples_that_were_asked_for():
    assert {"Cat → dog", "Sad → happy", "Young → old"} <= set(EXAMPLES)


def test_every_knob_but_the_fingerprint_has_a_control(traveller):
    with gr.Blocks() as page:
        latent.build(page, traveller)
    shown = {getattr(block, "elem_id", None) for block in page.blocks.values()}
    assert {f"latent-{name}" for name in LatentRecipe.model_fields if name != "fingerprint"} <= shown


@pytest.mark.parametrize("name", HIDDEN)
def test_boxes_that_stand_elsewhere_are_still_on_the_page(act, name):
    assert act.parts.knobs[name].visible == "hidden"  # False would leave it out, and nothing could write into it


def test_knobs_come_in_the_order_of_the_recipe(act):
    assert list(act.parts.knobs) == [name for name in LatentRecipe.model_fields if name != "fingerprint"]


@pytest.mark.parametrize("name", VIEWS)
def test_parts_write_no_html_and_run_no_data(name):
    marks = ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "document.write")
    assert not any(mark in SCRIPTS[name] for mark in marks)
    template = (TABS / f"_latent_{name}.html").read_text()
    assert not any(mark in template for mark in ("{{", "${", "`"))


@pytest.mark.parametrize("name", sorted({name for _, names in VIEWS.values() for name in names}))
def test_no_question_hides_something_of_the_component(ask, name):
    assert ask[name].__name__ == name
    assert not hasattr(gr.HTML, name)


def test_without_a_model_the_page_says_so(tmp_path):
    page = app.build(Engine(Registry(tmp_path)))
    shown = [block for block in page.blocks.values() if isinstance(block, gr.HTML) and block.visible is True]
    assert any("There is no model for faces" in str(block.value) for block in shown)
    told = answers(Engine(Registry(tmp_path)))["atlas"]({"model": "faces-vae"})
    assert "There is no model 'faces-vae'" in told["problem"]


# ---- a run ----


def test_the_view_shows_each_frame_once_and_then_what_can_be_done(events):
    view = view_of(events[0].recipe)
    assert view.value()["state"] == "waiting"
    for event in events:
        view.add([(0, event)])
        assert view.over or len(view.value()["chunks"]) <= WINDOW
    value = view.value()
    assert value["state"] == "done"
    assert [(lane, index) for lane, index, *_ in frames(view)] == [(0, index) for index in range(5)]
    assert len(value["chunks"]) == 5  # the last update holds all of them: a page that was late misses none
    (result,) = value["results"]
    assert result["recipe"] == to_record(events[-1].recipe)
    json.dumps(value)


def test_frames_reach_the_page_as_they_are(events, journey):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events)
    for (_, index, url, point, _), picture in zip(frames(view), journey.results[0].frames, strict=True):
        assert pixels(url) == picture.rgb
        assert point == journey.results[0].points[index]


def test_updates_of_a_long_run_stay_small():
    recipe = LatentRecipe(frames=120)
    view = view_of(recipe)
    picture = Picture(16, 16, bytes(16 * 16 * 3))
    view.add([(0, Started(recipe))])
    for index in range(120):
        view.add([(0, Frame(index, 120, 1.0, picture, "point:"))])
    assert list(view.value()["chunks"]) == [str(i) for i in range(120 - WINDOW, 120)]
    assert view.value()["far"] == [120, 120, 1.0]


def test_a_link_of_the_page_leads_the_same_way(traveller, events):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events)
    link = from_link(view.value()["results"][0]["link"])
    again = list(traveller.generate(traveller.recipe("latent", link.values)))[-1]
    assert check(document(again)) == link.check


@pytest.mark.parametrize("source", ["link", "file"])
def test_whoever_opens_something_is_told_whether_the_journey_is_the_same(journey, source):
    for expected, sentence in (
        (check(document(journey)), f"The same journey as in the {source}."),
        ("0" * 12, f"Not that of the {source}."),
    ):
        view = view_of(journey.recipe, expected=expected, source=source)
        view.add([(0, Started(journey.recipe)), (0, Frame(0, 5, 0, Picture(1, 1, b"abc"), "point:")), (0, journey)])
        assert sentence in view.value()["results"][0]["notes"]


@pytest.mark.parametrize("count", range(1, 6))
def test_stop_keeps_what_is_there_without_a_link(events, count):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events[: count + 1])  # Started, and so many frames
    view.stop()
    view.add((0, event) for event in events[count + 1 :])
    value = view.value()
    assert value["state"] == "stopped"
    assert value["results"][0]["ended"] == f"Stopped after frame {count} of 5."
    assert value["results"][0]["recipe"] is None
    assert len(frames(view)) == count


def test_stop_before_the_model_is_there_makes_no_result(events):
    view = view_of(events[0].recipe)
    view.stop()
    view.add((0, event) for event in events)
    assert (view.value()["state"], view.value()["results"]) == ("stopped", [])


def test_a_run_that_fails_keeps_its_frames(events):
    view = view_of(events[0].recipe)
    view.add((0, event) for event in events[:3])
    view.fail("It broke.")
    assert (view.value()["state"], view.value()["message"]) == ("failed", "It broke.")
    assert len(view.value()["results"]) == 1


def test_two_models_go_side_by_side_and_each_as_it_would_alone(act, events):
    recipe = act.engine.recipe("latent", JOURNEY)
    recipes = [recipe, *act._beside(recipe)]
    assert [each.model for each in recipes] == ["faces-vae", "faces-gan"]
    view = view_of(*recipes)
    view.add(act._together(list(recipes)))
    value = view.value()
    assert value["state"] == "done"
    assert [lane["model"] for lane in value["lanes"]] == ["faces-vae", "faces-gan"]
    alone = view_of(events[0].recipe)
    alone.add((0, event) for event in events)
    first = [frame for frame in frames(view) if frame[0] == 0]
    assert first == frames(alone)
    assert value["results"][1]["recipe"]["model"] == "faces-gan"


def test_one_of_two_that_is_stopped_says_so_and_the_other_stays(act):
    recipe = act.engine.recipe("latent", JOURNEY)
    recipes = [recipe, *act._beside(recipe)]
    view = view_of(*recipes)
    view.add((0, event) for event in act.engine.generate(recipes[0]))
    view.stop()
    whole, begun = view.value()["results"]
    assert whole["recipe"] and begun["recipe"] is None


def test_the_sketch_tells_how_far_it_is(events):
    sketch = LatentSketch()
    assert sketch.document()["result"] == {}
    for event in events[:3]:
        sketch.add(event)
    assert (sketch.document()["result"]["frame"], sketch.document()["result"]["of"]) == (2, 5)


# ---- what the page sends ----


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"file": 5},
        {"file": "%%%"},
        as_file(b""),
        as_file(b"GIF89a"),
        as_file(b"RIFF\0\0\0\0WEBP"),
        as_file(plain_png()),
        as_file(json.dumps({"recipe": to_record(ImageRecipe()), "result": {}}).encode()),
    ],
)
def test_what_holds_no_journey_is_told_in_a_sentence(data):
    with pytest.raises(PlaygroundError) as caught:
        recipe_in(data)
    assert str(caught.value).endswith(".")


def test_a_journey_that_was_cut_off_is_told(journey):
    whole = to_file(journey.results[0], journey, suffix=".gif")
    with pytest.raises(PlaygroundError):
        recipe_in(as_file(whole[: len(whole) // 3]))


def test_back_is_offered_only_where_something_written_was_lost():
    assert undo(WRITTEN, {"a": "preset:cat"}, {"a": "preset:dog", "seed": 3}, True).values == {
        "a": "preset:dog",
        "seed": 3,
    }
    assert undo(WRITTEN, {"a": "preset:cat"}, {"a": "preset:cat"}, True) is None
    assert undo(WRITTEN, {"a": "preset:cat"}, {"a": ""}, True) is None


def test_another_model_leaves_directions_of_ones_own_behind(act):
    assert act.choose_model("faces-gan")[act.parts.knobs["directions"]] == ""


def test_a_record_is_what_its_link_holds(journey):
    assert from_record(to_record(journey.recipe)).values["a"] == "preset:cat"
