"""Files made here: to which tab they belong, and what each tab takes from them."""

import base64
import json
from itertools import permutations

import gradio as gr
import pytest

from playground.documents import check, document, to_file
from playground.engine import Engine
from playground.recipes import Recipe
from playground.registry import Registry
from tabs import _image_layout, _latent_layout, _text_layout, image, latent, text
from tabs._controls import defaults
from tabs._dropping import whose
from tests.abuse import write_models

KINDS = ("text", "image", "latent")
TABS = {"text": (text, _text_layout), "image": (image, _image_layout), "latent": (latent, _latent_layout)}
SMALL = {"text": {"max_new_tokens": 2}, "image": {"steps": 1}, "latent": {"frames": 2}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Engine:
    return Engine(Registry(write_models(tmp_path_factory.mktemp("models"))))


@pytest.fixture(scope="module")
def made(engine) -> dict:
    """A result of each kind."""
    return {kind: list(engine.generate(engine.recipe(kind, {"seed": 3, **SMALL[kind]})))[-1] for kind in KINDS}


def dropped(done) -> dict[str, str]:
    """The file of a result, as the page sends it."""
    is_text = done.recipe.kind == "text"
    content = json.dumps(document(done)).encode() if is_text else to_file(done.results[0], done)
    return {"file": base64.b64encode(content).decode()}


def restore(engine: Engine, kind: str, file: dict[str, str]):
    """What the tab of a kind answers: by the component, with the tab's parts."""
    module, layout = TABS[kind]
    with gr.Blocks():
        initial = defaults(engine, Recipe.kinds[kind])
        parts = layout.draw(engine, initial)
    act = module.Listeners(engine, initial, parts)
    return act.restore(gr.EventData(None, file), True, *(initial[name] for name in parts.knobs)), parts


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_belongs_to_the_tab_that_made_it(made, kind):
    assert whose(dropped(made[kind])) == {"kind": kind}


@pytest.mark.parametrize("kind", KINDS)
def test_its_tab_stands_at_what_made_it_and_knows_what_came_of_it(engine, made, kind):
    found, parts = restore(engine, kind, dropped(made[kind]))
    assert found[parts.knobs["seed"]] == 3 and found[parts.random] is False
    recipe, checksum, source = found[parts.opened]
    assert recipe == made[kind].recipe and checksum == check(document(made[kind])) and source == "file"
    assert found[parts.stage]["message"].startswith("Every setting of that ")


@pytest.mark.parametrize(("kind", "other"), permutations(KINDS, 2))
def test_a_file_of_another_tab_is_told_in_a_sentence_and_changes_nothing(engine, made, kind, other):
    found, parts = restore(engine, kind, dropped(made[other]))
    assert set(found) == {parts.stage}
    assert found[parts.stage]["message"] == f"The recipe in this file is for {other}, not for {kind}."
