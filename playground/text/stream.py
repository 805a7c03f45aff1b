"""Token bytes → text that may be shown: whole characters only, and nothing that could still become a stop string."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Sequence
from copy import copy

from transformers import PreTrainedTokenizerBase

from playground.errors import PlaygroundError


def token_bytes(tokenizer: PreTrainedTokenizerBase, vocab_size: int) -> list[bytes]:
    """What each token id stands for; special tokens and unused ids stand for nothing.

    Raises:
        PlaygroundError: the tokenizer is neither a byte-level nor a SentencePiece one.
    """
    spell = _spelling(tokenizer)
    added = tokenizer.added_tokens_decoder
    special = set(tokenizer.all_special_ids) | {i for i, token in added.items() if token.special}
    names = tokenizer.convert_ids_to_tokens(range(min(vocab_size, len(tokenizer))))
    table = [
        b"" if i in special or name is None else name.encode() if i in added else spell(name)
        for i, name in enumerate(names)
    ]
    return table + [b""] * (vocab_size - len(table))


def _spelling(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], bytes]:
    """How a token's name in the vocabulary becomes bytes: as the tokenizer's decoder says, for one token alone."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = json.loads(backend.decoder.__getstate__()) if backend is not None and backend.decoder else {}
    kinds = {step.get("type") for step in decoder.get("decoders", [decoder])}
    if "ByteLevel" in kinds:
        values = {character: byte for byte, character in _byte_characters().items()}
        return lambda name: bytes(values[character] for character in name)
    if kinds & {"ByteFallback", "Metaspace"}:
        return _piece
    raise PlaygroundError("its tokenizer is of a kind that can't be read token by token.")


def _piece(name: str) -> bytes:
    """A piece of SentencePiece: "▁" is a space, "<0x0A>" the byte 10 (Kudo and Richardson 2018)."""
    if re.fullmatch("<0x[0-9A-F]{2}>", name):
        return bytes([int(name[3:5], 16)])
    return name.replace("▁", " ").encode()


def _byte_characters() -> dict[int, str]:
    """The printable stand-in of every byte (Radford et al. 2019, `bytes_to_unicode` of GPT-2's encoder)."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in kept}
    others = [byte for byte in range(256) if byte not in table]
    return {**table, **{byte: chr(256 + i) for i, byte in enumerate(others)}}


class TextStream:
    """The text of one sample as its tokens come in.

    Attributes:
        text: all whole characters so far, cut off before a stop string.
        stopped: whether a stop string came up.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self.text = ""
        self.stopped = False
        self._stop = tuple(stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._shown = 0

    def add(self, piece: bytes) -> tuple[str, str]:
        """(text that this token completes, text that may be shown now)."""
        return self._take(self._decoder.decode(piece))

    def rest(self) -> str:
        """What `close` would give now."""
        if self._shown == len(self.text) and not self._decoder.getstate()[0]:
            return ""  # nothing is held back, as after most tokens
        twin = copy(self)
        twin._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        twin._decoder.setstate(self._decoder.getstate())
        return twin.close()

    def close(self) -> str:
        """What was held back and may be shown after all; half a character becomes U+FFFD."""
        held = "" if self.stopped else self._take(self._decoder.decode(b"", final=True))[1]
        rest, self._shown = self.text[self._shown :], len(self.text)
        return held + rest

    def _take(self, new: str) -> tuple[str, str]:
        before, self.text = len(self.text), self.text + new
        for stop in self._stop:
            at = self.text.find(stop, max(0, before - len(stop) + 1))
            if at >= 0:
                self.text, self.stopped = self.text[:at], True
        held = 0 if self.stopped else max((_overlap(self.text, stop) for stop in self._stop), default=0)
        shown, self._shown = self.text[self._shown : len(self.text) - held], max(self._shown, len(self.text) - held)
        return new, shown


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are the beginning of `stop`."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
