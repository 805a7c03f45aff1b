"""Every link of version 1 that there ever was, opened: by its own tab, by the grid, and by no other."""

import json
from pathlib import Path

import gradio as gr
import pytest
from fastapi import Request

import app
from playground.engine import Engine
from playground.links import from_query
from playground.recipes import Recipe
from playground.registry import Registry
from tabs import grid, image, latent, text
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint as make_painter
from tests.latent.tiny import make_checkpoint as make_faces

LINES = Path(__file__).with_name("links_v1.txt").read_text("utf-8").splitlines()
LINKS = [line.split("\t") for line in LINES]
TABS = {"text": text, "image": image, "latent": latent, "grid": grid}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> gr.Blocks:
    """The whole page over a tiny model of each name that stands in a link."""
    root = tmp_path_factory.mktemp("all")
    for name in ("tales", "my-own.model_2"):
        write_tiny_model(root / name)
    make_painter(root / "scenes")
    for kind in ("vae", "gan"):
        make_faces(root / f"faces-{kind}", kind)
    return app.build(Engine(Registry(root)))


@pytest.fixture(scope="module")
def acts(page) -> dict:
    """What each tab does, by its name."""
    bound = {type(act): act for fn in page.fns.values() if (act := getattr(fn.fn, "__self__", None))}
    return {name: bound[module.Listeners] for name, module in TABS.items()}


def request(query: str) -> gr.Request:
    scope = {"type": "http", "path": "/", "query_string": query.removeprefix("?").encode(), "headers": []}
    return gr.Request(Request(scope))


def opened(act, query: str) -> tuple[dict, dict]:
    """What the tab's knobs are set to by an address that ends in `query`, and what its stage says."""
    shown = act.open_page(request(query))
    knobs = {name: shown[knob] for name, knob in act.parts.knobs.items() if knob in shown}
    plain = {name: value.get("value") if isinstance(value, dict) else value for name, value in knobs.items()}
    return {name: value for name, value in plain.items() if value is not None}, shown[act.parts.stage]


@pytest.mark.parametrize(("query", "meant"), LINKS, ids=range(len(LINKS)))
def test_a_link_of_version_1_fills_its_tab_and_no_other(acts, query, meant):
    link, meant = from_query(query), json.loads(meant)
    for kind in Recipe.kinds:
        knobs, stage = opened(acts[kind], query)
        if kind != link.kind:
            assert set(knobs) <= {"model"} and not stage["message"] and not stage["begin"]
            continue
        assert stage["begin"] == link.run
        assert "can't be opened" not in stage["message"]
        assert knobs == {name: value for name, value in meant.items() if name in acts[kind].parts.knobs} | {
            name: value for name, value in knobs.items() if name not in meant
        }


@pytest.mark.parametrize(("query", "meant"), LINKS, ids=range(len(LINKS)))
def test_a_link_of_version_1_can_be_the_base_of_a_grid(acts, query, meant):
    act = acts["grid"]
    shown = act.read_link(f"http://example.org/?{query.removeprefix('?')}")
    assert act.parts.plan not in shown  # which would say what is wrong
    link = from_query(query)
    assert shown[act.parts.kind] == link.kind
    assert shown[act.parts.seed] == json.loads(meant)["seed"]


@pytest.mark.parametrize("name", ["grid", "history"])
def test_an_address_opens_a_tab_that_has_no_recipe(acts, name):
    assert app.asked_tab(request(f"tab={name}")).selected == name
    for kind in Recipe.kinds:
        knobs, stage = opened(acts[kind], f"tab={name}")
        assert set(knobs) <= {"model"} and not stage["message"]


@pytest.mark.parametrize("name", ["nowhere", "Grid", "../text", "_controls", "<b>"])
def test_an_address_that_names_no_tab_is_told_once(acts, name):
    assert app.asked_tab(request(f"tab={name}")) == gr.skip()
    told = [opened(acts[kind], f"tab={name}")[1]["message"] for kind in Recipe.kinds]
    assert sorted(map(bool, told)) == [False, False, True]
