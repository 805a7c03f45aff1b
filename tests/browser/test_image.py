"""The image tab, as a person uses it, over a tiny model that draws noise but heeds every knob."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from bench._serving import serving
from playground.documents import read
from playground.links import from_link
from tests.browser.steps import fold, frames, press
from tests.browser.test_accessibility import found, told
from tests.browser.test_text import HOSTILE
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint

pytestmark = pytest.mark.browser

QUICK = "?tab=image&v=1&steps=3&seed=7&prompt=a%20cat%20on%20a%20beach"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The app over tiny models, in a process of its own."""
    root = tmp_path_factory.mktemp("images")
    write_tiny_model(root / "tales")
    make_checkpoint(root / "scenes")
    with serving(root) as app:
        yield app.url


def settle(page: Page) -> None:
    """Wait until the tab has been filled from the page's address."""
    expect(page.locator("#image-stage .stage[data-opened]")).to_be_visible()
    frames(page)


def box(page: Page, name: str) -> Locator:
    """Where a knob is written; of a slider, the box beside it."""
    return page.locator(f"#image-{name} textarea, #image-{name} input[type=number]")


def pictures(page: Page) -> Locator:
    return page.locator("#image-stage .picture")


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#image-stage [data-part='{name}']")


def finished(page: Page, samples: int = 1) -> None:
    expect(page.locator("#image-stage .picture:not([data-old])").get_by_role("button", name="Download")).to_have_count(
        samples
    )


def draw(page: Page, samples: int = 1, button: Locator | None = None) -> str:
    """Press Generate and wait for the pictures; the first, as a data URL."""
    page.evaluate("document.querySelectorAll('.picture').forEach((picture) => (picture.dataset.old = ''))")
    action = (button or page.get_by_role("button", name="Generate")).click
    press(action, page.locator("#image-stage .picture:not([data-old])"))
    finished(page, samples)
    return shown(page)


def shown(page: Page, k: int = 0) -> str:
    return pictures(page).nth(k).locator("img").get_attribute("src")


def saved(page: Page, k: int = 0) -> Path:
    with page.expect_download() as download:
        pictures(page).nth(k).get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("image-seed-")
    return download.value.path()


def restore(page: Page, content: bytes, name: str = "picture.png") -> None:
    page.get_by_label("A PNG made here").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def scrub(page: Page, step: int) -> None:
    part(page, "scrub").evaluate(
        "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input')); }", step
    )


