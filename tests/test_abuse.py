"""The app in public: whatever is sent to whichever address, the answer is an answer or a sentence, and it goes on."""

import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.abuse import (
    CANARY,
    LEAKS,
    PASSWORD,
    PATIENCE_S,
    TOKEN,
    Question,
    bad_values,
    listening,
    running,
    write_models,
)
from tests.bombs import SCRIPT, bombs, png, polyglots, recipes

TRIES, NAMED_TRIES = 1, 9  # bad values for an argument of the page's own listeners and of endpoints; they take turns
KEYS = ("owner", "model", "recipe", "ids", "index", "page", "text", "kind", "id", "file", "expression", "name")
LISTS = ("expressions", "names", "texts", "plus", "minus")
NAMES = ["../../../../tmp/escape.png", "/tmp/escape.png", "..", "", "\0.png", "a" * 5000, "<img src=x>.svg", "%2e%2e/b"]
OTHER_SHAPES = [
    "",
    "null",
    "[]",
    "{}",
    '{"data": 5}',
    '{"data": [], "fn_index": 999999, "session_hash": "s"}',
    '{"data": [], "fn_index": "text", "session_hash": "s"}',
    '{"data": [], "fn_index": 0, "session_hash": {"a": 1}}',
    '{"data": [], "fn_index": 0, "session_hash": "s", "trigger_id": 1e400}',
    '{"data": {"a": 1}, "component_id": 999999, "fn_name": "find", "session_hash": "s"}',
    '{"data": 1, "component_id": [1], "fn_name": "find", "session_hash": "s"}',
    '{"data": 1, "component_id": 1, "fn_name": "__class__", "session_hash": "s"}',
    '{"data": 1, "component_id": 1, "fn_name": 5, "session_hash": {}}',
    "[" * 100_000,
    '{"data": ' * 2000,
    "\ud800".encode("utf-8", "surrogatepass"),
]
LENGTHS = [
    "Content-Length: -5",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 5\r\nContent-Length: 500",
    "Content-Length: 3",
    "Content-Length: x",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
]
ADDRESSES = [
    "gradio_api/file=/etc/passwd",
    "gradio_api/file=../../../../etc/passwd",
    "gradio_api/file=" + quote("../" * 8 + "etc/passwd", safe=""),
    "gradio_api/file=app.py",
    "gradio_api/file=playground/settings.py",
    "gradio_api/file=/proc/self/environ",
    "gradio_api/file=file:///etc/passwd",
    "gradio_api/file=http://127.0.0.1:{port}/a",
    "gradio_api/file=%00",
    "gradio_api/file/etc/passwd",
    "gradio_api/file/http://127.0.0.1:{port}/b",
    "gradio_api/proxy=http://127.0.0.1:{port}/c",
    "gradio_api/proxy=https://example.hf.space/d",
    "gradio_api/custom_component/../../../../etc/passwd/a/b",
    "gradio_api/stream/../../x/1/playlist-file",
    "gradio_api/deep_link?session_hash=../../../../etc/passwd",
    "gradio_api/vibe-code",
    "gradio_api/dev/reload",
    "gradio_api/run-history/buckets",
    "gradio_api/call/text/../../../etc/passwd",
    "static/../../../../etc/passwd",
    "static/" + quote("../../../../../../../etc/passwd", safe=""),
    "assets/" + quote("../../../../../../../etc/passwd", safe=""),
    "svelte/" + quote("../../../../../../../etc/passwd", safe=""),
    "monitoring",
    "monitoring/summary",
    "?__theme=<script>&view=../../etc/passwd",
    "?tab=text&v=1&prompt=" + "a" * 20_000,
    "?" + "&".join(f"a{i}=b" for i in range(2000)),
]


@pytest.fixture(scope="module")
def ears():
    with listening() as server:
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory, ears):
    models, home = write_models(tmp_path_factory.mktemp("models")), tmp_path_factory.mktemp("home")
    with running(models, home) as victim:
        yield victim


