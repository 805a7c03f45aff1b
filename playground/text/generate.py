"""Tells a text: what is asked for → the batcher's events, with what a run has before and after them.

Works on token ids; what a prompt looks like is `prompts.py`'s, how a token is chosen `sampling.py`'s, who is decoded
when `batcher.py`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from playground.errors import PlaygroundError
from playground.events import Done, Ended, Event, Started, TextResult
from playground.recipes import TextRecipe, show
from playground.text.loaded import TextModel, load
from playground.text.prompts import prompt_ids, scored_tokens

__all__ = ["SHARED", "generate", "load"]  # what the engine asks of a modality

SHARED = True  # several runs at once; the batcher orders their steps


def generate(model: TextModel, recipe: TextRecipe) -> Iterator[Event]:
    """Yield `Started`, then per token a `Token`, per sample an `Ended`, and `Done` at last; `Progress` while it waits.

    Closing the iterator ends it at the next token; nothing is kept. With `max_new_tokens` 0 the tokens of the prompt
    come instead, with how likely each was, and the result has no text.

    Raises:
        PlaygroundError: see `prompt_ids`; or a forced token that the model does not have, or more than the length.
    """
    ids = prompt_ids(model, recipe)
    _check_forced(model, recipe)
    yield Started(recipe, tuple(ids))
    began = time.perf_counter()
    scored = 0 if recipe.max_new_tokens else scored_tokens(model, recipe, ids)
    if recipe.max_new_tokens == 0 and not scored:
        yield _done(recipe, {0: TextResult(recipe.seed, "", (), "scored")}, ids, [], began)
        return
    results: dict[int, TextResult] = {}
    times: list[float] = []
    for run, event in model.batcher.run(recipe, ids, scored):
        if isinstance(event, Ended):
            results[event.sample] = event.result
            times = run.times
        yield event
    yield _done(recipe, results, ids, times, began)


def _done(recipe: TextRecipe, results: dict[int, TextResult], ids: list[int], times: list[float], began: float) -> Done:
    seconds = max((times[-1] if times else time.perf_counter()) - began, 1e-9)
    stats = {
        "tokens": len(times),
        "seconds": seconds,
        "tokens_per_second": len(times) / seconds,
        "time_to_first_token": times[0] - began if times else 0.0,
    }
    return Done(recipe, tuple(results[k] for k in sorted(results)), tuple(ids), stats)


def _check_forced(model: TextModel, recipe: TextRecipe) -> None:
    forced = recipe.forced_ids
    unknown = next((token for token in forced if token >= len(model.bytes)), None)
    if unknown is not None:
        raise PlaygroundError(
            f"The model {show(recipe.model)} has no token {unknown}; its tokens are 0 to {len(model.bytes) - 1:,}."
        )
    if (count := len(forced)) > recipe.max_new_tokens:
        raise PlaygroundError(f"{count} tokens are fixed, but the length is {recipe.max_new_tokens}; allow {count}.")
