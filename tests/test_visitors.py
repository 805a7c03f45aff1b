"""Who asks over HTTP: visitors told apart, each limit told in a sentence to page and programs, nobody crowded out."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import httpx
import pytest
from fastapi import Request
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
from playground.engine import Engine
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.settings import Settings
from tabs import _visitors
from tabs._visitors import CROWDED, admit, client_of, threads
from tests.conftest import write_tiny_model

LONG = {"prompt": "Once", "max_new_tokens": 512, "samples": 8}
PATIENCE_S = 120
HTTP = httpx.Client(timeout=PATIENCE_S)
MINE = "You already have 1 waiting here: let one of them go on, or stop one, and try again."
FULL = "The line is full: 3 are waiting here already. Try again in a minute."


class App:
    """What Gradio's app says of its page."""

    def __init__(self, trusted: bool) -> None:
        self.trust_proxy = trusted

    def get_blocks(self):
        return self


def asked(
    host: str | None, forwarded=(), session=None, path="/gradio_api/queue/join", trusted=False, agent=False
) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    headers += [(b"x-gradio-user", b"mcp")] if agent else []
    scope = {"type": "http", "path": path, "headers": headers, "query_string": b"", "server": ("here", 80)}
    scope |= {"client": (host, 1) if host else None, "app": App(trusted)}
    return client_of(gr.Request(Request(scope), session_hash=session))


@pytest.mark.parametrize(
    ("given", "client"),
    [
        ({"host": "198.51.100.7", "session": "abc"}, "198.51.100.7/abc"),
        ({"host": "198.51.100.7", "session": "made-up", "path": "/gradio_api/call/text"}, "198.51.100.7"),
        ({"host": "198.51.100.7", "session": "of all", "agent": True}, "198.51.100.7"),
        ({"host": "198.51.100.7"}, "198.51.100.7"),
        ({"host": None, "session": "abc"}, "?/abc"),
        ({"host": "testclient", "session": "abc"}, "?/abc"),
        ({"host": "198.51.100.7", "session": "a/b"}, "198.51.100.7/a/b"),
        ({"host": "198.51.100.7", "session": "x" * 10**6}, "198.51.100.7/" + "x" * 64),
        ({"host": "2001:db8:1:2:3:4:5:6", "session": "abc"}, "2001:db8:1:2::/abc"),
        ({"host": "::ffff:198.51.100.7", "session": "abc"}, "198.51.100.7/abc"),
        ({"host": "127.0.0.1", "forwarded": ["8.8.8.8"], "session": "abc"}, "?/abc"),
        ({"host": "127.0.0.1", "forwarded": ["8.8.8.8"], "path": "/gradio_api/call/text"}, "?"),
        ({"host": "127.0.0.1", "forwarded": ["8.8.8.8"], "session": "abc", "trusted": True}, "8.8.8.8/abc"),
        ({"host": "10.0.0.1", "forwarded": ["1.1.1.1, 8.8.8.8"], "trusted": True}, "8.8.8.8"),
        ({"host": "10.0.0.1", "forwarded": ["1.1.1.1", "8.8.8.8, 10.0.0.2"], "trusted": True}, "8.8.8.8"),
        ({"host": "127.0.0.1", "forwarded": ["10.0.0.9, 10.0.0.5"], "trusted": True}, "10.0.0.5"),
        ({"host": "127.0.0.1", "forwarded": ["[2606:4700::1]:443"], "trusted": True}, "2606:4700::"),
        ({"host": "127.0.0.1", "forwarded": ["8.8.8.8:5000"], "trusted": True}, "8.8.8.8"),
        ({"host": "127.0.0.1", "forwarded": ["<b>, , 1.2.3"], "trusted": True}, "127.0.0.1"),
        ({"host": "127.0.0.1", "forwarded": [""], "trusted": True}, "127.0.0.1"),
    ],
)
def test_visitors_are_told_apart(given, client):
    assert asked(**given) == client


def test_the_program_itself_is_nobody():
    assert client_of(None) == "" == client_of(gr.Request())


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """The address and the engine of an app where two may run, one of each visitor, and three may wait, one of each."""
    folder = tmp_path_factory.mktemp("house")
    write_tiny_model(folder / "tales", endless=True)
    engine = Engine(Registry(folder))
    engine.warm_up("text", "tales").join()
    settings = Settings(runs=2, queue=3, runs_per_client=1, waiting_per_client=1, trust_proxy=True)
    demo = app.build(engine, settings)
    yield app.serve(demo, settings.model_copy(update={"port": None})), engine
    demo.close()


@pytest.fixture
def address(house):
    """The app's address; at the end everybody has left."""
    url, engine = house
    yield url
    for place in [*engine.line._house.inside, *engine.line._house.waiting]:
        place.leave()  # what a test that failed left behind
    assert wait_until(lambda: not engine.line._house.rota._served)


