"""Many texts through one decoder: prompts are read in pieces, texts join and leave between steps, nobody waits long.

A thread of the batcher's own works while there is something to do; every run takes its events from a queue. Which texts
are in a step decides how fast it is, never what comes of it. Memory is bounded: a text beyond the decoder's slots waits
and is told its place. The order is fair: a free slot goes to the run that has the fewest, among equals to the first.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from playground.errors import PlaygroundError
from playground.events import Alternative, Ended, Event, Progress, TextResult, Token
from playground.recipes import TextRecipe
from playground.text.decoder import PIECE, Decoder
from playground.text.sampling import Choice, Row, choose, seen_tokens, uniform
from playground.text.stream import TextStream

FLUSH_S = 0.02  # events are handed over in bundles: waking somebody for each would cost more than a step
PATIENCE_S = 0.25  # after so long somebody who waits is told the place


@dataclass(frozen=True)
class Vocabulary:
    """What the batcher needs to know of tokens: bytes and texts by id, and which ones end a text."""

    bytes: list[bytes]
    texts: list[str]
    ends: frozenset[int]


@dataclass(eq=False)
class Sample:
    """One text in the making.

    Attributes:
        ids: the prompt and what came after it.
        scored: how many tokens at the end of the prompt are only scored; then nothing is added.
    """

    run: Run
    index: int
    recipe: TextRecipe
    ids: list[int]
    scored: int = 0
    stream: TextStream = field(init=False)
    generator: torch.Generator = field(init=False)
    seen: torch.Tensor | None = None
    tokens: list[Token] = field(default_factory=list)
    ended: str | None = None

    def __post_init__(self) -> None:
        self.prompt = tuple(self.ids)
        self.stream = TextStream(self.recipe.stop_strings)
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        self.forced = self.recipe.forced_ids

    def row(self) -> Row:
        """What decides the next token besides its logits."""
        place = len(self.tokens)
        forced = self.forced[place] if place < len(self.forced) else None
        return Row(self.recipe, uniform(self.generator), self.seen, forced)

    def result(self) -> TextResult:
        return TextResult(self.recipe.seed, self.stream.text, tuple(self.tokens), self.ended or "stopped")


@dataclass(eq=False)
class Run:
    """What one caller asked for: its samples, and the queue that its events come by."""

    samples: list[Sample] = field(default_factory=list)
    events: queue.SimpleQueue[list[Event] | Exception] = field(default_factory=queue.SimpleQueue)
    bundle: list[Event] = field(default_factory=list)
    flushed: float = 0.0
    cancelled: bool = False
    running: int = 0
    began: float = field(default_factory=time.perf_counter)
    times: list[float] = field(default_factory=list)  # of its tokens

    def flush(self, now: float = math.inf) -> None:
        """Hand over what there is, if the last time is long enough ago."""
        if self.bundle and now - self.flushed >= FLUSH_S:
            self.events.put(self.bundle)
            self.bundle, self.flushed = [], time.perf_counter()


class Batcher:
    """Decodes for everybody who calls `run`, from any thread."""

    def __init__(self, decoder: Decoder, vocabulary: Vocabulary) -> None:
        self._decoder, self._vocabulary = decoder, vocabulary
        self._lock = threading.Lock()
        self._waiting: list[Sample] = []
        self._rows: list[Sample] = []  # by row of the decoder
        self._reading: Sample | None = None
        self._read: list[int] = []  # tokens of the prompt that stands in the decoder's place for prompts
        self._done = 0  # of them, what `_reading` may use
        self._logits: torch.Tensor | None = None  # after the last of them
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether anything is being decoded or waited for."""
        with self._lock:
            return bool(self._waiting or self._rows or self._reading)

    def run(self, recipe: TextRecipe, ids: Sequence[int], scored: int = 0) -> Iterator[tuple[Run, Event]]:
        """Yield the run and its events: `Progress` while it waits, `Token`s, and an `Ended` for each sample.

        Closing the iterator frees its slots at the next step.

        Args:
            ids: of the prompt, at least one and fewer than the context.
            scored: score so many tokens at the end of the prompt and add none.

        Raises:
            PlaygroundError: the model's numbers overflowed.
        """
        run = Run()
        for k in range(1 if scored else recipe.samples):
            run.samples.append(Sample(run, k, recipe.with_seed(recipe.seed + k), list(ids), scored))
        if recipe.repetition_penalty > 1:
            for sample in run.samples:
                sample.seen = seen_tokens(ids, len(self._vocabulary.bytes))
        with self._lock:
            self._waiting += run.samples
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
                self._thread.start()
        left = len(run.samples)
        try:
            while left:
                try:
                    events = run.events.get(timeout=PATIENCE_S)
                except queue.Empty:
                    yield run, Progress(self._place(run))  # so that a caller who has left is noticed
                    continue
                if isinstance(events, Exception):
                    raise events
                for event in events:
                    left -= isinstance(event, Ended)
                    yield run, event
        finally:
            run.cancelled = True

    def _place(self, run: Run) -> str:
        with self._lock:
            ahead = list(dict.fromkeys(id(sample.run) for sample in self._waiting if not sample.run.running))
        if id(run) not in ahead:
            return "" if run.times else "Reading the prompt …"
        return f"Waiting for a free place: number {ahead.index(id(run)) + 1} in the queue …"

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        torch.set_num_threads(self._decoder.threads)
        while True:
            with self._lock:
                self._drop_cancelled()
                self._admit()
                if not self._rows and self._reading is None:
                    self._thread = None
                    return
            try:
                if self._reading:
                    self._read_on()
                if self._rows:
                    self._step()
            except Exception as error:  # of whatever kind: nobody may wait for ever
                self._fail(error)

    def _drop_cancelled(self) -> None:
        self._waiting = [sample for sample in self._waiting if not sample.run.cancelled]
        if self._reading and self._reading.run.cancelled:
            self._reading = None
        for row in range(len(self._rows) - 1, -1, -1):
            if self._rows[row].run.cancelled:
                self._leave(row)

    def _admit(self) -> None:
        if self._reading or not self._waiting or len(self._rows) >= self._decoder.slots:
            return
        sample = min(self._waiting, key=lambda sample: sample.run.running)  # the first of equals
        self._waiting.remove(sample)
        sample.run.running += 1
        self._reading = sample
        self._done = 0 if sample.scored else _shared(self._read, sample.prompt)

    def _leave(self, row: int) -> None:
        self._rows[row].run.running -= 1
        last = len(self._rows) - 1
        if row < last:
            self._decoder.move(last, row, len(self._rows[last].ids) - 1)
            self._rows[row] = self._rows[last]
        self._rows.pop()

    def _read_on(self) -> None:
        """One piece of the prompt; what an earlier prompt shares with it, in whole pieces, is not read again."""
        sample = self._reading
        ids = sample.prompt
        if self._done < len(ids):
            piece = ids[self._done : self._done + PIECE]
            self._read = []
            logits = self._decoder.read(piece, self._done, every=bool(sample.scored))
            start, self._done = self._done, self._done + len(piece)
            self._read, self._logits = list(ids[: self._done]), logits[-1:]
            if sample.scored:
                self._score(sample, logits, start)
        if self._done < len(ids):
            return
        self._reading = None
        if sample.scored:
            sample.run.running -= 1
            return
        self._decoder.place(len(self._rows), len(ids))
        self._rows.append(sample)
        self._extend([sample], self._logits)

    def _step(self) -> None:
        """One more token for everybody."""
        rows = list(self._rows)
        logits = self._decoder.step([sample.ids[-1] for sample in rows], [len(sample.ids) - 1 for sample in rows])
        self._extend(rows, logits)

    def _extend(self, samples: Sequence[Sample], logits: torch.Tensor) -> None:
        """Choose a token for each sample and tell its run."""
        usable = logits.isfinite().all(-1).tolist()
        choices = choose(logits, [sample.row() for sample in samples])
        now = time.perf_counter()
        ended = []
        for sample, choice, fine in zip(samples, choices, usable, strict=True):
            run = sample.run
            if not fine:
                run.events.put(_overflow())
                run.cancelled = True
                continue
            sample.ids.append(choice.id)
            if sample.seen is not None:
                sample.seen[choice.id] = True
            run.times.append(now)
            run.bundle.append(self._token(sample, choice))
            if sample.ended:
                run.bundle.append(Ended(sample.index, sample.result()))
                ended.append(sample)
            run.flush(math.inf if sample.ended or len(sample.tokens) == 1 else now)
        for sample in ended:
            self._leave(self._rows.index(sample))

    def _token(self, sample: Sample, choice: Choice) -> Token:
        text, shown = sample.stream.add(self._vocabulary.bytes[choice.id])
        sample.ended = self._ending(sample, choice.id)
        if sample.ended:
            shown += sample.stream.close()
        token = Token(sample.index, len(sample.tokens), choice.id, text, shown, choice.logprob, self._ten(choice))
        sample.tokens.append(token)
        return token

    def _ten(self, choice: Choice) -> tuple[Alternative, ...]:
        texts = self._vocabulary.texts
        return tuple(
            Alternative(token, texts[token], before, after)
            for token, before, after in zip(choice.ids, choice.before, choice.after, strict=True)
        )

    def _ending(self, sample: Sample, chosen: int) -> str | None:
        if chosen in self._vocabulary.ends:
            return "end"
        if sample.stream.stopped:
            return "stop"
        if len(sample.tokens) + 1 >= sample.recipe.max_new_tokens:
            return "length"
        return "context" if len(sample.ids) >= self._decoder.context else None

    def _score(self, sample: Sample, logits: torch.Tensor, start: int) -> None:
        """Tell of the scored tokens that follow the ones that were just read."""
        ids, run = sample.prompt, sample.run
        first = max(len(ids) - sample.scored, start + 1)
        places = range(first, min(start + len(logits) + 1, len(ids)))
        if places and not logits.isfinite().all():
            raise _overflow()
        rows = []
        for place in places:
            seen = sample.seen if sample.seen is None else seen_tokens(ids[:place], logits.shape[1])
            rows.append(Row(sample.recipe, 0.0, seen, ids[place]))
        for choice in choose(logits[[place - 1 - start for place in places]], rows) if rows else ():
            run.times.append(time.perf_counter())
            text, shown = sample.stream.add(self._vocabulary.bytes[choice.id])
            token = Token(0, len(sample.tokens), choice.id, text, shown, choice.logprob, self._ten(choice))
            sample.tokens.append(token)
            run.bundle.append(token)
        if start + len(logits) >= len(ids):
            run.bundle.append(Ended(0, TextResult(sample.recipe.seed, "", tuple(sample.tokens), "scored")))
        run.flush()

    def _fail(self, error: Exception) -> None:
        """Tell everybody who is in the middle of it, and begin anew."""
        with self._lock:
            lost = [*self._rows, *([self._reading] if self._reading else [])]
            self._rows, self._reading, self._read = [], None, []
        for sample in lost:
            sample.run.cancelled = True
            sample.run.events.put(error)


def _shared(read: Sequence[int], ids: Sequence[int]) -> int:
    """How many tokens at the beginning of `ids` have been read: all of them, or some whole pieces."""
    if list(read) == list(ids):
        return len(ids)
    end = 0
    while end + PIECE < len(ids) and list(read[: end + PIECE]) == list(ids[: end + PIECE]):
        end += PIECE
    return end


def _overflow() -> PlaygroundError:
    return PlaygroundError("The model's numbers overflowed: its weights are damaged or do not fit its code.")
