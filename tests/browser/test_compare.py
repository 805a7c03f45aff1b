"""Greedy, balanced and hot, side by side, as a person uses it."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror='window.hacked = 1'> ${window.hacked = 1} {{window.hacked = 1}}"
TAKE = "Take these settings"


def filled(open_page, *, prompt: str = "Once upon a time", length: int = 12, model: str = "tales", **options) -> Page:
    """A page whose controls hold this, with seed 7."""
    values = {"tab": "text", "v": 1, "model": model, "prompt": prompt, "seed": 7, "max_new_tokens": length}
    page = open_page("?" + urlencode(values), **options)
    expect(page.locator(".stage[data-opened]")).to_be_visible()
    return page


def compare(page: Page) -> None:
    page.get_by_role("button", name="side by side").click()


def compared(page: Page) -> list[str]:
    """Wait for the end; the three texts."""
    expect(page.locator('.compare[data-state="done"]')).to_be_visible()
    return page.locator(".way-story").all_text_contents()


def generated(page: Page, prompt: str) -> str:
    """Press Generate; what the tale adds to its prompt."""
    page.evaluate("document.querySelectorAll('.card').forEach((card) => (card.dataset.old = ''))")
    page.get_by_role("button", name="Generate").click()
    card = page.locator(".card:not([data-old])")
    expect(card.get_by_role("button", name="Continue")).to_be_visible()
    return card.locator(".story").evaluate("node => node.textContent").removeprefix(prompt).lstrip()


def test_each_column_is_the_single_run_of_its_settings(open_page):
    page = filled(open_page)
    expect(page.locator(".compare")).to_be_hidden()
    compare(page)
    texts = compared(page)
    for column, preset in enumerate(("Greedy", "Balanced", "Chaos")):
        way = page.locator(".way").nth(column)
        expect(way.locator(".way-status")).to_contain_text("bits of surprise a token · 12 tokens · seed 7")
        way.get_by_role("button", name=TAKE).click()
        expect(page.get_by_role("radio", name=preset)).to_be_checked()
        assert generated(page, "Once upon a time") == texts[column]
    greedy, balanced, hot = (page.get_by_role("row", name=name) for name in ("Greedy", "Balanced", "Hot"))
    expect(greedy).to_contain_text("1 of 10")
    for row in (balanced, hot):
        expect(row.locator(".dot.new, .dot.again")).to_have_count(10)
        expect(row).to_contain_text("of 10")
    page.get_by_text("Hot: the first sentences").click()
    assert page.locator(".folds details").nth(2).locator("li").count() == hot.locator(".dot.new").count()


def test_stop_keeps_what_is_there_and_its_link_tells_it_again(open_page):
    page = filled(open_page, length=512, model="unending")
    compare(page)
    expect(page.locator(".way")).to_have_count(3)
    for way in page.locator(".way").all():
        expect(way.locator(".token:not(:empty)").first).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator('.compare[data-state="stopped"]')).to_contain_text("Stopped.")
    expect(page.locator(".way .actions button", has_text=TAKE)).to_have_count(3)
    texts = page.locator(".way-story").all_text_contents()
    page.locator(".way").nth(1).get_by_role("button", name="Share").click()
    link = page.get_by_label("Link to what Balanced tells").input_value()
    assert page.locator(".way-story").all_text_contents() == texts
    friend = open_page(link)
    expect(friend.locator(".stage[data-opened]")).to_be_visible()
    assert generated(friend, "Once upon a time").startswith(
        texts[1].rstrip("\ufffd")
    )  # half a character is told at the end


def test_a_hostile_prompt_is_shown_as_text(open_page):
    page = filled(open_page, prompt=HOSTILE, length=3)
    compare(page)
    compared(page)
    assert page.locator(".compare-prompt").text_content() == HOSTILE
    assert page.evaluate("window.hacked") is None


def test_a_mistake_is_told_and_the_columns_stay(open_page):
    page = filled(open_page, length=3)
    compare(page)
    texts = compared(page)
    page.get_by_label("Seed", exact=True).fill("1.5")
    compare(page)
    expect(page.get_by_text("seed is 1.5; a whole number from 0 to 2147483647 is allowed.")).to_be_visible()
    assert page.locator(".way-story").all_text_contents() == texts


def test_it_fits_a_phone_and_works_from_the_keyboard(open_page):
    page = filled(open_page, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.locator("#text-compare").focus()
    page.keyboard.press("Enter")
    compared(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [way.bounding_box()["y"] for way in page.locator(".way").all()]
    assert tops == sorted(set(tops)), "they stand below one another"
