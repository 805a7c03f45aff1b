"""What the Share panel gets: a QR code and code of a result's link or recipe, whatever a page asks."""

import base64
import json

import gradio as gr
import pytest

from playground.links import to_link, to_record
from playground.qr import LONGEST, to_svg
from playground.recipes import ImageRecipe, Recipe, TextRecipe
from playground.snippets import snippets
from tabs._share import sharer

BASE = "http://127.0.0.1:7860/"
HOSTILE = "<img src=x onerror=alert(1)>${alert(1)}"


@pytest.fixture
def share(engine):
    return sharer(engine)


def svg_of(found) -> str:
    head, _, content = found["qr"].partition(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(content).decode()


def test_a_link_comes_with_its_qr_code_and_code(share, engine):
    recipe = engine.recipe("text", {"prompt": "Once", "seed": 7})
    link = to_link(recipe, "https://example.org/play/", check="0123456789ab")
    found = share({"link": link, "page": "https://elsewhere.example/"})
    assert svg_of(found) == to_svg(link) and found["no_qr"] == ""
    assert found["code"] == [way._asdict() for way in snippets(recipe, "https://example.org/play/")]
    json.dumps(found)


def test_a_result_without_a_link_has_code_all_the_same(share):
    recipe = TextRecipe.make({"prompt": "é" * 10_000, "seed": 7})
    found = share({"link": "", "recipe": to_record(recipe), "page": BASE})
    assert (found["qr"], found["no_qr"]) == ("", "")
    assert all(recipe.prompt in way["code"] for way in found["code"])


def test_a_link_too_long_for_a_code_says_so(share, engine):
    link = to_link(engine.recipe("text", {"prompt": "x" * LONGEST}), BASE)
    found = share({"link": link, "page": BASE})
    assert found["qr"] == "" and found["no_qr"].endswith("copy it instead.")
    assert len(found["code"]) == 4


def test_what_the_api_of_another_model_would_take_is_named(painter):
    """The endpoint fills in what the default model suggests, whichever model is asked for."""
    found = sharer(painter)({"link": to_link(painter.recipe("image", {"steps": 3}), BASE), "page": BASE})
    assert all("3" in way["code"] for way in found["code"])


@pytest.mark.parametrize("kind", list(Recipe.kinds))
@pytest.mark.parametrize(
    "asked",
    [
        None,
        5,
        [],
        {},
        {"link": None, "page": BASE},
        {"link": HOSTILE, "page": HOSTILE},
        {"link": "", "page": BASE},
        {"link": "", "page": BASE, "recipe": HOSTILE},
        {"link": "", "page": BASE, "recipe": {"kind": "song"}},
        {"link": "", "page": BASE, "recipe": {"kind": "text", "seed": []}},
        {"link": "", "page": BASE, "recipe": {"kind": "text", "model": "../etc"}},
        {"link": f"{BASE}?tab=text&seed=x", "page": BASE},
        {"link": f"{BASE}?tab=nowhere", "page": BASE},
        {"link": BASE, "page": BASE},
        {"link": f"javascript:alert(1)?tab={{kind}}&prompt={HOSTILE}", "page": BASE},
        {"link": f"http://\"$(id)`id`'/?tab={{kind}}&prompt={HOSTILE}", "page": BASE},
        {"link": "http://[?tab={kind}", "page": BASE},
        {"link": f"{BASE}?tab={{kind}}&prompt=" + "x" * 40_000, "page": BASE},
    ],
)
def test_whatever_is_asked_the_answer_is_an_answer_or_a_sentence(share, kind, asked):
    if isinstance(asked, dict) and isinstance(asked.get("link"), str):
        asked = {**asked, "link": asked["link"].replace("{kind}", kind)}
    found = share(asked)
    assert found.get("problem", ".").endswith((".", "…")) and ("problem" in found or len(found["code"]) == 4)
    json.dumps(found)


def test_a_picture_with_a_start_is_shared_without_a_link(painter):
    start = "data:image/png;base64,iVBORw0KGgo="
    recipe = ImageRecipe.make({"prompt": "a cat", "start": start})
    found = sharer(painter)({"link": "", "page": BASE, "recipe": to_record(recipe)})
    assert all(start in way["code"] for way in found["code"])


def test_of_a_page_with_a_login_the_code_asks_for_one(painter):
    with gr.Blocks() as page:
        share = sharer(painter)
    asked = {"link": to_link(painter.recipe("image", {}), BASE), "page": BASE}
    told = [json.dumps(share(asked)["code"])]
    page.auth = [("ann", "secret")]
    told.append(json.dumps(share(asked)["code"]))
    assert ["LOGIN_PASSWORD" in code for code in told] == [False, True]
