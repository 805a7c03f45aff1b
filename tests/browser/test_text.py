"""The text tab, as a person uses it."""

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    begin,
    end,
    fold,
    generate,
    knob,
    press,
    set_up,
    settle,
    shared_link,
    tale,
    turn,
    word,
)

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "${window.hacked = 1} {{window.hacked = 1}} `${window.hacked = 1}`",
    "\u202eright to left\u2066 and \u0000 NUL",
    "👩‍👩‍👧‍👦 e\u0301 \ud83d lone",
]


def test_a_tale_appears_and_says_how_it_came_about(open_page):
    page = open_page()
    expect(page.get_by_text("Your tale will appear here")).to_be_visible()
    set_up(page)
    text = generate(page)
    assert text.startswith("Once upon a time")
    assert len(text) > len("Once upon a time")
    status = page.locator(".card .status")
    expect(status).to_contain_text("24 tokens")
    expect(status).to_contain_text("tokens/s")
    expect(status).to_contain_text("The length that was asked for is reached.")
    expect(page.get_by_role("button", name="Use seed 7 again")).to_be_visible()
    assert generate(page) == text


def test_random_picks_a_seed_and_shows_it_for_reuse(open_page):
    page = open_page()
    set_up(page, seed=None)
    first = generate(page)
    reuse = page.get_by_role("button", name=re.compile(r"Use seed \d+ again"))
    seed = re.search(r"\d+", reuse.get_attribute("aria-label")).group()
    expect(page.get_by_label("Seed", exact=True)).to_have_value(seed)
    reuse.click()
    expect(page.get_by_label("Random")).not_to_be_checked()
    assert generate(page) == first


