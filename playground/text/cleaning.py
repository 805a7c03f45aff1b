"""Turns one Project Gutenberg plain text into stories: cut, tidy, split at headings, judge, unwrap.

Plain functions on strings, in the order in which `read_stories` calls them. Knows nothing of files, networks
or other books; what only shows across books (near-duplicates) is `SeenPassages`, which the caller keeps.
"""

import re
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from playground.errors import PlaygroundError
from playground.text.headings import (
    HEADING_GAPS,
    REMOVED,
    Paragraph,
    Section,
    heading_key,
    is_apparatus,
    read_paragraphs,
    split_sections,
)

SHORTEST_STORY = 600  # characters
DUPLICATE_SHARE = 0.35
SHINGLE_WORDS = 6


@dataclass(frozen=True)
class Rules:
    """What is particular to one book.

    Attributes:
        title: names chapters that have no title of their own.
        stories: how many stories to expect, roughly; decides which gap marks a heading.
        shortest: sections below this many characters are dropped.
        untitled_chapters: chapters carry only a number, so a section without title is a chapter of its own.
        skip: titles of sections that are not stories.
    """

    title: str
    stories: int = 0
    shortest: int = SHORTEST_STORY
    untitled_chapters: bool = False
    skip: tuple[str, ...] = ()


class Story(NamedTuple):
    """A title and a text, whose paragraphs are separated by a blank line."""

    title: str
    text: str


# Header and footer -------------------------------------------------------------------------------------------

_START = re.compile(
    r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG[^*]{0,300}\*\*\*|\*END.{0,3}THE SMALL PRINT.*",
    re.IGNORECASE,
)
_END = re.compile(
    r"^[ \t]*(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the |this )?Project Gutenberg)",
    re.IGNORECASE | re.MULTILINE,
)


def cut_licence(text: str) -> str:
    """The book alone, without Project Gutenberg's header and footer.

    Raises:
        PlaygroundError: a mark is missing: the text is something else (an error page) or part of a book.
    """
    starts = list(_START.finditer(text))
    end = _END.search(text, starts[-1].end()) if starts else None
    if end is None:
        raise PlaygroundError("The text has no Project Gutenberg start and end lines, so it is not a whole book.")
    return text[starts[-1].end() : end.start()]


# ASCII -------------------------------------------------------------------------------------------------------

_LIKENESSES = """
    ' \u2018 \u2019 \u201a \u201b \u2032 \u00b4 `
    " \u201c \u201d \u201e \u201f \u2033 \u00ab \u00bb
    - \u2010 \u2011 \u2012 \u2013
    -- \u2014 \u2015
    ... \u2026
    etc. &c.
    and &
    ae \u00e6
    AE \u00c6
    oe \u0153
    OE \u0152
    ss \u00df
    o \u00f8
    O \u00d8
    l \u0142
    L \u0141 \u00a3
    d \u0111 \u00f0
    th \u00fe
    Th \u00de
"""  # the ASCII first, then what it stands for; "&c." has to come before "&"
_ASCII = {mark: row.split()[0] for row in _LIKENESSES.strip().splitlines() for mark in row.split()[1:]}
_ASCII_KEYS = re.compile("|".join(map(re.escape, _ASCII)))


