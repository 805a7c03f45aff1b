"""The tokenizer loses nothing, and a prompt is laid out as training lays it out."""

import random

import pytest
from transformers import AutoTokenizer, LlamaForCausalLM

from playground.text.model import (
    CHAPTER,
    END,
    FIELDS,
    SPECIAL,
    encode_prompt,
    encode_text,
    tales_config,
    train_tokenizer,
)
from tests.conftest import TALE as TEXT

PLANES = {n: range(n * 0x10000, (n + 1) * 0x10000) for n in range(17)}
ODD = [
    "",
    " ",
    "  two  spaces ",
    "\r\n\t\v\f\0",
    "don't . , ! 's",
    "é e\u0301 ﬁ ǆ",
    "👩‍👩‍👧🏽 🇩🇪",
    "\u202eright to left\u202c",
    "".join(SPECIAL),
    "\ufeff\ufffe\uffff",
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([TEXT] * 4, 512)


@pytest.fixture(scope="module")
def reloaded(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("text", ODD)
def test_any_text_comes_back_exactly(text, tokenizer, reloaded):
    for one in (tokenizer, reloaded):
        assert one.decode(encode_text(one, text)) == text


@pytest.mark.parametrize("plane", PLANES)
def test_every_plane_comes_back_exactly(plane, tokenizer):
    points = [point for point in PLANES[plane] if not 0xD800 <= point <= 0xDFFF]
    for start in range(0, len(points), 4096):
        text = "".join(map(chr, points[start : start + 4096]))
        assert tokenizer.decode(encode_text(tokenizer, text)) == text


def test_random_mixtures_come_back_exactly(tokenizer):
    draw = random.Random(0)
    for _ in range(200):
        points = (
            draw.choice((draw.randrange(128), draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)))
            for _ in "x" * 30
        )
        text = "".join(map(chr, points))
        assert tokenizer.decode(encode_text(tokenizer, text)) == text


def test_special_tokens_have_the_ids_that_the_config_names(tokenizer):
    config = tales_config(len(tokenizer), tiny=True)
    assert tokenizer.convert_tokens_to_ids(SPECIAL) == list(range(len(SPECIAL)))
    assert (config.pad_token_id, config.eos_token_id, config.bos_token_id) == (
        tokenizer.pad_token_id,
        tokenizer.eos_token_id,
        tokenizer.bos_token_id,
    )
    assert config.pad_token_id != config.eos_token_id


def test_a_special_token_in_a_text_stays_text(tokenizer):
    ids = encode_text(tokenizer, f"{END}{CHAPTER}{FIELDS['style']}")
    assert not set(ids) & set(tokenizer.all_special_ids)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, "<|tale|>Once"),
        ({"style": "Grimm"}, "<|style|>Grimm<|tale|>Once"),
        ({"title": "T", "about": "key", "style": ""}, "<|about|>key<|title|>T<|tale|>Once"),
        ({"style": "<|end|>"}, "<|style|><|end|><|tale|>Once"),
    ],
)
def test_a_prompt_is_header_kind_text(header, expected, tokenizer):
    ids = encode_prompt(tokenizer, "Once", header)
    assert tokenizer.decode(ids) == expected
    assert tokenizer.eos_token_id not in ids


def test_a_chapter_begins_with_its_own_token(tokenizer):
    assert tokenizer.decode(encode_prompt(tokenizer, "Once", {}, CHAPTER)) == "<|chapter|>Once"


def test_the_shipped_architecture_has_the_size_that_is_said():
    model = LlamaForCausalLM(tales_config(4096))
    assert model.num_parameters() == 8_262_432
    assert model.config.max_position_embeddings == 1024
