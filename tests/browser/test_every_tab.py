"""Every tab at rest, light and dark: axe finds nothing, not even something moderate, and a phone is wide enough."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.steps import frames, settle
from tests.browser.test_accessibility import AT_REST

pytestmark = pytest.mark.browser
TABS = ("text", "image", "latent", "grid", "history")
PHONE = 390  # px


def violations(page: Page) -> list[str]:
    """Every finding as a line: which rule, and where."""
    page.evaluate(AT_REST)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']} ({one['impact']}): {node['html']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_tab(open_page, scheme):
    page = open_page(color_scheme=scheme)
    settle(page)
    for name in TABS:
        tab = page.get_by_role("tab", name=name.capitalize(), exact=True).first
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        frames(page, 10)
        assert violations(page) == [], name


@pytest.mark.parametrize("name", TABS)
def test_a_phone_is_wide_enough(open_page, name):
    page = open_page(f"?tab={name}", viewport={"width": PHONE, "height": 844})
    expect(page.locator("[role=tabpanel]:visible").first).to_be_visible()
    frames(page, 10)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
