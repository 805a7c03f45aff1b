"""Shared decoding gives everybody what they get alone, to the bit: a longer run of what the tests do in small.

Recipes of all kinds are told one by one, then again all from many threads at once, in another order, while some of the
callers walk away in the middle. Compared are ids, log-probabilities and alternatives of every token, texts and endings.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playground.engine import Engine
from playground.events import Done, Token
from playground.recipes import TextRecipe

CALLERS = 64
WORDS = (
    "the",
    "dragon",
    "sang to",
    "a king",
    "and he",
    "gave",
    "golden",
    "key",
    ", but",
    "when",
    "fox",
    ". One day",
    "home",
)
LATE_S = 0.2


def compare(engine: Engine, name: str, count: int, context: int) -> dict[str, int]:
    """Tell `count` recipes alone and together.

    Args:
        context: of the model, in tokens; prompts keep well within it.

    Returns:
        How many recipes and tokens were compared, how many recipes were left in the middle, how many recipes differ.
    """
    chance = random.Random(1)
    recipes = [some_recipe(chance, name, seed, context // 6) for seed in range(count)]
    alone = [list(engine.generate(recipe)) for recipe in recipes]
    order = list(range(count))
    chance.shuffle(order)
    leave = {n: chance.randrange(40) for n in order[::3]}
    late = [chance.random() * LATE_S for _ in recipes]

    def arrive(n: int) -> list[Any]:
        time.sleep(late[n])
        events, kept, tokens = engine.generate(recipes[n]), [], 0
        for event in events:
            kept.append(event)
            tokens += isinstance(event, Token)
            if tokens >= leave.get(n, tokens + 1):
                break
        events.close()
        return kept

    with ThreadPoolExecutor(CALLERS) as callers:
        together = dict(zip(order, callers.map(arrive, order), strict=True))
    return {
        "recipes": count,
        "tokens": sum(isinstance(event, Token) for events in together.values() for event in events),
        "left": sum(not isinstance(events[-1], Done) for events in together.values()),
        "differ": sum(not _alike(alone[n], together[n]) for n in range(count)),
    }


def some_recipe(chance: random.Random, name: str, seed: int, longest: int) -> TextRecipe:
    """A recipe of any kind: short or long prompt, of at most `longest` words, cold or hot, penalised, several samples,
    forced tokens, a stop text, or only scored."""
    knobs = {
        "prompt": " ".join(chance.choices(WORDS, k=chance.choice([0, 1, 5, longest // 3, longest]))),
        "temperature": chance.choice([0, 0.5, 0.8, 1, 2]),
        "top_k": chance.choice([0, 3, 40, 64, 100, 200]),
        "top_p": chance.choice([0.5, 0.95, 1]),
        "min_p": chance.choice([0, 0, 0.1]),
        "repetition_penalty": chance.choice([1, 1, 1.2]),
        "max_new_tokens": chance.choice([0, 1, 12, 40, 120]),
        "samples": chance.choice([1, 1, 1, 3]),
        "stop": chance.choice(["", "", "", "the"]),
    }
    if knobs["max_new_tokens"] >= 12 and chance.random() < 0.3:
        knobs["forced"] = " ".join(str(chance.randrange(20, 300)) for _ in range(chance.randrange(1, 8)))
    return TextRecipe.make({"model": name, "seed": seed, **knobs})


def _alike(alone: list[Any], together: list[Any]) -> bool:
    """Whether all that came together is what came alone, as far as it went."""
    expected = {(event.sample, event.index): event for event in alone if isinstance(event, Token)}
    tokens = [event for event in together if isinstance(event, Token)]
    if any(expected.get((token.sample, token.index)) != token for token in tokens):
        return False
    return not isinstance(together[-1], Done) or together[-1].results == alone[-1].results
