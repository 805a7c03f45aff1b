"""What the tabs make of recipes and events, without a server."""

import base64
import json
from pathlib import Path

import gradio as gr
import pytest
from fastapi import Request

from playground.errors import PlaygroundError
from playground.events import Alternative, Progress, Token
from playground.links import from_link, to_record
from playground.recipes import Recipe, TextRecipe
from tabs import text
from tabs._controls import as_list, control, opened_link, paced, size, told
from tabs._text_layout import EXAMPLES, PRESETS, SCRIPT
from tabs._text_view import TextSketch, TextView, _token
from tabs._wishes import SAMPLERS, SCORE, Undo, Wish, examiner, fixed_there, from_stage, owner, sampler_values, undo

BASE = "http://127.0.0.1:7860/"
TABS = Path(text.__file__).parent


def view_of(engine, **values) -> tuple[TextView, list]:
    recipe = engine.recipe("text", {"prompt": "Once", "seed": 7, "max_new_tokens": 12, **values})
    return TextView(recipe, BASE, {}), list(engine.generate(recipe))


def results(view: TextView) -> list[dict]:
    return [result for chunk in view.chunks for result in json.loads(chunk)["results"]]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_recipes(name):
    assert set(PRESETS[name]) <= set(SAMPLERS)
    TextRecipe.make(PRESETS[name])


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_valid_recipes(name):
    values = dict(EXAMPLES[name])
    TextRecipe.make(PRESETS[values.pop("preset", "Balanced")] | values)


def test_there_are_at_least_six_examples():
    assert len(EXAMPLES) >= 6


def test_a_control_is_what_its_declaration_says():
    with gr.Blocks():
        slider = control(TextRecipe, "top_p")
        assert (slider.minimum, slider.maximum, slider.step, slider.value) == (0, 1, 0.01, 0.95)
        assert slider.info == TextRecipe.model_fields["top_p"].description
        assert isinstance(control(TextRecipe, "seed"), gr.Number)
        assert isinstance(control(TextRecipe, "stop"), gr.Textbox)
        assert isinstance(control(TextRecipe, "style", choices=["", "Grimm"]), gr.Dropdown)


def test_every_knob_but_the_fingerprint_has_a_control(engine):
    with gr.Blocks() as page:
        text.build(page, engine)
    shown = {getattr(block, "elem_id", None) for block in page.blocks.values()}
    assert {f"text-{name}" for name in TextRecipe.model_fields if name != "fingerprint"} <= shown


def test_the_stage_runs_no_data():
    template = (TABS / "_stage.html").read_text()
    assert not any(mark in template for mark in ("{{", "${", "`"))
    assert not any(
        mark in SCRIPT for mark in ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "document.write")
    )


RECIPE = {"v": 1, "kind": "text", "prompt": "Once", "seed": 7, "max_new_tokens": 12, "samples": 3, "fingerprint": "ab"}


def test_a_branch_is_its_recipe_with_the_fixed_tokens():
    wish = from_stage({"wish": 3, "branch": {"recipe": RECIPE, "ids": [5, 6]}})
    assert (wish.number, wish.fills) == (3, True)
    assert "fingerprint" not in wish.changes
    branch = TextRecipe.make(wish.changes)
    assert (branch.forced_ids, branch.samples, branch.seed, branch.max_new_tokens) == ((5, 6), 1, 7, 12)


@pytest.mark.parametrize(("fixed", "length"), [(11, 12), (12, 52), (13, 53), (490, 512), (512, 512)])
def test_a_branch_has_room_to_go_on(fixed, length):
    wish = from_stage({"branch": {"recipe": RECIPE, "ids": [5] * fixed}})
    assert TextRecipe.make(wish.changes).max_new_tokens == length


@pytest.mark.parametrize(
    "branch",
    [
        None,
        [],
        {},
        {"recipe": RECIPE},
        {"recipe": RECIPE, "ids": []},
        {"recipe": RECIPE, "ids": "5"},
        {"recipe": RECIPE, "ids": [5] * 513},
        {"recipe": RECIPE, "ids": [-1]},
        {"recipe": RECIPE, "ids": [True]},
        {"recipe": RECIPE, "ids": [1.0]},
        {"recipe": RECIPE, "ids": [10**9]},
        {"recipe": {**RECIPE, "kind": "image"}, "ids": [5]},
        {"recipe": {**RECIPE, "temperature": 99}, "ids": [5]},
        {"recipe": {**RECIPE, "nonsense": 1}, "ids": [5]},
    ],
)
def test_what_is_no_branch_is_told(branch):
    with pytest.raises(PlaygroundError):
        TextRecipe.make(from_stage({"branch": branch}).changes)


@pytest.mark.parametrize("data", [None, 5, [], {}, {"text": 5}, {"wish": 1}])
def test_a_press_that_says_nothing_changes_nothing(data):
    assert from_stage(data).changes == {}


@pytest.mark.parametrize("number", [-1, 2**40, "3", None, True, 1.5])
def test_a_number_of_the_page_is_a_number(number):
    assert from_stage({"text": "on", "wish": number}) == Wish({"prompt": "on", "samples": 1, "forced": ""})


