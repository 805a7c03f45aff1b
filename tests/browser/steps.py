"""What a person does on the text tab; each step ends with what a person would wait to see."""

import contextlib
from collections.abc import Callable

from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.browser.conftest import PATIENCE_MS

NEW = ".card:not([data-old])"


def settle(page: Page) -> None:
    """Wait until the page has been filled from its address, or left alone."""
    expect(page.locator(".stage[data-opened]")).to_be_visible()


def frames(page: Page, count: int = 3) -> None:
    """Let the page be painted so often."""
    page.evaluate(
        "async (count) => { while (count--) await new Promise((done) => requestAnimationFrame(done)); }", count
    )


def fold(page: Page) -> None:
    """Open or close the knobs of "Sampling".

    When they are opened first, Gradio makes them, waits for a frame and sets them once more to what they stood at. All
    that is before a person sees them, but not before a program can type.
    """
    page.get_by_role("button", name="Sampling").click()
    frames(page)


def knob(page: Page, name: str) -> Locator:
    """The box beside a slider."""
    return page.locator(f"#text-{name} input[type=number]")


def turn(page: Page, name: str, value: float) -> None:
    """Type into the box beside a slider and see that it stays."""
    knob(page, name).fill(str(value))
    frames(page, 1)
    expect(knob(page, name)).to_have_value(str(value))


def set_up(
    page: Page, prompt: str = "Once upon a time", length: int = 24, seed: int | None = 7, samples: int = 1
) -> None:
    """Fill in the controls and look at them once more."""
    settle(page)
    page.get_by_label("Prompt").fill(prompt)
    if seed is not None:
        page.get_by_label("Random").uncheck()
        page.get_by_label("Seed", exact=True).fill(str(seed))
    fold(page)
    turn(page, "max_new_tokens", length)
    turn(page, "samples", samples)
    expect(knob(page, "max_new_tokens")).to_have_value(str(length))
    fold(page)
    expect(page.get_by_label("Prompt")).to_have_value(prompt)
    if seed is not None:
        expect(page.get_by_label("Random")).not_to_be_checked()
        expect(page.get_by_label("Seed", exact=True)).to_have_value(str(seed))


def press(action: Callable[[], None], shows: Locator) -> None:
    """Press until it shows.

    Between the last word of a run and the message that ends it, Gradio ignores what would start the next one. A person
    who hits that moment presses again.
    """
    for _ in range(3):
        action()
        with contextlib.suppress(TimeoutError):
            return shows.first.wait_for(timeout=PATIENCE_MS / 3)
    raise AssertionError(f"Pressed three times, and nothing came: {shows}")


def begin(page: Page, action: Callable[[], None]) -> None:
    """Do what starts a run, and wait for its first card."""
    page.evaluate("document.querySelectorAll('.card').forEach((card) => (card.dataset.old = ''))")
    press(action, page.locator(NEW))


def end(page: Page, samples: int = 1) -> None:
    """Wait until every tale of the run has come to its end."""
    expect(page.locator(NEW).get_by_role("button", name="Continue")).to_have_count(samples)


def generate(page: Page, samples: int = 1) -> str:
    """Press Generate and wait for the end; the first tale."""
    begin(page, page.get_by_role("button", name="Generate").click)
    end(page, samples)
    return tale(page)


def tale(page: Page) -> str:
    """The first tale with its prompt."""
    return page.locator(".story").first.evaluate("node => node.textContent")


def word(page: Page, n: int = 0) -> Locator:
    """The n-th token of the first tale that has something to show."""
    return page.locator(".card").first.locator(".token:not(:empty)").nth(n)


def shared_link(page: Page) -> str:
    """The link of the first tale."""
    page.get_by_role("button", name="Share", exact=True).first.click()
    link = page.get_by_label("Link to this tale").input_value()
    page.keyboard.press("Escape")
    return link
