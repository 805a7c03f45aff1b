"""Events of a comparison → what its stage draws (`_compare.js`), and what is compared. Data only, no layout."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from playground.documents import check, document
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Event, Progress, Started, Token
from playground.links import to_link
from playground.recipes import TextRecipe
from playground.spread import alike, first_sentence, words_apart
from tabs._updates import Updates

SEEDS = 10
SENTENCE = 40  # tokens after which a first sentence is cut


@dataclass(frozen=True)
class Column:
    """One way to choose the next word: a preset of the tab under a name of its own, and what it does."""

    name: str
    preset: str
    line: str


COLUMNS = (
    Column("Greedy", "Greedy", "Always the likeliest word. No dice."),
    Column("Balanced", "Balanced", "Dice among the likely words."),
    Column("Hot", "Chaos", "Dice among all words, even the wild ones."),
)


@dataclass(frozen=True)
class Sentence:
    """A first sentence is complete."""

    text: str


Step = tuple[int, Event | Sentence]  # of the column with this index


@dataclass
class CompareView(Updates):
    """One run on the page.

    Attributes:
        base: where links lead to.
        defaults: of the model's manifest.
        told: per column its tokens so far.
        sentences: per column the first sentences so far, from seed, seed + 1 and so on.
    """

    recipes: list[TextRecipe]
    base: str
    defaults: dict[str, Any]
    told: list[list[Token]] = field(default_factory=lambda: [[] for _ in COLUMNS])
    sentences: list[list[str]] = field(default_factory=lambda: [[] for _ in COLUMNS])
    complete: set[int] = field(default_factory=set)

    def _shown(self) -> dict[str, Any]:
        return {
            "prompt": self.recipes[0].prompt,
            "seed": self.recipes[0].seed,
            "seeds": SEEDS,
            "columns": [
                {"name": column.name, "line": column.line, "numbers": numbers(recipe)}
                for column, recipe in zip(COLUMNS, self.recipes, strict=True)
            ],
        }

    def _add(self, batch: Iterable[Step]) -> None:
        tokens, results, rows = [], [], {}
        for column, event in batch:
            match event:
                case Progress():
                    self.message = event.message
                case Started():
                    self.recipes[column] = event.recipe
                    self.state, self.message = "telling", "Three ways at once …"
                case Token():
                    self.told[column].append(event)
                    tokens.append([column, event.shown, round(event.logprob, 3)])
                case Done():
                    self.complete.add(column)
                    results.append(self._result(column, event))
                    if not event.recipe.temperature:  # no dice: every seed tells this very text
                        beginning = "".join(token.shown for token in self.told[column][:SENTENCE])
                        self.sentences[column] = [first_sentence(beginning, over=True)] * SEEDS
                        rows[column] = self._row(column)
                case Sentence():
                    self.sentences[column].append(event.text)
                    rows[column] = self._row(column)
        if tokens or results or rows:
            self.chunks.append(_chunk(tokens, results, list(rows.values())))

    def end(self, state: str, message: str = "") -> None:
        """Nothing more will come: what is there becomes the results, in as many tokens as it has."""
        with self.lock:
            if not self.over:
                self._end(state, message)

    def _stop(self) -> None:
        self._end("stopped", "")

    def _end(self, state: str, message: str) -> None:
        self.state, self.message = state, message
        left = [k for k in range(len(COLUMNS)) if self.told[k] and k not in self.complete]
        self.chunks.append(_chunk([], [self._result(k) for k in left], []))

    def _result(self, column: int, done: Done | None = None) -> dict[str, Any]:
        """How a column ended, and the link that makes it again."""
        recipe, count = self.recipes[column], len(self.told[column])
        ended = done.results[0].ended if done else "stopped"
        if done is None:
            recipe = recipe.model_copy(update={"max_new_tokens": count})
        found = {"column": column, "seed": recipe.seed, "ended": ENDINGS[ended]}
        content = document(done) if done else None
        found["file"] = f"text-seed-{recipe.seed}.json"
        found["document"] = json.dumps(content, indent=1, ensure_ascii=False) if content else ""
        try:
            link = to_link(recipe, self.base, self.defaults, check(content) if content else "")
        except PlaygroundError as error:
            return {**found, "link": "", "no_link": str(error)}
        return {**found, "link": link, "no_link": ""}

    def _row(self, column: int) -> dict[str, Any]:
        """How far apart the seeds of a column are, as far as they have been told."""
        sentences, recipe = self.sentences[column], self.recipes[column]
        groups = [
            {"text": text, "seeds": [recipe.with_seed(recipe.seed + k).seed for k in places], "places": places}
            for text, places in alike(sentences).items()
        ]
        return {
            "column": column,
            "told": len(sentences),
            "apart": round(words_apart(sentences), 3),
            "dice": bool(recipe.temperature),
            "groups": groups,
        }


def numbers(recipe: TextRecipe) -> list[str]:
    """The samplers in numbers, as far as they decide anything."""
    if not recipe.temperature:
        return ["temperature 0"]
    cuts = [f"top-k {recipe.top_k}"] if recipe.top_k else []
    cuts += [f"top-p {recipe.top_p:g}"] if recipe.top_p < 1 else []
    cuts += [f"min-p {recipe.min_p:g}"] if recipe.min_p else []
    return [f"temperature {recipe.temperature:g}", *(cuts or ["nothing cut"])]


def _chunk(tokens: list[Any], results: list[Any], rows: list[Any]) -> str:
    return json.dumps({"tokens": tokens, "results": results, "rows": rows}, separators=(",", ":"))
