"""What a tales model is made of: a byte-level BPE tokenizer and a Llama, both plain `transformers` classes.

Knows the layout of a prompt (special tokens and header fields), not where stories come from or how tokens are chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

PAD, END, TALE, CHAPTER = "<|pad|>", "<|end|>", "<|tale|>", "<|chapter|>"
FIELDS = {"style": "<|style|>", "about": "<|about|>", "title": "<|title|>"}  # in the order that a header has them
SPECIAL = [PAD, END, TALE, CHAPTER, *FIELDS.values()]


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer learnt from `texts`; it encodes and decodes any Unicode text without loss."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        bos_token=TALE,
        extra_special_tokens=[CHAPTER, *FIELDS.values()],
        clean_up_tokenization_spaces=False,
    )


def encode_text(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """Token ids of `text` alone. A special token spelt out in `text` stays text: it can't smuggle in a header."""
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def encode_prompt(
    tokenizer: PreTrainedTokenizerFast, text: str, header: Mapping[str, str], kind: str = TALE
) -> list[int]:
    """Token ids of a story's beginning as training lays it out: header fields that are not empty, `kind`, `text`.

    Args:
        header: may have "style", "about" and "title"; any subset works.
    """
    ids: list[int] = []
    for name, token in FIELDS.items():
        if header.get(name):
            ids += [tokenizer.convert_tokens_to_ids(token), *encode_text(tokenizer, header[name])]
    return [*ids, tokenizer.convert_tokens_to_ids(kind), *encode_text(tokenizer, text)]


def tales_config(vocab_size: int, *, tiny: bool = False) -> LlamaConfig:
    """The shipped architecture (8.3 M parameters at 4,096 tokens), or a tiny one of the same kind for tests."""
    size = (
        {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "head_dim": 16, "num_attention_heads": 2}
        if tiny
        else {
            "hidden_size": 288,
            "num_hidden_layers": 8,
            "intermediate_size": 768,
            "head_dim": 64,
            "num_attention_heads": 4,
        }
    )
    return LlamaConfig(
        vocab_size=vocab_size,
        num_key_value_heads=size["num_attention_heads"] // 2,
        max_position_embeddings=128 if tiny else 1024,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL.index(PAD),
        eos_token_id=SPECIAL.index(END),
        bos_token_id=SPECIAL.index(TALE),
        dtype="float32",
        **size,
    )
