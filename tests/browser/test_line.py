"""A page that has to wait says where it stands; one for which there is no room says that; both go on afterwards."""

import threading

import pytest
from playwright.sync_api import expect

import app
from playground.engine import Engine
from playground.line import Line, LineFullError, Place
from playground.registry import Registry
from playground.settings import Settings
from tests.browser.steps import settle

pytestmark = pytest.mark.browser

NARROW = Settings(runs=1, queue=2, runs_per_client=1, waiting_per_client=1)
ADDRESS = "?tab=text&v=1&prompt=Once&seed=3&max_new_tokens=6"


@pytest.fixture(scope="module")
def there(checkpoints):
    """The engine of an app in this process, in which one may run and two may wait, and its address."""
    engine = Engine(Registry(checkpoints))
    demo = app.build(engine, NARROW)
    yield engine, app.serve(demo, NARROW.model_copy(update={"port": None}))
    demo.close()


@pytest.fixture(scope="module")
def site(there):
    return there[1]


def joined(line: Line, client: str) -> Place:
    """A place as soon as there is one: whoever has pressed Stop leaves a moment later."""
    while True:
        try:
            return line.join(client)
        except LineFullError:
            threading.Event().wait(0.02)


def test_who_waits_is_told_where_and_who_does_not_fit_is_told_that(open_page, there):
    line = there[0].line
    runs, waits = line.join("8.8.8.1"), line.join("8.8.8.2")
    page = open_page(ADDRESS)
    settle(page)
    stage = page.locator(".stage:visible").first
    generate, stop = (page.get_by_role("button", name=name, exact=True) for name in ("Generate", "Stop"))

    generate.click()
    expect(stage).to_contain_text("2nd in line")
    stop.click()
    expect(stage).not_to_contain_text("in line")
    page.wait_for_timeout(1_000)  # until all that Stop changes has been answered

    last = joined(line, "8.8.8.3")  # the room that was left
    generate.click()
    expect(stage).to_contain_text("The line is full: 2 are waiting here already.")

    waits.leave()
    last.leave()
    generate.click()
    expect(stage).to_contain_text("Next in line")
    runs.leave()
    expect(page.locator(".card .status").first).to_contain_text("6 tokens")
