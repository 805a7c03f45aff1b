"""Eight people at once: each gets what they would get alone, whoever leaves in the middle."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import begin, end, generate, settle, tale

pytestmark = pytest.mark.browser

PEOPLE, LENGTH = 8, 120


def test_eight_browsers_at_once_of_which_two_close_in_the_middle(open_page):
    def address(seed: int) -> str:  # a model that ends no tale by itself
        return f"?tab=text&v=1&model=unending&prompt=Once&seed={seed}&max_new_tokens={LENGTH}"

    pages = [open_page(address(seed)) for seed in range(PEOPLE)]
    for page in pages:
        settle(page)
        begin(page, page.get_by_role("button", name="Generate").click)
    for page in pages[2:4]:
        page.close()
    staying = [0, 1, 4, 5, 6, 7]
    for seed in staying:
        end(pages[seed])
        expect(pages[seed].locator(".card .status")).to_contain_text(f"{LENGTH} tokens")
    together = {seed: tale(pages[seed]) for seed in staying}
    assert len(set(together.values())) == len(staying)
    alone = {seed: generate(pages[seed]) for seed in staying}
    assert alone == together
