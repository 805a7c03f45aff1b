"""The latent tab, as a person uses it: ends, edits, directions of one's own, and more to try."""

import base64
import io
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.latent import (
    CAT_TO_DOG,
    HOSTILE,
    box,
    changed,
    drag,
    face,
    morph,
    part,
    plain_png,
    settle,
    slide,
    tiny_site,
)
from tests.browser.steps import frames

pytestmark = pytest.mark.browser


def _apart(one: str, other: str) -> int:
    """The most in which two pictures, as data URLs, differ, of 255."""
    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))).astype(int) for url in (one, other)
    ]
    return int(np.abs(pixels[0] - pixels[1]).max())


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    with tiny_site(tmp_path_factory.mktemp("faces")) as url:
        yield url


# ---- ends ----


def test_ends_are_chosen_drawn_swapped_and_passed_by(open_page):
    page = open_page("?tab=latent&v=1&frames=5&seed=3")
    settle(page)
    page.get_by_label("A: a face to begin with").select_option("owl")
    expect(box(page, "a")).to_have_value("preset:owl")
    page.get_by_role("button", name="B: a random face").click()
    expect(box(page, "b")).to_have_value(re.compile(r"^seed:\d+$"))
    drawn = box(page, "b").input_value()
    page.get_by_role("button", name="Swap A and B").click()
    expect(box(page, "a")).to_have_value(drawn)
    expect(box(page, "b")).to_have_value("preset:owl")
    page.get_by_role("button", name="By way of").click()
    page.get_by_label("Way-point 1: a face to begin with").select_option("frog")
    expect(box(page, "via")).to_have_value("preset:frog")
    assert len(morph(page)) == 5
    page.get_by_role("button", name="Way-point 1: take it away").click()
    expect(box(page, "via")).to_have_value("")
    page.get_by_label("A as text").fill("preset:cat - preset:dog + seed:3")
    page.get_by_label("A as text").press("Enter")
    morph(page)


def test_an_upload_becomes_an_end(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="A: a picture of yours").click()
    chooser.value.set_files(plain_png())
    expect(box(page, "a")).to_have_value(re.compile("^point:"))
    said = part(page, "ends", "ends-said")
    expect(said).to_contain_text("far from what the model knows")
    morph(page)
    expect(said).to_contain_text("far from what the model knows")
    page.get_by_label("A: a face to begin with").select_option("owl")
    expect(said).to_be_hidden()


# ---- edits ----


def test_an_edited_frame_as_an_end_is_not_edited_twice(open_page):
    page = open_page(f"{CAT_TO_DOG}&edits=smile%3D1.5")
    settle(page)
    plain, made = face(page), morph(page)
    page.locator("#latent-stage-view .cell").nth(2).click()
    assert changed(page, plain) == made[2]
    page.get_by_role("button", name="Use as A").click()
    expect(box(page, "a")).to_have_value(re.compile("^point:"))
    begun = morph(page)[0]
    assert _apart(begun, made[2]) <= 1 < _apart(begun, made[0])


