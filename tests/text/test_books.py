"""The tales are fetched from a real server on 127.0.0.1, which can misbehave as the network does."""

import dataclasses
import gzip
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.text import books as library
from playground.text import shelf
from playground.text.books import Book, fetch_tales, read_table

# Shortened from Project Gutenberg's files; Just So Stories with today's header and curly quotes, a caption put in.
EXCERPTS = Path(__file__).parent / "excerpts"
FABLES = ["The Fox and the Grapes", "The Goose that Laid the Golden Eggs", "The Cat and the Mice"]
FABLES += ["The Mischievous Dog", "The Nightingale and the Swallow", "The Traveller and Fortune"]
STORIES = ["How the Whale Got his Throat", "How the Camel Got his Hump"]


def excerpt(number: int) -> bytes:
    """As Project Gutenberg sends it: a byte-order mark and CR LF."""
    return (EXCERPTS / f"pg{number}.txt").read_text("utf-8").replace("\n", "\r\n").encode("utf-8-sig")


class Gutenberg(http.server.ThreadingHTTPServer):
    """Serves the excerpts at Project Gutenberg's paths and notes what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.texts = {f"/cache/epub/{n}/pg{n}.txt": excerpt(n) for n in (2781, 11339)}
        self.asked: list[tuple[str, str | None]] = []
        self.ranges = True
        self.tag = '"edition-1"'
        self.drop_after: list[int | None] = []  # one entry an answer: send only so many bytes, then hang up
        self.busy = 0  # so many answers are 429 first
        self.retry_after = "0"
        self.length: int | None = None  # claims this Content-Length

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Gutenberg

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path.rpartition("/")[2], wanted))
        text = self.server.texts.get(self.path)
        if self.server.busy:
            self.server.busy -= 1
            self.send_response(429)
            self.send_header("Retry-After", self.server.retry_after)
            text = b""
        elif text is None:
            self.send_response(404)
            text = b""
        elif wanted and self.server.ranges and self.headers.get("If-Range") == self.server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(text) - 1}/{len(text)}")
            text = text[start:]
        else:
            self.send_response(200)
        self.send_header("ETag", self.server.tag)
        self.send_header("Content-Length", str(self.server.length or len(text)))
        self.end_headers()
        cut = self.server.drop_after.pop(0) if self.server.drop_after else None
        self.wfile.write(text[:cut])


@pytest.fixture
def gutenberg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gutenberg]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Gutenberg() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def two_books() -> list[Book]:
    """Just So Stories and the fables, told how many stories the excerpts hold."""
    counts = {2781: 2, 11339: 6}
    return [
        dataclasses.replace(book, rules=dataclasses.replace(book.rules, stories=counts[book.id]))
        for book in read_table()[0]
        if book.id in counts
    ]


class Fetch:
    """`fetch_tales` with the two books, without pauses, keeping what it says."""

    def __init__(self, server: Gutenberg, folder: Path, books: list[Book]) -> None:
        self.server, self.cache, self.out, self.books = server, folder / "cache", folder / "out", books
        self.said: list[str] = []

    def __call__(self, *, source: str | None = None) -> list[dict]:
        out = fetch_tales(
            self.out,
            cache=self.cache,
            source=source or self.server.url,
            books=self.books,
            pause=0,
            progress=self.said.append,
        )
        shards = sorted(out.glob("tales-*.jsonl.gz"))
        return [json.loads(line) for shard in shards for line in gzip.decompress(shard.read_bytes()).splitlines()]


@pytest.fixture
def fetch(gutenberg: Gutenberg, tmp_path: Path, two_books: list[Book]) -> Fetch:
    return Fetch(gutenberg, tmp_path, two_books)


# The whole way ---------------------------------------------------------------------------------------------


def test_stories_come_out_whole_and_in_order(fetch: Fetch) -> None:
    records = fetch()
    assert [record["title"] for record in records] == STORIES + FABLES
    grapes = next(record for record in records if record["title"] == "The Fox and the Grapes")
    assert grapes == {
        "book": "Aesop's Fables",
        "gutenberg_id": 11339,
        "author": "Aesop",
        "title": "The Fox and the Grapes",
        "kind": "tale",
        "text": "A hungry Fox saw some fine bunches of Grapes hanging from a vine that was trained along a high "
        "trellis, and did his best to reach them by jumping as high as he could into the air. But it was all in "
        "vain, for they were just out of reach: so he gave up trying, and walked away with an air of dignity and "
        'unconcern, remarking, "I thought those Grapes were ripe, but I see now they are quite sour."',
    }


def test_nothing_of_the_licence_is_left(fetch: Fetch) -> None:
    assert not any("gutenberg" in record["text"].lower() for record in fetch())


def test_checksums_name_every_output(fetch: Fetch) -> None:
    fetch()
    sums = dict(reversed(line.split("  ")) for line in (fetch.out / "SHA256SUMS").read_text().splitlines())
    shards = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in fetch.out.glob("*.gz")}
    assert sums == shards


def test_same_books_give_the_same_bytes(fetch: Fetch, tmp_path: Path) -> None:
    fetch()
    first = (fetch.out / "tales-00.jsonl.gz").read_bytes()
    fetch.out = tmp_path / "again"
    fetch()
    assert (fetch.out / "tales-00.jsonl.gz").read_bytes() == first


def test_shards_of_a_longer_run_go_away(fetch: Fetch) -> None:
    fetch.out.mkdir()
    (fetch.out / "tales-01.jsonl.gz").write_bytes(b"old")
    fetch()
    assert [path.name for path in sorted(fetch.out.glob("*.gz"))] == ["tales-00.jsonl.gz"]


def test_stories_are_split_into_shards(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "SHARD_CHARACTERS", 2000)
    titles = [record["title"] for record in fetch()]
    assert len(list(fetch.out.glob("*.gz"))) > 1
    assert titles == STORIES + FABLES


def test_limit_takes_the_first_books(gutenberg: Gutenberg, tmp_path: Path, two_books: list[Book]) -> None:
    fetch_tales(cache=tmp_path, source=gutenberg.url, books=two_books, limit=1, pause=0, progress=lambda _: None)
    assert gutenberg.asked == [("pg2781.txt", None)]


def test_the_table_lists_116_different_books() -> None:
    table, kept_first, _ = read_table()
    ids = [book.id for book in table]
    assert len(set(ids)) == 116
    assert ids == sorted(ids)
    assert set(kept_first) <= set(ids)
    assert {book.kind for book in table} == {"tale", "chapter"}


# The network -----------------------------------------------------------------------------------------------


def test_second_run_asks_for_nothing(fetch: Fetch, gutenberg: Gutenberg) -> None:
    fetch()
    gutenberg.asked.clear()
    fetch()
    assert gutenberg.asked == []


def test_dropped_connection_asks_for_the_rest_only(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.drop_after = [1000]
    assert len(fetch()) == 8
    assert gutenberg.asked[:2] == [("pg2781.txt", None), ("pg2781.txt", "bytes=1000-")]


def test_next_run_continues_a_half_download(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.drop_after = [1000, 500, 500, 500]
    with pytest.raises(PlaygroundError, match="start again"):
        fetch()
    assert not list(fetch.cache.glob("*.txt"))
    assert len(fetch()) == 8
    assert gutenberg.asked[4] == ("pg2781.txt", "bytes=2500-")


def test_download_restarts_where_ranges_are_refused(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.ranges = False
    gutenberg.drop_after = [1000]
    assert len(fetch()) == 8


def test_download_restarts_when_the_book_has_changed(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.drop_after = [1000, 0, 0, 0]
    with pytest.raises(PlaygroundError):
        fetch()
    gutenberg.tag = '"edition-2"'
    gutenberg.texts["/cache/epub/2781/pg2781.txt"] = b"\r\n" + excerpt(2781)
    assert len(fetch()) == 8
    assert (fetch.cache / "pg2781.txt").read_bytes() == b"\r\n" + excerpt(2781)


def test_half_download_without_a_validator_restarts(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.tag = ""
    gutenberg.drop_after = [1000]
    fetch()
    assert gutenberg.asked[1] == ("pg2781.txt", None)


@pytest.mark.parametrize("damage", [b"", b"something else", excerpt(2781)[:3000]])
def test_damaged_cache_is_fetched_again(fetch: Fetch, gutenberg: Gutenberg, damage: bytes) -> None:
    fetch()
    gutenberg.asked.clear()
    (fetch.cache / "pg2781.txt").write_bytes(damage)
    assert len(fetch()) == 8
    assert gutenberg.asked == [("pg2781.txt", None)]


@pytest.mark.parametrize("manifest", [None, "{", "[]", '{"sha256": 1}'])
def test_books_without_a_checksum_are_fetched_again(fetch: Fetch, gutenberg: Gutenberg, manifest: str | None) -> None:
    fetch()
    gutenberg.asked.clear()
    (fetch.cache / "manifest.json").unlink() if manifest is None else None
    if manifest is not None:
        (fetch.cache / "manifest.json").write_text(manifest)
    fetch()
    assert len(gutenberg.asked) == 2


def test_busy_server_is_asked_again(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.busy = 2
    assert len(fetch()) == 8


def test_server_that_stays_busy_is_given_up(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.busy = 100
    with pytest.raises(PlaygroundError, match="429"):
        fetch()
    assert len(gutenberg.asked) == shelf.ATTEMPTS


def test_a_long_wait_is_left_to_the_user(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.busy, gutenberg.retry_after = 1, "86400"
    with pytest.raises(PlaygroundError, match="86400 seconds"):
        fetch()


def test_missing_book_is_named_and_left_out(fetch: Fetch, gutenberg: Gutenberg) -> None:
    del gutenberg.texts["/cache/epub/2781/pg2781.txt"]
    assert [record["title"] for record in fetch()] == FABLES
    assert any("Just So Stories" in line and "left out" in line for line in fetch.said)


def test_no_book_at_all_is_an_error(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.texts.clear()
    with pytest.raises(PlaygroundError, match="mirror"):
        fetch()
    assert not fetch.out.exists()


def test_no_server_is_one_sentence(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.shutdown()
    gutenberg.server_close()
    with pytest.raises(PlaygroundError, match="check the network") as caught:
        fetch()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["gutenberg", "ftp://gutenberg.org", "http://host:port"])
def test_source_that_is_no_address_is_named(fetch: Fetch, source: str) -> None:
    with pytest.raises(PlaygroundError, match="not a web address"):
        fetch(source=source)


def test_source_may_be_a_pattern(fetch: Fetch, gutenberg: Gutenberg) -> None:
    gutenberg.texts["/mirror/11339.txt"] = excerpt(11339)
    records = fetch(source=gutenberg.url + "/mirror/{id}.txt")
    assert [record["title"] for record in records] == FABLES


def test_environment_names_the_mirror(
    gutenberg: Gutenberg, tmp_path: Path, two_books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_GUTENBERG", gutenberg.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = fetch_tales(books=two_books, pause=0, progress=lambda _: None)
    assert out == tmp_path / "playground" / "books" / "tales"
    assert (out / "SHA256SUMS").exists()


@pytest.mark.parametrize("damage", [b"<html>Log in to the hotel network</html>", excerpt(2781)[:3000]])
def test_what_is_not_a_whole_book_is_refused(fetch: Fetch, gutenberg: Gutenberg, damage: bytes) -> None:
    gutenberg.texts["/cache/epub/2781/pg2781.txt"] = damage
    with pytest.raises(PlaygroundError, match="not a whole Project Gutenberg text"):
        fetch()
    assert not list(fetch.cache.glob("pg2781*"))


@pytest.mark.parametrize("announced", [True, False])
def test_huge_download_is_refused(
    fetch: Fetch, gutenberg: Gutenberg, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    if announced:
        gutenberg.length = 10**9
    else:
        monkeypatch.setattr(shelf, "LARGEST_DOWNLOAD", len(excerpt(2781)) - 1)
    with pytest.raises(PlaygroundError, match="no book is"):
        fetch()
    assert not list(fetch.cache.glob("pg2781*"))


@pytest.mark.parametrize("place", ["cache", "out"])
def test_folder_that_cannot_be_made_is_named(fetch: Fetch, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    setattr(fetch, place, tmp_path / "file" / "below")
    with pytest.raises(PlaygroundError, match="cannot be used"):
        fetch()


def test_full_disk_is_named(fetch: Fetch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which refuses every byte as a full disk does")
    fetch.out.mkdir()
    (fetch.out / "tales-00.jsonl.gz.tmp").symlink_to("/dev/full")
    with pytest.raises(PlaygroundError, match="full"):
        fetch()
