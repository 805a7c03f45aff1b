"""Events of a journey → what the page draws (`_latent_stage.js`), and what the API sends. Data only, no layout."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from playground.documents import check, document, to_file
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Event, Frame, Picture, Preview, Progress, Started
from playground.likeness import stride
from playground.links import to_link, to_record
from playground.recipes import LatentRecipe
from tabs._files import data_url
from tabs._latent_wishes import MEDIA_TYPES, file_name
from tabs._updates import Updates

WINDOW = 6  # chunks of an update
PATH_FILE, GRID_FILE = "webp", "png"  # both keep every pixel


@dataclass
class LatentView(Updates):
    """One run on the page: a journey, or the same one by two models.

    Attributes:
        recipes: of each model's lane.
        base: where links lead to.
        defaults: of the manifests, likewise by lane.
        expected: the checksum that the opened link or file gives for the first recipe, or "".
        source: which of them it was.
        done: frames of each lane that are there.
        left: seconds, as far as can be told.
        drawn: whether another kind's model draws the frames, from prompts.
    """

    window: ClassVar[int] = WINDOW

    recipes: list[LatentRecipe]
    base: str
    defaults: list[dict[str, Any]]
    expected: str = ""
    source: str = "link"
    left: float = 0.0
    drawn: bool = False
    done: dict[int, int] = field(default_factory=dict)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    newest: dict[int, Picture] = field(default_factory=dict)
    forming: list[Any] | None = None

    def _shown(self) -> dict[str, Any]:
        whole = sum(map(frames_of, self.recipes))
        return {
            "lanes": [
                {
                    "model": recipe.model,
                    "frames": frames_of(recipe),
                    "columns": columns_of(recipe),
                    "drawn": self.drawn,
                }
                for recipe in self.recipes
            ],
            "forming": None if self.over else self.forming,
            "loop": self.recipes[0].loop,
            "far": [sum(self.done.values()), whole, round(self.left, 1)] if self.done or self.forming else None,
            "results": [self.results[lane] for lane in range(len(self.recipes))] if self.over and self.done else [],
        }

    def _add(self, events: Iterable[tuple[int, Event]]) -> None:
        frames: list[list[Any]] = []
        for lane, event in events:
            match event:
                case Progress():
                    self.message = event.message
                case Started():
                    self.recipes[lane] = event.recipe
                    self.state, self.message = "drawing", ""
                case Preview():
                    self.message, self.left = "", event.seconds_left
                    self.forming = [event.sample, data_url(event.picture, exact=False)]
                case Frame():
                    before, self.newest[lane] = self.newest.get(lane), event.picture
                    self.done[lane] = event.index + 1
                    self.message, self.left, self.forming = "", event.seconds_left, None
                    apart = None if before is None else round(stride(before, event.picture), 4)
                    frames.append([lane, event.index, data_url(event.picture), event.point, apart])
                case Done():
                    self.results[lane] = self._result(lane, event)
        if frames:
            self.chunks.append(json.dumps(frames, separators=(",", ":")))
        if len(self.results) == len(self.recipes):
            self.state, self.message = "done", ""

    def fail(self, message: str) -> None:
        """The model gave up; the frames that came before stay."""
        with self.lock:
            if not self.over and self.done:
                self._stop()
            self.state, self.message = "failed", message

    def _stop(self) -> None:
        self.state, self.message = "stopped", "" if self.done else ENDINGS["stopped"]
        for lane, recipe in enumerate(self.recipes):
            ended = f"Stopped after frame {self.done.get(lane, 0)} of {frames_of(recipe)}."
            beginning = {"seed": recipe.seed, "told": "", "ended": ended, "notes": [], "recipe": None}
            self.results.setdefault(lane, beginning)

    def _result(self, lane: int, done: Done) -> dict[str, Any]:
        content = document(done)
        whole = check(content)
        notes = list(done.notes)
        if self.expected and not lane:
            same = whole == self.expected
            notes.append(f"The same journey as in the {self.source}." if same else f"Not that of the {self.source}.")
        rate = done.stats.get("frames_per_second", 0)
        ended = done.results[0].ended
        return {
            "seed": done.recipe.seed,
            "told": f"{frames_of(done.recipe)} frames" + (f", {rate:.{rate < 10:d}f} drawn a second" if rate else ""),
            "ended": "" if ended == "arrived" else ENDINGS[ended],
            "notes": notes,
            "recipe": to_record(done.recipe),
            **self._link(done.recipe, lane, whole),
        }

    def _link(self, recipe: LatentRecipe, lane: int, checksum: str) -> dict[str, str]:
        """The link, or why there is none."""
        try:
            return {"link": to_link(recipe, self.base, self.defaults[lane], checksum), "no_link": ""}
        except PlaygroundError as error:
            return {"link": "", "no_link": str(error)}


def columns_of(recipe: LatentRecipe) -> int:
    """Of the grid; 0 for a path."""
    return recipe.side if recipe.layout == "grid" else 0


def frames_of(recipe: LatentRecipe) -> int:
    """How many frames a recipe asks for."""
    return columns_of(recipe) ** 2 or recipe.frames


class LatentSketch:
    """What the API yields while the journey is in the making: the recipe, and how far it is."""

    def __init__(self) -> None:
        self._recipe: LatentRecipe | None = None
        self._result: dict[str, Any] = {}

    def add(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Started():
                self._recipe, self._result = event.recipe, {"seed": event.recipe.seed}
            case Preview():
                self._result |= {"frame": event.sample, "seconds_left": round(event.seconds_left, 2)}
            case Frame():
                far = {"frame": event.index + 1, "of": event.frames, "seconds_left": round(event.seconds_left, 2)}
                self._result |= far

    def document(self) -> dict[str, Any]:
        """The document as far as it is known; shaped as the whole one is."""
        return {"recipe": to_record(self._recipe) if self._recipe else {}, "result": self._result, "stats": {}}


def with_file(done: Done) -> dict[str, Any]:
    """The whole document; its `file` is the journey without loss, which Gradio serves and its client downloads."""
    whole = document(done)
    record, (result,) = whole["result"], done.results
    suffix = GRID_FILE if result.columns else PATH_FILE
    del record["path"]  # Gradio's client takes any object with a path for a file
    record["file"] = as_file(to_file(result, done, suffix=f".{suffix}"), file_name(done, suffix), MEDIA_TYPES[suffix])
    return whole


def as_file(data: bytes, name: str, media_type: str) -> dict[str, Any]:
    """Content as a file that Gradio serves."""
    path = save_bytes_to_cache(data, name, get_upload_folder())
    return gr.FileData(path=path, orig_name=name, mime_type=media_type, size=len(data)).model_dump()
