"""What `generate(recipe)` yields. Tabs, API, command line, tests and benchmarks all consume these and nothing else.

Plain data that any thread may keep; no torch, no model, no opinion on how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from playground.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Progress:
    """Something takes a while: `message` says what, `share` (0 … 1) how much of it is done, if that is known."""

    message: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The model is ready. `recipe` is what will be run, with the fingerprint of the weights filled in."""

    recipe: Recipe
    prompt_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Alternative(NamedTuple):
    """A token that could have stood here: its probability before and after the samplers."""

    id: int
    text: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Token:
    """One token of one sample.

    Attributes:
        sample: 0 … samples − 1.
        index: place in the sample's new tokens.
        text: what the token adds; a character that spans tokens comes whole with its last one.
        shown: what may be shown now: `text`, less what could turn out to begin a stop string, plus what did not.
        rest: what is still held back, and would be shown too if this token were the last.
        logprob: natural logarithm of its probability before the samplers.
        alternatives: the ten likeliest tokens before the samplers, likeliest first.
    """

    sample: int
    index: int
    id: int
    text: str
    shown: str
    logprob: float
    alternatives: tuple[Alternative, ...]
    rest: str = ""


@dataclass(frozen=True, slots=True)
class TextResult:
    """A whole sample. `ended` says why it stops: a key of `ENDINGS`."""

    seed: int
    text: str
    tokens: tuple[Token, ...]
    ended: str


class Picture(NamedTuple):
    """Pixels, row by row from the top left, three bytes (red, green, blue) each."""

    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True, slots=True)
class Preview:
    """What one sample looks like after a step: a small picture of the clean one that the model now expects.

    Attributes:
        sample: 0 … samples − 1; of a journey the frame.
        step: 1 … steps.
        seconds_left: for the whole recipe, as far as can be told.
    """

    sample: int
    step: int
    steps: int
    seconds_left: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class ImageResult:
    """A whole picture. `ended` is a key of `ENDINGS`; `prompt_ids` and `prompt` are what the model really saw."""

    seed: int
    picture: Picture
    ended: str
    prompt_ids: tuple[int, ...] = ()
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a journey through a latent space.

    Attributes:
        index: 0 … frames − 1; of a grid row by row from the top left.
        seconds_left: for the whole recipe, as far as can be told.
        point: where it lies, as an end of another journey takes it: "point:" and base64. Of a journey between prompts,
            which has no points, the query of a link to this picture: "?tab=image&…"; "" where that would be too long.
    """

    index: int
    frames: int
    seconds_left: float
    picture: Picture
    point: str


@dataclass(frozen=True, slots=True)
class LatentResult:
    """A whole journey: its frames in order. `columns` is the side of a grid, and 0 for a path.

    Attributes:
        points: of the frames, as `Frame.point`.
        ended: a key of `ENDINGS`.
    """

    seed: int
    frames: tuple[Picture, ...]
    points: tuple[str, ...]
    columns: int
    ended: str


ENDINGS = {
    "arrived": "The journey is complete.",
    "done": "The picture is complete.",
    "end": "The tale is at its end.",
    "length": "The length that was asked for is reached.",
    "stop": "The stop text came up.",
    "context": "The model's context is full.",
    "stopped": "Stopped.",
    "scored": "Scored as it stands; nothing was added.",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """One sample is complete."""

    sample: int
    result: TextResult | ImageResult | LatentResult


@dataclass(frozen=True, slots=True)
class Done:
    """All is complete. `recipe` with the seed and the weights that were used makes the same results again.

    Attributes:
        dtype: what the model computes in.
    """

    recipe: Recipe
    results: tuple[Any, ...]
    prompt_ids: tuple[int, ...] = ()
    stats: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dtype: str = "float32"


Event = Progress | Started | Token | Preview | Frame | Ended | Done