def test_a_link_opens_its_tab_and_the_picture_forms(open_page):
    page = open_page(QUICK)
    settle(page)
    expect(page.get_by_role("tab", name="Image")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Your picture will form here")).to_be_visible()
    expect(box(page, "prompt")).to_have_value("a cat on a beach")
    first = draw(page)
    assert first.startswith("data:image/png;base64,")
    expect(page.get_by_text("Your picture will form here")).to_be_hidden()
    expect(pictures(page).locator(".status")).to_contain_text("128 × 128 · 3 steps in")
    expect(pictures(page).get_by_role("img")).to_have_attribute("alt", "a cat on a beach")
    assert draw(page) == first


def test_a_link_that_names_no_tab_opens_the_first(open_page):
    page = open_page()
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Image").click()
    expect(page.get_by_text("Your picture will form here")).to_be_visible()


def test_a_link_runs_by_itself_only_when_it_says_so(open_page):
    page = open_page(QUICK + "&run=1")
    finished(page)


@pytest.mark.parametrize(
    "query", ["steps=900", "scheduler=magic", "model=nobody", f"start={quote('<img src=x>' * 3000)}", "seed=1&seed=2"]
)
def test_a_bad_link_shows_a_message_and_the_defaults(open_page, query):
    page = open_page(f"?tab=image&v=1&{query}")
    expect(page.get_by_role("alert").filter(has_text="This link can't be opened")).to_be_visible()
    expect(box(page, "prompt")).to_have_value("")


def test_what_is_downloaded_holds_its_recipe_and_a_link_draws_the_same(open_page):
    page = open_page(QUICK + "&samples=2")
    settle(page)
    draw(page, samples=2)
    link, _ = read(saved(page, 1).read_bytes())
    assert (link.values["seed"], link.values["samples"]) == (8, 1)
    pictures(page).nth(1).get_by_role("button", name="Share").click()
    shared = page.get_by_label("Link to this picture").input_value()
    assert from_link(shared).check
    friend = open_page(shared)
    settle(friend)
    assert draw(friend) == shown(page, 1)
    expect(pictures(friend).locator(".status")).to_contain_text("The same picture as in the link.")


def test_a_picture_made_here_brings_every_setting_back(open_page):
    page = open_page(QUICK + "&guidance_scale=4.5&scheduler=unipc&negative_prompt=snow")
    settle(page)
    first = draw(page)
    content = saved(page).read_bytes()
    other = open_page("?tab=image&v=1&prompt=mine")
    settle(other)
    restore(other, content)
    expect(box(other, "prompt")).to_have_value("a cat on a beach")
    expect(other.get_by_text("Every setting of that picture is back")).to_be_visible()
    assert draw(other) == first
    expect(pictures(other).locator(".status")).to_contain_text("The same picture as in the file.")
    other.get_by_role("button", name="Back to my settings").click()
    expect(box(other, "prompt")).to_have_value("mine")


def test_a_picture_dropped_on_the_page_brings_every_setting_back(open_page):
    page = open_page(QUICK)
    settle(page)
    first = draw(page)
    box(page, "prompt").fill("something else")
    page.evaluate(
        """async (url) => {
            const blob = await (await fetch(url)).blob();
            const data = new DataTransfer();
            data.items.add(new File([blob], 'it.png', { type: 'image/png' }));
            document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        first,
    )
    expect(box(page, "prompt")).to_have_value("a cat on a beach")


def test_a_png_without_a_recipe_is_told_in_a_sentence(open_page):
    page = open_page(QUICK)
    settle(page)
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    for content, sentence in ((file.getvalue(), "no recipe"), (b"<svg></svg>", "neither")):
        restore(page, content)
        expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(box(page, "prompt")).to_have_value("a cat on a beach")


def test_stop_keeps_what_is_there(open_page):
    page = open_page("?tab=image&v=1&prompt=a%20cat&seed=7&steps=100&samples=4&size=384")  # whoever stops is in time
    settle(page)
    press(page.get_by_role("button", name="Generate").click, pictures(page))
    expect(part(page, "far")).to_contain_text("step ")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(pictures(page).first.locator(".status")).to_contain_text("Stopped after step")
    expect(pictures(page)).to_have_count(4)
    expect(part(page, "forming")).to_be_hidden()
    assert pictures(page).first.get_by_role("button", name="Share").count() == 0


def test_back_through_the_steps_to_the_noise(open_page):
    page = open_page(QUICK)
    settle(page)
    whole = draw(page)
    slider = page.get_by_role("slider", name="Step of the denoising")
    expect(slider).to_have_value("3")
    scrub(page, 1)
    preview = shown(page)
    assert preview != whole
    expect(part(page, "look-said")).to_have_text("")  # the decoded ones are there
    frames(page)
    decoded = shown(page)
    assert decoded not in (preview, whole)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "noise")
    assert shown(page) not in (whole, decoded)
    page.keyboard.press("End")
    assert shown(page) == whole


def test_a_word_shows_where_it_counts_and_the_picture_stays(open_page):
    page = open_page(QUICK)
    settle(page)
    whole = draw(page)
    heat = pictures(page).locator("canvas")
    expect(heat).to_be_hidden()
    word = page.get_by_role("button", name="beach", exact=True)
    word.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#image-stage .word:focus")).to_have_text("cat")
    page.keyboard.press("Enter")
    expect(heat).to_be_visible()
    expect(part(page, "look-said")).to_contain_text("“cat” spoke most")
    expect(page.locator("#image-stage .word[aria-pressed=true]")).to_have_text("cat")
    assert shown(page) == whole
    cat = heat.evaluate("canvas => canvas.toDataURL()")
    word.click()
    expect(part(page, "look-said")).to_contain_text("“beach” spoke most")
    assert heat.evaluate("canvas => canvas.toDataURL()") != cat
    page.keyboard.press("Escape")
    expect(heat).to_be_hidden()


def test_vary_keeps_the_seed_and_draws_another(open_page):
    page = open_page(QUICK)
    settle(page)
    first = draw(page)
    varied = draw(page, button=pictures(page).get_by_role("button", name="Vary"))
    assert varied != first
    expect(page.get_by_role("button", name="Use seed 7 again")).to_be_visible()
    page.get_by_label("Earlier pictures").get_by_role("button").nth(1).click()
    assert shown(page) == first
    assert draw(page) == first  # the controls are as they were


def test_a_picture_fills_its_column(open_page):
    page = open_page(QUICK)
    settle(page)
    draw(page)
    wide = page.locator("#image-stage").bounding_box()["width"]
    assert page.locator(".gallery").bounding_box()["width"] == wide
    assert page.locator(".picture .frame").bounding_box()["width"] > 400


def test_a_picture_becomes_the_start_and_can_be_taken_away(open_page):
    page = open_page(QUICK)
    settle(page)
    first = draw(page)
    pictures(page).get_by_role("button", name="Use as start").click()
    thumbnail = page.get_by_role("img", name="The start picture")
    expect(thumbnail).to_be_visible()
    second = draw(page)
    assert second != first
    page.get_by_role("button", name="Remove").click()
    expect(thumbnail).to_be_hidden()
    assert draw(page) == first


def test_an_upload_becomes_the_start_or_is_told(open_page):
    page = open_page(QUICK)
    settle(page)
    page.get_by_role("button", name="Start from a picture").click()
    upload = page.get_by_label("A picture to start from")
    upload.set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg></svg>"})
    expect(page.locator("#image-start-view [role=alert]")).to_contain_text("SVG")
    file = io.BytesIO()
    Image.new("CMYK", (80, 40), "teal").save(file, "JPEG")
    upload.set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()})
    expect(page.get_by_role("img", name="The start picture")).to_be_visible()
    expect(page.locator("#image-start-view [role=alert]")).to_be_hidden()


def test_unknown_words_are_told_and_replaced(open_page):
    page = open_page()
    page.get_by_role("tab", name="Image").click()
    settle(page)
    page.locator("#image-prompt textarea").fill("a cat on a pier")
    page.get_by_role("button", name="Put beach instead of pier").click()
    expect(box(page, "prompt")).to_have_value("a cat on a beach")
    expect(page.locator("#image-hints .unknown-word")).to_have_count(0)
    page.get_by_text("Words it knows").click()
    page.get_by_role("button", name="colours").click()
    page.locator("#image-prompt textarea").evaluate("node => node.setSelectionRange(1, 1)")
    page.locator("#image-hints").get_by_role("button", name="purple", exact=True).click()
    expect(box(page, "prompt")).to_have_value("a purple cat on a beach")
    page.get_by_role("searchbox", name="Find a word").fill("automobile")  # is not in a list, being another word for car
    expect(page.locator("#image-hints").get_by_role("button", name="automobile", exact=True)).to_be_visible()


def test_examples_and_presets_fill_the_controls(open_page):
    page = open_page()
    page.get_by_role("tab", name="Image").click()
    settle(page)
    page.get_by_role("radio", name="Fast").check()
    expect(page.locator("#image-numbers")).to_contain_text("10 steps · guidance 3 · DPM++ 2M")
    draw(page, button=page.get_by_role("button", name="A clown in a city at night"))
    expect(box(page, "prompt")).to_have_value("a clown in a city at night")
    expect(page.get_by_role("radio", name="Balanced")).to_be_checked()
    expect(page.locator("#image-random input")).not_to_be_checked()


def test_the_seed_of_a_result_can_be_used_again(open_page):
    page = open_page("?tab=image&v=1&steps=2&prompt=a%20fox")
    settle(page)
    first = draw(page)
    reuse = page.get_by_role("button", name=re.compile(r"Use seed \d+ again"))
    reuse.click()
    expect(page.locator("#image-random input")).not_to_be_checked()
    assert draw(page) == first


@pytest.mark.parametrize("prompt", HOSTILE)
def test_hostile_prompts_are_shown_as_text(open_page, prompt):
    page = open_page("?tab=image&v=1&steps=2&seed=1")
    settle(page)
    page.locator("#image-prompt textarea").evaluate(
        "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }", prompt
    )
    draw(page)
    clean = prompt.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    assert part(page, "words").evaluate("node => node.textContent") == clean
    scrub(page, 0)
    expect(part(page, "look-said")).to_have_text("")
    assert part(page, "words").evaluate("node => node.textContent") == clean
    assert page.evaluate("window.hacked") is None


def test_a_mistake_is_told_and_the_picture_stays(open_page):
    page = open_page(QUICK)
    settle(page)
    first = draw(page)
    page.locator("#image-prompt textarea").fill("a" * 3_000)
    press(
        page.get_by_role("button", name="Generate").click,
        page.get_by_text("The prompt has 3,000 characters; at most 2,000 are allowed."),
    )
    assert shown(page) == first


def test_it_fits_a_phone_and_generate_stays_in_reach(open_page):
    page = open_page(QUICK + "&samples=2", **PHONE)
    settle(page)
    draw(page, samples=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in ("0", "document.body.scrollHeight"):
        page.evaluate(f"window.scrollTo(0, {place})")
        expect(page.get_by_role("button", name="Generate")).to_be_in_viewport()
    page.get_by_role("button", name="cat", exact=True).tap()
    expect(pictures(page).first.locator("canvas")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(open_page, scheme):
    page = open_page(QUICK + "&samples=2", color_scheme=scheme)
    settle(page)
    fold(page)
    page.get_by_role("button", name="Start from a picture").click()
    page.get_by_text("Words it knows").click()
    expect(page.get_by_role("button", name="penguin", exact=True)).to_be_visible()
    assert not (wrong := found(page)), told(wrong)
    draw(page, samples=2)
    page.get_by_role("button", name="cat", exact=True).first.click()
    assert not (wrong := found(page)), told(wrong)
