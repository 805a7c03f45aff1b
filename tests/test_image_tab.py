"""What the image tab makes of recipes, events and files."""

import base64
import io
import json
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

import app
from playground.documents import check, document, read, to_file
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Ended, Picture, Preview, Progress, Started
from playground.image.words import unknown_words
from playground.links import from_link, to_record
from playground.recipes import SCHEDULERS, ImageRecipe, TextRecipe
from playground.registry import Registry
from tabs import image
from tabs._controls import control, defaults, model_update
from tabs._files import LARGEST, LOSSLESS, data_url, file_of, recipe_in
from tabs._image_layout import EXAMPLES, HINTS, PRESETS, SCRIPT, START, draw, preset_values
from tabs._image_view import WINDOW, ImageSketch, ImageView
from tabs._image_wishes import VARIATION, WRITTEN, examiner, from_stage, start_of, vocabulary
from tabs._listeners import knobs_of, undo
from tests.image.tiny import ASKED

BASE = "http://127.0.0.1:7860/"
TABS = Path(image.__file__).parent


@pytest.fixture(scope="module")
def events(painter) -> list:
    """Of two pictures, once the model is there."""
    made = painter.generate(painter.recipe("image", {**ASKED, "samples": 2}))
    return [event for event in made if not isinstance(event, Progress)]


def view_of(events: list, **values) -> ImageView:
    return ImageView(events[-1].recipe, BASE, {}, **values)


def previews(view: ImageView) -> list:
    return [preview for chunk in view.chunks for preview in json.loads(chunk)]


def bytes_of(url: str) -> bytes:
    assert url.startswith("data:image/")
    return base64.b64decode(url.partition(",")[2])


def as_file(data: bytes) -> dict[str, str]:
    """A file as a page sends it."""
    return {"file": f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"}


def plain_png(width: int = 40, height: int = 20) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return file.getvalue()


# ---- layout ----


@pytest.mark.parametrize("steps", [1, 4, 12, 100])
def test_presets_are_valid_recipes_whatever_the_model_suggests(steps):
    own = ImageRecipe().model_dump() | {"steps": steps}
    made = [ImageRecipe.make(preset_values(name, own)).steps for name in PRESETS]
    assert made == sorted(made)
    assert preset_values("Balanced", own)["steps"] == steps


def test_presets_of_a_model_that_takes_twelve_steps():
    own = ImageRecipe().model_dump() | {"steps": 12}
    assert [preset_values(name, own)["steps"] for name in PRESETS] == [6, 12, 20]


@pytest.mark.parametrize("label", EXAMPLES)
def test_examples_are_valid_and_of_words_that_the_model_knows(label):
    prompt = EXAMPLES[label].get("prompt", label)
    assert unknown_words(prompt) == []
    ImageRecipe.make({"prompt": prompt} | EXAMPLES[label])


def test_there_are_at_least_six_examples():
    assert len(EXAMPLES) >= 6


def test_a_knob_with_choices_is_a_dropdown_that_says_what_people_call_them():
    with gr.Blocks():
        dropdown = control(ImageRecipe, "scheduler")
    assert isinstance(dropdown, gr.Dropdown)
    assert dict(map(reversed, dropdown.choices)) == SCHEDULERS
    assert dropdown.value == ImageRecipe.model_fields["scheduler"].default


def test_every_knob_but_the_fingerprint_has_a_control(painter):
    with gr.Blocks() as page:
        image.build(page, painter)
    shown = {getattr(block, "elem_id", None) for block in page.blocks.values()}
    assert {f"image-{name}" for name in ImageRecipe.model_fields if name != "fingerprint"} <= shown


@pytest.mark.parametrize("script", [SCRIPT, HINTS, START])
def test_scripts_write_no_html(script):
    marks = ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "document.write")
    assert not any(mark in script for mark in marks)


@pytest.mark.parametrize("name", ["_image_stage.html", "_image_hints.html", "_image_start.html"])
def test_templates_run_no_data(name):
    assert not any(mark in (TABS / name).read_text() for mark in ("{{", "${", "`"))


