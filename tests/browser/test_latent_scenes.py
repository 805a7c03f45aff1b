"""The latent tab's other world, as a person uses it: from one prompt and noise to another, and back to faces."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench._serving import serving
from playground.documents import read
from playground.links import from_link
from tests.browser.latent import CAT_TO_DOG, HOSTILE, PHONE, box, cells, lanes, morph, part, saved, settle, slide
from tests.browser.steps import frames, press
from tests.browser.test_accessibility import found, told
from tests.conftest import write_tiny_model
from tests.image.tiny import make_checkpoint
from tests.latent.tiny import make_checkpoint as make_faces

pytestmark = pytest.mark.browser

TRIP = "?tab=latent&v=1&model=scenes&a=prompt%3Aa%20cat&b=prompt%3Aa%20dog&frames=4&steps=2&seed=7"
LONG = TRIP.replace("frames=4", "frames=120").replace("steps=2", "steps=25")


@contextlib.contextmanager
def both_worlds(root: Path) -> Iterator[str]:
    write_tiny_model(root / "tales")
    make_faces(root / "faces-vae")
    make_checkpoint(root / "scenes")
    with serving(root) as app:
        yield app.url


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    with both_worlds(tmp_path_factory.mktemp("worlds")) as url:
        yield url


def arrive(page: Page) -> None:
    """Wait until the tab has been filled and the prompts stand there."""
    expect(page.locator("#latent-stage-view .stage[data-opened]")).to_be_visible()
    expect(page.get_by_label("Prompt A")).not_to_have_value("")
    frames(page)


def switch(page: Page, world: str) -> None:
    page.get_by_role("radio", name=world).check()


def test_the_switch_shows_one_world_and_hides_the_other(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    made = morph(page)
    switch(page, "Scenes")
    arrive(page)
    expect(page.get_by_label("Prompt A")).to_have_value("a cat")
    expect(page.get_by_text("There is no map here.")).to_be_visible()
    expect(page.get_by_role("heading", name="Why can this path jump")).to_be_visible()
    for view in ("map", "tools", "ends", "edits"):
        expect(page.locator(f"#latent-{view}-view")).to_be_hidden()
    expect(page.get_by_role("radio", name="A grid between four corners")).to_be_hidden()
    expect(page.locator("#latent-model input")).to_have_value(re.compile("^scenes"))
    expect(cells(page).first).to_be_hidden()
    switch(page, "Faces")
    expect(page.locator("#latent-map-view canvas")).to_be_visible()
    expect(box(page, "a")).to_have_value("preset:cat")
    expect(cells(page).first).to_be_visible()
    assert morph(page) == made


def test_a_journey_between_prompts_unrolls_and_its_frames_are_pictures(open_page):
    page = open_page(TRIP)
    arrive(page)
    expect(page.get_by_text("This link holds everything")).to_be_visible()
    made = morph(page)
    assert len(set(made)) == 4
    expect(page.locator(".screen")).to_have_attribute("src", made[-1])
    expect(page.locator(".strides .bars").first).to_have_attribute("aria-label", re.compile("Largest step .* %"))
    expect(page.locator(".strides")).to_contain_text("Usual for faces-vae")
    slide(part(page, "stage", "scrub"), 1)
    expect(page.locator(".screen")).to_have_attribute("src", made[1])
    link = page.get_by_role("link", name="Open in Image")
    assert "blend=0.33" in link.get_attribute("href")
    with page.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator("#image-prompt textarea")).to_have_value("a cat")
    assert morph(page) == made


def test_what_varies_is_chosen_and_written_where_it_decides(open_page):
    page = open_page(TRIP)
    arrive(page)
    page.get_by_label("Prompt A").fill("a red car on a beach")
    expect(box(page, "a")).to_have_value("prompt:a red car on a beach")
    page.get_by_role("button", name="the prompt").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="the noise")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Prompt B")).to_be_hidden()
    page.get_by_label("Seed of B", exact=True).fill("99")
    expect(box(page, "b")).to_have_value("seed:99")
    page.get_by_role("button", name="both", exact=True).click()
    expect(box(page, "b")).to_have_value("seed:99 prompt:a dog")
    page.get_by_role("button", name="A random seed for B").click()
    expect(box(page, "b")).not_to_have_value("seed:99 prompt:a dog")
    page.get_by_role("button", name="Swap A and B").click()
    expect(box(page, "a")).to_have_value("prompt:a dog")
    expect(page.get_by_label("Prompt B")).to_have_value("a red car on a beach")
    assert len(morph(page)) == 4


def test_words_that_the_model_has_never_seen_are_told_while_one_types(open_page):
    page = open_page(TRIP)
    arrive(page)
    page.get_by_label("Prompt B").fill("a zxqv and a feline")
    said = part(page, "prompts", "prompts-said")
    expect(said).to_contain_text("never seen “zxqv”, “feline” (but cat")
    page.get_by_label("Prompt B").fill(HOSTILE)
    expect(said).to_contain_text("hacked")
    morph(page)
    assert page.evaluate("window.hacked") is None


def test_it_can_be_stopped_in_the_middle_of_a_frame(open_page):
    page = open_page(LONG)
    arrive(page)
    press(page.get_by_role("button", name="Morph").click, page.locator(".forming-frame"))
    expect(page.locator(".cell:not(:disabled)").first).to_be_visible()
    expect(part(page, "stage", "far")).to_contain_text("s left")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lane[aria-busy=false] .status")).to_contain_text("Stopped after frame")
    expect(part(page, "stage", "forming")).to_be_hidden()
    page = open_page(TRIP)  # the model is free at once
    arrive(page)
    assert len(morph(page)) == 4


@pytest.mark.parametrize("format", ["GIF", "WebP", "MP4", "PNG"])
def test_what_is_exported_brings_every_setting_back_from_the_other_world(open_page, format):
    page = open_page(TRIP + "&easing=smooth")
    arrive(page)
    first = morph(page)
    content = saved(page, format)
    assert read(content)[0].values["easing"] == "smooth"
    other = open_page("?tab=latent&v=1&a=seed%3A5")
    settle(other)
    kinds = {"GIF": "image/gif", "WebP": "image/webp", "MP4": "video/mp4", "PNG": "image/png"}
    other.get_by_label("A journey made here").set_input_files(
        {"name": "it", "mimeType": kinds[format], "buffer": content}
    )
    expect(other.get_by_text("Every setting of that journey is back")).to_be_visible()
    expect(other.get_by_label("Prompt A")).to_have_value("a cat")
    assert morph(other) == first
    expect(lanes(other).locator(".status")).to_contain_text("The same journey as in the file.")
    other.get_by_role("button", name="Back to my settings").click()
    expect(other.locator("#latent-map-view canvas")).to_be_visible()
    expect(box(other, "a")).to_have_value("seed:5")


def test_a_shared_link_leads_the_same_way(open_page):
    page = open_page(TRIP)
    arrive(page)
    first = morph(page)
    page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link to this journey").input_value()
    assert from_link(link).check and from_link(link).values["model"] == "scenes"
    friend = open_page(link)
    arrive(friend)
    assert morph(friend) == first
    expect(lanes(friend).locator(".status")).to_contain_text("The same journey as in the link.")


def test_the_last_journey_of_faces_stands_beside(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    morph(page)
    expect(page.locator(".strides .bars i")).to_have_count(4)
    switch(page, "Scenes")
    arrive(page)
    box(page, "frames").fill("3")
    press(page.get_by_role("button", name="A cat → a dog").click, page.locator(".lane[data-alone=drawn]"))
    expect(page.locator(".beside")).to_contain_text("Your last journey of faces-vae")
    expect(page.locator(".beside .bars i")).to_have_count(4)


def test_two_people_at_once_see_each_only_their_own(open_page):
    pages = [open_page(TRIP.replace("seed=7", f"seed={seed}")) for seed in (1, 2)]
    for page in pages:
        arrive(page)
        page.evaluate("document.querySelectorAll('.lane').forEach((lane) => (lane.dataset.old = ''))")
    for page in pages:
        press(page.get_by_role("button", name="Morph").click, lanes(page))
    made = []
    for page in pages:
        expect(lanes(page).get_by_role("button", name="Share")).to_have_count(1)
        made.append(cells(page).evaluate_all("nodes => nodes.map((node) => node.src)"))
    assert made[0] != made[1]
    assert [morph(page) for page in pages] == made


def test_it_fits_a_phone_and_morph_stays_in_reach(open_page):
    page = open_page(TRIP, **PHONE)
    arrive(page)
    morph(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in ("0", "document.body.scrollHeight"):
        page.evaluate(f"window.scrollTo(0, {place})")
        expect(page.get_by_role("button", name="Morph")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(open_page, scheme):
    page = open_page(TRIP, color_scheme=scheme)
    arrive(page)
    assert not (wrong := found(page)), told(wrong)
    page.get_by_role("button", name="both", exact=True).click()
    morph(page)
    assert not (wrong := found(page)), told(wrong)


def test_without_its_model_the_switch_says_so_and_faces_go_on(browser, tmp_path):
    with both_worlds(tmp_path) as url, browser.new_page() as page:
        page.goto(f"{url}{CAT_TO_DOG}")
        settle(page)
        shutil.rmtree(tmp_path / "scenes")
        page.get_by_role("radio", name="Scenes").click()  # it is back at once, perhaps before a check could see it
        expect(part(page, "stage", "notice")).to_contain_text("There is no model 'scenes'")
        expect(page.get_by_role("radio", name="Faces")).to_be_checked()
        assert len(morph(page)) == 5
