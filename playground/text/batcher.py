"""Many texts through one model: prompts are read in pieces, texts join and leave between steps, nobody waits long.

Each decoder of the model has a thread of its own, which works while there is something to do; every run takes its
events from a queue. Which texts are in a step decides how fast it is, never what comes of it. Memory is bounded: a text
beyond the decoders' slots waits and is told its place, in the order of `outlook.py`.
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
from playground.line import in_line
from playground.recipes import TextRecipe
from playground.text.decoder import PIECE, Decoder
from playground.text.outlook import following, outlook
from playground.text.sampling import Choice, Row, choose, seen_tokens, uniform
from playground.text.stream import TextStream
from playground.turns import who_asks

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
    bundle: list[Event] = field(default_factory=list)
    flushed: float = 0.0

    def __post_init__(self) -> None:
        self.prompt = tuple(self.ids)
        self.stream = TextStream(() if self.scored else self.recipe.stop_strings)
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        self.forced = self.recipe.forced_ids

    def row(self) -> Row:
        """What decides the next token besides its logits."""
        place = len(self.tokens)
        forced = self.forced[place] if place < len(self.forced) else None
        return Row(self.recipe, uniform(self.generator), self.seen, forced)

    def result(self) -> TextResult:
        text = "" if self.scored else self.stream.text
        return TextResult(self.recipe.seed, text, tuple(self.tokens), self.ended or "stopped")


@dataclass(eq=False)
class Run:
    """What one caller asked for, and the queue that its events come by.

    Attributes:
        running: how many of its samples have a slot.
        times: of its tokens, by `time.perf_counter`.
        client: who asked for it.
    """

    events: queue.SimpleQueue[list[Event] | Exception] = field(default_factory=queue.SimpleQueue)
    cancelled: bool = False
    running: int = 0
    times: list[float] = field(default_factory=list)
    client: str = field(default_factory=who_asks)

    def refuse(self, error: Exception) -> None:
        """End it with a mistake."""
        self.cancelled = True
        self.events.put(error)


class Batcher:
    """Decodes for everybody who calls `run`, from any thread."""

    def __init__(self, decoders: Sequence[Decoder], vocabulary: Vocabulary) -> None:
        self.lock = threading.Lock()  # of all that follows, and of every lane's `rows` and `reading`
        self.waiting: list[Sample] = []
        self.vocabulary = vocabulary
        self.lanes = [Lane(self, decoder) for decoder in decoders]

    @property
    def busy(self) -> bool:
        """Whether anything is being decoded or waited for."""
        with self.lock:
            return bool(self.waiting) or any(lane.load for lane in self.lanes)

    @property
    def threads(self) -> int:
        """How many threads compute at most."""
        return sum(lane.decoder.threads for lane in self.lanes)

    def running(self) -> list[Sample]:
        """Who has a slot; the lock is held."""
        return [sample for lane in self.lanes for sample in (*lane.rows, lane.reading) if sample]

    def run(self, recipe: TextRecipe, ids: Sequence[int], scored: int = 0) -> Iterator[tuple[Run, Event]]:
        """Yield the run and its events: `Progress` while it waits, `Token`s, and an `Ended` for each sample.

        Closing the iterator frees its slots at the next step.

        Args:
            ids: of the prompt, at least one and fewer than the context.
            scored: score so many tokens at the end of the prompt and add none.

        Raises:
            PlaygroundError: the model's numbers overflowed.
        """
        run, left = Run(), 1 if scored else recipe.samples
        samples = [Sample(run, k, recipe.with_seed(recipe.seed + k), list(ids), scored) for k in range(left)]
        if recipe.repetition_penalty > 1:
            for sample in samples:
                sample.seen = seen_tokens(ids, len(self.vocabulary.bytes))
        with self.lock:
            self.waiting += samples
            for lane in sorted(self.lanes, key=lambda lane: lane.load)[:left]:
                lane.wake()
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
        with self.lock:
            if run.running or all(sample.run is not run for sample in self.waiting):
                return "" if run.times else "Reading the prompt …"
            slots = sum(lane.decoder.slots for lane in self.lanes)
            place, steps = outlook(run, self.waiting, self.running(), slots)
            step_s = max(lane.step_s for lane in self.lanes)
        return in_line(place, steps * step_s if step_s else None)


class Lane:
    """One decoder and the thread that works with it.

    Attributes:
        rows: what is in the decoder's rows. reading: whose prompt is being read.
        thread: None while there is nothing to do.
        step_s: seconds that the last step took, prompts read in between included; 0 before the first.
    """

    def __init__(self, batcher: Batcher, decoder: Decoder) -> None:
        self._batcher, self._vocabulary, self.decoder = batcher, batcher.vocabulary, decoder
        self.rows: list[Sample] = []
        self.reading: Sample | None = None
        self.thread: threading.Thread | None = None
        self.step_s = 0.0
        self._read: list[int] = []  # tokens of the prompt that stands in the decoder's place for prompts
        self._done = 0  # of them, what `reading` may use
        self._logits: torch.Tensor | None = None  # (1, V) after the last of them; None if it was scored

    @property
    def load(self) -> int:
        """How many samples it has."""
        return len(self.rows) + (self.reading is not None)

    @property
    def is_open(self) -> bool:
        """Whether it could take one more now."""
        return self.reading is None and len(self.rows) < self.decoder.slots

    def wake(self) -> None:
        """Begin to work; the batcher's lock is held."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._work, name="lane")  # Python waits for it at its end
            self.thread.start()

    def _work(self) -> None:
        torch.set_num_threads(self.decoder.threads)
        while True:
            with self._batcher.lock:
                self._drop_cancelled()
                self._admit()
                if not self.load or not threading.main_thread().is_alive():  # a thread that is cut off aborts it all
                    self.thread = None
                    return
            try:
                began = time.perf_counter()
                if self.reading:
                    self._read_on()
                if self.rows:
                    self._step()
                    self.step_s = time.perf_counter() - began
            except Exception as error:  # of whatever kind: nobody may wait for ever
                self._fail(error)

    def _drop_cancelled(self) -> None:
        waiting = self._batcher.waiting
        waiting[:] = [sample for sample in waiting if not sample.run.cancelled]
        if self.reading and self.reading.run.cancelled:
            self.reading = None
        for row in range(len(self.rows) - 1, -1, -1):
            if self.rows[row].run.cancelled:
                self._leave(row)

    def _admit(self) -> None:
        """Take whoever is next, unless another lane has less to do."""
        waiting = self._batcher.waiting
        if not waiting or not self.is_open:
            return
        least = min((lane for lane in self._batcher.lanes if lane.is_open), key=lambda lane: lane.load)
        if least.load < self.load:
            least.wake()
            return
        sample = following(waiting, self._batcher.running())
        waiting.remove(sample)
        sample.run.running += 1
        self.reading = sample
        self._done = 0 if sample.scored else self._shared(sample.prompt)

    def _leave(self, row: int) -> None:
        self.rows[row].run.running -= 1
        last = len(self.rows) - 1
        if row < last:
            self.decoder.move(last, row, len(self.rows[last].ids) - 1)
            self.rows[row] = self.rows[last]
        self.rows.pop()

    def _read_on(self) -> None:
        """One piece of the prompt; what an earlier prompt shares with it, in whole pieces, is not read again."""
        sample = self.reading
        ids = sample.prompt
        if self._done < len(ids):
            piece = ids[self._done : self._done + PIECE]
            self._read = []
            logits = self.decoder.read(piece, self._done, every=bool(sample.scored))
            start, self._done = self._done, self._done + len(piece)
            self._read, self._logits = list(ids[: self._done]), None if sample.scored else logits
            if sample.scored:
                self._score(sample, logits, start)
        if self._done < len(ids):
            return
        with self._batcher.lock:
            self.reading = None
            if sample.scored:
                sample.run.running -= 1
                return
            self.decoder.place(len(self.rows), len(ids))
            self.rows.append(sample)
        self._extend([sample], self._logits)

    def _shared(self, ids: Sequence[int]) -> int:
        """How many tokens at the beginning of `ids` have been read: all of them, or some whole pieces."""
        if self._read == list(ids) and self._logits is not None:
            return len(ids)
        end = 0
        while end + PIECE < len(ids) and self._read[: end + PIECE] == list(ids[: end + PIECE]):
            end += PIECE
        return end

    def _step(self) -> None:
        """One more token for everybody."""
        logits = self.decoder.step(
            [sample.ids[-1] for sample in self.rows], [len(sample.ids) - 1 for sample in self.rows]
        )
        self._extend(list(self.rows), logits)

    def _extend(self, samples: Sequence[Sample], logits: torch.Tensor) -> None:
        """Choose a token for each sample and tell its run."""
        choices = choose(logits, [sample.row() for sample in samples])
        now = time.perf_counter()
        ended = []
        for sample, choice in zip(samples, choices, strict=True):
            if not math.isfinite(choice.logprob):
                sample.run.refuse(_overflow())
                continue
            sample.ids.append(choice.id)
            if sample.seen is not None:
                sample.seen[choice.id] = True
            self._tell(sample, choice, now, self._ending(sample, choice.id))
            if sample.ended:
                ended.append(sample)
        if ended:
            with self._batcher.lock:
                for sample in ended:
                    self._leave(self.rows.index(sample))

    def _tell(self, sample: Sample, choice: Choice, now: float, ended: str | None) -> None:
        """Hand the token to the run: at once where it is the first or the last, else bundled with others.

        Args:
            now: when it was chosen.
            ended: why it is the last one, unless a stop string says so first.
        """
        vocabulary, run = self._vocabulary, sample.run
        text, shown = sample.stream.add(vocabulary.bytes[choice.id])
        sample.ended = ended if ended == "end" or not sample.stream.stopped else "stop"
        if sample.ended:
            shown += sample.stream.close()
        ten = [
            Alternative(token, vocabulary.texts[token], before, after)
            for token, before, after in zip(choice.ids, choice.before, choice.after, strict=True)
        ]
        rest = sample.stream.rest()
        token = Token(sample.index, len(sample.tokens), choice.id, text, shown, choice.logprob, tuple(ten), rest)
        sample.tokens.append(token)
        sample.bundle.append(token)
        run.times.append(now)
        if sample.ended:
            sample.bundle.append(Ended(sample.index, sample.result()))
        if sample.ended or len(sample.tokens) == 1 or now - sample.flushed >= FLUSH_S:
            run.events.put(sample.bundle)
            sample.bundle, sample.flushed = [], now

    def _ending(self, sample: Sample, chosen: int) -> str | None:
        if chosen in self._vocabulary.ends:
            return "end"
        if len(sample.tokens) + 1 >= sample.recipe.max_new_tokens:
            return "length"
        return "context" if len(sample.ids) >= self.decoder.context else None

    def _score(self, sample: Sample, logits: torch.Tensor, start: int) -> None:
        """Tell of the scored tokens that follow the ones that were just read."""
        ids = sample.prompt
        first = max(len(ids) - sample.scored, start + 1)
        places = range(first, min(start + len(logits) + 1, len(ids)))
        rows = []
        for place in places:
            seen = sample.seen if sample.seen is None else seen_tokens(ids[:place], logits.shape[1])
            rows.append(Row(sample.recipe, 0.0, seen, ids[place]))
        now = time.perf_counter()
        for choice in choose(logits[[place - 1 - start for place in places]], rows) if rows else ():
            if not math.isfinite(choice.logprob):
                sample.run.refuse(_overflow())
                return
            is_last = len(sample.tokens) + 1 == sample.scored
            self._tell(sample, choice, now, "scored" if is_last else None)

    def _fail(self, error: Exception) -> None:
        """Tell everybody who is in the middle of it, and begin anew."""
        with self._batcher.lock:
            lost = [*self.rows, *([self.reading] if self.reading else [])]
            self.rows, self.reading, self._read = [], None, []
            for sample in lost:
                sample.run.running -= 1
                sample.run.refuse(error)


def _overflow() -> PlaygroundError:
    return PlaygroundError("The model's numbers overflowed: its weights are damaged or do not fit its code.")
