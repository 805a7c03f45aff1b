"""The first page in a browser: seconds until all of it can be seen, by the browser's own clock.

Complete is a page whose last part stands there: the buttons under the first tab's controls, which Gradio draws after
everything else. Wants Playwright (requirements-dev.txt) and Chromium.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench._serving import serving
from bench._usage import rest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TIMES = 7
PATIENCE_MS = 60_000
WATCH = """(() => {
  const look = (now) => {
    const seen = [...document.querySelectorAll(".go-bar button")].some((button) => button.offsetWidth > 0);
    if (seen) window.completeAfterMs = now;
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


def run(checkpoints: Path | None = None, times: int = TIMES) -> list[float]:
    """Open the page `times` times, each as somebody who was never there.

    Args:
        checkpoints: where the models are, if not in ours.

    Returns:
        Seconds, as measured; none where Playwright or Chromium is missing.
    """
    if not (CHROMIUM.exists() and find_spec("playwright")):
        return []
    from playwright.sync_api import sync_playwright

    with serving(checkpoints) as app, sync_playwright() as playwright:
        rest(app.pid)  # models are loaded in the background
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return [_open(browser.new_context(), app.url) for _ in range(times)]


def _open(context: Any, url: str) -> float:
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    seconds = page.wait_for_function("window.completeAfterMs", timeout=PATIENCE_MS).json_value() / 1000
    context.close()
    return seconds