@pytest.fixture(autouse=True)
def unharmed(app, ears) -> Iterator[None]:
    """After every test: nobody of this machine was asked, the log tells nothing, and a good request is answered."""
    yield
    assert app.lives()
    assert ears.heard == []
    log = app.log.read_text(errors="replace")
    assert not [word for word in (CANARY, TOKEN, "Traceback") if word in log], log[-4000:]


def wrong(answers) -> list[str]:
    return [str(answer) for answer in answers if answer.wrong()]


def test_every_listener_that_gets_nothing_but_nonsense(app, ears):
    bad = bad_values(ears.server_port)
    questions = []
    for turn, (index, name, values) in enumerate(app.good()):
        half = list(bad.items())[turn % 2 :: 2]
        questions += [Question(index, [one] * len(values), one, f"{name}: {what}") for what, one in half]
        questions.append(Question(index, values[:-1], name=f"{name}: too few"))
        questions.append(Question(index, [*values, *bad.values()], name=f"{name}: too many"))
    assert not wrong(app.ask(questions))


def test_every_argument_that_is_wrong_alone(app, ears):
    bad, questions, turn = list(bad_values(ears.server_port).items()), [], 0
    named = {path[1:] for path in app.http.get(f"{app.url}gradio_api/info").json()["named_endpoints"]}
    for index, name, values in app.good():
        for at in range(len(values)):
            tries = [bad[(turn + k) % len(bad)] for k in range(NAMED_TRIES if name in named else TRIES)]
            turn += len(tries)
            questions += [
                Question(index, [*values[:at], one, *values[at + 1 :]], name=f"{name}[{at}]: {what}")
                for what, one in tries
            ]
    assert not wrong(app.ask(questions))


def test_a_text_of_ten_megabytes_for_every_endpoint(app):
    text = json.dumps(CANARY + "x" * 10_000_000)
    questions = [Question(index, [text, *values[1:]], name=name) for index, name, values in app.good() if values]
    named = [question for question in questions if question.name in ("text", "image", "latent", "edit", "tell")]
    answers = app.ask(named)
    assert not wrong(answers) and all(len(answer.raw) < 10_000 for answer in answers)


def test_direct_calls_tell_a_mistake_as_one(app, ears):
    bad = bad_values(ears.server_port)
    for index, name, values in app.good():
        for what in ("true", "object", "surrogate", "file"):
            body = json.dumps({"fn_index": index}).replace("}", f', "data": [{", ".join([bad[what]] * len(values))}]}}')
            for path in ("gradio_api/run/predict", f"gradio_api/api/{name}"):
                answer = app.post(path, body)
                assert answer.status_code < 500 and not LEAKS.search(answer.text), (name, what, answer.text[:300])


def test_functions_of_the_stages(app, ears):
    for part in app.config["components"]:
        for function in part["props"].get("server_fns") or ():
            for what, one in bad_values(ears.server_port).items():
                each = [f'"{key}": {one}' for key in KEYS] + [f'"{key}": [{one}]' for key in LISTS]
                for asked in (one, f'{{{", ".join(each)}, "format": "gif"}}'):
                    rest = f'"component_id": {part["id"]}, "session_hash": "s", "fn_name": "{function}"'
                    answer = app.post("gradio_api/component_server", f'{{"data": {asked}, {rest}}}')
                    told = (function, what, answer.status_code, answer.text[:300])
                    assert answer.status_code < 500 and not LEAKS.search(answer.text), told


def test_bodies_of_another_shape(app):
    paths = ("queue/join", "component_server", "call/text", "call/v2/text", "call/v2/nothing", "run/text", "cancel")
    for body in OTHER_SHAPES:
        for path in paths:
            answer = app.post(f"gradio_api/{path}", body)
            assert answer.status_code < 500 and not LEAKS.search(answer.text), (path, body[:99], answer.text[:300])
        for path in ("upload", "process_recording", "vibe-edit", "vibe-code"):
            answer = app.post(f"gradio_api/{path}", body)
            assert 400 <= answer.status_code < 500, (path, body[:99], answer.text[:300])


