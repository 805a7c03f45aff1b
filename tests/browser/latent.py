"""What a person does on the latent tab, over tiny models; each step ends with what a person would wait to see."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from bench._serving import serving
from tests.browser.steps import frames, press
from tests.conftest import write_tiny_model
from tests.latent.tiny import make_checkpoint

CAT_TO_DOG = "?tab=latent&v=1&a=preset%3Acat&b=preset%3Adog&frames=5&seed=7"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror='window.hacked=1'>${window.hacked=1}{{window.hacked=1}}"


@contextlib.contextmanager
def tiny_site(root: Path) -> Iterator[str]:
    """The address of the app over tiny models, in a process of its own."""
    write_tiny_model(root / "tales")
    for kind in ("vae", "gan"):
        make_checkpoint(root / f"faces-{kind}", kind)
    with serving(root) as app:
        yield app.url


def settle(page: Page) -> None:
    """Wait until the tab has been filled, its map is there, and so is a first face."""
    expect(page.locator("#latent-stage-view .stage[data-opened]")).to_be_visible()
    expect(page.locator("#latent-map-view .stage")).to_have_attribute("data-state", "ready")
    expect(page.get_by_role("img", name="The face")).to_be_visible()
    expect(page.locator("#latent-ends-view img[src]")).to_have_count(2)
    frames(page)


def box(page: Page, name: str) -> Locator:
    """Where a knob is written."""
    return page.locator(f"#latent-{name} textarea, #latent-{name} input[type=number]")


def part(page: Page, view: str, name: str) -> Locator:
    return page.locator(f"#latent-{view}-view [data-part='{name}']")


def face(page: Page) -> str:
    """The big face, as a data URL."""
    return part(page, "map", "face").get_attribute("src")


def changed(page: Page, before: str) -> str:
    """The big face once it is another."""
    expect(part(page, "map", "face")).not_to_have_attribute("src", before)
    return face(page)


def cells(page: Page) -> Locator:
    return page.locator("#latent-stage-view .cell img")


def lanes(page: Page) -> Locator:
    return page.locator("#latent-stage-view .lane:not([data-old])")


def morph(page: Page, button: Locator | None = None, count: int = 1) -> list[str]:
    """Press Morph and wait for the whole journey; the frames of the first lane."""
    page.evaluate("document.querySelectorAll('.lane').forEach((lane) => (lane.dataset.old = ''))")
    press((button or page.get_by_role("button", name="Morph")).click, lanes(page))
    expect(lanes(page).get_by_role("button", name="Share")).to_have_count(count)
    return lanes(page).first.locator(".cell img").evaluate_all("nodes => nodes.map((node) => node.src)")


def slide(node: Locator, value: float) -> None:
    node.evaluate("(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value)


def drag(page: Page, start: tuple[float, float], *way: tuple[float, float]) -> None:
    """Drag over the map; places are shares of its width and height."""
    sheet = page.locator("#latent-map-view canvas")
    sheet.scroll_into_view_if_needed()
    area = sheet.bounding_box()
    at = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, *way)]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def saved(page: Page, format: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=format, exact=True).click()
    assert download.value.suggested_filename == f"journey-seed-7.{format.lower()}"
    return download.value.path().read_bytes()


def plain_png() -> dict:
    file = io.BytesIO()
    Image.new("RGBA", (90, 40), (200, 30, 60, 128)).save(file, "PNG")
    return {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()}
