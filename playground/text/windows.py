"""Training windows over the tales: (epoch, index) → token ids, with no state in between.

Because a window is a pure function of its place, a killed run resumes with the very batch that it would have had, and
any number of processes can share one global batch. Knows nothing of models.
"""

from __future__ import annotations

import numpy as np

from playground.text.data import Story, keywords
from playground.text.model import CHAPTER, FIELDS, TALE, PreTrainedTokenizerFast, encode_text

HEADER_SHARE = 0.75  # stories whose beginning carries a header at all
FIELD_SHARE = {"style": 0.7, "about": 0.7, "title": 0.5}  # then each field by itself
HEADER_TOKENS = 96  # at most; a field that would go beyond is left out


class TaleWindows:
    """All training stories as token ids, cut into windows.

    An epoch asks for every token of every story at least once, in windows that start at a story's beginning (with a
    header) or further on (without one, at a phase that is drawn anew for each story and epoch). What is left of a
    window after a story's end is filled with beginnings of others, so that short tales and beginnings, which people
    prompt for, are seen more often than by chance.
    """

    def __init__(self, stories: list[Story], tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.seed = seed
        self._tokenizer = tokenizer
        self._stories = stories
        self._keywords = keywords(stories)
        bodies = tokenizer([story.text for story in stories], add_special_tokens=False, split_special_tokens=True)
        end = tokenizer.eos_token_id
        self._bodies = [np.array([*ids, end], dtype=np.uint16) for ids in bodies["input_ids"]]
        self._markers = {name: tokenizer.convert_tokens_to_ids(token) for name, token in FIELDS.items()}
        self._kinds = {kind: tokenizer.convert_tokens_to_ids(t) for kind, t in (("tale", TALE), ("chapter", CHAPTER))}
        self._encoded: dict[str, list[int]] = {}
        self._orders: dict[tuple[int, int], np.ndarray] = {}

    @property
    def tokens(self) -> int:
        """Story tokens in an epoch, headers not counted."""
        return sum(map(len, self._bodies))

    def count(self, length: int) -> int:
        """Windows of `length` predicted tokens in an epoch."""
        return sum(_pieces(len(body), length) for body in self._bodies)

    def batch(self, position: int, n: int, length: int) -> np.ndarray:
        """Windows `position` … `position + n − 1` of an endless run of epochs, (n, length + 1) int64."""
        per_epoch = self.count(length)
        return np.stack([self.window(*divmod(p, per_epoch), length) for p in range(position, position + n)])

    def window(self, epoch: int, index: int, length: int) -> np.ndarray:
        """Window `index` of `epoch`: (length + 1,) int64, inputs and shifted targets in one."""
        rng = np.random.default_rng([self.seed, epoch, index, length])
        story, piece = self._order(epoch, length)[index]
        body = self._bodies[story]
        if piece == 0:
            parts = [self._header(story, rng, length), body[:length]]
        else:
            first = piece * length - _reserve(length) - self._shift(epoch, story, length)
            parts = [body[first - 1 : first + length]]  # its first token is seen, but not asked for
        missing = length + 1 - sum(map(len, parts))
        while missing > 0:
            other = int(rng.integers(len(self._bodies)))
            parts += [self._header(other, rng, length), self._bodies[other][:missing]]
            missing -= len(parts[-1]) + len(parts[-2])
        return np.concatenate(parts)[: length + 1].astype(np.int64)

    def _order(self, epoch: int, length: int) -> np.ndarray:
        """(windows, 2) story and piece numbers of an epoch, shuffled; kept for the epoch in use only."""
        if (epoch, length) not in self._orders:
            places = [(s, p) for s, body in enumerate(self._bodies) for p in range(_pieces(len(body), length))]
            np.random.default_rng([self.seed, epoch, length]).shuffle(places)
            self._orders = {(epoch, length): np.array(places)}
        return self._orders[epoch, length]

    def _shift(self, epoch: int, story: int, length: int) -> int:
        """How many tokens earlier than they must all windows of a story but the first start in this epoch."""
        size = len(self._bodies[story])
        free = _pieces(size, length) * length - _reserve(length) - size
        return int(np.random.default_rng([self.seed, epoch, story, length, 1]).integers(min(free, length // 2) + 1))

    def _header(self, index: int, rng: np.random.Generator, length: int) -> list[int]:
        story, ids = self._stories[index], []
        values = {
            "style": story.style if rng.random() < 0.7 else story.book,
            "about": ", ".join(rng.permutation(self._keywords[index])[: rng.integers(1, 5)]),
            "title": story.title,
        }
        if rng.random() < HEADER_SHARE:
            for name, share in FIELD_SHARE.items():
                if values[name] and rng.random() < share:
                    field = [self._markers[name], *self._encode(values[name])]
                    ids += field if len(ids) + len(field) <= _reserve(length) else []
        return [*ids, self._kinds.get(story.kind, self._kinds["tale"])]

    def _encode(self, text: str) -> list[int]:
        if text not in self._encoded:
            self._encoded[text] = encode_text(self._tokenizer, text)
        return self._encoded[text]


def _reserve(length: int) -> int:
    """Tokens of a story's first window that its header may take."""
    return min(HEADER_TOKENS, length // 4)


def _pieces(size: int, length: int) -> int:
    """Windows that a story of `size` tokens needs, whatever its header takes of the first."""
    return 1 + max(0, -(-(size - length + _reserve(length)) // length))
