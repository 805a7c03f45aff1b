"""What the grid tab makes of its controls, of runs and of links."""

import base64
import json
from pathlib import Path

import gradio as gr
import pytest
from fastapi import Request

import app
from playground.documents import read
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Picture
from playground.grid import Asked, Filled, plan, run
from playground.links import from_link, to_query
from playground.recipes import Recipe
from playground.registry import Registry
from tabs import grid
from tabs._grid_layout import EXAMPLES, PLAN, SAVE, SCRIPT, WORDS, axis_choices, fronts_of
from tabs._grid_view import LONGEST_LABEL, GridView, duration, picture_url
from tabs._grid_wishes import MAX_MORE, as_line, axis_of, settings
from tests.conftest import write_tiny_model
from tests.image.tiny import ASKED
from tests.image.tiny import make_checkpoint as make_painter
from tests.latent.tiny import JOURNEY
from tests.latent.tiny import make_checkpoint as make_guide

BASE = "http://127.0.0.1:7860/"
TABS = Path(grid.__file__).parent


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Engine:
    root = tmp_path_factory.mktemp("everything")
    write_tiny_model(root / "tales")
    make_painter(root / "scenes")
    make_guide(root / "faces-vae")
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def page(everything) -> gr.Blocks:
    return app.build(everything)


@pytest.fixture(scope="module")
def act(page) -> grid.Listeners:
    """The listeners of the tab on the whole page."""
    return next(
        fn.fn.__self__ for fn in page.fns.values() if isinstance(getattr(fn.fn, "__self__", None), grid.Listeners)
    )


def event(data=None, target=None) -> gr.EventData:
    return gr.EventData(target, data)


def request() -> gr.Request:
    return gr.Request(Request({"type": "http", "path": "/", "query_string": b"", "headers": []}))


def standing(act, **changes) -> list:
    """What the controls stand at, as the page would send it: of a short text, but for `changes` by elem_id."""
    values = {c: getattr(c, "value", None) for c in act.parts.inputs}
    usual = {"kind": "text", "model": "tales", "text-prompt": "Once", "seed": 7, "more": "max_new_tokens=5"}
    named = {c.elem_id.removeprefix("grid-"): c for c in act.parts.inputs}
    values |= {named[name]: value for name, value in (usual | changes).items()}
    return [values[c] for c in act.parts.inputs]


def at(act, shown: dict) -> dict:
    """The updates of a listener by elem_id, as plain values."""
    plain = {
        c: u.get("value") if isinstance(u, dict) and u.get("__type__") == "update" else u for c, u in shown.items()
    }
    return {getattr(c, "elem_id", ""): value for c, value in plain.items()}


def view_of(engine, kind="text", across=None, down=None, **values) -> GridView:
    asked = plan(engine, kind, {"prompt": "Once", "max_new_tokens": 5, "seed": 7} | values, across, down)
    return GridView(asked, BASE, {}, engine.pace.seconds)


# ---- layout ----


@pytest.mark.parametrize("label", EXAMPLES)
def test_examples_are_valid_grids_of_words_that_the_models_know(everything, label):
    example = EXAMPLES[label]
    made = plan(everything, example.kind, example.base, example.across, example.down)
    assert 4 <= len(made.cells) <= 9
    assert len({cell.recipe.model_dump_json() for cell in made.cells}) == len(made.cells)


def test_at_least_three_examples_need_no_model_of_faces():
    assert sum(example.kind != "latent" for example in EXAMPLES.values()) >= 3


def test_examples_are_shown_where_their_model_is(everything, tmp_path):
    write_tiny_model(tmp_path / "tales")
    for engine, kinds in ((everything, set(Recipe.kinds)), (Engine(Registry(tmp_path)), {"text"})):
        with gr.Blocks() as page:
            grid.build(page, engine)
        shown = {block.value for block in page.blocks.values() if isinstance(block, gr.Button)}
        assert {EXAMPLES[label].kind for label in shown & set(EXAMPLES)} == kinds