def test_stop_ends_the_run_and_keeps_what_is_there(open_page):
    page = open_page("?tab=text&v=1&model=unending")  # whoever presses Stop is in time
    set_up(page, prompt="Once", length=512, samples=8)
    begin(page, page.get_by_role("button", name="Generate").click)
    expect(word(page)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Continue")).to_have_count(8)
    expect(page.locator(".card .status").first).to_contain_text("Stopped.")
    stopped = page.locator(".story").all_text_contents()
    link = shared_link(page)
    again = open_page(link)
    settle(again)
    assert generate(again) == stopped[0]
    assert page.locator(".story").all_text_contents() == stopped


def test_a_tale_goes_on_from_an_edit(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("The tale, to be edited").fill("The fox came back and")
    begin(page, page.get_by_role("button", name="Continue").click)
    expect(page.get_by_label("Prompt")).to_have_value("The fox came back and")
    expect(page.locator(".story .prompt")).to_have_text("The fox came back and")
    end(page)
    assert tale(page).startswith("The fox came back and")
    assert len(tale(page)) > len("The fox came back and")


def test_a_shared_link_tells_the_same_in_a_fresh_context(open_page):
    page = open_page()
    set_up(page, prompt="A fox & a “well” + 50 %", seed=123)
    text = generate(page)
    link = shared_link(page)
    friend = open_page(link)
    settle(friend)
    expect(friend.get_by_label("Prompt")).to_have_value("A fox & a “well” + 50 %")
    expect(friend.get_by_label("Random")).not_to_be_checked()
    expect(friend.get_by_text("Your tale will appear here")).to_be_visible()
    assert generate(friend) == text
    expect(friend.locator(".card .status")).to_contain_text("The same text as in the link.")


def test_a_link_runs_by_itself_only_when_it_says_so(open_page):
    page = open_page("?tab=text&v=1&prompt=Once&seed=3&max_new_tokens=5&run=1")
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    assert tale(page).startswith("Once")


@pytest.mark.parametrize(
    "query",
    [
        "?tab=text&v=1&temperature=9",
        "?tab=text&v=99",
        "?tab=text&seed=1&seed=2",
        "?tab=nowhere",
        "?tab=text&model=nobody",
        "?tab=text&prompt=" + "a" * 25_000,
        "?tab=text&seed=" + quote("<img src=x onerror='window.hacked=1'>"),
    ],
)
def test_a_bad_link_shows_a_message_and_the_defaults(open_page, query):
    page = open_page(query)
    expect(page.get_by_role("alert").filter(has_text="This link can't be opened")).to_be_visible()
    expect(page.get_by_label("Prompt")).to_have_value("")
    assert page.evaluate("window.hacked") is None
    assert generate(page)


def test_the_result_can_be_saved(open_page):
    page = open_page()
    set_up(page)
    text = generate(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    assert download.value.suggested_filename == "text-seed-7.json"
    document = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert document["recipe"]["prompt"] + document["result"]["text"] == text
    assert len(document["result"]["tokens"]) == 24


def test_samples_stand_side_by_side_and_each_is_its_seed_alone(open_page):
    page = open_page()
    set_up(page, samples=3)
    generate(page, samples=3)
    tales = page.locator(".story").all_text_contents()
    set_up(page, seed=9)
    assert generate(page) == tales[2]


def test_pointing_at_a_word_shows_what_else_could_have_stood_there(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    word(page, 2).hover()
    expect(page.get_by_role("heading", name=re.compile("^Why "))).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(10)


def test_examples_and_presets_fill_the_controls(open_page):
    page = open_page()
    settle(page)
    page.get_by_role("radio", name="Chaos").check()
    fold(page)
    expect(knob(page, "temperature")).to_have_value("1.5")
    turn(page, "temperature", 1.2)
    expect(page.get_by_role("radio", name="Chaos")).not_to_be_checked()
    begin(page, page.get_by_role("button", name="No dice").click)
    end(page)
    expect(page.get_by_label("Prompt")).to_have_value("The king had three sons.")
    expect(knob(page, "temperature")).to_have_value("0")
    expect(page.get_by_role("radio", name="Greedy")).to_be_checked()
    expect(page.get_by_label("Random")).not_to_be_checked()


def test_everything_works_from_the_keyboard(open_page):
    page = open_page("?tab=text&v=1&max_new_tokens=24")  # so that there is room to go on
    settle(page)
    page.get_by_label("Prompt").focus()
    page.keyboard.type("Once upon")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text-generate":
            break
    begin(page, lambda: page.keyboard.press("Enter"))
    end(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('token')"):
            break
    first = page.get_by_role("heading", name=re.compile("^Why ")).text_content()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.classList.contains('token')")
    expect(page.get_by_role("row")).to_have_count(10)
    assert page.locator(".token.on").count() == 1
    assert first
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    begin(page, lambda: page.keyboard.press("Enter"))
    expect(page.locator(".story .prompt")).not_to_have_text("Once upon")


def test_it_fits_a_phone_and_generate_stays_in_reach(open_page):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    set_up(page)
    generate(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in ("0", "document.body.scrollHeight"):
        page.evaluate(f"window.scrollTo(0, {place})")
        expect(page.get_by_role("button", name="Generate")).to_be_in_viewport()
    word(page, 1).tap()
    expect(page.get_by_role("row")).to_have_count(10)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_modes_are_legible(open_page, scheme):
    page = open_page(color_scheme=scheme)
    set_up(page)
    generate(page)
    ink, paper = page.locator(".card").evaluate(
        """card => [getComputedStyle(card.querySelector('.story')).color, getComputedStyle(card).backgroundColor]
            .map(colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number))"""
    )
    assert (sum(ink) < sum(paper)) == (scheme == "light")
    assert contrast(ink, paper) >= 7


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour):
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("prompt", HOSTILE)
def test_hostile_prompts_are_shown_as_text(open_page, prompt):
    page = open_page()
    set_up(page, length=5)
    page.get_by_label("Prompt").evaluate(
        """(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }""",
        json.loads(json.dumps(prompt)),
    )
    text = generate(page)
    clean = prompt.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    assert text.startswith(clean)
    word(page).hover()
    assert page.evaluate("window.hacked") is None


def test_mistakes_are_told_in_a_sentence_and_the_result_stays(open_page):
    page = open_page()
    set_up(page)
    text = generate(page)
    page.get_by_label("Seed", exact=True).fill("1.5")
    go = page.get_by_role("button", name="Generate")
    press(go.click, page.get_by_text("seed is 1.5; a whole number from 0 to 2147483647 is allowed."))
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Prompt").fill("a" * 1_000_000)
    press(go.click, page.get_by_text("The prompt has 1,000,000 characters; at most 20,000 are allowed."))
    assert tale(page) == text