def test_to_score_leaves_the_controls_alone():
    assert not SCORE.fills
    assert TextRecipe.make(SCORE.changes).max_new_tokens == 0


def test_back_brings_back_what_a_person_wrote():
    stood = {"prompt": "mine", "samples": 3, "forced": "", "model": "tales"}
    first = undo(None, Wish({"prompt": "mine, and", "samples": 1, "forced": ""}), stood, True)
    assert first == Undo({"prompt": "mine", "samples": 3, "forced": ""}, True, owner(stood), "mine, and")
    again = undo(first, Wish({"prompt": "mine, and on", "samples": 1}), stood | {"prompt": "mine, and"}, False)
    assert (again.values["prompt"], again.values["samples"], again.random) == ("mine", 3, True)
    other = undo(again, Wish({"prompt": "theirs"}), stood | {"prompt": "new"}, False)
    assert other.values == {"prompt": "new"}
    assert undo(other, Wish({"prompt": "new"}), stood | {"prompt": "new"}, False) is other


def test_the_controls_learn_what_is_fixed_in_the_tale_that_is_moved_to():
    stood = {"model": "tales", "prompt": "Once"}
    branch = to_record(TextRecipe.make({**stood, "forced": "5 6", "seed": 3}))
    assert fixed_there({"recipe": branch}, stood) == ("5 6", owner(stood))
    assert fixed_there({"recipe": branch}, {**stood, "prompt": "Twice"}) == ("", "")
    assert fixed_there({"recipe": branch | {"forced": ""}}, stood) == ("", "")
    for strange in (None, [], {"recipe": 5}, {"recipe": {}}, {"recipe": branch | {"forced": "x"}}):
        assert fixed_there(strange, stood) == ("", "")


def test_fixed_tokens_belong_to_a_beginning_written_as_the_page_writes_it():
    assert owner({"model": "m", "prompt": 'é "\n', "style": None}) == '["m","é \\"\\n","","","",""]'


def test_samplers_of_the_stage_are_checked():
    assert sampler_values({"temperature": 0.3})["temperature"] == 0.3
    assert set(sampler_values(None)) == set(SAMPLERS)
    with pytest.raises(PlaygroundError, match="temperature is 99"):
        sampler_values({"temperature": 99})


def test_the_stage_gets_what_the_model_thought(engine):
    record = {"v": 1, "kind": "text", "prompt": "Once"}
    answer = examiner(engine)({"recipe": record, "ids": [70, 71], "index": 1})
    assert len(answer["named"]) == len(answer["names"]) == len(base64.b64decode(answer["logits"])) // 4
    assert 70 in answer["seen"]
    assert answer["knobs"]["top_p"] == {"label": "top-p", "help": answer["knobs"]["top_p"]["help"]} | {
        "low": 0,
        "high": 1,
        "step": 0.01,
    }
    json.dumps(answer)
    for index in (2, "1", None, True):
        assert "problem" in examiner(engine)({"recipe": record, "ids": [70, 71], "index": index})


def test_a_token_that_shows_nothing_has_a_mark():
    def mark(text: str, shown: str, name: str, chosen: int = 1) -> str:
        token = Token(0, 0, chosen, text, shown, -1.0, (Alternative(1, name, 0.5, 0.5),))
        return _token(token)[2]

    assert mark(" the", " the", " the") == ""
    assert mark("", "", "\ufffd") == "◌"
    assert mark("", "", "\ufffd", chosen=9) == "◌"
    assert mark("TH", "", "TH") == "…"
    assert mark("", "", "") == "∎"


def test_a_stopped_branch_has_a_link_to_what_there_is(engine):
    view, events = view_of(engine, forced="70 71 72 73")
    view.add(events[:3])  # Started and two tokens
    view.stop()
    recipe = engine.recipe("text", from_link(results(view)[0]["link"]).values)
    assert (recipe.forced_ids, recipe.max_new_tokens) == ((70, 71), 2)
    assert results(view)[0]["length"] == 12


def test_a_run_that_fails_keeps_what_it_told(engine):
    view, events = view_of(engine)
    view.add(events[:5])
    view.fail("It broke.")
    assert (view.value()["state"], view.value()["message"]) == ("failed", "It broke.")
    assert results(view)[0]["tokens"] == 4


def test_a_mistake_is_escaped_for_the_toast_only():
    with pytest.raises(gr.Error, match="&lt;b&gt;"), told():
        raise PlaygroundError("<b>")
    with pytest.raises(gr.Error, match="<b>"), told(on_page=False):
        raise PlaygroundError("<b>")


def test_closing_a_paced_iterator_closes_what_it_paces():
    closed = []

    def endless():
        try:
            while True:
                yield Progress("on")
        finally:
            closed.append(True)

    batches = paced(endless())
    next(batches)
    batches.close()
    assert closed


