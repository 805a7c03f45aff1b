"""Finds the headings of a book and splits it into sections.

Works on paragraphs that know how many blank lines stand above them: in a plain text that is all that is left
of the printed page. Knows nothing of what a section is worth; `cleaning` judges that.
"""

import re
from typing import NamedTuple

HEADING_GAPS = (3, 2)  # blank lines above a heading: most transcribers leave four, some only two
LONGEST_HEADING = 100  # characters
LONGEST_FRONT = 600  # characters: a title page or a list, below whose heading a chapter without one begins
REMOVED = "\x01"  # stands for removed marks: a paragraph of nothing else must not widen the gap around it


class Paragraph(NamedTuple):
    """Lines between two blank ones."""

    lines: tuple[str, ...]
    gap: int  # blank lines above

    @property
    def text(self) -> str:
        return " ".join(line.strip() for line in self.lines)


class Section(NamedTuple):
    """What stands below one heading."""

    title: str
    paragraphs: list[Paragraph]


def read_paragraphs(text: str) -> list[Paragraph]:
    """Blocks of lines, each with the number of blank lines above it."""
    found: list[Paragraph] = []
    carried = 0
    for match in re.finditer(r"((?:[ \t]*\n)*)((?:[^\n]*\S[^\n]*(?:\n|\Z))+)", text):
        gap = max(carried, match.group(1).count("\n"))
        lines = [line.replace(REMOVED, "").rstrip() for line in match.group(2).splitlines()]
        lines = [line for line in lines if line.strip()]
        carried = 0 if lines else gap
        if lines:
            found.append(Paragraph(tuple(lines), gap))
    return found


_MINOR = re.compile(
    r"a|an|and|as|at|by|for|from|her|his|in|into|is|its?|my|not|of|off|on|or|out|that|the|to|up|was|who|with"
)
_ROMAN = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_COUNT = rf"(?:{_ROMAN}|\d+|ONE|TWO|THREE|FOUR|FIVE|SIX|SEVEN|EIGHT|NINE|TEN|THE (?:FIRST|LAST))"
_NUMBER = re.compile(
    rf"^(?:(?:CHAPTER|CHAP\.|STORY|PART|BOOK|NO\.)\s+{_COUNT}\b[.:)]*(?:\s*--)?|{_COUNT}(?:[.:)]+|--|$))\s*",
    re.IGNORECASE,
)
_BYLINE = re.compile(r"^by\s", re.IGNORECASE)


def heading_key(text: str) -> str:
    """What two spellings of one title have in common."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def drop_number(text: str) -> str:
    """A title without its chapter number: "CHAPTER IV. The Cat" is "The Cat"."""
    return _NUMBER.sub("", text).strip()


def looks_like_title(paragraph: Paragraph) -> bool:
    """Short, in capitals or title case, and not a sentence."""
    text = paragraph.text
    if len(paragraph.lines) > 3 or len(text) > LONGEST_HEADING or not re.search(r"[A-Za-z0-9]", text):
        return False
    if not re.search(r"[a-z]", text):
        return not text.endswith((",", ";"))
    words = re.findall(r"[A-Za-z][A-Za-z'.-]*", text)
    return not text.endswith((".", ",", ";", ":")) and all(
        word[0].isupper() or _MINOR.fullmatch(word) for word in words
    )


def read_contents(paragraphs: list[Paragraph]) -> tuple[set[str], int]:
    """Keys of the titles in the contents, and the index of the paragraph after them (0 without any)."""
    keys: set[str] = set()
    for start, paragraph in enumerate(paragraphs):
        if heading_key(paragraph.text) not in {"contents", "tableofcontents", "thecontents"}:
            continue
        stop = start + 1
        while stop < len(paragraphs) and (stop == start + 1 or paragraphs[stop].gap < HEADING_GAPS[0]):
            for line in paragraphs[stop].lines:
                entry = re.sub(r"(?:[ .]{2,}|\s)(?:\d+|[ivxlc]+)$", "", line.strip())
                keys.add(heading_key(drop_number(entry)))
                keys.add(heading_key(re.sub(rf"^{_ROMAN}\s+", "", entry)))
            stop += 1
        return {key for key in keys if len(key) > 2}, stop
    return keys, 0


def title_case(text: str) -> str:
    """A title in capitals as a title; one that has small letters already is left alone."""
    if re.search(r"[a-z]", text):
        return text

    def cased(match: re.Match[str]) -> str:
        word = match.group()
        if re.fullmatch(r"[IVX]{2,}", word):
            return word
        small = word.lower()
        if match.start() > 0 and _MINOR.fullmatch(small) and text[match.start() - 1] != "-":
            return small
        return re.sub(r"^(?:[a-z]')?[a-z]", lambda initial: initial.group().upper(), small)

    return re.sub(r"[A-Za-z]+(?:'[A-Za-z]+)*", cased, text)


def heading_title(paragraph: Paragraph, contents: set[str], *, placed: bool) -> str | None:
    """The title if the paragraph is a heading: "" for a bare chapter number, None if it is no heading.

    Args:
        paragraph: the candidate.
        contents: keys of the titles in the table of contents, which are headings anywhere.
        placed: whether it stands where any short paragraph in title dress is a heading.
    """
    text = paragraph.text
    if len(text) > LONGEST_HEADING:
        return None
    first, _, rest = text.partition(" ")
    if re.fullmatch(_ROMAN, first) and heading_key(rest) in contents:
        return rest  # only the contents tell the number in "I THE CAT" from a word
    title = drop_number(text)
    if heading_key(title) in contents or (placed and looks_like_title(paragraph)):
        return re.sub(r"(?<=[A-Za-z]{3})\.$", "", title)
    return None


def split_sections(paragraphs: list[Paragraph], gap: int, *, untitled_chapters: bool = False) -> list[Section]:
    """Sections between headings; what stands before the first heading, or before the contents, is left out.

    A heading stands below at least `gap` blank lines or in the table of contents. A bare number takes the
    title below it; without one it continues the section before, unless `untitled_chapters`.
    """
    contents, start = read_contents(paragraphs)
    sections: list[Section] = []
    after_number = after_heading = False
    for paragraph in paragraphs[start:]:
        title = heading_title(paragraph, contents, placed=paragraph.gap >= gap or after_number)
        if title is not None:
            after_number, after_heading = not title, True
            if title or untitled_chapters:
                sections.append(Section(title_case(title), []))
            continue
        byline = after_heading and _BYLINE.match(paragraph.text) and looks_like_title(paragraph)
        after_number = after_heading = False
        if byline:
            continue
        in_front = not sections or (
            bool(sections[-1].title) and sum(len(line.text) for line in sections[-1].paragraphs) < LONGEST_FRONT
        )
        if untitled_chapters and in_front and paragraph.gap >= HEADING_GAPS[0]:
            sections.append(Section("", []))
        if sections:
            sections[-1].paragraphs.append(paragraph)
    return sections


_APPARATUS = re.compile(
    r"^(?:the |a |an |list of |table of |author'?s |editor'?s |translator'?s |publisher'?s |transcriber'?s )*"
    r"(?:contents|preface|introduction|introductory|prefatory|dedication|dedicatory|illustrations|foreword|notes?\b"
    r"|footnotes|glossary|index|appendix|bibliography|advertisements?|acknowledge?ments?|errata|afterword"
    r"|pronunciation|copyright|by the same author|books? by|to the reader|notice|transcriber|colophon|vocabulary)",
    re.IGNORECASE,
)


def is_apparatus(title: str) -> bool:
    """Contents, prefaces, notes, glossaries and the like, by title."""
    return bool(_APPARATUS.match(title))