def test_an_edit_moves_the_face_and_the_journey(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    plain, made = face(page), morph(page)
    drag(page, (0.5, 0.5))
    plain = changed(page, made[-1])
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("smile", exact=True).focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(box(page, "edits")).to_have_value("smile=1")
    changed(page, plain)
    assert morph(page) != made
    page.get_by_role("button", name="All to 0").click()
    expect(box(page, "edits")).to_have_value("")
    assert morph(page) == made


def test_a_frame_of_a_journey_follows_the_sliders_and_comes_back(open_page):
    page = open_page(f"{CAT_TO_DOG}&edits=smile%3D1")
    settle(page)
    made = morph(page)
    assert face(page) == made[-1]
    page.get_by_text("Edit", exact=True).click()
    slider = page.get_by_label("smile", exact=True)
    slide(slider, 2)
    changed(page, made[-1])
    expect(part(page, "map", "face-said")).to_have_text("frame 5 of 5, edited")
    expect(part(page, "edits", "follows")).to_have_attribute("src", face(page))
    slide(slider, 1)
    expect(part(page, "map", "face")).to_have_attribute("src", made[-1])
    expect(part(page, "map", "face-said")).to_have_text("frame 5 of 5")


def test_a_direction_without_faces_or_a_name_says_what_is_missing(open_page):
    page = open_page("?tab=latent")
    settle(page)
    page.get_by_text("Edit", exact=True).click()
    page.get_by_role("button", name="Make it").click()
    expect(part(page, "edits", "edits-said")).to_contain_text("Collect a face or two first")
    page.get_by_role("button", name="+ more").click()
    page.get_by_role("button", name="Make it").click()
    expect(part(page, "edits", "edits-said")).to_contain_text("Give the direction a name")
    expect(part(page, "edits", "name")).to_be_focused()


def test_a_face_that_is_not_of_what_is_written_is_marked(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    end = page.locator(".end[data-key='a']")
    text = end.locator(".end-text")
    text.fill("nonsense")
    text.press("Enter")
    expect(end).to_have_class("end outdated")
    text.fill("old woman − person + cat")
    text.press("Enter")
    expect(end).to_have_class("end")


def test_a_direction_of_ones_own_is_built_kept_saved_and_loaded(open_page):
    page = open_page("?tab=latent&v=1&seed=3")
    settle(page)
    drag(page, (0.2, 0.5))
    frames(page)
    page.get_by_role("button", name="+ more").click()
    first = face(page)
    drag(page, (0.8, 0.5))
    changed(page, first)
    page.get_by_role("button", name="− less").click()
    page.get_by_label("Name of the direction").fill("fluffy")
    page.get_by_role("button", name="Make it").click()
    slider = page.get_by_label("fluffy", exact=True)
    expect(slider).to_be_focused()
    before = face(page)
    page.keyboard.press("End")
    expect(box(page, "edits")).to_have_value("fluffy=3")
    changed(page, before)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    text = download.value.path().read_text()
    assert set(json.loads(text)["fluffy"]) >= {"vector", "fingerprint"}
    page.reload()
    settle(page)
    page.get_by_text("Edit", exact=True).click()
    expect(page.get_by_label("fluffy", exact=True)).to_be_visible()  # kept in this browser

    other = open_page("?tab=latent")
    settle(other)
    load(other, text)
    expect(other.get_by_label("fluffy", exact=True)).to_be_attached()
    for wrong, sentence in (
        ("{", "not JSON"),
        (text.replace("fingerprint", "finger"), "damaged"),
        (re.sub('"fingerprint": *"[^"]*"', '"fingerprint": "0123"', text), "other weights"),
        (json.dumps({HOSTILE: {}}), "can't be named"),
    ):
        load(other, wrong)
        expect(part(other, "edits", "edits-said")).to_contain_text(sentence)
    assert other.evaluate("window.hacked") is None


def load(page: Page, text: str) -> None:
    page.get_by_label("A file of directions").set_input_files(
        {"name": "d.json", "mimeType": "application/json", "buffer": text.encode()}
    )


# ---- more to try ----


def test_random_faces_of_both_models_and_a_click_shows_one(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    page.get_by_role("button", name="Draw eight").click()
    drawn = page.locator(".drawn")
    expect(drawn).to_have_count(8)
    before = face(page)
    drawn.nth(2).click()
    assert changed(page, before) == drawn.nth(2).locator("img").get_attribute("src")
    first = drawn.first.locator("img").get_attribute("src")
    slide(part(page, "tools", "spread"), 0.2)
    expect(drawn.first.locator("img")).not_to_have_attribute("src", first)
    page.get_by_label("VAE and GAN side by side").check()
    page.get_by_role("button", name="Draw eight").click()
    expect(drawn).to_have_count(16)


def test_a_face_by_its_features(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    page.get_by_role("tab", name="Random faces").focus()
    page.keyboard.press("ArrowRight")
    before = face(page)
    page.get_by_label("Kind", exact=True).select_option("owl")
    before = changed(page, before)
    slide(page.get_by_label("Smile", exact=True), 1)
    changed(page, before)
    page.locator("#latent-tools-view").get_by_role("button", name="Use as A").click()
    expect(box(page, "a")).to_have_value(re.compile("^face:kind=owl,.*smile=1"))
    morph(page)


def test_a_picture_of_mine_is_rebuilt_or_told(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    page.get_by_role("tab", name="Your picture").click()
    upload = page.get_by_label("A picture to rebuild")
    upload.set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg></svg>"})
    expect(part(page, "tools", "rebuilt")).to_contain_text("SVG")
    upload.set_input_files(plain_png())
    expect(part(page, "tools", "rebuilt").get_by_role("img")).to_have_count(3)
    expect(part(page, "tools", "rebuilt")).to_contain_text("PSNR")


def test_is_it_a_copy(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    page.locator("#latent-map-view").get_by_role("button", name="Is it a copy?").click()
    copies = part(page, "tools", "copies")
    expect(copies.locator("figure")).to_have_count(5)
    expect(copies).to_contain_text("nearest, distance")
    expect(page.get_by_role("tab", name="Is it a copy?")).to_have_attribute("aria-selected", "true")
