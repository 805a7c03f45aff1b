"""Evaluates a tales model on stories that it has not seen, and on 200 texts that it tells.

Writes `evaluation.json` into the checkpoint's folder and the model card anew. Everything is seeded: the same weights
give the same numbers. What is measured, and how, is in `likelihood.py`, `diversity.py` and `memorisation.py`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playground import machine
from playground.cards import write_record
from playground.registry import EVALUATION, Registry
from playground.text import specimens
from playground.text.card import write_card
from playground.text.data import Story, read_stories, split
from playground.text.diversity import distinct, repetition
from playground.text.likelihood import Passage, Score, score, summarise
from playground.text.loaded import TextModel
from playground.text.memorisation import Concordance, spread
from playground.text.model import CHAPTER, TALE, encode_prompt, encode_text

SLICES = ("story", "book", "all")
QUICK_STORIES, QUICK_SAMPLES, QUICK_TOKENS = 3, 8, 16
LONGEST_SHOWN = 3
Progress = Callable[[str], object]


def evaluate(folder: Path, data: Path, *, progress: Progress = print, quick: bool = False) -> dict[str, Any]:
    """Measure the model in `folder`; some minutes on two cores.

    Likelihood is over every byte of every held-out story, and, apart, of every held-out book. A story is scored after
    nothing but its kind token ("plain"), and once more after a header with its style and title ("headed"); the token
    that ends a story counts as nats but not as bytes, so that the sum is the length of a code that can be decoded.
    Windows are the model's context long and overlap by half (see `likelihood.spans`). Arithmetic is float32.

    Args:
        folder: a checkpoint folder with its manifest.
        data: the folder of stories that the model was trained on; its held-out part is split off by the same rule.
        progress: is told in a sentence what goes on.
        quick: a few stories and samples only, to test the way; the result says so.

    Returns:
        What is also written to `evaluation.json`.

    Raises:
        PlaygroundError: the checkpoint is missing or damaged, or there are no stories in `data`.
    """
    began = time.monotonic()
    stories = read_stories(data)
    training, held_out = split(stories)
    if quick:
        held_out = _few(held_out)
    with Registry(folder.resolve().parent).use(folder.resolve().name, "text") as loaded:
        name, model = loaded.manifest.name, loaded.model
        likelihood = {
            way: _likelihood(model, held_out, headed, _tenths(progress, f"Likelihood, {way}"))
            for way, headed in (("plain", False), ("headed", True))
        }
        asked = specimens.recipes(name, held_out, QUICK_SAMPLES if quick else specimens.COUNT)
        if quick:
            asked = [recipe.model_copy(update={"max_new_tokens": QUICK_TOKENS}) for recipe in asked]
        told = specimens.continuations(model, asked, _tenths(progress, "Samples"))
        progress("Examples for the card")
        gallery = specimens.gallery(model, name, QUICK_TOKENS if quick else specimens.GALLERY_TOKENS)
    progress("Memorisation")
    fresh = specimens.human(held_out, [len(specimen.words) for specimen in told])
    result = {
        "model": name,
        "fingerprint": loaded.manifest.fingerprint,
        "command": f"python -m playground evaluate {name}",
        "quick": quick,
        "machine": machine.describe(),
        "data": data_summary(stories),
        "likelihood": likelihood,
        "samples": {
            "settings": _settings(asked[0]),
            "ended": dict(Counter(specimen.ended for specimen in told)),
            **_diversity([specimen.words for specimen in told]),
        },
        "human": _diversity(fresh),
        "memorisation": _memorisation(training, told, fresh),
        "gallery": gallery,
        "seconds": round(time.monotonic() - began, 1),
    }
    write_record(folder / EVALUATION, result)
    write_card(folder)
    return result


def data_summary(stories: Sequence[Story]) -> dict[str, Any]:
    """How many stories and characters there are, in all and held out, and which books are held out as a whole."""
    parts = {"all": stories, **{part: [s for s in stories if s.held_out == part] for part in ("story", "book")}}
    parts["training"] = [s for s in stories if not s.held_out]
    return {
        "books": len({story.gutenberg_id for story in stories}),
        "stories": {part: len(chosen) for part, chosen in parts.items()},
        "characters": {part: sum(len(story.text) for story in chosen) for part, chosen in parts.items()},
        "held_out_books": {str(s.gutenberg_id): s.book for s in parts["book"]},
    }


def passage(model: TextModel, story: Story, *, headed: bool) -> Passage:
    """A story as the model meets it: its kind token, after a header if asked for; then its text and its end."""
    header = {"style": story.style, "title": story.title} if headed else {}
    prefix = encode_prompt(model.tokenizer, "", header, CHAPTER if story.kind == "chapter" else TALE)
    text = [*encode_text(model.tokenizer, story.text), model.tokenizer.eos_token_id]
    return Passage(tuple(prefix), tuple(text), len(story.text.encode()))


def _likelihood(
    model: TextModel, held_out: Sequence[Story], headed: bool, progress: Callable[[float], object]
) -> dict[str, dict[str, float]]:
    scores = score(model.model, [passage(model, s, headed=headed) for s in held_out], model.context, progress)
    chosen: dict[str, list[Score]] = {part: [] for part in SLICES}
    for story, found in zip(held_out, scores, strict=True):
        chosen[story.held_out or "story"].append(found)
        chosen["all"].append(found)
    return {part: summarise(found) for part, found in chosen.items() if found}


def _diversity(texts: Sequence[Sequence[str]]) -> dict[str, float]:
    return {
        "texts": len(texts),
        "words": sum(map(len, texts)),
        **{f"distinct_{n}": distinct(texts, n) for n in (1, 2, 3)},
        "repeated_4_grams": repetition(texts, 4),
    }


def _memorisation(
    training: Sequence[Story], told: Sequence[specimens.Specimen], fresh: Sequence[Sequence[str]]
) -> dict[str, Any]:
    index = Concordance(story.text for story in training)
    runs = [index.longest_run(specimen.words) for specimen in told]
    ranked = sorted(zip(runs, told, strict=True), key=lambda pair: -pair[0].length)
    longest = [
        {
            "length": run.length,
            "words": " ".join(specimen.words[run.start : run.start + run.length]),
            "seed": specimen.recipe.seed,
            "stands_in": f"{training[run.source].title} ({training[run.source].book})",
        }
        for run, specimen in ranked[:LONGEST_SHOWN]
        if run.source is not None
    ]
    return {
        "samples": spread([run.length for run in runs]),
        "human": spread([index.longest_run(text).length for text in fresh]),
        "longest": longest,
    }


def _tenths(progress: Progress, what: str) -> Callable[[float], None]:
    """Tells `progress` of a share whenever it has grown by a tenth."""
    told = 0

    def report(share: float) -> None:
        nonlocal told
        if int(10 * share) > told:
            told = int(10 * share)
            progress(f"{what}: {share:.0%}")

    return report


def _settings(recipe: specimens.TextRecipe) -> dict[str, Any]:
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_new_tokens")
    return {name: getattr(recipe, name) for name in names}


def _few(held_out: Sequence[Story]) -> list[Story]:
    """The shortest stories of either kind of held-out."""
    shortest = sorted(held_out, key=lambda story: len(story.text))
    return [
        story for part in ("story", "book") for story in [s for s in shortest if s.held_out == part][:QUICK_STORIES]
    ]
