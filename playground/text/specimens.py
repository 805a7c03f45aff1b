"""The texts that an evaluation looks at: 200 continuations at default settings, and the examples of the card.

All come from the playground's own generator, as a person would get them, with seeds that are fixed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from playground.events import Done
from playground.recipes import TextRecipe
from playground.text.data import Story
from playground.text.diversity import words_after
from playground.text.generate import generate
from playground.text.loaded import TextModel

COUNT = 200
TEMPERATURES = (0.0, 0.8, 1.2)
GALLERY_TOKENS = 120
GALLERY_SEED = 7
BEGINNINGS = (
    "",
    "Once upon a time",
    "Once upon a time, there was a dragon who",
    "There was once a poor woodcutter",
    "Long ago, in a far country, there lived a king who had three sons.",
    "A fox met a crow",
    '"Where are you going?" said the wolf',
    "One winter night",
    "The old witch looked at the girl and said,",
    "In the middle of the forest stood a little house",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"style": "Grimm"},
    {"style": "Andersen", "about": "swan, winter"},
    {"style": "Lang", "about": "princess, castle"},
    {"style": "Aesop"},
    {"about": "dragon, key"},
    {"title": "The Clever Fox"},
    {"about": "ship, sea, gold"},
    {"style": "Baum", "title": "The Tin Soldier"},
    {"style": "Burgess", "about": "rabbit, meadow"},
)
GALLERY: tuple[dict[str, str], ...] = (
    {"prompt": "Once upon a time, there was a dragon who"},
    {"prompt": "Once upon a time", "style": "Grimm", "about": "wolf, bread"},
    {"prompt": "It was dreadfully cold", "style": "Andersen"},
    {"prompt": "A Fox", "style": "Aesop", "title": "The Fox and the Moon"},
    {"prompt": "The ship sailed for seven days, and on the eighth", "about": "island, giant"},
    {"prompt": '"Who are you?" asked the girl.', "style": "Baum"},
)
_SENTENCE = re.compile(r".+?[.!?]\"?(?=\s|$)", re.DOTALL)
_LONGEST = 400  # characters of a sentence that is used as prompt


@dataclass(frozen=True)
class Specimen:
    """A continuation and what asked for it. `words` are those of the continuation alone."""

    recipe: TextRecipe
    text: str
    ended: str
    words: tuple[str, ...]


def first_sentence(text: str) -> str:
    """The first sentence of a story, or its first 400 characters where that is longer."""
    found = _SENTENCE.match(text)
    return (found.group() if found else text)[:_LONGEST]


def recipes(name: str, held_out: Sequence[Story], count: int = COUNT) -> list[TextRecipe]:
    """What is asked of the model `name` at the recipe's default settings, with the seeds 0 … count − 1.

    One half begins as people do (`BEGINNINGS` by turns under each of `HEADERS`), the other with the first sentences of
    held-out stories, every second one under its own style and title.
    """
    typed = [{"prompt": prompt, **header} for header, prompt in product(HEADERS, BEGINNINGS)]
    chosen = [typed[n * len(typed) // (count // 2) % len(typed)] for n in range(count // 2)]
    for n in range(count - len(chosen)):
        story = held_out[n * len(held_out) // (count - len(chosen)) % len(held_out)]
        header = {"style": story.style, "title": story.title} if n % 2 else {}
        chosen.append({"prompt": first_sentence(story.text), **header})
    return [TextRecipe.make({"model": name, "seed": seed, **values}) for seed, values in enumerate(chosen)]


def continuations(
    model: TextModel, asked: Sequence[TextRecipe], progress: Callable[[float], object] = lambda share: None
) -> list[Specimen]:
    """Let the model go on from every recipe; `progress` is told the share that is done."""
    specimens = []
    for recipe in asked:
        result = _tell(model, recipe).results[0]
        found = words_after(recipe.prompt + result.text, recipe.prompt)
        specimens.append(Specimen(recipe, result.text, result.ended, tuple(found)))
        progress(len(specimens) / len(asked))
    return specimens


def human(held_out: Sequence[Story], lengths: Sequence[int]) -> list[tuple[str, ...]]:
    """What people wrote, to compare with: for each of `lengths` a passage of so many words of a held-out story.

    A passage follows its story's first sentence, as a continuation does; stories take turns, and give a later passage
    at each further turn. One that is too short for that is passed over, as long as there is a longer one.
    """
    rests = [words_after(story.text, first_sentence(story.text)) for story in held_out]
    longest = max(rests, key=len)
    passages = []
    for n, length in enumerate(lengths):
        start = n // len(rests) * length
        others = (rests[(n + k) % len(rests)] for k in range(len(rests)))
        chosen = next((rest[start:] for rest in others if len(rest) >= start + length), longest)
        passages.append(tuple(chosen[:length]))
    return passages


def gallery(model: TextModel, name: str, max_new_tokens: int = GALLERY_TOKENS) -> list[dict[str, Any]]:
    """Six fixed prompts at three temperatures, as they come.

    Returns:
        Per prompt {"asked": its fields, "told": [{"temperature", "seed", "text", "ended"}]}.
    """
    shown = []
    for values in GALLERY:
        told = []
        for temperature in TEMPERATURES:
            settings = {"temperature": temperature, "seed": GALLERY_SEED, "max_new_tokens": max_new_tokens}
            result = _tell(model, TextRecipe.make({"model": name, **settings, **values})).results[0]
            told.append({**settings, "text": result.text, "ended": result.ended})
        shown.append({"asked": values, "told": told})
    return shown


def _tell(model: TextModel, recipe: TextRecipe) -> Done:
    *_, done = generate(model, recipe)
    return done
