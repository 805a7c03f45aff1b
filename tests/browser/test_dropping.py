"""Files made here, dropped anywhere on the page: the tab that made them takes them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench._serving import serving
from playground.documents import document, to_file
from playground.engine import Engine
from playground.recipes import ImageRecipe, LatentRecipe, TextRecipe
from playground.registry import Registry
from tests.abuse import write_models
from tests.browser.steps import generate, set_up, settle

pytestmark = pytest.mark.browser

DROP = """([content, name]) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name));
    const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
}"""
RECIPES = {
    "text": TextRecipe(prompt="The dropped king", seed=3, max_new_tokens=4),
    "image": ImageRecipe(prompt="a dropped cat", seed=3, steps=1),
    "latent": LatentRecipe(a="preset:dog", b="preset:fox", seed=3, frames=2),
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def site(checkpoints, tmp_path_factory) -> Iterator[str]:
    """The app over tiny models of all kinds, with a history."""
    with serving(checkpoints, tmp_path_factory.mktemp("history")) as app:
        yield app.url


@pytest.fixture(scope="module")
def files(checkpoints) -> dict[str, bytes]:
    """A result of each kind, as it is downloaded."""
    engine, found = Engine(Registry(checkpoints)), {}
    for kind, recipe in RECIPES.items():
        *_, done = engine.generate(engine.recipe(kind, recipe.differences()))
        text = json.dumps(document(done)).encode()
        found[kind] = text if kind == "text" else to_file(done.results[0], done)
    return found


def drop(page: Page, content: bytes, name: str = "file") -> None:
    """Drop a file in the middle of nothing; the browser must not open it."""
    assert page.evaluate(DROP, [base64.b64encode(content).decode(), name])


def restored(page: Page, kind: str) -> None:
    expect(page.get_by_role("tab", name=kind.capitalize())).to_have_attribute("aria-selected", "true")
    expect(page.locator(".stage .notice:visible")).to_contain_text("is back")
    expect(page.locator(f"#{kind}-random input")).not_to_be_checked()


@pytest.mark.parametrize("there", ["text", "history"])
def test_each_file_brings_its_own_tab_to_the_front(open_page, files, there):
    page = open_page(f"?tab={there}")
    for kind in ("image", "text", "latent", "image"):
        drop(page, files[kind])
        restored(page, kind)
    expect(page.locator("#image-prompt textarea")).to_have_value("a dropped cat")
    expect(page.locator("#text-prompt textarea")).to_have_value("The dropped king")


def test_a_tale_that_is_restored_is_told_again_and_what_stood_there_comes_back(open_page, files):
    page = open_page()
    set_up(page, prompt="mine", seed=None)
    page.get_by_label("A tale made here").set_input_files(
        {"name": "tale.json", "mimeType": "application/json", "buffer": files["text"]}
    )
    restored(page, "text")
    assert generate(page).startswith("The dropped king")
    expect(page.locator(".card .status")).to_contain_text("The same text as in the file.")
    page.get_by_role("button", name="Back to my prompt").click()
    expect(page.get_by_label("Prompt")).to_have_value("mine")
    expect(page.get_by_label("Random")).to_be_checked()


@pytest.mark.parametrize("content", [b"", b"\x89PNG cut", b"<svg></svg>", b'{"recipe": {}}'])
def test_what_is_no_file_of_ours_is_told_in_a_sentence_and_changes_nothing(open_page, content):
    page = open_page("?tab=history")
    drop(page, content)
    problem = page.get_by_role("alert").filter(has_text=".")
    expect(problem).to_be_visible()
    expect(page.get_by_role("tab", name="History")).to_have_attribute("aria-selected", "true")
    page.locator("#dropping").get_by_role("button", name="Close").click()
    expect(problem).to_be_hidden()


def test_a_seed_that_is_typed_is_meant(open_page):
    page = open_page()
    settle(page)
    expect(page.get_by_label("Random")).to_be_checked()
    page.get_by_label("Seed", exact=True).press_sequentially("42")
    expect(page.get_by_label("Random")).not_to_be_checked()


def test_a_link_that_leaves_the_seed_out_means_the_default_one(open_page):
    page = open_page("?tab=text&v=1&prompt=The%20king&max_new_tokens=4")
    settle(page)
    expect(page.get_by_label("Random")).not_to_be_checked()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("0")
    bare = open_page("?tab=text")
    settle(bare)
    expect(bare.get_by_label("Random")).to_be_checked()
