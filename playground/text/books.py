"""Fetches the public-domain tales that the text model learns from: downloads, cleans, writes JSON lines.

May be stopped at any moment and started again: no file has its final name before it is whole. How a book comes
from the network is `shelf`'s business, how it becomes stories that of `cleaning`; which books there are stands in
`books.json`.
"""

import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.errors import PlaygroundError
from playground.text.cleaning import SHORTEST_STORY, Rules, SeenPassages, has_word, read_stories
from playground.text.shelf import SOURCE, SOURCE_VARIABLE, Shelf, replace_file

PAUSE = 2.0  # seconds between requests; the wait before a new attempt doubles from there
SHARD_CHARACTERS = 5 * 2**20
TALES = "tales"  # folder of the stories within that of the books


@dataclass(frozen=True)
class Book:
    """One row of the table; `id` is Project Gutenberg's number."""

    id: int
    title: str
    author: str
    kind: str
    rules: Rules


def read_table() -> tuple[list[Book], list[int], list[str]]:
    """The books in order of id, the ids whose stories win over near-duplicates, words that bar a story."""
    table = json.loads(Path(__file__).with_name("books.json").read_text(encoding="utf-8"))
    books = [
        Book(
            entry["id"],
            entry["title"],
            entry["author"],
            entry["kind"],
            Rules(
                title=entry["title"],
                stories=entry["stories"],
                shortest=entry.get("shortest", SHORTEST_STORY),
                untitled_chapters=entry.get("untitled_chapters", False),
                skip=tuple(entry.get("skip", ())),
            ),
        )
        for entry in table["books"]
    ]
    return books, table["kept_first"], table["left_out_words"]


def cache_folder() -> Path:
    """Where the raw books lie if nothing else is said, and the tales made of them below."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "playground" / "books"


def fetch_tales(
    out: Path | None = None,
    *,
    cache: Path | None = None,
    source: str | None = None,
    limit: int | None = None,
    progress: Callable[[str], None] = print,
    books: Sequence[Book] | None = None,
    pause: float = PAUSE,
) -> Path:
    """Downloads the books that are not in the cache yet and writes their stories to `out`.

    Args:
        out: folder for `tales-NN.jsonl.gz` and `SHA256SUMS`; `tales` in the cache folder by default.
        cache: folder for the raw books; `playground/books` in the user's cache folder by default.
        source: address of Project Gutenberg or a mirror, or a pattern with `{id}`; by default the environment
            variable PLAYGROUND_GUTENBERG, else gutenberg.org.
        limit: only so many books, in order of id.
        progress: called with one line of text at a time.
        books: which books, all of the table by default.
        pause: seconds between two requests.

    Returns:
        `out`. The same books give the same bytes each time.

    Raises:
        PlaygroundError: no network, an answer that is not a book, a full disk, an unwritable folder.
    """
    table, kept_first, words = read_table()
    if limit is not None and limit < 1:
        raise PlaygroundError(f"The number of books has to be at least 1, not {limit}.")
    chosen = sorted(table if books is None else books, key=lambda book: book.id)[:limit]
    cache = cache or cache_folder()
    out = out or cache / TALES
    source = source or os.environ.get(SOURCE_VARIABLE) or SOURCE
    with _plain_errors(cache), contextlib.closing(Shelf(cache, source, pause, progress)) as shelf:
        raw = {book.id: data for book in chosen if (data := shelf.get(book.id, book.title)) is not None}
    if not raw:
        raise PlaygroundError(f"None of the books is at {source}: check the address of the mirror.")
    with _plain_errors(out):
        _write(out, _records(chosen, raw, kept_first, words, progress))
    return out


def _records(
    books: list[Book],
    raw: dict[int, bytes],
    kept_first: list[int],
    words: list[str],
    progress: Callable[[str], None],
) -> list[dict[str, str | int]]:
    """Stories of all books in order of id, but none with a word of `words` and none that came before."""
    seen = SeenPassages()
    kept: dict[int, list[dict[str, str | int]]] = {}
    offensive = repeated = 0
    # Near-duplicates are decided in this order, whatever order the stories are written in.
    for book in sorted(books, key=lambda book: (book.id not in kept_first, book.id)):
        for story in read_stories(raw[book.id], book.rules) if book.id in raw else ():
            if has_word(story.text, words):
                offensive += 1
            elif not seen.add_unless_duplicate(story.text):
                repeated += 1
            else:
                record = {"book": book.title, "gutenberg_id": book.id, "author": book.author}
                record |= {"title": story.title, "kind": book.kind, "text": story.text}
                kept.setdefault(book.id, []).append(record)
    records = [record for book in books for record in kept.get(book.id, ())]
    progress(
        f"{len(records)} stories from {len(kept)} books; left out {repeated} near-duplicates "
        f"and {offensive} with slurs or caricature"
    )
    return records


def _write(out: Path, records: list[dict[str, str | int]]) -> None:
    """Shards of about 5 MB of text each, and `SHA256SUMS`."""
    out.mkdir(parents=True, exist_ok=True)
    sums = {}
    for number, shard in enumerate(_shards(records)):
        buffer = io.BytesIO()
        # Neither a time nor a name in the header, so that the same stories give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
            file.writelines(json.dumps(record).encode() + b"\n" for record in shard)
        name = f"tales-{number:02}.jsonl.gz"
        replace_file(out / name, buffer.getvalue())
        sums[name] = hashlib.sha256(buffer.getvalue()).hexdigest()
    for path in out.glob("tales-[0-9][0-9].jsonl.gz"):
        if path.name not in sums:
            path.unlink()  # of an earlier, longer run: whoever reads the folder would mix the two
    replace_file(out / "SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())


def _shards(records: list[dict[str, str | int]]) -> Iterator[list[dict[str, str | int]]]:
    shard: list[dict[str, str | int]] = []
    size = 0
    for record in records:
        length = len(str(record["text"]))
        if shard and size + length > SHARD_CHARACTERS:
            yield shard
            shard, size = [], 0
        shard.append(record)
        size += length
    if shard:
        yield shard


@contextlib.contextmanager
def _plain_errors(folder: Path) -> Iterator[None]:
    """Says in one sentence what the disk refused."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PlaygroundError(f"The disk with {folder} is full: free some space and start again.") from error
        raise PlaygroundError(f"The folder {folder} cannot be used ({error.strerror}): choose another.") from error