def test_the_tab_is_there_without_any_model(tmp_path):
    with gr.Blocks() as page:
        grid.build(page, Engine(Registry(tmp_path)))
    assert any(getattr(block, "elem_id", "") == "grid-go" for block in page.blocks.values())


@pytest.mark.parametrize("script", [SCRIPT, PLAN, SAVE])
def test_scripts_write_no_html(script):
    assert not any(m in script for m in ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "document.write"))


@pytest.mark.parametrize("name", ["_grid_stage.html", "_grid_plan.html"])
def test_templates_run_no_data(name):
    assert not any(mark in (TABS / name).read_text() for mark in ("{{", "${", "`"))


def test_every_knob_and_every_text_can_be_chosen_for_an_axis():
    assert [fronts_of(kind) for kind in ("text", "image", "latent")] == [
        ["prompt", "style"],
        ["prompt", "negative_prompt"],
        ["a", "b"],
    ]
    names = [value for _, value in axis_choices("text")]
    assert {*Recipe.kinds["text"].model_fields} - set(names) == {"fingerprint"}
    assert f"{WORDS}prompt" in names and f"{WORDS}model" not in names and f"{WORDS}seed" not in names


# ---- controls ----


def test_more_settings_are_lines():
    assert settings("temperature=0.7\n\n max-new-tokens = 40 \nprompt=a=b") == {
        "temperature": "0.7",
        "max_new_tokens": "40",
        "prompt": "a=b",
    }
    for value in ("plain", "two\nlines", '"quoted"', " spaced ", "", "a\u2028b"):
        assert settings(f"stop={as_line(value)}") == {"stop": value}


@pytest.mark.parametrize("text", ["temperature", "=3", "a=1\na=2", 'stop="open', "x" * (MAX_MORE + 1)])
def test_lines_that_are_no_settings_are_told(text):
    with pytest.raises(PlaygroundError, match="More settings: "):
        settings(text)


def test_axes_of_the_page():
    assert axis_of("words:prompt", "a, b") == Asked("prompt", "a, b", words=True)
    assert axis_of("seed", "1-3") == Asked("seed", "1-3")
    assert axis_of("", "1-3") is axis_of(None, "") is None


def test_the_plan_tells_runs_and_time_or_what_is_wrong(act, everything):
    everything.pace._runs.clear()
    told = act.plan(*standing(act))
    assert told["said"] == "3 runs · how long is not known before the first run" and not told["wrong"]
    assert "seed: a whole number from 0 to 2147483647." in told["hint"]
    recipe = everything.recipe("text", {"max_new_tokens": 5})
    everything.pace.add(recipe, 2.0)
    across = {"across": "temperature", "across-values": "0.2-1:5", "down": "words:prompt", "down-values": "Once, Twice"}
    assert act.plan(*standing(act, **across))["said"] == "5 × 2 = 10 runs · about 20 s"
    for changes, sentence in [
        ({"across-values": "1-x"}, "Across, seed: seed is '1-x'; a whole number"),
        ({"across": ""}, "Across: choose what varies."),
        ({"kind": "<b>"}, "There is no kind '<b>'"),
        ({"kind": None}, "There is no kind None"),
        ({"more": "prompt=x"}, "More settings: 'prompt' has a box of its own."),
        ({"more": "heat=1"}, "There is no knob 'heat'"),
        ({"model": "nobody"}, "There is no model 'nobody'"),
        ({"seed": None, "across": "words:prompt", "across-values": "x"}, "'x', the first value, is looked for"),
        ({"across": ["seed"]}, "Across: choose what varies."),
    ]:
        told = act.plan(*standing(act, **changes))
        assert told["wrong"] and sentence in told["said"], told


