"""The cleaning rules, one by one, on small raw books."""

import textwrap
from collections import Counter

import pytest

from playground.text import cleaning, headings

PROSE = "The fox went down to the river every morning, and every morning the fish laughed at him from the water."
TALE = "\n\n".join([textwrap.fill(PROSE, 72)] * 7)


def book_of(*sections: str, gap: int = 4) -> bytes:
    """A raw book from sections, `gap` blank lines between them."""
    body = ("\n" * (gap + 1)).join(sections)
    return (
        f"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n\n\n\n{body}\n\n\n\n\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
    ).encode()


def titles_of(raw: bytes, **rules: object) -> list[str]:
    return [story.title for story in cleaning.read_stories(raw, cleaning.Rules("A Book", **rules))]


@pytest.mark.parametrize(
    "start",
    [
        "*** START OF THE PROJECT GUTENBERG EBOOK X ***",
        "***START OF THE PROJECT GUTENBERG EBOOK X***",
        "*** START OF THIS PROJECT GUTENBERG EBOOK A LONG\nTITLE ***",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
    ],
)
def test_header_of_every_age_is_cut(start: str) -> None:
    text = f"Title: X\n\n{start}\nThe text.\nEnd of the Project Gutenberg EBook of X\n*** END OF"
    assert cleaning.cut_licence(text).strip() == "The text."


def test_old_latin_1_files_are_read() -> None:
    assert cleaning.to_ascii(cleaning.decode("Molière".encode("latin-1"))) == "Moliere"


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("“Oh,” he said — ‘no’…", "\"Oh,\" he said--'no'..."),
        ("Ægir’s œuvre, façade & Straße", "AEgir's oeuvre, facade and Strasse"),
        ("1914–18", "1914-18"),
        ("Mr. ————", "Mr.--"),
        ("狐", ""),
    ],
)
def test_text_becomes_ascii(text: str, ascii_text: str) -> None:
    assert cleaning.to_ascii(text) == ascii_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a _fine_ =bold= <i>day</i>", "a fine bold day"),
        ("the fox[1] ran {12} on(3)", "the fox ran  on"),
        ("C[ae]sar and [=a]", "Caesar and a"),
        ("a\n\n[Illustration: b\n\nc [d] e]\n\nf", "a\n\n\n\nf"),
        ("a\n\n* * * * *\n\n17\n\nb", "a\n\n\n\n\n\nb"),
        ("end.\n\n  (1) Grimm.\n\nnext", "end.\n\n\n\nnext"),
    ],
)
def test_marks_of_the_page_go(text: str, clean: str) -> None:
    assert cleaning.strip_marks(text).replace(headings.REMOVED, "") == clean


def test_open_bracket_does_not_eat_the_page() -> None:
    assert PROSE in cleaning.strip_marks(f"[sic\n\n{PROSE}\n\nsic]")


def test_picture_between_paragraphs_makes_no_heading() -> None:
    raw = book_of(f"THE FOX\n\n{TALE}\n\n[Illustration]\n\nThe Fish\n\n{TALE}")
    assert titles_of(raw, stories=1) == ["The Fox"]


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("CHAPTER IV. THE CAT AND THE MOUSE", "The Cat and the Mouse"),
        ("XII\n\nTHE CAT", "The Cat"),
        ("CHAPTER I.\nDown the Rabbit-Hole", "Down the Rabbit-Hole"),
        ("THE YOUNG PIPER\n\nBY CROFTON CROKER", "The Young Piper"),
        ("PADDY O'KELLY AND THE BUM-CLOCK.", "Paddy O'Kelly and the Bum-Clock"),
        ("I WILL", "I Will"),
    ],
)
def test_heading_becomes_a_title(heading: str, title: str) -> None:
    assert titles_of(book_of(f"{heading}\n\n\n{TALE}"), stories=1) == [title]


def test_numbered_part_continues_the_story() -> None:
    raw = book_of(f"THE FOX\n\n{TALE}", f"II\n\n{TALE}")
    assert titles_of(raw, stories=1) == ["The Fox"]


def test_chapters_with_only_a_number_are_named_after_the_book() -> None:
    raw = book_of("LIST OF ILLUSTRATIONS\n\nThe Fox", f"CHAPTER 1\n\n{TALE}", f"CHAPTER 2\n\n{TALE}")
    assert titles_of(raw, untitled_chapters=True) == ["A Book, Chapter 1", "A Book, Chapter 2"]


def test_book_without_headings_is_one_chapter() -> None:
    raw = book_of("A BOOK\n\nLIST OF ILLUSTRATIONS\n\nThe Fox", TALE)
    assert titles_of(raw, untitled_chapters=True) == ["A Book, Chapter 1"]