def to_ascii(text: str) -> str:
    """Quotes, dashes, ligatures, accents as ASCII; a dash is `--` without spaces; the rest goes."""
    text = _ASCII_KEYS.sub(lambda match: _ASCII[match.group()], text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[ \t]*-{2,}[ \t]*", "--", text)


# Marks of the printed page -----------------------------------------------------------------------------------

_BRACKETS = [  # twice over, for a bracket inside a bracket
    (re.compile(r"\[(ae|oe|AE|OE|Ae|Oe)\]"), r"\1"),
    (re.compile(r"\[[=:'^~\"/,.)(]([A-Za-z])\]"), r"\1"),  # [=a] is how ASCII editions write an accent
    # Only named brackets may hold blank lines: one that is left open by mistake must not eat a page.
    (re.compile(r"\[(?:Illustration|Footnote|Transcriber|Sidenote|Note)[^\[\]]{0,6000}\]"), REMOVED),
    (re.compile(r"\[(?:(?!\n[ \t]*\n)[^\[\]]){0,1500}\]"), REMOVED),
]
_MARKS = [
    (re.compile(r"\{[^{}\n]{0,80}\}|</?[A-Za-z][^<>\n]{0,80}>"), REMOVED),
    # "(1) Grimm." at the foot of a tale, with the lines that belong to it
    (re.compile(r"^[ \t]*\(\d{1,3}\)[^\n]*(?:\n[ \t]*\S[^\n]*)*", re.MULTILINE), REMOVED),
    (re.compile(r"[ \t]*\(\d{1,3}\)"), ""),
    (re.compile(r"^[ \t]*(?:[*.#~-][ \t]*){3,}$|^[ \t]*\d+[ \t]*$", re.MULTILINE), REMOVED),
    (re.compile(r"=(\S[^=\n]*\S)="), r"\1"),
    (re.compile(r"[_*#|^~\\{}<>\[\]]"), ""),
]


def strip_marks(text: str) -> str:
    """Without square brackets, tags, footnotes, italics and bold marks, rows of asterisks, bare numbers."""
    for pattern, replacement in _BRACKETS * 2 + _MARKS:
        text = pattern.sub(replacement, text)
    return text


# What is not a story -----------------------------------------------------------------------------------------

_SOURCE = re.compile(
    r"\([^()]{1,120}\)\.?|(?i:adapted|translated|retold|taken|told) (?:from|by) .{1,110}"
    r"|(?i:from the) [A-Z]\w+\.?|(?i:by)(?: (?:[A-Z][\w.'-]*|and|de|von)){1,6}|(?i:notes?)[:.] .*"
    r"|(?i:the end|finis|end)\.?|(?i:produced|prepared|transcribed|scanned) by\b.*",
    re.DOTALL,
)


def drop_source_lines(paragraphs: list[Paragraph]) -> list[Paragraph]:
    """Without "(From the Russian)", "By Crofton Croker", "Note: ..." and "THE END" around a story."""
    kept = list(paragraphs)
    while kept and _SOURCE.fullmatch(kept[-1].text):
        kept.pop()
    while kept and _SOURCE.fullmatch(kept[0].text):
        kept.pop(0)
    return kept


def line_width(paragraphs: list[Paragraph]) -> int:
    """Columns that prose fills in this book, in characters."""
    lengths = sorted(len(line.strip()) for paragraph in paragraphs for line in paragraph.lines[:-1])
    return max(60, lengths[int(0.9 * len(lengths))]) if lengths else 72


def is_verse(paragraph: Paragraph, width: int) -> bool:
    """Several lines that stop well short of the margin, most of them opening with a capital."""
    indented = all(line.startswith("  ") for line in paragraph.lines)
    margin = 0.85 if indented or len(paragraph.lines) > 2 else 0.6  # two lines may break early by chance
    openings = [re.sub(r"[^A-Za-z]", "", line)[:1] for line in paragraph.lines]
    capitals = sum(opening.isupper() for opening in openings)
    return (
        len(paragraph.lines) > 1
        and capitals >= 0.8 * len(openings)
        and max(len(line.strip()) for line in paragraph.lines) < margin * width
    )


def is_mostly_verse(paragraphs: list[Paragraph], width: int) -> bool:
    """Whether more than half of a section is verse."""
    verse = sum(len(paragraph.text) for paragraph in paragraphs if is_verse(paragraph, width))
    return verse > 0.5 * sum(len(paragraph.text) for paragraph in paragraphs)


def is_list(paragraphs: list[Paragraph]) -> bool:
    """Titles, names and page numbers rather than sentences."""
    sentences = sum(bool(re.search(r"[.!?:;,\-][\"')]*$", paragraph.text)) for paragraph in paragraphs)
    return sentences < 0.4 * len(paragraphs)


# Prose -------------------------------------------------------------------------------------------------------


def unwrap(paragraph: Paragraph, width: int) -> str:
    """A paragraph as one line; verse keeps its lines."""
    lines = [re.sub(r"[ \t]+", " ", line.strip()) for line in paragraph.lines]
    if is_verse(paragraph, width):
        return "\n".join(lines)
    text = "\n".join(lines)
    text = re.sub(r"(?<=[A-Za-z]-)\n(?!(?:and|or|to)\b)", "", text).replace("\n", " ")  # "jack-" and "knife"
    return re.sub(r" ?-- ?", "--", text)


def lower_opening(text: str, words: Counter[str]) -> str:
    """Lowers the words that print sets in capitals where a story opens ("ONCE upon a time").

    Args:
        text: the first paragraph.
        words: how often the book spells each word which way, so that a name keeps its capital.
    """
    opening = re.match(r"[\"']?(?:[A-Z][A-Z'.-]*[, ]+)*[A-Z][A-Z'.-]+\b(?!')", text)
    if opening is None or not re.search(r"[A-Z]{2}", opening.group()):
        return text

    def lowered(match: re.Match[str]) -> str:
        word = match.group()
        name = word.capitalize()
        first = match.start() == re.search(r"[A-Z]", text).start()  # type: ignore[union-attr]
        if word == "I" or first or words[name] > words[word.lower()]:
            return name
        return word.lower()

    return re.sub(r"[A-Z][A-Z']*", lowered, opening.group()) + text[opening.end() :]


_OPENS = re.compile(r"(?<![^\s(\"-])'(?=[\w\"'])")
_ELISION = re.compile(r"'(?:tis|twas|twere|twill|twould|em|gainst|neath|mid|mongst|cos|cause|till|un)\b", re.IGNORECASE)
_CLOSES = re.compile(r"(?<=[,.!?;:\"-])'(?![A-Za-z])")
_QUOTED_WORDS = re.compile(r"'\w[\w -]{0,30}'(?!\w)")


def uses_single_quotes(text: str) -> bool:
    """Whether a book puts its dialogue in single quotes."""
    singles = len(re.findall(r"(?<![^\s(])'(?=[A-Z])", text))
    doubles = len(re.findall(r'(?<![^\s(])"(?=[A-Z])', text))
    return singles > 5 and singles > 2 * doubles


def to_double_quotes(text: str) -> str:
    """One paragraph of such a book with dialogue in double quotes, and quotes inside it in single ones.

    An apostrophe looks like a quote: "'" opens after a pause or where a closing one follows, closes after
    punctuation, and closes after a letter only where no better place follows.
    """
    out: list[str] = []
    is_open = False
    for index, mark in enumerate(text):
        if mark == '"' and is_open:
            out.append("'")
            continue
        if mark != "'":
            out.append(mark)
            continue
        closing = _CLOSES.search(text, index + 1)
        opening = _OPENS.search(text, index + 1)
        closes_next = closing is not None and (opening is None or closing.start() < opening.start())
        if not is_open and _OPENS.match(text, index) and not _ELISION.match(text, index):
            after_pause = index == 0 or text[:index].rstrip(" \n").endswith((",", ".", ":", ";", "!", "?", "-", "("))
            is_open = after_pause or closes_next or bool(_QUOTED_WORDS.match(text, index))
            out.append('"' if is_open else mark)
        elif is_open and (
            _CLOSES.match(text, index) or (not text[index + 1 : index + 2].isalnum() and not closes_next)
        ):
            is_open = False
            out.append('"')
        else:
            out.append(mark)
    return "".join(out)


# Stories that stay out -----------------------------------------------------------------------------------


def has_word(text: str, words: list[str]) -> bool:
    """Whether a whole word of `words` (lower case) stands in the text."""
    return re.search(rf"\b(?:{'|'.join(map(re.escape, words))})\b", text.lower()) is not None


class SeenPassages:
    """Remembers six-word sequences of the stories kept so far, to tell a near-duplicate.

    A bit per hash value instead of a set: six million sequences fit in 64 MB, and one in a hundred is taken for
    seen by mistake, which is far from the limit of 35 %.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << 26)

    def add_unless_duplicate(self, text: str, share: float = DUPLICATE_SHARE) -> bool:
        """Remembers the text and returns True, or returns False if more than `share` of it was seen before."""
        words = re.findall(r"[a-z0-9']+", text.lower())
        hashes = {
            zlib.crc32(" ".join(words[i : i + SHINGLE_WORDS]).encode()) & 0x1FFFFFFF
            for i in range(len(words) - SHINGLE_WORDS + 1)
        }
        seen = sum(self._bits[value >> 3] >> (value & 7) & 1 for value in hashes)
        if hashes and seen > share * len(hashes):
            return False
        for value in hashes:
            self._bits[value >> 3] |= 1 << (value & 7)
        return True


# All of it -------------------------------------------------------------------------------------------------


def decode(raw: bytes) -> str:
    """Older files are Latin-1, newer ones UTF-8 with a byte-order mark; lines end in CR LF."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_stories(raw: bytes, rules: Rules) -> list[Story]:
    """The stories of one downloaded book, in its order.

    Raises:
        PlaygroundError: the bytes are not a whole Project Gutenberg text.
    """
    body = strip_marks(to_ascii(cut_licence(decode(raw))))
    paragraphs = read_paragraphs(body)
    words = Counter(re.findall(r"[A-Za-z][a-z']+", body))
    single = uses_single_quotes(body)
    width = line_width(paragraphs)
    skipped = {heading_key(title) for title in rules.skip}

    def told(section: Section, number: int) -> Story | None:
        paragraphs = drop_source_lines(section.paragraphs)
        if heading_key(section.title) in skipped or is_apparatus(section.title) or not paragraphs:
            return None
        if is_mostly_verse(paragraphs, width) or is_list(paragraphs):
            return None
        blocks = [unwrap(paragraph, width) for paragraph in paragraphs]
        blocks = [to_double_quotes(block) if single else block for block in blocks]
        blocks[0] = lower_opening(blocks[0], words)
        text = "\n\n".join(blocks)
        title = section.title or f"{rules.title}, Chapter {number}"
        return Story(title, text) if len(text) >= rules.shortest else None

    best: list[Story] = []
    for gap in HEADING_GAPS:
        kept = []
        untitled = 0
        for section in split_sections(paragraphs, gap, untitled_chapters=rules.untitled_chapters):
            untitled += not section.title and bool(section.paragraphs)
            if story := told(section, untitled):
                kept.append(story)
        if not best or abs(len(kept) - rules.stories) < abs(len(best) - rules.stories):
            best = kept
    return best
