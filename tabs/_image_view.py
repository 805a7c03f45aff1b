"""Events of a picture → what the page draws (`_image_stage.js`), and what the API sends. Data only, no layout.

A preview that the page has missed is no loss: no update holds more than the last few; the last one adds the results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from playground.documents import check, document, to_file
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Ended, Event, ImageResult, Preview, Progress, Started
from playground.links import to_link, to_record
from playground.modalities import part_of
from playground.recipes import ImageRecipe
from tabs._files import as_url, data_url
from tabs._updates import Updates

WINDOW = 4  # chunks of an update


@dataclass
class ImageView(Updates):
    """One run on the page.

    Attributes:
        base: where links lead to.
        defaults: of the model's manifest.
        expected: the checksum that the opened link or file gives for this very recipe, or "".
        source: which of them it was.
        steps: per sample the last step that is done, of how many.
        left: seconds, as far as can be told.
    """

    window: ClassVar[int] = WINDOW
    all_at_last: ClassVar[bool] = False

    recipe: ImageRecipe
    base: str
    defaults: dict[str, Any]
    expected: str = ""
    source: str = "link"
    left: float = 0.0
    started: Started | None = None
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)
    ended: dict[int, ImageResult] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)

    def _shown(self) -> dict[str, Any]:
        return {
            "far": [*max(self.steps.values()), round(self.left, 1)] if self.steps else None,
            "prompt": self.recipe.prompt,
            "seeds": [self.recipe.with_seed(self.recipe.seed + k).seed for k in range(self.recipe.samples)],
            "recipe": to_record(self.recipe) if self.results else {},
            "results": self.results,
        }

    def _add(self, events: Iterable[Event]) -> None:
        previews: list[list[Any]] = []
        for event in events:
            match event:
                case Progress():
                    self.message = event.message
                case Started():
                    self.recipe, self.started = event.recipe, event
                    self.state, self.message = "drawing", ""
                case Preview():
                    self.steps[event.sample] = (event.step, event.steps)
                    self.message, self.left = "", event.seconds_left
                    previews.append([event.sample, event.step, event.steps, data_url(event.picture, exact=False)])
                case Ended():
                    self.ended[event.sample] = event.result
                case Done():
                    self.results = self._results(event)
                    self.state, self.message = "done", ""
        if previews:
            self.chunks.append(json.dumps(previews, separators=(",", ":")))

    def fail(self, message: str) -> None:
        """The model gave up; what it drew before stays."""
        with self.lock:
            if not self.over and self.steps:
                self._stop()
            self.state, self.message = "failed", message

    def _stop(self) -> None:
        """Make what is there the result: whole pictures, and of the others the last preview."""
        self.state, self.message = "stopped", "" if self.steps else ENDINGS["stopped"]
        if self.started is None or not self.steps:
            return
        whole = Done(self.recipe, tuple(self.ended[k] for k in sorted(self.ended)))
        if list(self.ended) == list(range(len(self.ended))) and self.ended:  # the first of them make a recipe
            self.partial = replace(whole, recipe=self.recipe.model_copy(update={"samples": len(self.ended)}))
        drawn = dict(zip(sorted(self.ended), self._results(whole), strict=True))
        self.results = [drawn.get(k) or self._beginning(k) for k in range(self.recipe.samples)]

    def _beginning(self, sample: int) -> dict[str, Any]:
        """A picture that was stopped: the page holds its last preview, and nothing makes it again."""
        step, steps = self.steps.get(sample, (0, 0))
        seed = self.recipe.with_seed(self.recipe.seed + sample).seed
        return {"seed": seed, "picture": "", "ended": f"Stopped after step {step} of {steps}.", "notes": []}

    def _results(self, done: Done) -> list[dict[str, Any]]:
        """Each sample by itself: as the recipe with its seed alone makes it."""
        whole = check(document(done)) if self.expected and done.stats else ""
        same = f"The same picture as in the {self.source}."
        other = f"Not the picture of the {self.source}."
        notes = [*done.notes, *([same if whole == self.expected else other] if whole else [])]
        return [self._result(done, result, notes) for result in done.results]

    def _result(self, done: Done, result: ImageResult, notes: list[str]) -> dict[str, Any]:
        recipe = done.recipe.model_copy(update={"samples": 1, "seed": result.seed})
        content = document(replace(done, recipe=recipe, results=(result,)))
        if not (recipe.prompt.strip() or recipe.second_prompt.strip()):
            notes = [*notes, "Without a prompt the model draws whatever comes."]
        if result.prompt not in ("", recipe.prompt):
            chosen = part_of(recipe.kind, "details").spell_details(result.prompt)
            signs = part_of(recipe.kind, "reading").split_details(result.prompt)[1]
            notes = [*notes, f"The seed chose: {chosen}. The model reads this as {signs}"]
        if recipe.variation_strength:
            notes = [f"Varied by {recipe.variation_strength:.0%} towards seed {recipe.variation_seed}.", *notes]
        return {
            "seed": result.seed,
            "picture": as_url(to_file(result, done), "image/png"),
            "size": f"{result.picture.width} × {result.picture.height}",
            "steps": done.stats.get("steps", recipe.steps),
            "seconds": round(done.stats.get("seconds_per_picture", 0), 2),
            "ended": "" if result.ended == "done" else ENDINGS[result.ended],
            "notes": notes,
            "file": file_name(result),
            **self._link(recipe, check(content)),
        }

    def _link(self, recipe: ImageRecipe, checksum: str) -> dict[str, str]:
        """The link, or why there is none."""
        try:
            return {"link": to_link(recipe, self.base, self.defaults, checksum), "no_link": ""}
        except PlaygroundError as error:
            return {"link": "", "no_link": str(error)}


def file_name(result: ImageResult) -> str:
    """What the picture is called when it is saved."""
    return f"image-seed-{result.seed}.png"


class ImageSketch:
    """What the API yields while the picture is in the making: the recipe, and how far it is."""

    def __init__(self) -> None:
        self._recipe: ImageRecipe | None = None
        self._results: list[dict[str, Any]] = [{}]

    def add(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Started():
                seeds = (event.recipe.with_seed(event.recipe.seed + k).seed for k in range(event.recipe.samples))
                self._recipe, self._results = event.recipe, [{"seed": seed} for seed in seeds]
            case Preview():
                far = {"step": event.step, "steps": event.steps, "seconds_left": round(event.seconds_left, 2)}
                self._results[event.sample] |= far
            case Ended():
                self._results[event.sample] |= {"ended": event.result.ended}

    def document(self) -> dict[str, Any]:
        """The document as far as it is known; shaped as the whole one is."""
        results = self._results
        return {
            "recipe": to_record(self._recipe) if self._recipe else {},
            "result": results[0] if len(results) == 1 else {"samples": results},
            "stats": {},
        }


def with_files(done: Done) -> dict[str, Any]:
    """The whole document; each result's `image` is its PNG, which Gradio serves and its client downloads."""
    whole = document(done)
    records = whole["result"].get("samples", [whole["result"]])
    for record, result in zip(records, done.results, strict=True):
        data = to_file(result, done)
        path = save_bytes_to_cache(data, file_name(result), get_upload_folder())
        del record["path"]  # Gradio's client takes any object with a path for a file
        record["image"] = gr.FileData(
            path=path, orig_name=file_name(result), mime_type="image/png", size=len(data)
        ).model_dump()
    return whole
