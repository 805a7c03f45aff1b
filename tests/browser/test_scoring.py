"""Surprise, texts of one's own, and runs that fail."""

import math
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.inside import HOSTILE, alternatives, explain, saved, tokens
from tests.browser.steps import NEW, begin, end, fold, generate, knob, set_up, settle, shared_link, tale

pytestmark = pytest.mark.browser


def test_the_surprise_is_a_line_that_goes_with_the_tokens(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    logprobs = [token["logprob"] for token in saved(page)["result"]["tokens"]]
    bits = -sum(logprobs) / len(logprobs) / math.log(2)
    expect(page.locator(".surprise-caption")).to_contain_text(f"Surprise {bits:.2f} bits a token")
    plot = page.locator(".surprise-plot")
    box = plot.bounding_box()
    plot.hover(position={"x": box["width"] * 10.5 / 24, "y": 20})
    expect(tokens(page).nth(10)).to_have_class(re.compile(r"\bon\b"))
    plot.click(position={"x": box["width"] * 20.5 / 24, "y": 20})
    expect(tokens(page).nth(20)).to_be_focused()


def test_a_text_of_ones_own_is_scored(open_page):
    page = open_page()
    set_up(page, prompt=f"The dragon sang. {HOSTILE} é")
    begin(page, page.get_by_role("button", name="Score my text").click)
    expect(page.locator(NEW).get_by_role("button", name="JSON")).to_be_visible()
    assert tale(page) == f"The dragon sang. {HOSTILE} é"
    expect(page.locator(".card .status")).to_contain_text("Scored as it stands; nothing was added.")
    expect(page.locator(".surprise-caption")).to_contain_text("perplexity")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    explain(page, 2)
    expect(alternatives(page)).to_have_count(0)
    expect(page.get_by_role("button", name="See the dice")).to_be_hidden()
    document = saved(page)
    assert (document["recipe"]["max_new_tokens"], document["result"]["text"]) == (0, "")
    assert "".join(token["text"] for token in document["result"]["tokens"]) == f"The dragon sang. {HOSTILE} é"
    assert page.evaluate("window.hacked") is None
    fold(page)
    expect(knob(page, "max_new_tokens")).to_have_value("24")
    assert parse_qs(urlsplit(shared_link(page)).query)["max_new_tokens"] == ["0"]


def test_nothing_is_no_text_to_score(open_page):
    page = open_page()
    settle(page)
    page.get_by_role("button", name="Score my text").click()
    expect(page.get_by_text("There is nothing to score")).to_be_visible()


# ---- what is told and undone -------------------------------------------------------------------------------------


def test_a_run_that_fails_leaves_the_last_result(open_page):
    page = open_page()
    set_up(page)
    text = generate(page)
    page.get_by_label("Prompt").fill("dragon " * 300)
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("alert").filter(has_text="the model takes at most 127")).to_be_visible()
    assert tale(page) == text
    page.get_by_label("Prompt").fill("Once")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("The tale, to be edited").fill("dragon " * 300)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Back to my prompt")).to_be_visible()
    page.get_by_role("button", name="Back to my prompt").click()
    expect(page.get_by_label("Prompt")).to_have_value("Once")
    expect(page.get_by_role("button", name="Continue")).to_be_visible()


def test_a_first_run_that_fails_leaves_the_page_empty(open_page):
    page = open_page()
    set_up(page, prompt="dragon " * 300)
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("alert").filter(has_text="the model takes at most 127")).to_be_visible()
    expect(page.get_by_text("Your tale will appear here")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)


def test_continue_can_be_undone(open_page):
    page = open_page()
    set_up(page, samples=2, length=6)
    generate(page, samples=2)
    begin(page, page.get_by_role("button", name="Continue").first.click)
    end(page)
    begin(page, page.get_by_role("button", name="Continue").first.click)
    end(page)
    page.get_by_role("button", name="Back to my prompt").click()
    expect(page.get_by_label("Prompt")).to_have_value("Once upon a time")
    expect(page.get_by_role("button", name="Back to my prompt")).to_be_hidden()
    fold(page)
    expect(knob(page, "samples")).to_have_value("2")


def test_a_style_that_the_model_never_read_is_told(open_page):
    page = open_page()
    settle(page)
    hint = page.get_by_text("The model read no such voice")
    page.get_by_label("Style").fill("Poe")
    page.get_by_label("Prompt").focus()
    expect(hint).to_be_visible()
    page.get_by_label("Style").fill("Grimm")
    page.get_by_label("Prompt").focus()
    expect(hint).to_be_hidden()


def test_presets_say_their_numbers(open_page):
    page = open_page()
    settle(page)
    numbers = page.locator("#text-numbers")
    expect(numbers).to_contain_text("temperature 0.8 · top-k 40 · top-p 0.95 · min-p off")
    page.get_by_role("radio", name="Chaos").check()
    expect(numbers).to_contain_text("temperature 1.5 · top-k off · top-p off")
    page.get_by_role("radio", name="Greedy").check()
    expect(numbers).to_contain_text("temperature 0: always the likeliest word")


# ---- hands -------------------------------------------------------------------------------------------------------