def test_where_the_wanted_model_is_not_there_the_first_stands():
    assert model_update([("a · 1 M", "a"), ("b · 2 M", "b")], "scenes")["value"] == "a"
    assert model_update([("a · 1 M", "a"), ("b · 2 M", "b")], "b")["value"] == "b"


def test_without_a_model_the_page_says_so(tmp_path):
    engine = Engine(Registry(tmp_path))
    page = app.build(engine)
    shown = [block for block in page.blocks.values() if isinstance(block, gr.HTML) and block.visible is True]
    assert any("There is no model for pictures" in str(block.value) for block in shown)
    with pytest.raises(PlaygroundError, match="There is no model 'scenes'"):
        engine.recipe("image", {})


# ---- a run ----


def test_the_view_shows_each_preview_once_and_then_the_pictures(events):
    view = view_of(events)
    assert view.value()["state"] == "waiting"
    for event in events:
        view.add([event])
        assert len(view.value()["chunks"]) <= WINDOW
    value = view.value()
    assert (value["state"], value["seeds"]) == ("done", [7, 8])
    assert [(sample, step) for sample, step, *_ in previews(view)] == [(k, n) for n in (1, 2, 3) for k in (0, 1)]
    assert [result["seed"] for result in value["results"]] == [7, 8]
    json.dumps(value)


def test_how_far_it_is_is_told(events):
    view = view_of(events)
    view.add([event for event in events if isinstance(event, Started | Preview)][:4])
    step, steps, left = view.value()["far"]
    assert (step, steps) == (2, 3)
    assert left >= 0


def test_updates_of_a_long_run_stay_small():
    recipe = ImageRecipe(steps=100)
    view = ImageView(recipe, BASE, {})
    picture = Picture(16, 16, bytes(16 * 16 * 3))
    view.add([Started(recipe)])
    for step in range(1, 101):
        view.add([Preview(0, step, 100, 1.0, picture)])
    assert list(view.value()["chunks"]) == [str(i) for i in range(100 - WINDOW, 100)]


def test_a_picture_of_the_page_is_a_file_whose_recipe_draws_the_same(painter, events):
    view = view_of(events)
    view.add(events)
    second = view.value()["results"][1]
    link, content = read(bytes_of(second["picture"]))
    recipe = painter.recipe("image", link.values)
    assert (recipe.samples, recipe.seed) == (1, 8)
    again = list(painter.generate(recipe))[-1]
    assert again.results[0].picture == events[-1].results[1].picture
    assert content["environment"]
    assert second["file"] == "image-seed-8.png"


def test_a_link_of_the_page_draws_the_same(painter, events):
    view = view_of(events)
    view.add(events)
    link = from_link(view.value()["results"][1]["link"])
    again = list(painter.generate(painter.recipe("image", link.values)))[-1]
    assert again.results[0].picture == events[-1].results[1].picture
    assert check(document(again)) == link.check


@pytest.mark.parametrize("source", ["link", "file"])
def test_whoever_opens_something_is_told_whether_the_picture_is_the_same(painter, done, source):
    for expected, sentence in (
        (check(document(done)), f"The same picture as in the {source}."),
        ("0" * 12, f"Not the picture of the {source}."),
    ):
        view = ImageView(done.recipe, BASE, {}, expected, source)
        view.add([Started(done.recipe), done])
        assert sentence in view.value()["results"][0]["notes"]


def test_stop_keeps_what_is_there_without_a_link(events):
    view = view_of(events)
    view.add(events[:5])  # Started, and two previews of each sample
    view.stop()
    view.add(events[5:])
    value = view.value()
    assert value["state"] == "stopped"
    assert [result["ended"] for result in value["results"]] == ["Stopped after step 2 of 3."] * 2
    assert not any(result["picture"] or result.get("link") for result in value["results"])
    assert len(previews(view)) == 4


def test_stop_keeps_whole_pictures_whole(events):
    view = view_of(events)
    last = next(i for i, event in enumerate(events) if isinstance(event, Ended))
    view.add(events[: last + 1])
    view.stop()
    first, second = view.value()["results"]
    assert read(bytes_of(first["picture"]))[0].values["seed"] == 7
    assert first["link"]
    assert not second["picture"]


