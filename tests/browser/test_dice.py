"""The sampler view: the page computes what the samplers do, and says what the same dice would pick."""

import pytest
import torch
from playwright.sync_api import expect

from playground.recipes import TextRecipe
from playground.text.sampling import distribution, pick, seen_tokens
from tests.browser.inside import TABS, choice, examined, ids_of, saved, see_the_dice, slide
from tests.browser.steps import fold, generate, knob, set_up

pytestmark = pytest.mark.browser

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