def test_a_share_link_fills_everything(act, everything):
    recipe = everything.recipe("text", {"prompt": "a <b> & “c”", "seed": 9, "stop": "x", "temperature": 0})
    shown = at(act, act.read_link(f"{BASE}?{to_query(recipe)}"))
    assert shown["grid-text-prompt"] == "a <b> & “c”"
    assert (shown["grid-kind"], shown["grid-model"], shown["grid-seed"], shown["grid-link"]) == ("text", "tales", 9, "")
    assert settings(shown["grid-more"]) == {"temperature": "0.0", "stop": "x"}
    named = {c.elem_id: c.elem_id.removeprefix("grid-") for c in act.parts.inputs}
    stood = standing(act, **{named[name]: value for name, value in shown.items() if name in named})
    made = act.asked(tuple(stood))
    assert made.base == recipe
    for wrong in ("nonsense", BASE, f"{BASE}?tab=text&seed=x", f"{BASE}?tab=nowhere"):
        (told,) = act.read_link(wrong).values()
        assert told["wrong"] and told["said"].startswith("Share link: ")
    assert list(act.read_link("  ")) == [act.parts.link]


def test_another_kind_brings_its_own_boxes(act):
    shown = act.choose_kind("latent")
    assert [fold["visible"] for name, fold in ((n, shown[f]) for n, f in act.parts.folds.items())] == [
        False,
        False,
        True,
    ]
    assert at(act, shown)["grid-model"] == "faces-vae"
    with pytest.raises(gr.Error):
        act.choose_kind("music")


# ---- runs ----


def test_a_run_fills_cell_by_cell_and_an_example_fills_the_controls(act):
    updates = list(act.fill(request(), event(), *standing(act)))
    values = [update[act.parts.stage] for update in updates]
    assert values[0]["far"][:2] == [0, 3] and values[-1]["far"] == [3, 3, ""]
    assert values[-1]["state"] == "done" and len(values[-1]["chunks"]) == 3
    ((index, cell),) = json.loads(values[-1]["chunks"]["0"])
    assert index == 0 and cell["text"] and cell["said"].startswith("seed 1 · ")
    assert "about" in updates[-1][act.parts.plan]["said"] or "second" in updates[-1][act.parts.plan]["said"]
    button = next(iter(act.parts.examples))
    running = act.fill(request(), event(target=button), *standing(act, kind="<b>"))
    first = at(act, next(running))
    running.close()
    assert first["grid-across"] == "temperature" and first["grid-more"] == "max_new_tokens=30"
    with pytest.raises(gr.Error, match="Across"):
        next(act.fill(request(), event(), *standing(act, across="")))


def test_a_cell_has_a_link_that_makes_it_again(everything):
    view = view_of(everything, across=Asked("temperature", "0, 1.2"))
    view.add(run(everything, view.grid))
    for chunk in view.chunks:
        ((_, cell),) = json.loads(chunk)
        asked = from_link(cell["link"])
        again = [e for e in everything.generate(everything.recipe("text", asked.values)) if isinstance(e, Done)][-1]
        assert again.results[0].text == cell["text"] and asked.check


def test_stop_keeps_what_is_there_and_it_can_be_saved(act, everything):
    view = view_of(everything, across=Asked("seed", "1-3"))
    for step in run(everything, view.grid):
        view.add([step])
        if isinstance(step[1], Filled):
            break
    shown = act.stop(view)
    assert shown["state"] == "stopped" and shown["message"] == "Stopped: 1 of 3 cells are there."
    view.add([(1, Filled(view.grid.cells[1].recipe, "late"))])
    assert list(view.cells) == [0]
    assert base64.b64decode(act.save(event({"format": "png"}), view)["content"]).startswith(b"\x89PNG")
    assert len(base64.b64decode(act.save(event({"format": "csv"}), view)["content"]).splitlines()) >= 2
    assert b"| " in base64.b64decode(act.save(event({"format": "md"}), view)["content"])
    for strange in ({"format": "exe"}, {}, None, 5, {"format": ["png"]}):
        assert "content" not in act.save(event(strange), view)
    assert "content" not in act.save(event({"format": "png"}), None)
    act.stop(None)