def test_paced_loses_nothing(engine):
    recipe = engine.recipe("text", {"prompt": "Once", "seed": 1, "max_new_tokens": 9})
    batches = list(paced(engine.generate(recipe)))
    assert sum(isinstance(event, Token) for batch in batches for event in batch) == 9


def test_the_view_shows_the_text_and_a_link_that_makes_it_again(engine):
    view, events = view_of(engine)
    view.add([Progress("Loading …")])
    assert view.value()["message"] == "Loading …"
    for event in events:
        view.add([event])
    assert view.value()["state"] == "done"
    shown = "".join(token[1] for chunk in view.chunks for token in json.loads(chunk)["tokens"])
    (result,) = results(view)
    document = json.loads(result["document"])
    assert shown == document["result"]["text"]
    link = from_link(result["link"])
    again = list(engine.generate(engine.recipe("text", link.values)))[-1]
    assert again.results[0].text == shown
    assert link.check


def test_an_opened_link_is_told_whether_the_text_is_the_same(engine):
    view, events = view_of(engine)
    view.add(events)
    check = from_link(results(view)[0]["link"]).check
    for expected, sentence in ((check, "The same text as in the link."), ("0" * 12, "Not the text of the link.")):
        again = TextView(view.recipe, BASE, {}, expected)
        again.add(events)
        assert sentence in results(again)[0]["notes"]


def opened(engine, query: str, kind: str = "text"):
    """What the page is opened with by an address that ends in `query`."""
    scope = {"type": "http", "path": "/", "query_string": query.encode(), "headers": []}
    return opened_link(engine, gr.Request(Request(scope)), kind, first="text")


def test_the_address_of_the_page_is_a_link(engine):
    recipe, link, problem = opened(engine, "tab=text&v=1&prompt=a+fox+%26+%E2%80%9Cwell%E2%80%9D&seed=7&__theme=dark")
    assert (recipe.prompt, recipe.seed, problem) == ("a fox & “well”", 7, "")
    assert set(link.values) == {"prompt", "seed"}
    assert opened(engine, "") == opened(engine, "tab=text&seed=x", kind="image") == (None, None, "")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("tab=text&seed=1&seed=2", "The link gives 'seed' twice."),
        ("tab=text&prompt=a&seed=1&prompt=a", "The link gives 'prompt' twice."),
        ("tab=nowhere", "The link is for 'nowhere'"),
        ("tab=text&seed=x", "seed is 'x'"),
    ],
)
def test_what_is_wrong_with_the_address_is_told(engine, query, sentence):
    recipe, link, problem = opened(engine, query)
    assert recipe is None and link is None
    assert problem.startswith(f"This link can't be opened: {sentence}")


def test_stop_makes_a_result_of_what_is_there(engine):
    view, events = view_of(engine, samples=2)
    tokens = [[e for e in events if isinstance(e, Token) and e.sample == k] for k in range(2)]
    view.add([events[0], *tokens[0][:4], *tokens[1][:3]])
    view.stop()
    view.add([*tokens[0][4:], *tokens[1][3:], events[-1]])
    first, second = results(view)
    assert (first["tokens"], second["tokens"]) == (4, 3)
    recipe = engine.recipe("text", from_link(first["link"]).values)
    assert recipe.max_new_tokens == 4
    text = list(engine.generate(recipe))[-1].results[0].text
    assert json.loads(first["document"])["recipe"]["max_new_tokens"] == 4
    assert text == json.loads(first["document"])["result"]["text"]  # with whatever the last token held back


def test_stop_before_the_model_is_there_makes_no_result(engine):
    view, events = view_of(engine)
    view.stop()
    view.add(events)
    assert view.value()["state"] == "stopped"
    assert view.chunks == []


def test_a_prompt_too_long_for_a_link_says_so(engine):
    view, events = view_of(engine)
    view.recipe = view.recipe.model_copy(update={"prompt": "é" * 20_000})
    done = events[-1]
    view.add([type(done)(view.recipe, done.results, done.prompt_ids, done.stats)])
    (result,) = results(view)
    assert result["link"] == ""
    assert "shorten the prompt" in result["no_link"]


def test_the_sketch_has_the_shape_of_the_document(engine):
    _, events = view_of(engine, samples=2)
    sketch = TextSketch()
    assert sketch.document()["result"] == {"text": ""}
    for event in events:
        sketch.add(event)
    texts = [result.text for result in events[-1].results]
    assert sketch.document()["result"]["samples"] == [{"text": text} for text in texts]


@pytest.mark.parametrize(("parameters", "name"), [(8_262_432, "8.3 M"), (1_500, "1.5 K"), (12, "12")])
def test_sizes_are_said_as_people_say_them(parameters, name):
    assert size(parameters) == name


def test_details_of_a_manifest_may_be_anything():
    assert as_list(["Grimm", 3, None]) == ["Grimm"]
    assert as_list("Grimm") == []
    assert as_list(None) == []


def test_no_tab_imports_a_model_library():
    assert Recipe.kinds  # the tabs are imported by now
    for module in TABS.glob("*.py"):
        source = module.read_text()
        assert not any(f"import {name}" in source for name in ("torch", "transformers", "diffusers")), module
