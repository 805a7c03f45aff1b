"""Token bytes → shown text: whole characters, stop strings across tokens, nothing lost and nothing shown too early."""

import itertools
import random

import pytest

from playground.text.model import encode_text, train_tokenizer
from playground.text.stream import TextStream, token_bytes


def play(pieces: list[bytes], *stop: str) -> tuple[str, TextStream]:
    """What is shown of `pieces` in all, as the decoding loop drives a stream."""
    stream, shown = TextStream(stop), ""
    for piece in pieces:
        shown += stream.add(piece)[1]
        if stream.stopped:
            break
    return shown + stream.close(), stream


def test_a_character_is_held_back_until_it_is_whole():
    stream = TextStream(())
    assert [stream.add(bytes([byte]))[1] for byte in "é🐉".encode()] == ["", "é", "", "", "", "🐉"]
    assert stream.text == "é🐉"


def test_text_and_shown_agree_without_stop_strings():
    stream = TextStream(())
    assert stream.add(b"abc") == ("abc", "abc")
    assert stream.close() == ""


def test_half_a_character_at_the_end_becomes_a_replacement():
    shown, stream = play([b"a", "🐉".encode()[:2]])
    assert shown == stream.text == "a\ufffd"


def test_bytes_that_are_no_utf8_are_replaced():
    shown, stream = play([b"a\xff", b"b"])
    assert shown == stream.text == "a\ufffdb"


def test_the_beginning_of_a_stop_string_is_held_back_and_given_after_all():
    stream = TextStream(("the end",))
    assert stream.add(b"so the")[1] == "so "
    assert stream.add(b" wolf")[1] == "the wolf"
    assert not stream.stopped


def test_a_stop_string_across_tokens_is_never_shown():
    shown, stream = play([b"so t", b"he e", b"nd of it", b" never"], "the end")
    assert stream.stopped
    assert shown == stream.text == "so "


def test_what_is_held_back_comes_at_the_end():
    shown, stream = play([b"so the e"], "the end")
    assert shown == stream.text == "so the e" and not stream.stopped


def test_overlaps_within_a_stop_string():
    shown, stream = play([b"a", b"a", b"a", b"b", b"c"], "aab")
    assert stream.stopped and shown == stream.text == "a"


def test_of_several_stop_strings_the_first_to_begin_wins():
    shown, stream = play([b"one two three"], "three", "two")
    assert stream.stopped and shown == stream.text == "one "


def test_the_longest_hold_of_several_counts():
    stream = TextStream(("xyz", "end of xy"))
    assert stream.add(b"the end of x")[1] == "the "


def test_a_stop_string_of_one_character_and_of_several_bytes():
    assert play([b"a\nb"], "\n")[0] == "a"
    assert play(["a🐉"[:1].encode(), "🐉".encode()[:3], "🐉".encode()[3:] + b"b"], "🐉")[0] == "a"


def test_a_stop_string_at_the_very_beginning():
    shown, stream = play([b"stop"], "stop")
    assert stream.stopped and shown == ""


@pytest.mark.parametrize("stops", [("ab",), ("aba", "bb"), ("aab", "ba"), ("c", "abcab"), ("aaaa", "bbb", "cc")])
def test_any_cut_into_pieces_shows_the_same(stops):
    draw = random.Random(0)
    for _ in range(300):
        text = "".join(draw.choice("abc") for _ in range(draw.randrange(1, 12)))
        cuts = sorted(draw.sample(range(1, len(text)), draw.randrange(0, len(text))))
        pieces = [text[a:b].encode() for a, b in itertools.pairwise([0, *cuts, len(text)])]
        shown, stream = play(pieces, *stops)
        assert shown == stream.text
        assert not any(stop in stream.text for stop in stops)
        assert text.startswith(stream.text)
        if stream.stopped:
            assert text.startswith(stops, len(stream.text))
        else:
            assert stream.text == text


def test_token_bytes_spell_any_text():
    tokenizer = train_tokenizer(["a dragon, a key and a dragon's egg"] * 4, 300)
    pieces = token_bytes(tokenizer, 320)
    text = "ein Drache 🐉 — 龍\x00\r\n\t<|end|>"
    assert b"".join(pieces[i] for i in encode_text(tokenizer, text)) == text.encode()
    assert len(pieces) == 320 and pieces[-1] == b""
    assert all(pieces[i] == b"" for i in tokenizer.all_special_ids)


@pytest.mark.parametrize("pieces", [[b"a", b"\xf0\x9f"], [b"so the e"], [b"so the e", b"nd"], [b"abc"]])
def test_the_rest_is_what_closing_would_give_and_changes_nothing(pieces):
    stream = TextStream(("the end",))
    for piece in pieces:
        stream.add(piece)
    assert stream.rest() == stream.rest() == stream.close()
