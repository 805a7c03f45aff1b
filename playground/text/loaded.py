"""A causal language model opened from a `transformers` folder, with what telling texts needs to know of its tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from playground.errors import PlaygroundError, cant_open
from playground.registry import Manifest
from playground.text.batcher import Batcher, Vocabulary
from playground.text.decoder import decoders
from playground.text.model import FIELDS
from playground.text.stream import token_bytes

MOST_CONTEXT = 4096  # tokens; what a model could take beyond that costs more memory than it brings here


@dataclass
class TextModel:
    """A language model with its tokenizer, ready to tell. `texts` and `bytes` are by token id.

    Attributes:
        takes_header: whether it was trained on style, about and title.
        chat: the arguments of its chat template; None for a model that just goes on from a prompt.
        memory: bytes of its weights and of what decodes them.
        dtype: what it computes in.
        tokenizing: is held by whoever uses the tokenizer, which keeps how it splits special tokens in itself.
        batcher: decodes for everybody who tells with this model.
    """

    model: torch.nn.Module
    tokenizer: PreTrainedTokenizerFast
    context: int
    bytes: list[bytes]
    texts: list[str]
    takes_header: bool
    chat: Mapping[str, Any] | None = None
    memory: int = field(init=False)
    dtype: str = field(init=False)
    tokenizing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        ends = self.model.generation_config.eos_token_id
        vocabulary = Vocabulary(self.bytes, self.texts, frozenset(ends if isinstance(ends, list) else [ends]))
        decoding = decoders(self.model, self.context)
        self.batcher = Batcher(decoding, vocabulary)
        self.dtype = str(self.model.dtype).removeprefix("torch.")
        weights = sum(weight.numel() * weight.element_size() for weight in self.model.parameters())
        self.memory = weights + sum(decoder.memory for decoder in decoding)


def load(folder: Path, manifest: Manifest) -> TextModel:
    """Open a `transformers` folder.

    Raises:
        PlaygroundError: the folder is not a causal language model.
    """
    disable_progress_bar()  # of the weights; stderr is for our own lines
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, manifest.dtype),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        chat = manifest.details.get("template", {}) if manifest.details.get("chat") is True else None
        return text_model(model.eval(), tokenizer, chat)
    except Exception as error:  # whatever a strange folder makes of the libraries, the person gets one sentence
        told = PlaygroundError("it brings code of its own, which is never run here.") if _brings_code(folder) else error
        raise cant_open(manifest.name, told) from error


def _brings_code(folder: Path) -> bool:
    """Whether a folder names classes of its own."""
    try:
        return "auto_map" in json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False


def text_model(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, chat: Mapping[str, Any] | None = None
) -> TextModel:
    """Put a model and its tokenizer together.

    Args:
        chat: of a chat model, the arguments of its template.

    Raises:
        PlaygroundError: the tokens can't be turned into text one by one, or a chat model has no template.
    """
    if chat is not None and not tokenizer.chat_template:
        raise PlaygroundError("it has no chat template, so it can't be used as a chat model.")
    pieces = token_bytes(tokenizer, model.config.vocab_size)
    if chat is not None:  # some name only the end of a document there, and not that of an answer
        ends = model.generation_config.eos_token_id
        known = [
            end for end in (*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id) if end is not None
        ]
        model.generation_config.eos_token_id = list(dict.fromkeys(known)) or None
    return TextModel(
        model=model,
        tokenizer=tokenizer,
        context=min(getattr(model.config, "max_position_embeddings", None) or MOST_CONTEXT, MOST_CONTEXT),
        bytes=pieces,
        texts=[piece.decode("utf-8", "replace") for piece in pieces],
        takes_header=all(token in tokenizer.get_vocab() for token in FIELDS.values()),
        chat=chat,
    )
