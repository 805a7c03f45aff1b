"""What a person does to look into a tale: at its tokens, branches and dice."""

import json
import re
from pathlib import Path

import torch
from playwright.sync_api import Locator, Page, expect

from playground.links import from_record
from playground.recipes import TextRecipe
from playground.text.sampling import distribution, pick, seen_tokens
from tests.browser.steps import begin, end, tale

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