def test_stop_before_the_model_is_there_makes_no_result(events):
    view = view_of(events)
    view.stop()
    view.add(events)
    assert (view.value()["state"], view.value()["results"]) == ("stopped", [])


def test_a_run_that_fails_keeps_what_it_drew(events):
    view = view_of(events)
    view.add(events[:4])
    view.fail("It broke.")
    assert (view.value()["state"], view.value()["message"]) == ("failed", "It broke.")
    assert len(view.value()["results"]) == 2


def test_a_start_picture_that_no_link_holds_is_told(painter, done):
    rng = Image.effect_noise((256, 256), 90).convert("RGB")
    file = io.BytesIO()
    rng.save(file, "PNG")
    recipe = done.recipe.model_copy(update={"start": start_of(as_file(file.getvalue()), 256)})
    view = ImageView(recipe, BASE, {})
    view.add([Started(recipe), Done(recipe, done.results, (), done.stats)])
    (result,) = view.value()["results"]
    assert result["link"] == ""
    assert "start picture" in result["no_link"]


def test_what_is_only_looked_at_is_exact_where_it_is_small_and_small_where_it_is_large():
    colours = bytes(range(256)) * 3
    small = Picture(16, 16, colours)
    shown = Image.open(io.BytesIO(bytes_of(data_url(small))))
    assert (shown.format, shown.tobytes()) == ("PNG", colours)
    large = Picture(LARGEST * 2, LARGEST * 2, bytes(LARGEST * LARGEST * 12))
    assert Image.open(io.BytesIO(bytes_of(data_url(large)))).size == (LARGEST, LARGEST)
    assert ImageRecipe.model_fields["size"].default <= LOSSLESS


# ---- what the page asks for ----


def test_to_vary_keeps_the_seed_and_sets_a_variation():
    record = to_record(ImageRecipe(prompt="a cat", seed=5, samples=3, fingerprint="ab"))
    one, other = from_stage({"vary": record}), from_stage({"vary": record})
    recipe = ImageRecipe.make(one)
    assert (recipe.prompt, recipe.seed, recipe.samples) == ("a cat", 5, 1)
    assert recipe.variation_strength == VARIATION
    assert one["variation_seed"] != other["variation_seed"]
    assert "fingerprint" not in one


@pytest.mark.parametrize("data", [None, 5, [], {}, "vary", {"wish": 1}])
def test_a_press_that_says_nothing_changes_nothing(data):
    assert from_stage(data) == {}


RECORD = to_record(ImageRecipe(**ASKED))


@pytest.mark.parametrize(
    "record", [None, [], {}, 5, {**RECORD, "kind": "text"}, {**RECORD, "steps": 999}, {**RECORD, "nonsense": 1}]
)
def test_what_is_no_picture_is_told(painter, record):
    with pytest.raises(PlaygroundError):
        from_stage({"vary": record})
    assert examiner(painter)(record)["problem"]


def test_back_is_offered_only_where_something_written_was_lost():
    assert undo(WRITTEN, {"prompt": "new"}, {"prompt": "mine", "seed": 3}, True).values == {"prompt": "mine", "seed": 3}
    assert undo(WRITTEN, {"prompt": "same"}, {"prompt": "same"}, True) is None
    assert undo(WRITTEN, {"prompt": "new"}, {"prompt": ""}, True) is None


def test_a_png_made_here_brings_every_setting_back(done):
    link, checksum = recipe_in(as_file(to_file(done.results[0], done)))
    assert knobs_of(ImageRecipe.make(link.values)) == knobs_of(done.recipe)
    assert checksum == check(document(done))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"file": 5},
        {"file": "%%%"},
        {"file": "é"},
        as_file(b""),
        as_file(b"not a picture"),
        as_file(plain_png()),
        as_file(plain_png()[:50]),
        as_file(json.dumps({"recipe": to_record(TextRecipe()), "result": {}}).encode()),
    ],
)
def test_what_holds_no_recipe_is_told_in_a_sentence(data):
    with pytest.raises(PlaygroundError) as caught:
        recipe_in(data)
    assert str(caught.value).endswith(".")


def test_a_file_comes_as_base64_or_as_a_data_url():
    assert file_of(as_file(b"abc")) == file_of({"file": base64.b64encode(b"abc").decode()}) == b"abc"


