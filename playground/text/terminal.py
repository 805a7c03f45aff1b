"""A text on the command line: the first one as it is told, the others after it. See `console.Terminal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from playground.events import Done, Event, Started, Token
from playground.recipes import TextRecipe
from playground.registry import Lend

OPTIONS: Mapping[str, tuple[str, str]] = {}


def prepare(recipe: TextRecipe, lend: Lend) -> tuple[TextRecipe, Sequence[Path]]:
    """The recipe as it is; a text goes to stdout."""
    return recipe, ()


def progress(event: Event) -> str:
    """Nothing: the text itself is what one watches."""
    return ""


def told(event: Event) -> str:
    """The prompt, then what each token of the first sample adds."""
    if isinstance(event, Started):
        return event.recipe.prompt
    return event.shown if isinstance(event, Token) and event.sample == 0 else ""


def rest(done: Done, paths: Sequence[Path]) -> str:
    """The other samples, each below its seed."""
    others = (f"\n--- seed {r.seed} ---\n{done.recipe.prompt}{r.text}\n" for r in done.results[1:])
    return "\n" + "".join(others)


def summary(done: Done) -> str:
    """How much, and how fast."""
    return f"{done.stats['tokens']} tokens · {done.stats['tokens_per_second']:.0f}/s"
