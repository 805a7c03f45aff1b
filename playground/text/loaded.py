"""A causal language model opened from a `transformers` folder, with what telling texts needs to know of its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from playground.errors import PlaygroundError
from playground.registry import Manifest
from playground.text.model import FIELDS
from playground.text.stream import token_bytes


@dataclass
class TextModel:
    """A language model with its tokenizer, ready to tell. `texts` and `bytes` are by token id."""

    model: torch.nn.Module
    tokenizer: PreTrainedTokenizerFast
    context: int
    bytes: list[bytes]
    texts: list[str]
    takes_header: bool


def load(folder: Path, manifest: Manifest) -> TextModel:
    """Open a `transformers` folder.

    Raises:
        PlaygroundError: the folder is not a causal language model.
    """
    disable_progress_bar()  # of the weights; stderr is for our own lines
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever a strange folder makes of the libraries, the person gets one sentence
        raise PlaygroundError(f"The model {manifest.name} can't be opened: {str(error).splitlines()[0]}") from error
    return text_model(model.eval(), tokenizer)


def text_model(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> TextModel:
    """Put a model and its tokenizer together."""
    pieces = token_bytes(tokenizer, model.config.vocab_size)
    return TextModel(
        model=model,
        tokenizer=tokenizer,
        context=model.config.max_position_embeddings,
        bytes=pieces,
        texts=[piece.decode("utf-8", "replace") for piece in pieces],
        takes_header=all(token in tokenizer.get_vocab() for token in FIELDS.values()),
    )