@pytest.mark.parametrize("size", [64, 128, None, "x", 65, -1, 1e300])
def test_an_upload_becomes_a_start_picture(size):
    start = start_of(as_file(plain_png()), size)
    shown = Image.open(io.BytesIO(bytes_of(start)))
    assert shown.size == ((64, 64) if size == 64 else (128, 128))
    assert start_of({"file": ""}, size) == ""


@pytest.mark.parametrize("data", [None, {"file": 5}, as_file(b"<svg></svg>"), as_file(plain_png()[:50])])
def test_an_upload_that_can_not_be_used_is_told(data):
    with pytest.raises(PlaygroundError):
        start_of(data, 128)


def test_the_stage_gets_frames_and_words(painter, done):
    found = examiner(painter)(to_record(done.recipe))
    assert len(found["frames"]) == done.recipe.steps + 1
    shown = Image.open(io.BytesIO(bytes_of(found["frames"][-1])))
    assert shown.tobytes() == done.results[0].picture.rgb
    prompt = done.recipe.prompt
    assert [prompt[word["start"] : word["end"]] for word in found["words"]] == prompt.split()
    for word in found["words"]:
        assert len(base64.b64decode(word["map"])) == word["width"] * word["height"]
    json.dumps(found)


def test_the_vocabulary_can_be_browsed():
    found = vocabulary(None)
    assert "cat" in found["kinds"]["animals"] and "automobile" in found["others"]
    assert not {"cat", "on a beach"} & set(found["others"])
    json.dumps(found)


@pytest.fixture(scope="module")
def act(painter):
    with gr.Blocks():
        initial = defaults(painter, ImageRecipe)
        return image.Listeners(painter, initial, draw(painter, initial))


def test_unknown_words_of_all_prompts_are_told_where_the_model_has_a_vocabulary(act):
    found = act.know_words("scenes", "a cat on a pier", "a dgo", "snwo")
    assert found["known"]
    told = [(name, word) for name, word, _ in found["unknown"]]
    assert told == [("prompt", "pier"), ("second_prompt", "dgo"), ("negative_prompt", "snwo")]
    assert found["unknown"][0][2]
    odd_ones = (("nobody", "a pier", "", ""), (None, None, 5, None), ([], "", "", ""))
    for odd in (act.know_words(*values) for values in odd_ones):
        assert not odd["unknown"]


def test_a_preset_is_known_by_what_it_sets(act):
    own = defaults(act.engine, ImageRecipe)
    for name in PRESETS:
        recipe = ImageRecipe.make(preset_values(name, own))
        assert act._preset_of(recipe) == name
    assert act._preset_of(ImageRecipe.make(preset_values("Fast", own) | {"guidance_scale": 14.9})) is None


def test_the_sketch_has_the_shape_of_the_document(events):
    sketch = ImageSketch()
    assert sketch.document()["result"] == {}
    for event in events[:4]:
        sketch.add(event)
    first, second = sketch.document()["result"]["samples"]
    assert (first["seed"], first["step"], second["step"], second["steps"]) == (7, 2, 1, 3)


@pytest.mark.parametrize(("prompt", "told"), [("  ", True), ("a cat", False)])
def test_a_picture_without_a_prompt_says_so(painter, prompt, told):
    recipe = painter.recipe("image", ASKED | {"prompt": prompt})
    view = ImageView(recipe, BASE, {})
    view.add(list(painter.generate(recipe)))
    (result,) = view.value()["results"]
    assert ("Without a prompt the model draws whatever comes." in result["notes"]) == told


def test_a_variation_from_a_start_tells_its_other_seed_and_the_steps_that_it_took(painter):
    start = start_of(as_file(plain_png()), 128)
    own = {"start": start, "steps": 4, "strength": 0.5, "variation_seed": 11, "variation_strength": 0.3}
    recipe = painter.recipe("image", ASKED | own)
    view = ImageView(recipe, BASE, {})
    view.add(list(painter.generate(recipe)))
    (result,) = view.value()["results"]
    assert "Varied by 30% towards seed 11." in result["notes"] and result["steps"] == 2
