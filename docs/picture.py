"""Takes docs/app.png, the README's picture: the first example with one word explained (`python -m docs.picture`).

Needs Chromium and the shipped models.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from bench._serving import serving
from tests.browser.conftest import CHROMIUM, FLAGS

PICTURE = Path(__file__).with_name("app.png")
WORD = 17  # the one that is explained


def main() -> None:
    """Start the app, press the first example, save what it looks like."""
    with (
        serving() as app,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(app.url)
        page.locator(".stage[data-opened]").wait_for()
        page.locator(".examples button").first.click()
        page.get_by_role("button", name="Continue").wait_for(timeout=120_000)
        page.locator(".card .token").nth(WORD).hover()
        page.locator(".story").evaluate("story => (story.scrollTop = 0)")
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
