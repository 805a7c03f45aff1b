"""The Share panel, as a person uses it: by keyboard, on a phone, in the dark; what is copied is what it says."""

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bench._serving import serving
from playground.documents import read
from playground.links import from_link
from playground.qr import to_svg
from playground.recipes import Recipe
from playground.snippets import snippets
from tests.browser.latent import HOSTILE, PHONE
from tests.browser.steps import generate, set_up
from tests.browser.test_accessibility import found, told
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint as make_painter
from tests.latent.tiny import make_checkpoint as make_faces

pytestmark = pytest.mark.browser
DESK = {"viewport": {"width": 1280, "height": 900}}
TABS = [
    ("text", "tale", {"prompt": "Once", "seed": "7", "max_new_tokens": "12"}, DESK | {"color_scheme": "light"}),
    ("image", "picture", {"prompt": "a cat", "seed": "7", "steps": "2"}, DESK | {"color_scheme": "dark"}),
    ("latent", "journey", {"a": "preset:cat", "frames": "5", "seed": "7"}, PHONE | {"color_scheme": "dark"}),
]
FILES = {"text": "Download JSON", "image": "Download PNG", "latent": "WebP"}
COPY = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The app over a tiny model of each kind, with a history."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_model(root / "tales")
    make_painter(root / "scenes")
    make_faces(root / "faces-vae")
    with serving(root, tmp_path_factory.mktemp("history")) as app:
        yield app.url


def panel(page: Page) -> Locator:
    return page.get_by_role("dialog")


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def is_focused(node: Locator) -> None:
    expect(node).to_be_focused()


@pytest.mark.parametrize(("kind", "what", "values", "options"), TABS, ids=[tab[0] for tab in TABS])
def test_a_result_is_shared_by_keyboard_alone(open_page, kind, what, values, options):
    asked = "&".join(f"{name}={value}" for name, value in values.items()).replace(" ", "%20")
    page = open_page(f"?tab={kind}&v=1&{asked}&run=1", permissions=COPY, **options)
    share = page.get_by_role("button", name="Share", exact=True).locator("visible=true")
    expect(share).to_have_count(1)
    share.focus()
    page.keyboard.press("Enter")
    expect(panel(page)).to_be_visible()
    expect(panel(page)).to_have_accessible_name(f"Share this {what}")
    is_focused(page.get_by_role("button", name="Copy link"))
    link = page.get_by_label(f"Link to this {what}").input_value()
    assert {name: str(value) for name, value in from_link(link).values.items()}.items() >= values.items()
    page.keyboard.press("Enter")
    expect(panel(page)).to_contain_text("Link copied.")
    assert clipboard(page) == link

    image = page.get_by_role("img", name="QR code of the link")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") > 0
    head, _, content = image.get_attribute("src").partition(",")
    assert (head, base64.b64decode(content).decode()) == ("data:image/svg+xml;base64", to_svg(link))

    recipe = Recipe.kinds[kind].make(from_link(link).values)
    page.get_by_role("button", name="Show code").press("Enter")
    first = page.get_by_role("tab", name="Command line")
    expect(first).to_have_attribute("aria-selected", "true")
    first.focus()
    for way in snippets(recipe, link.partition("?")[0]):
        is_focused(page.get_by_role("tab", name=way.name, exact=True))
        expect(page.get_by_role("tabpanel").locator("visible=true").locator("code")).to_have_text(way.code)
        page.keyboard.press("ArrowRight")
    is_focused(first)
    page.get_by_role("button", name="Copy code").press("Enter")
    expect(panel(page)).to_contain_text("Code copied.")
    assert clipboard(page).startswith(f"python -m playground generate {kind} ")
    assert not (wrong := found(page)), told(wrong)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert panel(page).evaluate("node => node.scrollWidth <= node.clientWidth")

    with page.expect_download() as download:
        panel(page).get_by_role("button", name=FILES[kind]).press("Enter")
    assert re.fullmatch(r"(text|image|journey)-seed-7\.(json|png|webp)", download.value.suggested_filename)
    page.keyboard.press("Escape")
    expect(panel(page)).to_have_count(0)
    is_focused(share)


def test_hostile_text_is_only_shown_and_a_press_beside_the_panel_closes_it(open_page):
    page = open_page(permissions=COPY)
    set_up(page, HOSTILE, length=4)
    generate(page)
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Show code").click()
    expect(panel(page).locator("code")).to_contain_text("<img src=x")
    page.get_by_role("tab", name="curl").click()
    expect(panel(page).locator("code")).to_contain_text("${window.hacked=1}{{window.hacked=1}}")
    assert page.evaluate("window.hacked") is None
    page.mouse.click(8, 8)
    expect(panel(page)).to_have_count(0)
    page.get_by_role("tab", name="History").click()
    page.locator("#history-view .past-item button").first.click()
    page.locator("#history-view").get_by_role("button", name="Share").click()
    link = page.get_by_label("Link to this result").input_value()
    assert from_link(link).values["prompt"] == HOSTILE and from_link(link).check
    panel(page).get_by_role("button", name="Close").click()
    expect(panel(page)).to_have_count(0)


def test_a_column_of_a_comparison_is_shared_with_its_file(open_page):
    page = open_page("?tab=text&v=1&prompt=Once&seed=7&max_new_tokens=4")
    expect(page.locator("#text-stage .stage[data-opened]")).to_be_visible()
    page.get_by_role("button", name="side by side").click()
    expect(page.locator('.compare[data-state="done"]')).to_be_visible()
    page.locator(".way").nth(2).get_by_role("button", name="Share").click()
    link = from_link(page.get_by_label("Link to what Hot tells").input_value())
    with page.expect_download() as download:
        panel(page).get_by_role("button", name="Download JSON").click()
    saved, _ = read(download.value.path().read_bytes())
    assert link.values.items() <= saved.values.items() and link.check
    panel(page).get_by_role("button", name="Close").click()
    expect(panel(page)).to_have_count(0)
