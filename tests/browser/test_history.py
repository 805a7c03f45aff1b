"""The history tab, as a person uses it: what was made is there after a reload, is found, compared, and thrown away."""

import io
import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bench._serving import serving
from tests.browser.latent import HOSTILE, PHONE
from tests.browser.steps import frames, generate, set_up
from tests.browser.test_accessibility import found, told
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint as make_painter

pytestmark = pytest.mark.browser
PROMPTS = ("Once upon a time", "The king had three sons")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The app over a tiny model of texts and one of pictures, with a history."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_model(root / "tales")
    make_painter(root / "scenes")
    with serving(root, tmp_path_factory.mktemp("history")) as app:
        yield app.url


def items(page: Page) -> Locator:
    return page.locator("#history-view .past-item")


def look(page: Page) -> Locator:
    return page.get_by_role("region", name="The chosen result")


def visit(page: Page, count: int) -> None:
    """Go to the tab and wait for so many results."""
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#history-view .stage")).to_have_attribute("data-state", "ready")
    expect(items(page)).to_have_count(count)
    frames(page)


def tell(page: Page, *prompts: str) -> None:
    """Make short tales on the text tab."""
    set_up(page, prompts[0], length=6)
    for prompt in prompts:
        page.get_by_label("Prompt").fill(prompt)
        frames(page)
        generate(page)


def test_results_survive_a_reload_and_come_back_into_their_tab(open_page, site):
    page = open_page()
    tell(page, *PROMPTS)
    shown = page.locator(".story:visible").first.text_content()
    page.reload()
    visit(page, 2)
    expect(items(page).first).to_contain_text(PROMPTS[1])
    items(page).first.get_by_role("button").first.click()
    expect(look(page).locator(".story")).to_have_text(shown)
    look(page).get_by_role("button", name="Open in the Text tab").click()
    page.wait_for_url(re.compile("tab=text"))
    expect(page.locator("#text-prompt textarea")).to_have_value(PROMPTS[1])
    generate(page)
    expect(page.get_by_text("The same text as in the link.").first).to_be_visible()
    other = open_page()
    other.get_by_role("tab", name="History").click()
    expect(other.locator("#history-view")).to_contain_text("What you make will be found here.")
    expect(items(other)).to_have_count(0)


def test_search_star_compare_save_and_delete(open_page):
    page = open_page()
    tell(page, *PROMPTS)
    visit(page, 2)
    page.get_by_label("Search the history").fill("KING")
    expect(items(page)).to_have_count(1)
    page.get_by_label("Search the history").fill("")
    expect(items(page)).to_have_count(2)
    page.get_by_label(f"Star: {PROMPTS[0]}").click()
    page.get_by_role("button", name="Starred only").click()
    expect(items(page)).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as zip").click()
    names = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())).namelist()
    assert len(names) == 2 and download.value.suggested_filename == "playground-history.zip"
    page.get_by_role("button", name="Starred only").click()
    expect(items(page)).to_have_count(2)
    page.get_by_label("Which tab").select_option("image")
    expect(items(page)).to_have_count(0)
    expect(page.locator("#history-view")).to_contain_text("Nothing of that kind is here.")
    page.get_by_label("Which tab").select_option("")
    items(page).first.get_by_role("button").first.click()
    look(page).get_by_role("button", name="Compare with").click()
    items(page).nth(1).get_by_role("button").first.click()
    expect(look(page).locator(".past-side")).to_have_count(2)
    expect(look(page).locator(".past-differences tr")).to_have_count(1)
    expect(look(page).locator(".past-differences")).to_contain_text(PROMPTS[0])
    look(page).get_by_role("button", name="Close").click()
    items(page).first.get_by_role("button").first.click()
    with page.expect_download() as download:
        look(page).get_by_role("button", name="Save the text").click()
    assert download.value.path().read_text().startswith(PROMPTS[1])
    look(page).get_by_role("button", name="Delete").click()
    look(page).get_by_role("button", name="Really delete it?").click()
    expect(items(page)).to_have_count(1)


def test_all_are_deleted_by_keyboard_after_a_second_thought(open_page):
    page = open_page()
    tell(page, PROMPTS[0])
    visit(page, 1)
    page.get_by_role("button", name="Delete all …").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep them")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(items(page)).to_have_count(0)
    expect(page.locator("#history-view")).to_contain_text("1 deleted.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_texts_are_only_shown_and_axe_finds_nothing_grave(open_page, scheme):
    page = open_page(color_scheme=scheme)
    tell(page, HOSTILE, PROMPTS[0])
    visit(page, 2)
    items(page).nth(1).get_by_role("button").first.click()
    expect(look(page).locator("h2")).to_contain_text("<img src=x")
    expect(look(page).locator(".story")).to_contain_text(HOSTILE)
    assert not (wrong := found(page)), told(wrong)
    look(page).get_by_role("button", name="Compare with").click()
    items(page).first.get_by_role("button").first.click()
    expect(look(page).locator(".past-side")).to_have_count(2)
    assert not (wrong := found(page)), told(wrong)
    assert page.evaluate("window.hacked") is None


def test_pictures_are_kept_and_it_fits_a_phone(open_page):
    page = open_page("?tab=image&v=1&prompt=a%20cat&steps=2&seed=5", **PHONE)
    frames(page, 10)
    page.locator("#image-generate").tap()
    expect(page.locator("#image-stage .picture").get_by_role("button", name="Download")).to_be_visible()
    visit(page, 1)
    expect(items(page).locator("img")).to_be_visible()
    items(page).first.get_by_role("button").first.tap()
    expect(look(page).locator("img")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        look(page).get_by_role("button", name="Save the file").tap()
    assert download.value.suggested_filename == "image-5.png"
    look(page).get_by_role("button", name="Open in the Image tab").tap()
    page.wait_for_url(re.compile("tab=image.*prompt=a"))