@pytest.mark.parametrize(
    ("kind", "base", "across", "sample"),
    [
        ("text", {"max_new_tokens": 5}, Asked("temperature", "0, 1.2"), 0),
        ("image", ASKED | {"samples": 2}, Asked("prompt", "a cat, a dog", words=False), 1),
        ("latent", JOURNEY, Asked("frames", "2-3"), 0),
    ],
)
def test_a_cells_own_file_holds_just_that_cell(act, everything, kind, base, across, sample):
    view = GridView(plan(everything, kind, base, across, None), BASE, {}, everything.pace.seconds)
    view.add(run(everything, view.grid))
    took = act.take(request(), event({"cell": 1, "sample": sample}), view)
    asked, content = read(base64.b64decode(took["content"]))
    cell = view.grid.cells[1].recipe
    name = across.knob
    assert asked.values[name] == getattr(cell, name) != getattr(view.grid.cells[0].recipe, name)
    if kind == "text":
        assert content["result"]["text"] == view.cells[1].look
    else:
        assert took["name"].endswith({"image": f"{cell.seed + sample}.png", "latent": ".webp"}[kind])
    for strange in (
        {"cell": 2, "sample": 0},
        {"cell": 1, "sample": 2},
        {"cell": [1], "sample": 0},
        {"cell": 1},
        None,
        5,
    ):
        assert "content" not in act.take(request(), event(strange), view)
    assert "content" not in act.take(request(), event({"cell": 0, "sample": 0}), None)


def test_a_cell_opens_in_its_own_tab(act, everything):
    for kind, values in (
        ("text", {"prompt": "Twice", "seed": 3, "temperature": 0.1}),
        ("image", {"prompt": "a cat", "steps": 3, "seed": 4}),
        ("latent", {"a": "preset:cat", "seed": 5}),
    ):
        recipe = everything.recipe(kind, values)
        shown = act.visit(event({"link": f"{BASE}?{to_query(recipe)}"}))
        controls = act.others[kind]
        assert {name: shown[c] for name, c in controls.items() if name in values} == values
        assert set(controls) >= {*Recipe.kinds[kind].model_fields} - {"fingerprint"}
        assert shown[controls["random"]] is False
        assert shown[act.tabs].selected == kind
    for wrong in ({"link": "x"}, {"link": f"{BASE}?tab=text&seed=x"}, {"link": 5}, None):
        with pytest.raises(gr.Error):
            act.visit(event(wrong))


def test_what_a_cell_could_not_make_is_told_in_it(everything):
    asked = plan(everything, "latent", {"frames": 2}, Asked("a", "seed:1, nonsense"))
    view = GridView(asked, BASE, {}, everything.pace.seconds)
    view.add(run(everything, asked))
    cells = [json.loads(chunk)[0][1] for chunk in view.chunks]
    assert cells[0]["picture"].startswith("data:image/") and "nonsense" in cells[1]["problem"]
    assert "1 could not be made" in view.message


def test_long_labels_are_cut_on_the_page(everything):
    view = view_of(everything, across=Asked("prompt", "a" * 2_000 + ", b"))
    assert [len(label) for label in view.value()["columns"]] == [LONGEST_LABEL + 1, 1]


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, ""), (0.4, "under a second"), (9.6, "about 10 s"), (95, "about 1 min 35 s")]
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


def test_large_pictures_are_kept_small_and_small_ones_as_they_are(everything):
    view = view_of(everything, across=Asked("seed", "1-2"))
    large, small = Picture(768, 768, bytes(768 * 768 * 3)), Picture(64, 64, bytes(range(192)) * 64)
    view.add([(0, Filled(view.grid.base, (large,) * 2)), (1, Filled(view.grid.base, (small,)))])
    assert sum(len(picture.rgb) for picture in view.cells[0].look) < 256**2 * 3
    assert view.cells[1].look == (small,)


def test_several_pictures_are_one():
    assert picture_url((Picture(8, 8, bytes(192)),) * 5).startswith("data:image/png")
