"""The tales: reads a folder of JSON lines, says which stories are held out, and what stands in a story's header.

Knows nothing of tokens. Header fields (style, about, title) are made from the data itself, so that any folder in the
same format trains a model with the same prompt fields.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.errors import PlaygroundError

HELD_OUT_BOOKS = frozenset({24628, 32217, 35820, 45279})  # whole books that training never sees
HELD_OUT_SHARE = 50  # one story in so many of the other books is held out too
KEYWORDS = 10  # kept per story; a header names a few of them
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Story:
    """One tale or chapter. `kind` is "tale" (self-contained) or "chapter" (of a longer book)."""

    book: str
    gutenberg_id: int
    author: str
    title: str
    kind: str
    text: str

    @property
    def style(self) -> str:
        """Who tells it: the surnames of the authors, "Grimm", "Andersen", "Lang"."""
        names = [re.sub(r"\(.*?\)", "", name).split() for name in self.author.split(",")]
        return " and ".join(sorted({words[-1] for words in names if words})) or "Anonymous"

    @property
    def held_out(self) -> str | None:
        """ "book" or "story" where training must not see it, else None."""
        if self.gutenberg_id in HELD_OUT_BOOKS:
            return "book"
        digest = hashlib.sha256(f"{self.gutenberg_id}/{self.title}".encode()).digest()
        return "story" if int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0 else None


def read_stories(folder: Path) -> list[Story]:
    """All stories of `folder`, in the order of its file names and lines.

    Args:
        folder: holds `*.jsonl.gz` or `*.jsonl` files of objects with the fields of `Story`.

    Raises:
        PlaygroundError: there is no such folder, no story in it, or a line that is not a story.
    """
    files = sorted(p for p in folder.glob("*") if p.name.endswith((".jsonl", ".jsonl.gz")))
    stories = [story for path in files for story in _read_file(path)]
    if not stories:
        raise PlaygroundError(
            f"No stories in {folder}: give a folder of .jsonl.gz files by --data or PLAYGROUND_DATA, "
            "or fetch one with `python -m playground data tales`."
        )
    return stories


def _read_file(path: Path) -> Iterator[Story]:
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                fields = json.loads(line)
                number += 1
                yield Story(**{name: fields[name] for name in Story.__dataclass_fields__})
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        at = f"line {number}" if number else "its start"
        raise PlaygroundError(f"{path.name} can't be read after {at}: {error}.") from error


def split(stories: Iterable[Story]) -> tuple[list[Story], list[Story]]:
    """(training, held out), each in the given order."""
    training, held_out = [], []
    for story in stories:
        (held_out if story.held_out else training).append(story)
    return training, held_out


def keywords(stories: list[Story]) -> list[tuple[str, ...]]:
    """For each story its `KEYWORDS` most telling words, best first, by term frequency x inverse document frequency.

    Proper names, words of one or two stories and everyday words are left out, so that a person who types
    "dragon, key" names something that many stories are about.
    """
    counts = [Counter(word for word in _WORD.findall(story.text) if len(word) > 2) for story in stories]
    in_stories, capitalised = Counter(), Counter()
    for count in counts:
        in_stories.update({word for word in count if word.islower()})
        capitalised.update({word.lower() for word in count if word[0].isupper()})
    least, most = 1 + len(stories) // 300, max(1, 2 * len(stories) // 5)
    weight = {
        word: math.log(len(stories) / n) + 0.1
        for word, n in in_stories.items()
        if least <= n <= most and capitalised[word] < n and not word.endswith(("ly", "ing", "ed", "n't"))
    }
    chosen = []
    for count in counts:
        score = {word: weight[word] * math.sqrt(n) for word, n in count.items() if word in weight and n > 1}
        chosen.append(tuple(sorted(score, key=lambda word: (-score[word], word))[:KEYWORDS]))
    return chosen
