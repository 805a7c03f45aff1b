"""The latent tab, as a person uses it: the map, journeys, and the page as a whole."""

import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import expect

from bench._serving import serving
from playground.documents import read
from playground.links import from_link
from tests.browser.latent import (
    CAT_TO_DOG,
    HOSTILE,
    PHONE,
    box,
    cells,
    changed,
    drag,
    face,
    lanes,
    morph,
    part,
    saved,
    settle,
    slide,
    tiny_site,
)
from tests.browser.steps import frames, press
from tests.browser.test_accessibility import found, told
from tests.conftest import write_tiny_model

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    with tiny_site(tmp_path_factory.mktemp("faces")) as url:
        yield url


# ---- the map ----


def test_dragging_over_the_map_changes_the_face(open_page):
    page = open_page("?tab=latent")
    expect(page.get_by_text("The journey from A to B will unroll here.")).to_be_visible()
    settle(page)
    first = face(page)
    drag(page, (0.3, 0.3), (0.6, 0.7))
    second = changed(page, first)
    expect(part(page, "map", "face-said")).to_contain_text("on the map")
    drag(page, (0.6, 0.7), (0.2, 0.2))
    changed(page, second)


def test_the_sliders_beside_it_do_the_same_by_keyboard(open_page):
    page = open_page("?tab=latent")
    settle(page)
    first = face(page)
    page.get_by_role("slider", name="across").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    second = changed(page, first)
    page.get_by_role("slider", name="up", exact=True).focus()
    page.keyboard.press("End")
    changed(page, second)


