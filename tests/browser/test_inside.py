"""Inside a text: its tokens, the branches off them, the dice, the surprise, and a text of one's own."""

import json
import math
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from playground.links import from_record
from playground.recipes import TextRecipe
from playground.text.sampling import distribution, pick, seen_tokens
from tests.browser.steps import NEW, begin, end, fold, generate, knob, set_up, settle, shared_link, tale

pytestmark = pytest.mark.browser

TABS = Path(__file__).parents[2] / "tabs"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror='window.hacked=1'>${window.hacked=1}{{window.hacked=1}}"


def tokens(page: Page) -> Locator:
    """Of the tale on show, those that show nothing by themselves included."""
    return page.locator(".card .token")


def explain(page: Page, n: int) -> None:
    """Hold the n-th token."""
    tokens(page).nth(n).focus()
    expect(page.get_by_role("row")).to_have_count(10)


def alternatives(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Branch: go on with"))


def branch(page: Page, n: int, which: int = 0) -> str:
    """Send the tale another way at its n-th token; the tale it then is."""
    explain(page, n)
    begin(page, alternatives(page).nth(which).click)
    end(page)
    return tale(page)


def saved(page: Page) -> dict:
    """The document of the tale on show."""
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    return json.loads(download.value.path().read_text(encoding="utf-8"))


def ids_of(document: dict) -> list[int]:
    return [token["id"] for token in document["result"]["tokens"]]


def items(page: Page) -> Locator:
    return page.get_by_role("treeitem")


def see_the_dice(page: Page, n: int) -> None:
    explain(page, n)
    page.get_by_role("button", name="See the dice").click()
    expect(page.locator(".dice tbody tr").first).to_be_visible()


def slide(page: Page, name: str, value: float) -> None:
    """Move a knob of the dice."""
    page.locator(f".dice input[data-knob={name}]").evaluate(
        "(box, value) => { box.value = value; box.dispatchEvent(new Event('input')); }", value
    )


def examined(engine, document: dict, index: int):
    """What the library says of a place of a saved tale: its recipe and the examination."""
    recipe = TextRecipe.make(from_record(document["recipe"]).values)
    return recipe, engine.examine(recipe, ids_of(document), index)


def choice(found, recipe: TextRecipe) -> int:
    after = distribution(found.logits, seen_tokens(found.seen, len(found.logits)), recipe)
    return pick(after[None], torch.tensor([found.uniform], dtype=torch.float64)).item()


# ---- tokens ------------------------------------------------------------------------------------------------------


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

KNOBS = [
    {},
    {"temperature": 0.3},
    {"temperature": 2, "top_k": 0, "top_p": 1},
    {"top_k": 3, "top_p": 1},
    {"top_k": 0, "top_p": 0.4},
    {"top_k": 0, "top_p": 0},
    {"top_k": 1},
    {"min_p": 0.5, "top_p": 1, "top_k": 0},
    {"min_p": 1},
    {"repetition_penalty": 1.5, "temperature": 0},
    {"repetition_penalty": 1.17, "temperature": 1.3, "top_k": 50, "top_p": 0.9, "min_p": 0.05},
    {"temperature": 0},
]


def test_the_page_computes_what_the_samplers_do(open_page, engine):
    """`_samplers.js` beside playground/text/sampling.py, on logits with equals among them."""
    page = open_page()
    recipe = engine.recipe("text", {"prompt": "Once upon a time", "seed": 5, "max_new_tokens": 12})
    told = list(engine.generate(recipe))[-1].results[0]
    source = (TABS / "_samplers.js").read_text()
    for index in (0, 7):
        found = engine.examine(recipe, [token.id for token in told.tokens], index)
        for even in (False, True):
            logits = (found.logits * 4).round() / 4 if even else found.logits
            for changes in KNOBS:
                with_knobs = TextRecipe.make({**recipe.model_dump(), **changes})
                if even and with_knobs.top_k not in (0, 3):
                    continue  # which of many equals are candidates at all is open there
                names = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")
                shares, token = page.evaluate(
                    f"""([logits, seen, knobs, u]) => {{ {source}
                        const last = stages(Float32Array.from(logits), seen, knobs).at(-1).shares;
                        return [[...last], pick(last, u)]; }}""",
                    [logits.tolist(), list(found.seen), {n: getattr(with_knobs, n) for n in names}, found.uniform],
                )
                after = distribution(logits, seen_tokens(found.seen, len(logits)), with_knobs)
                assert shares == pytest.approx(after.tolist(), abs=1e-12), changes
                assert token == pick(after[None], torch.tensor([found.uniform], dtype=torch.float64)).item(), changes


def test_the_dice_show_each_sampler_and_the_throw(open_page, engine):
    page = open_page()
    set_up(page, length=12)
    generate(page)
    document = saved(page)
    see_the_dice(page, 4)
    heads = [head.split("\n")[0] for head in page.locator(".dice thead th").all_inner_texts()]
    assert heads == ["token", "model", "repetition penalty", "temperature", "top-k", "top-p", "min-p"]
    recipe, found = examined(engine, document, 4)
    said = page.locator(".dice-said")
    assert float(said.get_attribute("data-uniform")) == found.uniform
    assert int(said.get_attribute("data-pick")) == ids_of(document)[4] == choice(found, recipe)
    after = distribution(found.logits, seen_tokens(found.seen, len(found.logits)), recipe)
    rows = page.locator(".dice tbody tr")
    shares = rows.evaluate_all("rows => rows.map((row) => [...row.cells].slice(1).map((cell) => +cell.dataset.share))")
    before = found.logits.double().softmax(-1)
    assert [row[0] for row in shares[:10]] == pytest.approx(before.topk(10).values.tolist(), abs=1e-6)
    ids = before.topk(10).indices
    assert [row[-1] for row in shares[:10]] == pytest.approx(after[ids].tolist(), abs=1e-6)


def test_a_moved_knob_is_read_anew_at_once_and_can_be_used(open_page, engine):
    page = open_page()
    set_up(page, length=12)
    generate(page)
    document = saved(page)
    see_the_dice(page, 6)
    recipe, found = examined(engine, document, 6)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    said = page.locator(".dice-said")
    for changes in ({"temperature": 2, "top_k": 0, "top_p": 1}, {"top_k": 1}, {"top_k": 7, "min_p": 0.3}):
        for name, value in changes.items():
            slide(page, name, value)
        recipe = recipe.model_copy(update=changes)
        assert int(said.get_attribute("data-pick")) == choice(found, recipe)
    slide(page, "top_k", 1)
    expect(page.locator(".dice td.cut").first).to_have_text("cut")
    assert not requests
    slide(page, "top_k", 7)
    page.get_by_role("button", name="Use these").click()
    fold(page)
    expect(knob(page, "temperature")).to_have_value("2")
    expect(knob(page, "top_k")).to_have_value("7")
    expect(knob(page, "min_p")).to_have_value("0.3")
    page.get_by_role("button", name="As it was told").click()
    assert int(said.get_attribute("data-pick")) == ids_of(document)[6]


def test_the_dice_answer_what_is_no_place_with_a_sentence(open_page):
    page = open_page()
    asked = page.evaluate(
        """async () => {
            const { components } = await (await fetch("config")).json();
            const stage = components.find((one) => one.props.elem_id === "text-stage");
            const ask = async (data) => (await fetch("gradio_api/component_server", {
                method: "POST",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ data, component_id: stage.id, fn_name: "examine", session_hash: "abc" }),
            })).json();
            const recipe = { v: 1, kind: "text", prompt: "Once" };
            return Promise.all([
                null, "x", {}, { recipe: 5 }, { recipe, ids: [5], index: 1 }, { recipe, ids: [5], index: "0" },
                { recipe, ids: ["5"], index: 0 }, { recipe, ids: Array(600).fill(5), index: 0 },
                { recipe, ids: [99999], index: 0 }, { recipe: { ...recipe, model: "../etc" }, ids: [5], index: 0 },
                { recipe: { ...recipe, temperature: 1e99 }, ids: [5], index: 0 },
            ].map(ask));
        }"""
    )
    assert all(answer["problem"].endswith((".", "anew.")) and "logits" not in answer for answer in asked), asked


# ---- surprise ----------------------------------------------------------------------------------------------------


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