def test_line_of_the_contents_is_a_heading_anywhere() -> None:
    contents = "CONTENTS\n\n  I THE FOX ..... 3\n  II THE FISH      iv"
    raw = book_of("A title page that is not a story. " * 30, contents, f"THE FOX\n\n{TALE}\n\nTHE FISH\n\n{TALE}")
    assert titles_of(raw, stories=2) == ["The Fox", "The Fish"]


def test_two_blank_lines_mark_headings_where_the_book_has_no_more() -> None:
    raw = book_of(f"THE FOX\n\n{TALE}", f"THE FISH\n\n{TALE}", gap=2)
    assert titles_of(raw, stories=2) == ["The Fox", "The Fish"]


@pytest.mark.parametrize("title", ["PREFACE", "Author's Note", "NOTES AND REFERENCES", "GLOSSARY", "TO LEAVE OUT"])
def test_what_surrounds_the_stories_is_dropped(title: str) -> None:
    raw = book_of(f"THE FOX\n\n{TALE}", f"{title}\n\n{TALE}")
    assert titles_of(raw, stories=1, skip=("To Leave Out",)) == ["The Fox"]


def test_verse_lists_and_scraps_are_dropped() -> None:
    verse = "    The fox he ran,\n    The fish he swam,\n    And neither came\n    To catch the lamb.\n\n" * 12
    names = "\n\n".join(["Little, Brown and Company", "Boston and New York"] * 20)
    raw = book_of(f"THE FOX\n\n{TALE}", f"A SONG\n\n{verse}", f"BOOKS\n\n{names}", f"A SCRAP\n\n{PROSE}")
    assert titles_of(raw, stories=1) == ["The Fox"]


def test_source_lines_are_dropped() -> None:
    raw = book_of(f"THE FOX\n\n(From the Russian)\n\n{TALE}\n\nNote: It is\nold.\n\nTHE END")
    assert cleaning.read_stories(raw, cleaning.Rules("A Book"))[0].text == "\n\n".join([PROSE] * 7)


@pytest.mark.parametrize("opening", ["By the sea there lived a fox.", "From the wood came a bear."])
def test_short_first_sentence_is_kept(opening: str) -> None:
    raw = book_of(f"THE FOX\n\n{opening}\n\n{TALE}")
    assert cleaning.read_stories(raw, cleaning.Rules("A Book"))[0].text.startswith(opening)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (("He took his jack-", "knife --", "and ran."), "He took his jack-knife--and ran."),
        (("the three-", "and four-year-old seals"), "the three- and four-year-old seals"),
        (("    One for me,", "    Two for thee."), "One for me,\nTwo for thee."),
        (("    A moral that is longer than", "    one line."), "A moral that is longer than one line."),
    ],
)
def test_prose_is_unwrapped_and_verse_is_not(lines: tuple[str, ...], text: str) -> None:
    assert cleaning.unwrap(headings.Paragraph(lines, 1), 72) == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("ONCE upon a time", "Once upon a time"),
        ('"WHERE IS ALICE?" he said', '"Where is Alice?" he said'),
        ("I AM Alice", "I am Alice"),
        ("A king lived", "A king lived"),
    ],
)
def test_capitals_of_the_opening_are_lowered(printed: str, text: str) -> None:
    assert cleaning.lower_opening(printed, Counter({"Alice": 3, "is": 9, "am": 2})) == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("'No,' said he. 'I won't.'", '"No," said he. "I won\'t."'),
        ("'He says \"Humph!\"' said the Dog", "\"He says 'Humph!'\" said the Dog"),
        ("we call it 'hump' now", 'we call it "hump" now'),
        ("'A girl, an' you're goin' to win,' said he", "\"A girl, an' you're goin' to win,\" said he"),
        ("said the small 'Stute Fish, 'Nice.'", 'said the small \'Stute Fish, "Nice."'),
        ("''Tis I', he said", '"\'Tis I", he said'),
        ("the foxes' den", "the foxes' den"),
        ("'It goes on in the next paragraph", '"It goes on in the next paragraph'),
    ],
)
def test_single_quotes_become_double(printed: str, text: str) -> None:
    assert cleaning.to_double_quotes(printed) == text


def test_apostrophes_do_not_make_a_single_quoted_book() -> None:
    assert not cleaning.uses_single_quotes("\"'Tis I,\" said 'Liza. " * 10 + '"Yes," he said. ' * 10)


def test_word_list_looks_at_whole_words() -> None:
    assert cleaning.has_word("A Squaw, he said.", ["squaw"])
    assert not cleaning.has_word("The japanned box", ["jap"])


def test_near_duplicates_are_told_from_retellings() -> None:
    words = [f"word{number}" for number in range(100)]
    seen = cleaning.SeenPassages()
    assert seen.add_unless_duplicate(" ".join(words))
    assert not seen.add_unless_duplicate(" ".join(words[:50] + [f"new{number}" for number in range(50)]))
    assert seen.add_unless_duplicate(" ".join(words[:25] + [f"other{number}" for number in range(75)]))
