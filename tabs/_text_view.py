"""Events of a text → what the page draws (`_stage.js`), and what the API sends on the way. Data only, no layout."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from playground.documents import check, document
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Ended, Event, Progress, Started, TextResult, Token
from playground.links import to_link, to_record
from playground.recipes import TextRecipe
from tabs._updates import Updates

DIGITS = 4  # of a probability, as far as anybody can see
_WRITING = threading.Lock()  # one after the other is as fast, and takes the memory of one
PART, HELD, END = "◌", "…", "∎"  # marks of tokens that show nothing


@dataclass
class TextView(Updates):
    """One run on the page.

    Attributes:
        base: where links lead to.
        defaults: of the model's manifest.
        expected: the checksum that the opened link or file gives for this very recipe, or "".
        source: which of them it was.
        wish: the page's number for what it asked for, so that it knows from which text this one branches off.
    """

    recipe: TextRecipe
    base: str
    defaults: dict[str, Any]
    expected: str = ""
    source: str = "link"
    wish: int = 0
    started: Started | None = None
    tokens: dict[int, list[Token]] = field(default_factory=dict)
    ended: dict[int, TextResult] = field(default_factory=dict)

    def _shown(self) -> dict[str, Any]:
        return {
            "wish": self.wish,
            "prompt": self.recipe.prompt,
            "scored": self.recipe.max_new_tokens == 0,
            "forced": len(self.recipe.forced_ids),
            "header": " · ".join(f"{name} {text}" for name, text in self.recipe.header.items()),
            "seeds": [self.recipe.with_seed(self.recipe.seed + k).seed for k in range(self.recipe.samples)],
        }

    def _add(self, events: Iterable[Event]) -> None:
        tokens: list[list[Any]] = []
        for event in events:
            match event:
                case Progress():
                    self.message = event.message
                case Started():
                    self.recipe, self.started = event.recipe, event
                    self.state, self.message = "telling", ""
                case Token():
                    self.tokens.setdefault(event.sample, []).append(event)
                    tokens.append(_token(event))
                case Ended():
                    self.ended[event.sample] = event.result
                case Done():
                    self.chunks.append(self._chunk(tokens, event))
                    tokens, self.state = [], "done"
        if tokens:
            self.chunks.append(self._chunk(tokens))

    def fail(self, message: str) -> None:
        """The model gave up; what it told before stays."""
        with self.lock:
            if not self.over and self.tokens:
                self._stop()
            self.state, self.message = "failed", message

    def _stop(self) -> None:
        """Make what is there the result, in as many tokens as it has."""
        if self.started is None:
            self.state, self.message = "stopped", ENDINGS["stopped"]
            return
        results = tuple(self.ended.get(k) or self._beginning(k) for k in range(self.recipe.samples))
        done = Done(self.recipe, results, self.started.prompt_ids)
        self.partial = done if self.tokens else None
        self.chunks.append(self._chunk([], done))
        self.state = "stopped"

    def _beginning(self, sample: int) -> TextResult:
        tokens = tuple(self.tokens.get(sample, ()))
        seed = self.recipe.with_seed(self.recipe.seed + sample).seed
        text = "".join(token.shown for token in tokens) + (tokens[-1].rest if tokens else "")
        return TextResult(seed, text, tokens, "stopped")

    def _chunk(self, tokens: list[list[Any]], done: Done | None = None) -> str:
        return json.dumps({"tokens": tokens, "results": self._results(done) if done else []}, separators=(",", ":"))

    def _results(self, done: Done) -> list[dict[str, Any]]:
        """Each sample by itself: as the recipe with its seed alone makes it."""
        with _WRITING:
            return self._written(done)

    def _written(self, done: Done) -> list[dict[str, Any]]:
        whole = check(document(done)) if self.expected and done.stats else ""
        other = f"Not the text of the {self.source}."
        same = f"The same text as in the {self.source}." if whole == self.expected else other
        notes = [*done.notes, *([same] if whole else [])]
        rate = done.stats.get("tokens_per_second")
        found = []
        for result in done.results:
            content = document(replace(done, recipe=_alone(done.recipe, result), results=(result,)))
            found.append(
                {
                    "seed": result.seed,
                    "tokens": len(result.tokens),
                    "rest": result.tokens[-1].rest if result.ended == "stopped" and result.tokens else "",
                    "length": done.recipe.max_new_tokens,  # also where it was stopped before
                    "rate": round(rate, 1) if rate else None,
                    "ended": ENDINGS[result.ended],
                    "notes": notes,
                    "file": f"text-seed-{result.seed}.json",
                    "document": json.dumps(content, indent=1, ensure_ascii=False),
                    **self._link(_alone(done.recipe, result), "" if result.ended == "stopped" else check(content)),
                }
            )
        return found

    def _link(self, recipe: TextRecipe, checksum: str) -> dict[str, str]:
        """The link, or why there is none."""
        try:
            return {"link": to_link(recipe, self.base, self.defaults, checksum), "no_link": ""}
        except PlaygroundError as error:
            return {"link": "", "no_link": str(error)}


def _alone(recipe: TextRecipe, result: TextResult) -> TextRecipe:
    """The recipe that makes this sample and nothing else."""
    changed: dict[str, Any] = {"samples": 1, "seed": result.seed}
    if result.ended == "stopped" and result.tokens and recipe.max_new_tokens:
        changed["max_new_tokens"] = len(result.tokens)
        changed["forced"] = " ".join(map(str, recipe.forced_ids[: len(result.tokens)]))
    return recipe.model_copy(update=changed)


def _token(token: Token) -> list[Any]:
    """[sample, text to show, its mark, log-probability, index of the chosen alternative or −1, alternatives, id]."""
    chosen = next((i for i, other in enumerate(token.alternatives) if other.id == token.id), -1)
    others = [[a.text, round(a.before, DIGITS), round(a.after, DIGITS), a.id] for a in token.alternatives]
    mark = _mark(token, token.alternatives[chosen].text if chosen >= 0 else "\ufffd")
    return [token.sample, token.shown, mark, round(token.logprob, 3), chosen, others, token.id]


def _mark(token: Token, name: str) -> str:
    """What stands for a token that shows nothing: a part of a character, a held back piece, or a mark like the end."""
    if token.shown:
        return ""
    if token.text:
        return HELD
    return PART if "\ufffd" in name else END


class TextSketch:
    """What the API yields while the text is in the making: the recipe and the texts so far."""

    def __init__(self) -> None:
        self._recipe: TextRecipe | None = None
        self._texts: list[str] = []

    def add(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Started():
                self._recipe, self._texts = event.recipe, [""] * event.recipe.samples
            case Token():
                self._texts[event.sample] += event.shown
            case Ended():
                self._texts[event.sample] = event.result.text

    def document(self) -> dict[str, Any]:
        """The document as far as it is known; shaped as the whole one is."""
        texts = [{"text": text} for text in self._texts] or [{"text": ""}]
        return {
            "recipe": to_record(self._recipe) if self._recipe else {},
            "result": texts[0] if len(texts) == 1 else {"samples": texts},
            "stats": {},
        }
