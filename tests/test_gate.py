"""What stands before the server, and what a page makes of values that its controls can't have."""

import gzip
import json

import gradio as gr
import pytest

from tabs._gate import NOT_HERE, NOT_UNDERSTOOD, Gate
from tabs._strict import DEEPEST, ODD, StrictPage, clean
from tests.loops import run

META = {"meta": {"_type": "gradio.FileData"}}


def ask(app, path="/gradio_api/queue/join", method="POST", headers=(), pieces=(b"",), largest=10):
    """(status, headers, body) that come through a gate."""
    sent, left = [], list(pieces)

    async def receive():
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "root_path": ""}
    run(Gate(app, largest)(scope, receive, send))
    start, *bodies = sent
    return start["status"], dict(start["headers"]), b"".join(message.get("body", b"") for message in bodies)


async def echo(scope, receive, send):
    """Answers with what it read."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def answers(status: int, content: object):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    return app


def fails(error: Exception):
    async def app(scope, receive, send):
        raise error

    return app


def test_a_body_up_to_the_limit_gets_through_and_no_more():
    assert ask(echo, pieces=[b"12345", b"67890"])[::2] == (200, b"1234567890")
    for pieces in ([b"12345678901"], [b"123456", b"78901"], [b"1"] * 11):
        status, _, body = ask(echo, pieces=pieces)
        assert status == 413 and b"too large" in body


@pytest.mark.parametrize(("told", "status"), [(b"11", 413), (b"10", 200), (b"-11", 200), (b"x", 200), (b"9" * 30, 200)])
def test_what_a_request_says_of_its_length(told, status):
    assert ask(echo, headers=[(b"content-length", told)], pieces=[b"1"])[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/file=https://127.0.0.1/",
        "/gradio_api/file/http://127.0.0.1/",
        "/gradio_api/vibe-edit/",
        "/gradio_api/run-history/connect",
        "/monitoring/summary",
    ],
)
def test_what_the_page_never_uses_is_closed(path):
    assert ask(echo, path)[::2] == (404, json.dumps({"detail": NOT_HERE}).encode())
    for kept in ("/gradio_api/file=/tmp/a.png", "/gradio_api/file=C:/temp/a.png", "/gradio_api/run/predict"):
        assert ask(echo, kept)[0] == 200


def test_a_mistake_of_the_sender_is_no_fault_of_the_server(caplog):
    status, _, body = ask(fails(KeyError("secret prompt")))
    assert (status, json.loads(body)) == (400, {"detail": NOT_UNDERSTOOD})
    assert ask(fails(OSError("secret disk")))[0] == 500 and ask(fails(KeyError("secret")), method="GET")[0] == 500
    assert "KeyError at " in caplog.text and "secret" not in caplog.text


def test_a_sentence_of_a_direct_call_is_no_fault_either():
    assert ask(answers(500, {"error": "Too hot."}), "/gradio_api/run/predict")[0] == 422
    assert ask(answers(500, {"error": None}), "/gradio_api/run/predict")[0] == 500
    assert ask(answers(500, {"error": "Too hot."}), "/gradio_api/info")[0] == 500
    assert ask(answers(200, [1]), "/gradio_api/run/predict")[::2] == (200, b"[1]")


def test_nobody_says_from_where_the_page_loads_its_scripts():
    async def headers(scope, receive, send):
        await answers(200, [name.decode() for name, _ in scope["headers"]])(scope, receive, send)

    given = [(b"x-gradio-server", b"http://example.org/"), (b"x-forwarded-host", b"example.org")]
    assert json.loads(ask(headers, "/", "GET", given)[2]) == ["x-forwarded-host"]


def test_browsers_are_told_to_guess_no_types():
    for path in ("/", "/gradio_api/proxy=x"):
        assert ask(echo, path)[1][b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize(("path", "packed"), [("/", True), ("/config", True), ("/gradio_api/queue/data", False)])
def test_the_page_goes_out_packed_and_a_stream_as_it_comes(path, packed):
    page, accept = answers(200, "page" * 1000), [(b"accept-encoding", b"gzip, deflate")]
    _, headers, body = ask(page, path, "GET", accept)
    assert (headers.get(b"content-encoding") == b"gzip") is packed
    assert json.loads(gzip.decompress(body) if packed else body) == "page" * 1000
    assert b"content-encoding" not in ask(page, path, "GET")[1]


def test_half_characters_are_replaced_and_whole_ones_stay():
    assert clean(["a\ud800", {"\udfff": "🙂é\0"}, 5, None]) == ["a\ufffd", {"\ufffd": "🙂é\0"}, 5, None]


def nested(depth: int) -> list:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "value", [{"path": "/etc/passwd", **META}, [{"a": {"url": "http://127.0.0.1/", **META}}], nested(DEEPEST + 1)]
)
def test_files_and_abysses_are_no_values(value):
    with pytest.raises(ValueError):
        clean(value)
    assert clean(nested(DEEPEST - 1))


@pytest.fixture(scope="module")
def page():
    with StrictPage() as demo:
        inputs = [gr.Dropdown(["a"], value="a"), gr.Slider(0, 2, value=1), gr.Textbox("x")]
        gr.Button().click(lambda *values: repr(values), inputs, gr.Textbox())
    return demo


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["secret prompt", 1, "x"], ODD),
        (["a", "secret prompt", "x"], ODD),
        (["a", 9, "x"], "Value 9 is greater than maximum value 2."),
        (["a", 1, {"path": "/etc/passwd", **META}], ODD),
        (["secret prompt"], ODD),
    ],
)
def test_a_wrong_value_is_told_without_it_and_without_a_traceback(page, values, sentence):
    with pytest.raises(gr.Error) as caught:
        run(page.process_api(0, values))
    assert caught.value.message == sentence and not caught.value.print_exception


def test_a_right_value_gets_through(page):
    assert run(page.process_api(0, ["a", 2, "x\ud800"]))["data"] == ["('a', 2, 'x\ufffd')"]
