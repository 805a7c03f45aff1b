"""The text from the inside: every token's reason, branches and their tree."""

import json
import re

import pytest
from playwright.sync_api import expect

from playground.links import from_record
from tests.browser.inside import HOSTILE, PHONE, alternatives, branch, explain, ids_of, items, saved, tokens
from tests.browser.steps import begin, end, generate, set_up, settle, shared_link, tale

pytestmark = pytest.mark.browser


def test_every_token_can_be_seen_and_reached(open_page):
    page = open_page()
    set_up(page, length=40)
    text = generate(page)
    expect(tokens(page)).to_have_count(40)
    assert tokens(page).evaluate_all("nodes => nodes.every((node) => node.getBoundingClientRect().width > 2)")
    marked = page.locator(".card .token:empty")
    assert marked.count()  # random weights tell many a half character
    assert marked.evaluate_all("nodes => nodes.every((node) => '◌∎…'.includes(node.dataset.mark))")
    marked.first.hover()
    expect(page.get_by_role("heading", name=re.compile("^Why “[◌∎…]”"))).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(10)
    assert saved(page)["result"]["text"] == text.removeprefix("Once upon a time")


def test_what_is_held_stays_while_the_pointer_wanders(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    explain(page, 3)
    tokens(page).nth(9).hover()
    expect(tokens(page).nth(3)).to_have_class(re.compile(r"\bon\b"))
    page.keyboard.press("Escape")
    tokens(page).nth(12).hover()
    expect(tokens(page).nth(12)).to_have_class(re.compile(r"\bon\b"))


# ---- branches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["first", "last", "partial"])
def test_a_branch_keeps_what_was_before_and_replays_anywhere(open_page, place):
    page = open_page()
    set_up(page, length=40)
    generate(page)
    before = ids_of(saved(page))
    marks = tokens(page).evaluate_all("nodes => nodes.map((node) => node.dataset.mark)")
    n = {"first": 0, "last": len(before) - 1, "partial": marks.index("◌")}[place]
    text = branch(page, n)
    document = saved(page)
    recipe = document["recipe"]
    forced = [int(token) for token in recipe["forced"].split()]
    assert forced[:-1] == before[:n]
    assert forced[-1] != before[n]
    assert ids_of(document)[: n + 1] == forced
    assert (recipe["samples"], recipe["seed"]) == (1, 7)
    assert recipe["max_new_tokens"] == (80 if place == "last" else 40)
    expect(page.locator(".card .token.forced")).to_have_count(n + 1)
    expect(tokens(page).nth(n)).to_have_attribute("data-mark", re.compile("^↳"))

    link = shared_link(page)
    friend = open_page(link)
    settle(friend)
    expect(friend.locator("#text-fixed")).to_contain_text("fixed by a branch")
    assert generate(friend) == text
    expect(friend.locator(".card .status")).to_contain_text("The same text as in the link.")


def test_a_branch_of_one_of_several_has_its_seed(open_page):
    page = open_page()
    set_up(page, samples=3)
    generate(page, samples=3)
    third = page.locator(".card").nth(2)
    third.locator(".token").nth(4).focus()
    begin(page, alternatives(page).first.click)
    end(page)
    expect(page.get_by_role("button", name="Use seed 9 again")).to_be_visible()
    assert saved(page)["recipe"]["seed"] == 9
    expect(items(page).nth(1)).to_contain_text("tale 3, after 4 tokens")


def test_to_edit_the_beginning_lets_go_of_fixed_tokens(open_page):
    page = open_page()
    set_up(page)
    first = generate(page)
    branch(page, 5)
    note = page.get_by_role("button", name="6 tokens are fixed by a branch")
    expect(note).to_be_visible()
    page.get_by_label("Prompt").fill("Once upon a time!")
    expect(note).to_be_hidden()
    generate(page)
    assert saved(page)["recipe"]["forced"] == ""

    page.get_by_label("Prompt").fill("Once upon a time")
    assert generate(page) == first
    branch(page, 5)
    expect(note).to_be_visible()
    note.click()
    expect(note).to_be_hidden()
    assert generate(page) == first


def test_a_branch_is_of_its_tale_whatever_the_controls_say_by_then(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    page.get_by_label("Prompt").fill("Something else")
    text = branch(page, 2)
    assert text.startswith("Once upon a time")
    expect(page.get_by_label("Prompt")).to_have_value("Once upon a time")
    page.get_by_role("button", name="Back to my prompt").click()
    expect(page.get_by_label("Prompt")).to_have_value("Something else")
    expect(page.locator("#text-fixed")).to_be_hidden()


# ---- the tree ----------------------------------------------------------------------------------------------------


def test_branches_are_a_tree_to_move_about_in(open_page):
    page = open_page()
    set_up(page)
    root = generate(page)
    one = branch(page, 3)
    two = branch(page, 8, 1)
    items(page).first.locator(".tree-line").first.click()
    assert tale(page) == root
    three = branch(page, 1)
    assert len({root, one, two, three}) == 4
    levels = items(page).evaluate_all("nodes => nodes.map((node) => node.ariaLevel)")
    assert levels == ["1", "2", "3", "2"]
    items(page).nth(1).focus()
    seen = []
    for key in ("ArrowDown", "ArrowUp", "ArrowLeft", "End"):
        page.keyboard.press(key)
        seen.append(tale(page))
    assert seen == [two, one, root, three]
    expect(items(page).nth(3)).to_be_focused()
    assert generate(page) == three  # the controls are the last branch's
    assert items(page).evaluate_all("nodes => nodes.map((node) => node.ariaLevel)") == ["1", "2", "3", "2", "1"]


def test_to_move_to_the_root_lets_go_of_what_a_branch_fixed(open_page):
    page = open_page()
    set_up(page)
    generate(page)
    branch(page, 3)
    expect(page.locator("#text-fixed")).to_contain_text("4 tokens are fixed")
    items(page).nth(0).locator(".tree-line").first.click()
    expect(page.locator("#text-fixed")).to_be_hidden()
    items(page).nth(1).locator(".tree-line").first.click()
    expect(page.locator("#text-fixed")).to_contain_text("4 tokens are fixed")


def test_a_branch_can_be_renamed_and_pruned(open_page):
    page = open_page()
    set_up(page)
    root = generate(page)
    branch(page, 3)
    branch(page, 8)
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of this branch").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(items(page).nth(2)).to_contain_text(HOSTILE)
    expect(items(page).nth(2)).to_be_focused()
    page.keyboard.press("F2")
    page.keyboard.type("Another name")
    page.keyboard.press("Escape")
    expect(items(page).nth(2)).to_contain_text(HOSTILE)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Delete")
    expect(items(page)).to_have_count(1)
    expect(page.locator(".tree-note")).to_contain_text("2 in all")
    assert tale(page) == root
    page.get_by_role("button", name="Prune").click()
    expect(items(page)).to_have_count(0)
    expect(page.get_by_text("Your tale will appear here")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    generate(page)


def test_the_tree_can_be_exported(open_page, engine):
    page = open_page()
    set_up(page, prompt="# A *star*")
    root = generate(page)
    text = branch(page, 3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export recipes").click()
    branches = json.loads(download.value.path().read_text(encoding="utf-8"))["branches"]
    assert [(node["id"], node["parent"]) for node in branches] == [(1, None), (2, 1)]
    assert branches[1]["from"] == {"sample": 0, "index": 3}
    for node, told in zip(branches, (root, text), strict=True):
        (result,) = node["results"]
        recipe = engine.recipe("text", from_record(result["recipe"]).values)
        assert recipe.prompt + list(engine.generate(recipe))[-1].results[0].text == told
    with page.expect_download() as download:
        page.get_by_role("button", name="Export texts").click()
    markdown = download.value.path().read_text(encoding="utf-8")
    assert markdown.startswith("# Branches\n\n## \\# A \\*star\\*\n")
    assert "\n### ↳ " in markdown
    assert "forced=" in markdown


# ---- the dice ----------------------------------------------------------------------------------------------------


def test_branch_dice_and_tree_work_from_the_keyboard(open_page):
    page = open_page()
    set_up(page)
    root = generate(page)
    tokens(page).first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(alternatives(page).first).to_be_focused()
    begin(page, lambda: page.keyboard.press("Enter"))
    end(page)
    assert tale(page) != root
    expect(page.locator(".card .token.forced")).to_have_count(4)
    page.locator('[role="treeitem"][tabindex="0"]').focus()
    page.keyboard.press("ArrowUp")
    assert tale(page) == root
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('token')")
    page.get_by_role("button", name="See the dice").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".dice tbody tr").first).to_be_visible()
    page.locator(".dice input[data-knob=temperature]").focus()
    page.keyboard.press("End")
    expect(page.locator(".dice-knob", has_text="temperature").locator("output")).to_have_text("2")


def test_all_of_it_fits_a_phone(open_page):
    page = open_page(**PHONE)
    set_up(page)
    generate(page)
    page.locator(".card .token:not(:empty)").nth(2).tap()
    page.get_by_role("button", name="See the dice").tap()
    expect(page.locator(".dice tbody tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    begin(page, alternatives(page).first.tap)
    end(page)
    expect(page.locator(".card .story")).to_be_in_viewport()
    items(page).first.locator(".tree-line").first.tap()
    expect(items(page).first).to_have_attribute("aria-selected", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
