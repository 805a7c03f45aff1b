"""A real Chromium. Every page is watched: an error in the console or a request to another host fails its test.

A browser, a server and a model share two cores here, so a test that fails is tried again, at most twice; pytest's
summary tells which were.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench._opening import CHROMIUM, FLAGS

PATIENCE_MS = 120_000  # a busy machine takes its time; what passes never waits for this

TRIES_AGAIN = 2

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=TRIES_AGAIN))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of the app in a context of its own; `options` are those of a browser context."""
    contexts, wrong = [], []

    def watch(page: Page) -> None:
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if is_foreign(request.url) else None)

    def is_foreign(url: str) -> bool:
        return urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != urlsplit(site).netloc

    def open_page(address: str = "", **options) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        watch(page)
        page.goto(address if address.startswith("http") else site + address)
        expect(page.locator(".go-bar button:visible, #history-view:visible").first).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
