"""The page as a contract: its API's names, types and defaults, and what is loaded when."""

import json
import shutil
import subprocess
import sys

import gradio as gr
import pytest

import app
from bench._serving import ROOT, environment
from playground.engine import Engine
from playground.recipes import TextRecipe
from playground.registry import Registry
from tests.conftest import write_tiny_model

JSON_TYPES = {str: "string", int: "integer", float: "number"}


@pytest.fixture(scope="module")
def page(engine):
    return app.build(engine)


def endpoints(page: gr.Blocks) -> dict:
    return page.get_api_info()["named_endpoints"]


def test_only_named_endpoints_are_public(page):
    info = page.get_api_info()
    assert set(info["named_endpoints"]) == {"/text", "/image", "/latent", "/edit", "/models"}
    assert not info["unnamed_endpoints"]


def test_arguments_of_text_are_the_knobs_of_its_recipe(page):
    given = endpoints(page)["/text"]["parameters"]
    assert [argument["parameter_name"] for argument in given] == list(TextRecipe.model_fields)
    for argument, field in zip(given, TextRecipe.model_fields.values(), strict=True):
        assert argument["type"] == {"type": JSON_TYPES[field.annotation]}
        assert argument["parameter_has_default"]
        assert argument["parameter_default"] == field.default


def test_every_argument_is_described(page):
    fn = next(fn.fn for fn in page.fns.values() if fn.api_name == "text")
    assert fn.__name__ == "generate_text"
    for name, field in TextRecipe.model_fields.items():
        assert f"    {name}: {field.description}" in fn.__doc__


def test_defaults_of_the_models_manifest_come_before_those_of_the_recipe(tmp_path):
    folder = write_tiny_model(tmp_path / "tales")
    manifest = json.loads((folder / "playground.json").read_text())
    manifest["defaults"] = {"temperature": 0.5}
    (folder / "playground.json").write_text(json.dumps(manifest))
    page = app.build(Engine(Registry(tmp_path)))
    defaults = {p["parameter_name"]: p["parameter_default"] for p in endpoints(page)["/text"]["parameters"]}
    assert defaults["temperature"] == 0.5
    assert defaults["top_p"] == TextRecipe.model_fields["top_p"].default
    slider = next(b for b in page.blocks.values() if getattr(b, "elem_id", "") == "text-temperature")
    assert slider.value == 0.5


def test_every_listener_is_private_unless_it_is_named(page):
    public = [fn for fn in page.fns.values() if fn.api_visibility != "private"]
    assert {fn.api_name for fn in public} == {"text", "image", "latent", "edit", "models"}


def test_damaged_models_are_listed_with_their_reason(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "tales", tmp_path / "tales")
    (tmp_path / "<b>half").mkdir()
    models = app.models(Engine(Registry(tmp_path)))()
    assert {model["name"]: bool(model["problem"]) for model in models} == {"tales": False, "<b>half": True}
    page = app.build(Engine(Registry(tmp_path)))
    shown = [block.value for block in page.blocks.values() if isinstance(block, gr.HTML) and block.value]
    assert any("&lt;b&gt;half" in value for value in shown)
    assert not any("<b>half" in value for value in shown)


FIRST_PAGE = """
import sys, urllib.request
import app
from playground.engine import Engine
url = app.serve(app.build(Engine()))
page = urllib.request.urlopen(url).read().decode()
print("gradio_config" in page, "torch" in sys.modules, "transformers" in sys.modules)
"""


def test_the_first_page_is_served_before_torch_is_loaded(checkpoints):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE], cwd=ROOT, env=environment(checkpoints), capture_output=True, text=True
    )
    assert done.stdout.split()[-3:] == ["True", "False", "False"], done.stderr
