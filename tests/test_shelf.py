"""Files of the page come from memory the second time, the same to the byte, and nothing else does."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import gradio
import httpx
import pytest

from bench._serving import serving
from tabs._shelf import FOR_GOOD, LARGEST, Shelf
from tests.conftest import write_tiny_model
from tests.loops import run

FILE = "/assets/index-1.js"


class Counting:
    """Answers everything, in two pieces, and counts how often it is asked."""

    def __init__(self, status: int = 200, size: int = 10) -> None:
        self.asked, self._status, self._size = 0, status, size

    async def __call__(self, scope, receive, send) -> None:
        self.asked += 1
        await send(
            {"type": "http.response.start", "status": self._status, "headers": [(b"x-turn", b"%d" % self.asked)]}
        )
        await send({"type": "http.response.body", "body": b"a" * self._size, "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})


def asked(app: Counting, requests: Sequence[httpx.Request]) -> list[httpx.Response]:
    """Answers of one shelf."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Shelf(app))) as client:
            return [await client.send(request) for request in requests]

    return run(ask())


def request(method: str = "GET", path: str = FILE, **headers: str) -> httpx.Request:
    return httpx.Request(method, f"http://here{path}", headers=headers)


def test_a_file_is_asked_for_once():
    app = Counting()
    first, second = asked(app, [request()] * 2)
    assert app.asked == 1
    assert (
        first.content == second.content == b"a" * 10 + b"b"
        and first.headers["x-turn"] == second.headers["x-turn"] == "1"
    )
    assert first.headers["cache-control"] == FOR_GOOD[1].decode()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", FILE, {}),
        ("GET", f"{FILE}?x=1", {}),
        ("GET", "/config", {}),
        ("GET", "/gradio_api/file=/etc/passwd", {}),
        ("GET", "/assetsx/a.js", {}),
        ("GET", FILE, {"Origin": "http://elsewhere"}),
        ("GET", FILE, {"Range": "bytes=0-3"}),
        ("GET", FILE, {"If-None-Match": '"1"'}),
    ],
)
def test_nothing_else_is_kept(method, path, headers):
    app = Counting()
    first, second = asked(app, [request(method, path, **headers)] * 2)
    assert app.asked == 2 and [first.headers["x-turn"], second.headers["x-turn"]] == ["1", "2"]


def test_the_servers_own_page_shares_what_is_kept():
    """Browsers name the origin of a module's page, the server's own too; what was told of it is not kept."""
    app = Counting()
    _, answer = asked(app, [request(Origin="http://here"), request()])
    assert app.asked == 1 and "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("app", [Counting(status=404), Counting(status=500), Counting(size=LARGEST)])
def test_what_is_not_there_or_too_large_is_not_kept(app):
    first, _ = asked(app, [request()] * 2)
    assert app.asked == 2 and ("cache-control" in first.headers) == (first.status_code == 200)


def test_each_packing_is_kept_by_itself():
    app = Counting()
    packings = ("br", "gzip", "identity", "br;q=1.0, gzip", "br", "gzip", "identity")
    asked(app, [request(**{"Accept-Encoding": packing}) for packing in packings])
    assert app.asked == 4


def test_the_pages_own_files_come_unharmed(tmp_path):
    write_tiny_model(tmp_path / "tales")
    built = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    files = sorted(built.glob("*.js"), key=lambda path: path.stat().st_size)[-3:]
    with serving(tmp_path) as app:
        for path in files:
            address = f"{app.url}assets/{path.name}"
            for packing in ("identity", "gzip", "gzip, br", "gzip"):
                with httpx.stream("GET", address, headers={"Accept-Encoding": packing}) as answer:
                    raw = b"".join(answer.iter_raw())
                assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
                if packing != "gzip, br":
                    packed = answer.headers.get("content-encoding") == "gzip"
                    assert (gzip.decompress(raw) if packed else raw) == path.read_bytes()
        assert httpx.get(f"{app.url}assets/nothing-here.js").status_code == 404