def test_a_and_b_are_handles_that_can_be_dragged(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    at = page.evaluate("document.querySelector('#latent-ends-view .end img').src")
    first = face(page)
    drag(page, (0.25, 0.25))
    changed(page, first)  # the button takes the face that is on show
    page.get_by_role("button", name="Use as A").click()
    expect(box(page, "a")).to_have_value(re.compile("^at:"))
    expect(page.locator("#latent-ends-view .end img").first).not_to_have_attribute("src", at)
    frames(page)
    place = box(page, "a").input_value()
    drag(page, (0.25, 0.25), (0.7, 0.3))
    expect(box(page, "a")).not_to_have_value(place)


def test_the_other_map_and_colours_by_keyboard(open_page):
    page = open_page("?tab=latent")
    settle(page)
    page.get_by_role("button", name="Flat slice (PCA)").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Islands (t-SNE)")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("coloured by").select_option("smile")
    expect(part(page, "map", "legend")).to_contain_text("sad")
    first = face(page)
    drag(page, (0.3, 0.3), (0.8, 0.8))
    changed(page, first)


def test_two_people_at_once_see_each_only_their_own(open_page):
    one, other = open_page("?tab=latent"), open_page("?tab=latent")
    for page in (one, other):
        settle(page)
    for share in (0.2, 0.4, 0.6):
        drag(one, (share, 0.3), (share, 0.4))
        drag(other, (1 - share, 0.8), (1 - share, 0.7))
    for page in (one, other):
        expect(part(page, "map", "face-said")).to_contain_text("on the map")
    expect(part(one, "map", "face")).not_to_have_attribute("src", face(other))
    frames(other, 30)
    theirs, mine = face(other), face(one)
    drag(one, (0.6, 0.4), (0.1, 0.9))
    changed(one, mine)
    assert face(other) == theirs


# ---- journeys ----


def test_a_link_opens_its_tab_and_the_journey_unrolls(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    expect(page.get_by_role("tab", name="Latent")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("This link holds everything")).to_be_visible()
    first = morph(page)
    assert len(first) == 5
    assert all(url.startswith("data:image/png;base64,") for url in first)
    assert face(page) == first[-1]
    assert morph(page) == first


def test_a_link_runs_by_itself_only_when_it_says_so(open_page):
    page = open_page(CAT_TO_DOG + "&run=1")
    expect(cells(page)).to_have_count(5)


@pytest.mark.parametrize(
    "query", ["frames=900", "interpolation=magic", "model=nobody", "a=" + "x" * 5000, "seed=1&seed=2"]
)
def test_a_bad_link_shows_a_message_and_the_defaults(open_page, query):
    page = open_page(f"?tab=latent&v=1&{query}")
    expect(page.get_by_role("alert").filter(has_text="This link can't be opened")).to_be_visible()
    expect(box(page, "frames")).to_have_value("16")


def test_scrubbing_and_playing(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    made = morph(page)
    slider = page.get_by_role("slider", name="Frame of the journey")
    slider.focus()
    page.keyboard.press("Home")
    assert face(page) == made[0]
    expect(slider).to_have_attribute("aria-valuetext", "frame 1 of 5")
    page.keyboard.press("ArrowRight")
    assert face(page) == made[1]
    page.locator(".cell").nth(3).click()
    assert face(page) == made[3]
    page.keyboard.press("ArrowLeft")
    assert face(page) == made[2]
    page.get_by_role("button", name="Play", exact=True).click()
    expect(slider).to_have_value("4")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert face(page) == made[4]
    page.get_by_role("button", name="Loop").click()
    page.get_by_role("button", name="Play", exact=True).click()
    expect(slider).to_have_value("1")
    page.get_by_role("button", name="Pause").click()
    morph(page)
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("format", ["GIF", "WebP", "MP4"])
def test_what_is_exported_brings_every_setting_back(open_page, format):
    page = open_page(CAT_TO_DOG + "&easing=smooth&edits=smile%3D1")
    settle(page)
    first = morph(page)
    content = saved(page, format)
    assert read(content)[0].values["easing"] == "smooth"
    other = open_page("?tab=latent&v=1&a=seed%3A5")
    settle(other)
    kinds = {"GIF": "image/gif", "WebP": "image/webp", "MP4": "video/mp4"}
    other.get_by_label("A journey made here").set_input_files(
        {"name": "it", "mimeType": kinds[format], "buffer": content}
    )
    expect(box(other, "a")).to_have_value("preset:cat")
    expect(other.get_by_text("Every setting of that journey is back")).to_be_visible()
    assert morph(other) == first
    expect(other.locator(".lane .status")).to_contain_text("The same journey as in the file.")
    other.get_by_role("button", name="Back to my settings").click()
    expect(box(other, "a")).to_have_value("seed:5")


def test_a_shared_link_leads_the_same_way(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    first = morph(page)
    page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link to this journey").input_value()
    assert from_link(link).check
    friend = open_page(link)
    settle(friend)
    assert morph(friend) == first
    expect(friend.locator(".lane .status")).to_contain_text("The same journey as in the link.")


def test_stop_keeps_what_is_there(open_page):
    page = open_page("?tab=latent&v=1&a=preset%3Acat&b=preset%3Adog&frames=120&seed=7")
    settle(page)
    press(page.get_by_role("button", name="Morph").click, lanes(page))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lane[aria-busy=false] .status")).to_be_visible()
    expect(part(page, "stage", "forming")).to_be_hidden()
    ended = page.locator(".lane .status").text_content()
    assert "Stopped after frame" in ended or "120 frames, " in ended  # a quick machine may have been done


def test_two_models_side_by_side(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    alone = morph(page)
    page.get_by_label("VAE and GAN side by side").check()
    assert morph(page, count=2) == alone
    expect(page.get_by_role("article", name="Journey of faces-gan").locator(".cell img")).to_have_count(5)
    screens = page.locator(".screen")
    before = screens.nth(1).get_attribute("src")
    slide(part(page, "stage", "scrub"), 0)
    expect(screens.nth(1)).not_to_have_attribute("src", before)


def test_a_grid_between_four_corners(open_page):
    page = open_page(CAT_TO_DOG + "&side=3")
    settle(page)
    page.get_by_role("radio", name="A grid between four corners").check()
    expect(page.locator("#latent-ends-view .end")).to_have_count(4)
    made = morph(page)
    assert len(made) == 9
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG", exact=True).click()
    assert Image.open(download.value.path()).size == (384, 384)


@pytest.mark.parametrize("label", ["Cat → dog", "Sad → happy", "Young → old"])
def test_examples_fill_the_controls(open_page, label):
    page = open_page("?tab=latent")
    settle(page)
    morph(page, page.get_by_role("button", name=label))
    expect(page.locator("#latent-random input")).not_to_be_checked()
    assert box(page, "a").input_value()


def test_a_mistake_is_told_and_the_journey_stays(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    morph(page)
    page.get_by_label("A as text").fill("preset:unicorn")
    page.get_by_label("A as text").press("Enter")
    expect(part(page, "ends", "ends-said")).to_contain_text("unicorn")
    press(page.get_by_role("button", name="Morph").click, page.locator(".toast-body"))
    expect(cells(page)).to_have_count(5)


# ---- the page ----


def test_the_seed_of_a_result_can_be_used_again(open_page):
    page = open_page("?tab=latent&v=1&frames=3")
    settle(page)
    first = morph(page)
    page.get_by_role("button", name=re.compile(r"Use seed \d+ again")).click()
    expect(page.locator("#latent-random input")).not_to_be_checked()
    assert morph(page) == first


@pytest.mark.parametrize("name", ["a", "via", "edits", "directions"])
def test_hostile_text_is_shown_as_text(open_page, name):
    page = open_page("?tab=latent&v=1&frames=2&seed=1")
    settle(page)
    box(page, name).evaluate(
        "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }", HOSTILE
    )
    expect(part(page, "ends", "ends-said")).to_be_visible()
    press(page.get_by_role("button", name="Morph").click, page.locator(".toast-body"))
    assert page.evaluate("window.hacked") is None


def test_another_model_brings_another_map(open_page):
    page = open_page(CAT_TO_DOG)
    settle(page)
    first = morph(page)
    page.locator("#latent-model input").click()
    page.get_by_role("option", name=re.compile("faces-gan")).click()
    expect(page.locator("#latent-ends-view img[src]")).to_have_count(2)
    assert morph(page) != first
    expect(page.locator(".lane .status")).to_contain_text("faces-gan")


def test_it_fits_a_phone_and_morph_stays_in_reach(open_page):
    page = open_page(CAT_TO_DOG, **PHONE)
    settle(page)
    morph(page)
    for tool in ("By features", "Your picture", "Is it a copy?"):
        page.get_by_role("tab", name=tool).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in ("0", "document.body.scrollHeight"):
        page.evaluate(f"window.scrollTo(0, {place})")
        expect(page.get_by_role("button", name="Morph")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(open_page, scheme):
    page = open_page(CAT_TO_DOG, color_scheme=scheme)
    settle(page)
    page.get_by_text("Edit", exact=True).click()
    page.get_by_role("button", name="+ more").click()
    page.get_by_role("button", name="Draw eight").click()
    expect(page.locator(".drawn")).to_have_count(8)
    assert not (wrong := found(page)), told(wrong)
    morph(page)
    for tool in ("By features", "Your picture", "Is it a copy?"):
        page.get_by_role("tab", name=tool).click()
        assert not (wrong := found(page)), told(wrong)


def test_without_a_model_the_tab_says_so(browser, tmp_path):
    write_tiny_model(tmp_path / "tales")
    with serving(tmp_path) as app, browser.new_page() as page:
        page.goto(f"{app.url}?tab=latent")
        expect(page.locator(".controls").get_by_text("There is no model for faces here")).to_be_visible()
        expect(part(page, "map", "wait")).to_contain_text("There is no model 'faces-vae'")
        press(page.get_by_role("button", name="Morph").click, page.get_by_text("There is no model 'faces-vae'").nth(1))
