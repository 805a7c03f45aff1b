"""First sentences of texts in the making, and how far apart they are."""

import pytest

from playground.spread import alike, first_sentence, words_apart


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" lived in a cave. He", "lived in a cave."),
        ("\n lived in\na cave!  He", "lived in a cave!"),
        (' said, "Come in!" said the fox. Then', 'said, "Come in!" said the fox.'),
        (' said, "Come in!" The fox', 'said, "Come in!"'),
        (" met Mr. Fox and Mrs. Fox of St. Ives. They", "met Mr. Fox and Mrs. Fox of St. Ives."),
        (" met J. Fox. They", "met J. Fox."),
        (" slept\n\nIn the morning", "slept"),
        (" paid 3.50 crowns. And", "paid 3.50 crowns."),
        ("... Then he rose. And", "..."),
    ],
)
def test_the_first_sentence_is_found_as_soon_as_its_end_is_sure(text, sentence):
    assert first_sentence(text) == first_sentence(text, over=True) == sentence
    assert not any(first_sentence(text[:n]) for n in range(len(sentence)))
    assert first_sentence(text + " more. And more.") == sentence


@pytest.mark.parametrize("text", ["", " lived", " lived in a cave.", " lived in a cave. ", ' said "Come in!" said'])
def test_while_its_end_is_not_sure_there_is_none(text):
    assert first_sentence(text) == ""


def test_at_the_end_of_the_text_it_is_cut_where_it_is_not_whole():
    assert first_sentence(" lived in a", over=True) == "lived in a…"
    assert first_sentence(" lived in a cave.", over=True) == "lived in a cave."
    assert first_sentence(' said: "No."', over=True) == 'said: "No."'
    assert first_sentence("", over=True) == "…"


def test_equal_texts_stand_together_in_the_order_of_the_first():
    assert alike(["b", "a", "b", "c"]) == {"b": [0, 2], "a": [1], "c": [3]}
    assert alike([]) == {}


@pytest.mark.parametrize(
    ("texts", "apart"),
    [
        ([], 0),
        (["a fox"], 0),
        (["A fox.", '"a FOX"'], 0),
        (["a fox", "the hen"], 1),
        (["a fox ran", "a fox sat"], 0.5),
        (["a b", "a b", "c d"], 2 / 3),
        (["…", "…"], 0),
        (["…", "a fox"], 1),
    ],
)
def test_words_apart_is_the_mean_distance_of_all_pairs(texts, apart):
    assert words_apart(texts) == pytest.approx(apart)