def test_addresses_that_are_none(app, ears):
    for address in ADDRESSES:
        told = asked(app, f"GET /{address.format(port=ears.server_port)} HTTP/1.1\r\n\r\n").decode(errors="replace")
        status = int(told.split()[1])
        assert status < 500 and not LEAKS.search(told) and TOKEN not in told, (address, told[:500])
        assert status >= 300 or address.startswith("?"), (address, told[:500])


def asked(app, request: str, body: bytes = b"", *, hang_up: bool = False) -> bytes:
    """What is answered to a request as it stands, which a client would tidy up; nothing where the line is only cut."""
    line, _, rest = request.partition("\r\n")
    always = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close"
    with socket.create_connection(("127.0.0.1", int(app.url.split(":")[2].strip("/"))), timeout=PATIENCE_S) as wire:
        told = b""
        with contextlib.suppress(ConnectionError):
            wire.sendall(f"{line}\r\n{always}\r\n{rest}".encode() + body)
            if hang_up:
                wire.shutdown(socket.SHUT_WR)
            while piece := wire.recv(65536):
                told += piece
        return told


def upload(app, name: str, content: bytes, boundary: str = "x"):
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogatepass") + content + f"\r\n--{boundary}--\r\n".encode()
    return app.post("gradio_api/upload", body, f"multipart/form-data; boundary={boundary}")


def test_an_upload_stays_in_its_folder_and_is_never_a_page(app):
    names = [
        "../../../../tmp/escape.png",
        "/tmp/escape.png",
        "..",
        "",
        "\0.png",
        "a" * 5000,
        "<img src=x>.svg",
        "%2e%2e/b",
    ]
    for name in names:
        answer = upload(app, name, b"<svg onload='alert(1)'>" + SCRIPT)
        assert answer.status_code < 500 and not LEAKS.search(answer.text), (name, answer.text)
        for path in answer.json() if answer.status_code == 200 else ():
            assert path.startswith(str(app.log.parent / "temp")) and ".." not in path
            served = app.http.get(f"{app.url}gradio_api/file={quote(path)}")
            shown = served.headers.get("content-disposition", "").startswith("inline")
            kind = served.headers.get("content-type", "")
            assert served.status_code >= 400 or not shown or not kind.startswith(("text/html", "image/svg")), name
            assert served.headers["x-content-type-options"] == "nosniff"


def test_a_body_is_limited_however_it_is_sent(app):
    much = 40 * 2**20
    for path in ("gradio_api/upload", "gradio_api/queue/join", "gradio_api/component_server", "gradio_api/mcp/", ""):
        told = asked(app, f"POST /{path} HTTP/1.1\r\nContent-Length: {much}\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 413"), (path, told[:200])
        assert b"too large: at most 27 MB" in told
    request = "POST /gradio_api/queue/join HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = asked(app, request, b"100000\r\n" + b"x" * 2**20 + b"\r\n" + (b"100000\r\n" + b"x" * 2**20 + b"\r\n") * 39)
    assert told[9:12] in (b"413", b""), told[:300]


def test_a_length_that_lies(app):
    for length in LENGTHS:
        told = asked(app, f"POST /gradio_api/queue/join HTTP/1.1\r\n{length}\r\n\r\n", b'{"data": []}', hang_up=True)
        assert told[9:10] in (b"4", b"") and not LEAKS.search(told.decode(errors="replace")), (length, told[:300])


def eaters(app) -> list[tuple[str, int, list[str]]]:
    """(name, index, values) of the listeners that take a file."""
    return [(name, index, values) for index, name, values in app.good() if name.startswith(("restore", "start_from"))]


def given(content: bytes) -> str:
    return json.dumps({"file": base64.b64encode(content).decode()})


