"""Stories for tests of evaluation: short, all alike but for a number, held out by the real rule."""

import json
from pathlib import Path

from playground.text.data import Story
from tests.conftest import TALE

HELD_OUT_BOOK = 24628


def make_story(n: int, *, book: int = 7, kind: str = "tale") -> Story:
    text = f"Once upon a time, {n} nights ago, a fox met é crow. {TALE}"
    return Story("A Book", book, "Jacob Grimm", f"Tale {n}", kind, text)


def make_stories() -> list[Story]:
    """300 tales of a book, of which a few are held out, and a held-out book of three chapters."""
    return [make_story(n) for n in range(300)] + [make_story(n, book=HELD_OUT_BOOK, kind="chapter") for n in range(3)]


def write_stories(folder: Path, stories: list[Story]) -> Path:
    folder.mkdir()
    lines = [json.dumps({name: getattr(story, name) for name in Story.__dataclass_fields__}) for story in stories]
    (folder / "a.jsonl").write_text("\n".join(lines))
    return folder
