"""Reading stories, what is held out, and the header fields that are made from the data."""

import gzip
import json

import pytest

from playground.errors import PlaygroundError
from playground.text.data import HELD_OUT_BOOKS, KEYWORDS, Story, keywords, read_stories, split


def story(n: int = 0, *, book: int = 7, text: str = "Once there was a fox.", **fields: str) -> Story:
    values = {"book": "A Book", "author": "Jane Doe", "title": f"Tale {n}", "kind": "tale", **fields}
    return Story(gutenberg_id=book, text=text, **values)


def line(one: Story) -> str:
    return json.dumps({name: getattr(one, name) for name in Story.__dataclass_fields__}) + "\n"


def test_reads_plain_and_packed_files_in_order(tmp_path):
    (tmp_path / "b.jsonl").write_text(line(story(3)))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(line(story(1)) + line(story(2)))
    (tmp_path / "README.md").write_text("not a story")
    assert [one.title for one in read_stories(tmp_path)] == ["Tale 1", "Tale 2", "Tale 3"]


def test_no_stories_says_how_to_get_some(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(PlaygroundError, match="python -m playground data tales"):
            read_stories(folder)


@pytest.mark.parametrize("bad", ["{not json\n", '{"book": "x"}\n', "[1]\n"])
def test_a_line_that_is_no_story_is_named(tmp_path, bad):
    (tmp_path / "a.jsonl").write_text(line(story()) + bad)
    with pytest.raises(PlaygroundError, match=r"a\.jsonl can't be read after line"):
        read_stories(tmp_path)


def test_a_file_cut_short_is_named(tmp_path):
    whole = gzip.compress(line(story()).encode() * 50)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PlaygroundError, match=r"a\.jsonl\.gz can't be read"):
        read_stories(tmp_path)


@pytest.mark.parametrize(
    ("author", "style"),
    [
        ("Andrew Lang", "Lang"),
        ("Jacob Grimm, Wilhelm Grimm", "Grimm"),
        ("Nora Archibald Smith, Kate Douglas Wiggin", "Smith and Wiggin"),
        ("W. T. Larned (H. R. Schoolcraft)", "Larned"),
        ("Aesop", "Aesop"),
        ("", "Anonymous"),
        ("(someone)", "Anonymous"),
    ],
)
def test_style_is_the_surname_of_who_tells_it(author, style):
    assert story(author=author).style == style


def test_split_is_whole_and_disjoint_and_keeps_order():
    stories = [story(n, book=book) for book in (7, *HELD_OUT_BOOKS) for n in range(200)]
    training, held_out = split(stories)
    assert len(training) + len(held_out) == len(stories)
    assert not {(s.gutenberg_id, s.title) for s in training} & {(s.gutenberg_id, s.title) for s in held_out}
    assert training == [s for s in stories if s in training]
    assert {s.gutenberg_id for s in training} == {7}
    assert {s.held_out for s in held_out} == {"book", "story"}


def test_a_held_out_book_is_held_out_as_a_whole():
    book = min(HELD_OUT_BOOKS)
    assert {story(n, book=book).held_out for n in range(100)} == {"book"}


def test_one_story_in_fifty_is_held_out_by_its_name_alone():
    chosen = [n for n in range(5000) if story(n).held_out]
    assert 60 < len(chosen) < 140
    assert chosen == [n for n in range(5000) if story(n, text="Another text.", kind="chapter").held_out]


def tales() -> list[Story]:
    subjects = ["dragon", "witch", "spindle", "mill"]
    return [
        story(
            n, text=f"Hans saw the {subjects[n % 4]}. The {subjects[n % 4]} quickly looked at Hans, and Hans fled. " * 2
        )
        for n in range(40)
    ]


def test_keywords_name_what_a_story_is_about():
    found = keywords(tales())
    assert [words[0] for words in found[:4]] == ["dragon", "witch", "spindle", "mill"]


def test_keywords_leave_out_names_adverbs_and_everyday_words():
    chosen = {word for words in keywords(tales()) for word in words}
    assert not chosen & {"hans", "Hans", "quickly", "looked", "the", "and", "saw"}


def test_keywords_are_few_and_always_the_same():
    assert keywords(tales()) == keywords(tales())
    assert max(map(len, keywords(tales()))) <= KEYWORDS
    assert keywords([]) == []