def asked_to_rebuild(app, content: bytes):
    part = next(one for one in app.config["components"] if "rebuild" in (one["props"].get("server_fns") or ()))
    asked = {"data": json.loads(given(content)) | {"model": "faces-vae"}, "component_id": part["id"]}
    return app.post("gradio_api/component_server", json.dumps(asked | {"session_hash": "s", "fn_name": "rebuild"}))


def test_files_that_are_no_pictures(app):
    files = bombs() | recipes()
    questions = [
        Question(index, values, given(content), f"{name}: {what}")
        for name, index, values in eaters(app)
        for what, content in files.items()
    ]
    answers = app.ask(questions)
    assert not wrong(answers) and not [one for one in answers if SCRIPT.decode() in one.raw]
    for what, content in bombs().items():
        answer = asked_to_rebuild(app, content)
        assert answer.status_code == 200 and answer.json()["problem"].endswith("."), (what, answer.text[:300])
    edit = next((index, values) for index, name, values in app.good() if name == "edit")
    pictures = [
        Question(edit[0], [*edit[1][:2], json.dumps(base64.b64encode(content).decode()), *edit[1][3:]], name=what)
        for what, content in bombs().items()
    ]
    answers = app.ask(pictures)
    assert not wrong(answers) and [one.question.name for one in answers if one.error is None] == ["nothing"]


def test_pictures_that_are_something_else_as_well_lose_it(app):
    for what, content in (polyglots() | {"plain": png()}).items():
        answer = asked_to_rebuild(app, content)
        assert answer.status_code == 200 and "picture" in answer.json(), (what, answer.text[:300])
        pictures = [
            base64.b64decode(url.partition(",")[2]) for url in answer.json().values() if str(url)[:5] == "data:"
        ]
        assert pictures and not [one for one in pictures if b"<script" in one or b"PK\x03\x04" in one]
    start = next((index, values) for name, index, values in eaters(app) if name == "start_from")
    for answer in app.ask([Question(start[0], start[1], given(one)) for one in polyglots().values()]):
        url = json.loads(answer.raw.removeprefix("data:"))["output"]["data"][0]
        assert url.startswith("data:image/png;base64,") and b"<script" not in base64.b64decode(url.partition(",")[2])


def test_a_login_is_in_no_answer_and_in_no_log(app, tmp_path, tmp_path_factory):
    models = tmp_path_factory.mktemp("no-models")
    with running(models, tmp_path, PLAYGROUND_LOGIN=f"ada:{PASSWORD}") as locked:
        for path in (
            "config",
            "gradio_api/info",
            "gradio_api/openapi.json",
            "gradio_api/file=app.py",
            "gradio_api/queue/status",
        ):
            assert locked.http.get(f"{locked.url}{path}").status_code == 401, path
        for path in (
            "queue/join",
            "call/text",
            "call/v2/text",
            "run/predict",
            "api/text",
            "component_server",
            "upload",
        ):
            for body in ("", "[]", '{"data": [], "fn_index": 0, "session_hash": "s"}'):
                answer = locked.post(f"gradio_api/{path}", body)
                assert answer.status_code == 401, (path, body, answer.text)
        for given_ in ({"username": "ada", "password": CANARY}, {"username": CANARY * 1000, "password": "\0"}, {}):
            answer = locked.http.post(f"{locked.url}login", data=given_)
            assert 400 <= answer.status_code < 500 and PASSWORD not in answer.text
        page = locked.http.get(locked.url)
        assert page.status_code == 200 and "text-prompt" not in page.text
        assert locked.http.post(f"{locked.url}login", data={"username": "ada", "password": PASSWORD}).status_code == 200
        assert locked.http.get(f"{locked.url}config").status_code == 200
    log = locked.log.read_text(errors="replace")
    assert not [word for word in (PASSWORD, CANARY, TOKEN, "Traceback") if word in log], log[-3000:]
