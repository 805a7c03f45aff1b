"""Scripts planted wherever a stranger's text gets onto the page: none runs, and none becomes an element."""

import io
import json
import shutil
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from bench._serving import serving
from playground.recipes import Recipe, limits
from tests.abuse import write_models
from tests.bombs import png
from tests.browser.steps import frames, press

pytestmark = pytest.mark.browser

SCRIPT = "window.hacked=1"
TAGS = f"<img src=x onerror='{SCRIPT}'> \"><script>{SCRIPT}</script>"
PAYLOAD = f"{TAGS} {{{{{SCRIPT}}}}} ${{{SCRIPT}}} javascript:{SCRIPT}"
NAME = f"<img src=x onerror='{SCRIPT}'>"  # of a folder, so without a slash
MADE = """(script) => [...document.querySelectorAll("img[src='x'], [onerror], [href^='javascript:' i], iframe, object")]
  .map((node) => node.outerHTML)
  .concat([...document.scripts].map((node) => node.textContent.trim()).filter((text) => text === script))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The app over tiny models, one of which can't be used and has a hostile name, as another that can."""
    models = write_models(tmp_path_factory.mktemp("models"))
    shutil.copytree(models / "tales", models / f"{NAME}tales")
    (models / f"{NAME}broken").mkdir()
    with serving(models, tmp_path_factory.mktemp("history")) as app:
        yield app.url


def unharmed(page: Page) -> None:
    frames(page)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(MADE, SCRIPT) == []


def link(kind: str, **values: str) -> str:
    return "?" + urlencode({"tab": kind, "v": "1", **values})


def texts(kind: str) -> list[str]:
    """The knobs of a kind that hold a text."""
    fields = Recipe.kinds[kind].model_fields
    return [name for name, field in fields.items() if field.annotation is str and "choices" not in limits(field)]


@pytest.mark.parametrize("kind", Recipe.kinds)
def test_a_link_whose_every_word_is_hostile(open_page, kind):
    page = open_page(link(kind, **dict.fromkeys(texts(kind), PAYLOAD)))
    expect(page.get_by_text("This link can't be opened").first).to_be_visible()
    unharmed(page)
    free = {"prompt": PAYLOAD} if kind != "latent" else {"a": "seed:1", "b": "seed:2"}
    page.goto(page.url.partition("?")[0] + link(kind, **free, **{PAYLOAD: PAYLOAD}))
    expect(page.get_by_text("This link can't be opened").first).to_be_visible()
    unharmed(page)


def test_a_picture_of_hostile_words_in_its_tab_and_in_the_history(open_page):
    page = open_page(link("image", prompt=PAYLOAD, negative_prompt=PAYLOAD, steps="1", seed="7"))
    expect(page.locator("#image-prompt textarea")).to_have_value(PAYLOAD)
    unharmed(page)
    press(page.locator("#image-generate").click, page.locator("#image-stage .picture"))
    expect(page.locator("#image-stage .picture").get_by_role("button", name="Download")).to_be_visible()
    record = {"v": 1, "kind": "image", "prompt": f"{PAYLOAD} again", "negative_prompt": PAYLOAD, "steps": 2}
    for text in (json.dumps(record), json.dumps(record | {"model": PAYLOAD}), PAYLOAD):
        file = {"name": f"{NAME}.png", "mimeType": "image/png", "buffer": png(text={"playground": text})}
        page.get_by_label("A PNG made here").set_input_files(file)
        frames(page, 10)
        unharmed(page)
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#history-view .stage")).to_have_attribute("data-state", "ready")
    entry = page.locator("#history-view .past-item")
    expect(entry).to_have_count(1)
    page.get_by_label("Search the history").fill(PAYLOAD)
    expect(entry).to_have_count(1)
    entry.get_by_role("button").first.click()
    expect(page.get_by_role("region", name="The chosen result")).to_contain_text(PAYLOAD)
    unharmed(page)
    page.get_by_label("Search the history").fill(f"{PAYLOAD} nowhere")
    expect(entry).to_have_count(0)
    unharmed(page)


def test_files_and_names_on_the_latent_tab(open_page):
    page = open_page(link("latent", a="seed:1", b="seed:2", frames="2"))
    expect(page.locator("#latent-stage-view .stage[data-opened]")).to_be_visible()
    file = io.BytesIO()
    comment = json.dumps({"playground": {"v": 1, "kind": "latent", "a": PAYLOAD}}).encode("ascii")
    Image.new("RGB", (64, 64)).save(file, "GIF", comment=comment)
    animation = page.locator("#latent-stage-view input[type=file]").first
    animation.set_input_files({"name": f"{NAME}.gif", "mimeType": "image/gif", "buffer": file.getvalue()})
    frames(page, 10)
    unharmed(page)
    directions = {PAYLOAD: {"vector": [0.0] * 8, "fingerprint": PAYLOAD, "model": PAYLOAD}}
    for content in (directions, {"odd": {"vector": [PAYLOAD], "fingerprint": PAYLOAD, PAYLOAD: PAYLOAD}}, PAYLOAD):
        given = {"name": f"{NAME}.json", "mimeType": "application/json", "buffer": json.dumps(content).encode()}
        page.get_by_label("A file of directions").set_input_files(given)
        expect(page.locator("#latent-edits-view [data-part='edits-said']")).not_to_have_text("")
        unharmed(page)


def test_names_of_models_and_a_link_in_the_grid(open_page):
    page = open_page()
    damaged = page.locator("details.damaged:visible").first
    damaged.locator("summary").click()
    expect(damaged).to_contain_text(f"{NAME}broken")
    page.locator("#text-model input").click()
    frames(page)
    unharmed(page)
    page.get_by_role("tab", name="Grid").click()
    page.get_by_role("button", name="More settings, or a share link").click()
    for text in (PAYLOAD, f"http://{PAYLOAD}", f"prompt={PAYLOAD}", f"{page.url}{link('text', prompt=PAYLOAD)}"):
        page.locator("#grid-more textarea").fill(text)
        frames(page, 5)
        unharmed(page)
    page.locator("#grid-across-values textarea, #grid-across-values input").first.fill(PAYLOAD)
    expect(page.locator("#grid-plan [data-part='said']")).not_to_have_text("")
    unharmed(page)
