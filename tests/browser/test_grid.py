"""The grid tab, as a person uses it: values in, cells out, from a cell into its tab, and files."""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from bench._serving import serving
from playground.grid_picture import KEY
from tests.browser.latent import HOSTILE, PHONE
from tests.browser.steps import frames, press
from tests.browser.test_accessibility import found, told
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint as make_painter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The app over a tiny model of texts and one of pictures."""
    root = tmp_path_factory.mktemp("grid")
    write_tiny_model(root / "tales")
    make_painter(root / "scenes")
    with serving(root) as app:
        yield app.url


def opened(open_page, **options) -> Page:
    """The tab, filled and with its plan."""
    page = open_page(**options)
    page.get_by_role("tab", name="Grid").click()
    expect(said(page)).to_contain_text("runs")
    frames(page)
    return page


def said(page: Page):
    return page.locator("#grid-plan [data-part='said']")


def box(page: Page, name: str):
    return page.locator(f"#grid-{name} textarea, #grid-{name} input")


def choose(page: Page, axis: str, knob: str, values: str) -> None:
    """Choose what an axis varies, and write its values."""
    page.get_by_label(axis, exact=True).click()
    page.get_by_role("option", name=knob, exact=True).click()
    expect(page.get_by_role("option")).to_have_count(0)  # the list fades; another's would be open beside it
    box(page, f"{axis.lower()}-values").fill(values)


def set_up(page: Page, prompt: str = "Once upon a time", more: str = "max_new_tokens=6") -> None:
    box(page, "text-prompt").fill(prompt)
    page.get_by_role("button", name="More settings, or a share link").click()
    frames(page)
    box(page, "more").fill(more)


def cells(page: Page):
    return page.locator("#grid-stage .grid-cell:not(:disabled)")


def fill(page: Page, count: int) -> None:
    """Press the button and wait for the whole grid."""
    press(page.get_by_role("button", name="Fill the grid").click, page.locator("#grid-stage table tr"))
    expect(cells(page)).to_have_count(count)
    expect(page.get_by_role("button", name="Picture (PNG)")).to_be_visible()


def saved(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_a_grid_of_texts_fills_and_a_cell_opens_in_its_tab(open_page):
    page = opened(open_page)
    set_up(page)
    choose(page, "Across", "temperature", "0, 0.8, 1.5")
    choose(page, "Down", "words of “prompt”", "time, hill")
    expect(said(page)).to_contain_text("3 × 2 = 6 runs")
    fill(page, 6)
    expect(said(page)).not_to_contain_text("not known")
    cells(page).nth(4).click()
    look = page.get_by_role("region", name="The chosen cell")
    expect(look).to_contain_text("temperature: 0.8, “time” in the prompt: hill")
    whole = look.locator(".story").text_content()
    look.get_by_role("button", name="Share").click()
    expect(page.get_by_label("Link to this cell")).to_have_value(re.compile("tab=text.*hill"))
    name, content = saved(page, "This cell")
    assert name == "text-seed-0.json" and json.loads(content)["recipe"]["prompt"] == "Once upon a hill"
    page.keyboard.press("Escape")
    look.get_by_role("button", name="Open in the Text tab").click()
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#text-prompt textarea")).to_have_value("Once upon a hill")
    frames(page)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".card").get_by_role("button", name="Continue")).to_be_visible()
    expect(page.locator(".story:visible").first).to_have_text(f"Once upon a hill{whole}")
    page.get_by_role("tab", name="Grid").click()
    expect(cells(page)).to_have_count(6)


def test_an_example_of_pictures_fills_and_is_saved(open_page):
    page = opened(open_page)
    press(page.get_by_role("button", name="Guidance × steps of a picture").click, cells(page))
    expect(cells(page)).to_have_count(9)
    expect(page.locator("#grid-image-prompt textarea")).to_have_value("a red car on a beach at sunset")
    expect(page.locator("#grid-stage .grid-cell img")).to_have_count(9)
    name, content = saved(page, "Picture (PNG)")
    image = Image.open(io.BytesIO(content))
    assert name == "grid-image-seed-9.png" and image.width > 600
    assert json.loads(image.text[KEY])["down"]["values"] == [2, 5, 12]
    rows = list(csv.reader(io.StringIO(saved(page, "Table (CSV)")[1].decode(), newline="")))
    assert len(rows) == 10 and rows[0][:2] == ["guidance", "steps"]
    assert saved(page, "Table (Markdown)")[1].count(b"\n") == 5
    cells(page).first.click()
    page.get_by_role("button", name="Open in the Image tab").click()
    expect(page.get_by_role("tab", name="Image")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#image-prompt textarea")).to_have_value("a red car on a beach at sunset")
    expect(page.locator("#image-random input")).not_to_be_checked()


def test_stop_keeps_the_cells_that_are_there(open_page):
    page = opened(open_page)
    set_up(page, more="max_new_tokens=100")
    choose(page, "Across", "seed", "1-100")
    press(page.get_by_role("button", name="Fill the grid").click, cells(page))
    page.locator("#grid-stop").click()
    expect(page.locator("#grid-stage [data-part='progress']")).to_contain_text("Stopped: ")
    there = cells(page).count()
    assert 0 < there < 100
    expect(page.get_by_role("button", name="Table (CSV)")).to_be_visible()


def test_hostile_texts_are_only_shown(open_page):
    page = opened(open_page)
    set_up(page, prompt=HOSTILE)
    choose(page, "Across", "title", f'"{HOSTILE}", "${{window.hacked=1}}"')
    choose(page, "Down", "words of “prompt”", f'"{HOSTILE}", ok')
    fill(page, 4)
    cells(page).first.click()
    expect(page.locator("#grid-stage th").first).to_have_text(HOSTILE)
    box(page, "across-values").fill(f'{HOSTILE} "{HOSTILE}')
    expect(said(page)).to_contain_text("a quote is not closed")
    assert page.evaluate("window.hacked") is None


def test_it_works_by_keyboard_alone(open_page):
    page = opened(open_page)
    set_up(page)
    choose(page, "Down", "temperature", "0, 1")
    page.get_by_role("button", name="Fill the grid").focus()
    page.keyboard.press("Enter")
    expect(cells(page)).to_have_count(6)
    expect(page.get_by_role("button", name="Picture (PNG)")).to_be_visible()
    cells(page).first.focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(cells(page).nth(4)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # there is no cell
    page.keyboard.press("Enter")
    expect(page.locator("[data-part='look-name']")).to_have_text("seed: 3, temperature: 1")


def test_a_share_link_fills_the_controls(open_page, site):
    page = opened(open_page)
    page.get_by_role("button", name="More settings, or a share link").click()
    frames(page)
    box(page, "link").fill(f"{site}?tab=image&v=1&prompt=a%20cat&steps=3&seed=5")
    expect(page.locator("#grid-image-prompt textarea")).to_have_value("a cat")
    expect(box(page, "more")).to_have_value("steps=3")
    expect(page.locator("#grid-seed input")).to_have_value("5")


def test_it_fits_a_phone(open_page):
    page = opened(open_page, **PHONE)
    page.get_by_role("button", name="Temperature × top-p of a tale").tap()
    expect(cells(page)).to_have_count(9)
    cells(page).nth(2).tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("button", name="Fill the grid")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(open_page, scheme):
    page = opened(open_page, color_scheme=scheme)
    assert not (wrong := found(page)), told(wrong)
    set_up(page)
    choose(page, "Down", "temperature", "0, 1")
    fill(page, 6)
    cells(page).first.click()
    assert not (wrong := found(page)), told(wrong)