def wait_until(reached) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def call(address: str, who: str, values=None) -> httpx.Response:
    """A raw call of the API, by way of the proxy."""
    body = LONG | (values or {})
    return HTTP.post(f"{address}gradio_api/call/v2/text", json=body, headers={"X-Forwarded-For": who})


def first_answers(address: str, event: str, count: int) -> list:
    """The first documents, or the mistake, of a raw call; then its connection is closed."""
    found = []
    with HTTP.stream("GET", f"{address}gradio_api/call/text/{event}") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and line != "data: null":
                found.append(json.loads(line.removeprefix("data: ")))
                if len(found) == count or "error" in found[-1]:
                    break
    return found


class Held:
    """A run of the Python client that goes on until it is let go; `waiting` is what its documents say of the line."""

    def __init__(self, address: str, who: str) -> None:
        client = Client(address, verbose=False, headers={"X-Forwarded-For": who})
        self.job = client.submit(**LONG, api_name="/text")

    @property
    def waiting(self) -> list[str]:
        return [document["waiting"] for document in self.job.outputs() if "waiting" in document]

    @property
    def begun(self) -> bool:
        return any(document["recipe"] for document in self.job.outputs())

    def let_go(self) -> None:
        self.job.cancel()


def test_programs_are_told_their_place_and_refused_in_a_sentence(address, house):
    line = house[1].line
    running = [line.join("8.8.8.1"), line.join("8.8.8.2")]
    third = Held(address, "8.8.8.3")
    assert wait_until(lambda: third.waiting)
    assert third.waiting[0].startswith("Next in line")
    fourth = Held(address, "8.8.8.4")
    assert wait_until(lambda: fourth.waiting)
    assert fourth.waiting[0].startswith("2nd in line")
    last = line.join("8.8.8.5")

    with pytest.raises(AppError) as told:  # the Python client
        Client(address, verbose=False, headers={"X-Forwarded-For": "8.8.8.6"}).predict(**LONG, api_name="/text")
    assert str(told.value) == FULL
    event = call(address, "8.8.8.7").json()["event_id"]  # plain HTTP
    assert first_answers(address, event, 1)[0]["error"] == FULL

    running[0].leave()
    assert wait_until(lambda: third.begun)
    for place in (running[1], last):
        place.leave()
    for held in (third, fourth):
        held.let_go()


def test_raw_calls_of_an_address_are_one_visitor(address, house):
    running = house[1].line.join("8.8.4.4")  # as a raw call of that address is told apart
    events = [call(address, "8.8.4.4").json()["event_id"] for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        listening = [pool.submit(first_answers, address, event, 3) for event in events]
        answers = [future.result() for future in listening]
    running.leave()
    assert [found[-1]["error"] for found in answers if "error" in found[-1]] == [MINE]


def test_a_direct_call_that_nobody_goes_on_with_holds_no_place(address):
    values = [LONG.get(name, field.default) for name, field in TextRecipe.model_fields.items()]
    for _ in range(4):  # of each only the first document comes
        answer = HTTP.post(f"{address}gradio_api/run/text", json={"data": values})
        assert answer.status_code == 200, answer.text


def test_who_closes_the_connection_while_waiting_leaves_the_line(address, house):
    line = house[1].line
    running = [line.join("8.8.8.1"), line.join("8.8.8.2")]
    event = call(address, "8.8.8.3").json()["event_id"]
    assert "waiting" in first_answers(address, event, 2)[-1][0]
    assert wait_until(lambda: not line._house.waiting)
    for place in running:
        place.leave()


def test_one_address_can_not_fill_gradios_own_list():
    with gr.Blocks() as page:
        stop = threading.Event()
        gr.api(lambda: stop.wait(PATIENCE_S) and 1 or 1, api_name="slow", concurrency_limit=None)
    settings = Settings(runs=2, queue=3, runs_per_client=1, waiting_per_client=1)
    admit(page.queue(max_size=settings.queue), settings.limits, trust_proxy=True)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, max_threads=threads(settings.limits))
    most = settings.limits.running_per_address + settings.limits.waiting_per_address + _visitors.SPARE // 2

    def ask(who: str) -> httpx.Response:
        headers = {"X-Forwarded-For": who}
        return HTTP.post(f"{url}gradio_api/call/slow", json={"data": []}, headers=headers)

    try:
        statuses = [ask("8.8.8.8").status_code for _ in range(most + 3)]
        assert statuses == [200] * most + [429] * 3
        assert ask("8.8.8.8").json()["detail"] == CROWDED
        assert ask("8.8.4.4").status_code == 200
    finally:
        stop.set()
        page.close()
