"""A told text as plain JSON, and what makes two of them the same. Knows neither models nor torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat

from playground.events import Done, TextResult
from playground.recipes import TextRecipe

PACKAGES = ("torch", "transformers", "tokenizers")
LOGPROB_TOLERANCE = 1e-3  # nats; other machines round otherwise, other weights are further off
READING = 4  # tokens that take about as long as a prompt of some sentences
PARTING = "\n\n* * *\n\n"


class TokenRecord(BaseModel):
    """One token: id, text, and natural logarithm of its probability before the samplers."""

    model_config = ConfigDict(frozen=True)
    id: int
    text: str
    logprob: FiniteFloat


class Record(BaseModel):
    """One sample. `prompt_ids` is what the model really saw; `ended` a key of `events.ENDINGS`."""

    model_config = ConfigDict(frozen=True)
    seed: int
    text: str
    prompt_ids: list[int]
    tokens: list[TokenRecord]
    ended: str


def describe(result: TextResult, done: Done) -> Record:
    """The record of one of the results of `done`."""
    tokens = [TokenRecord(id=t.id, text=t.text, logprob=t.logprob) for t in result.tokens]
    return Record(
        seed=result.seed, text=result.text, prompt_ids=list(done.prompt_ids), tokens=tokens, ended=result.ended
    )


def identity(record: Record) -> Any:
    """What is the same wherever the result is the same."""
    return [record.text, [token.id for token in record.tokens]]


def differences(old: Record, new: Record) -> Iterator[tuple[str, bool]]:
    """Each difference as the end of a sentence, and whether it is within the tolerance."""
    if old.prompt_ids != new.prompt_ids:
        yield f"the model saw another prompt ({_count(new.prompt_ids)} instead of {_count(old.prompt_ids)})", False
    partial = old.ended == "stopped"  # it is the beginning of what the recipe makes
    shared = list(zip(old.tokens, new.tokens, strict=False))
    at = next((i for i, (then, now) in enumerate(shared) if then.id != now.id), len(shared))
    if at < len(shared):
        then, now = shared[at]
        yield f"the texts part at token {at + 1}: {then.text!r} then, {now.text!r} now", False
    elif len(old.tokens) > len(new.tokens) or (len(old.tokens) < len(new.tokens) and not partial):
        yield f"it has {_count(new.tokens)} instead of {_count(old.tokens)}", False
    elif not (new.text.startswith(old.text) if partial else new.text == old.text):
        yield "the tokens are the same and their text is not: the file was changed by hand", False
    elif old.ended != new.ended and not partial:
        yield f"it ended by {new.ended!r} instead of {old.ended!r}", False
    drift = max((abs(then.logprob - now.logprob) for then, now in shared[:at]), default=0.0)
    if drift > LOGPROB_TOLERANCE:
        yield f"log-probabilities differ by up to {drift:.2g}, more than the {LOGPROB_TOLERANCE:g} of rounding", False
    elif drift:
        yield (
            f"log-probabilities differ by up to {drift:.1g}, which is within the {LOGPROB_TOLERANCE:g} of rounding",
            True,
        )


def work(recipe: TextRecipe) -> float:
    """How much a recipe asks for: tokens, and what it takes to read the prompt, for every sample."""
    return recipe.samples * (recipe.max_new_tokens + READING)


def look(results: Sequence[TextResult]) -> str:
    """What results look like where many stand side by side: the texts, one below the other."""
    return PARTING.join(result.text for result in results)


def _count(tokens: list[Any]) -> str:
    return f"{len(tokens)} token{'s' * (len(tokens) != 1)}"
