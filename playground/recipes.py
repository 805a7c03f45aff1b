"""Recipes: everything that decides a result, declared once.

A field's declaration draws its control, names its argument in the API, the MCP tool and the command line, checks its
value and writes its row in the README. Knows neither models nor torch; pure data and its checks.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from playground.errors import PlaygroundError

MAX_SEED = 2**31 - 1  # JavaScript loses integers above 2**53, and 31 bits fit everywhere
MAX_PROMPT = 20_000
MAX_FORCED = 512  # tokens
MAX_PICTURE = 4_000_000  # characters of a picture that travels within a recipe
MAX_END = 4_000  # characters of an end of a journey
RANDOM_SEED = -1


def number(default: float, low: float, high: float, step: float, label: str, help: str) -> Any:
    """A numeric knob: inclusive range and step, which the recipe enforces because Gradio checks no steps."""
    return Field(default, ge=low, le=high, title=label, description=help, json_schema_extra={"step": step})


def words(default: str, max_length: int, label: str, help: str, *, lines: int = 1) -> Any:
    """A text knob of at most `max_length` characters; `lines` is the height of its box."""
    return Field(default, max_length=max_length, title=label, description=help, json_schema_extra={"lines": lines})


def choice(default: str, choices: Mapping[str, str], label: str, help: str) -> Any:
    """A knob that takes one of `choices`: value by value, what people call it."""
    return Field(default, max_length=100, title=label, description=help, json_schema_extra={"choices": dict(choices)})


class Recipe(BaseModel):
    """What every recipe has. Subclasses set `kind` and add their knobs; they are known by it at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Recipe]]] = {}
    drawn_by: ClassVar[tuple[str, ...]] = ()  # other kinds whose models it can name, to be made of their results

    model: str = words("", 200, "model", "Which of the models makes the result.")
    fingerprint: str = words("", 64, "fingerprint", "Which weights made it; filled in by the playground.")
    seed: int = number(0, 0, MAX_SEED, 1, "seed", "Decides every random choice: the same seed, the same result.")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        Recipe.kinds[cls.kind] = cls

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {name: _clean_value(cls.model_fields.get(name), value) for name, value in values.items()}
        return values

    @classmethod
    def make(cls, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Self:
        """A recipe from what a person, a link or a program gave; the only way in from outside.

        Args:
            values: by knob. None means "not given". A seed of −1 picks one at random.
            defaults: of the model's manifest; they stand between the recipe's own and `values`.

        Raises:
            PlaygroundError: one sentence that names the knob, the value and what is allowed.
        """
        given = {name: value for name, value in values.items() if value is not None}
        if given.get("seed") in (RANDOM_SEED, str(RANDOM_SEED), f"{RANDOM_SEED}.0"):
            given["seed"] = random_seed()
        try:
            return cls.model_validate({**(defaults or {}), **given})
        except ValidationError as error:
            raise PlaygroundError(cls._sentence(error.errors()[0], given)) from error

    @classmethod
    def _sentence(cls, problem: Mapping[str, Any], given: Mapping[str, Any]) -> str:
        name = str(problem["loc"][0]) if problem["loc"] else "recipe"
        field = cls.model_fields.get(name)
        if field is None:
            return f"There is no knob {show(name)}; a {cls.kind} recipe has {', '.join(cls.model_fields)}."
        value = given.get(name, problem["input"])
        if problem["type"] == "string_too_long":
            limit = limits(field)["max_length"]
            return f"The {name} has {len(value):,} characters; at most {limit:,} are allowed."
        rule = problem["msg"] if problem["type"] == name else allowed(field)  # a check of its own says what is allowed
        return f"{name} is {show(value)}; {rule}."

    def differences(self, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The knobs that differ from the recipe's defaults or from those of the model's manifest."""
        differing = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value != field.default or (defaults or {}).get(name, value) != value:
                differing[name] = value
        return differing

    def with_seed(self, seed: int) -> Self:
        """The same recipe with another seed; seeds past the last begin again at 0."""
        return self.model_copy(update={"seed": seed % (MAX_SEED + 1)})


SCHEDULERS = {  # solvers of the diffusion process, by name
    "dpmpp_2m": "DPM++ 2M",
    "ddim": "DDIM",
    "euler": "Euler",
    "unipc": "UniPC",
    "euler_a": "Euler a (stochastic)",
    "dpmpp_2m_sde": "DPM++ 2M SDE (stochastic)",
}


class TextRecipe(Recipe):
    """A text that goes on from a prompt, token by token."""

    kind: ClassVar[str] = "text"

    model: str = words("tales", 200, "model", "Which of the models tells the text.")
    prompt: str = words("", MAX_PROMPT, "prompt", "How the text begins; the model goes on from its last word.", lines=4)
    style: str = words("", 100, "style", "Whose voice tells the tale: an author or a book of the training data.")
    about: str = words("", 200, "about", "A few words the tale should be about, like: dragon, key.")
    title: str = words("", 200, "title", "The title that the tale goes by.")
    system: str = words("", 2_000, "system", "How a chat model should behave; other models take none.", lines=2)
    forced: str = words(
        "",
        MAX_FORCED * 8,
        "forced",
        "Token ids, parted by spaces, that the text must go on with first, as a branch does.",
    )
    temperature: float = number(
        0.8, 0, 2, 0.01, "temperature", "Low plays safe, high takes risks; 0 always takes the likeliest token."
    )
    top_k: int = number(40, 0, 200, 1, "top-k", "Choose among this many likeliest tokens only; 0 allows all.")
    top_p: float = number(
        0.95, 0, 1, 0.01, "top-p", "Choose among the likeliest tokens that add up to this probability; 1 allows all."
    )
    min_p: float = number(
        0.0, 0, 1, 0.01, "min-p", "Drop tokens less likely than this share of the likeliest one; 0 drops none."
    )
    repetition_penalty: float = number(
        1.0, 1, 1.5, 0.01, "repetition penalty", "Above 1, tokens that stand in the text already become less likely."
    )
    max_new_tokens: int = number(
        160, 0, 512, 1, "length", "At most so many tokens are added, of about 4 letters each; 0 only scores the prompt."
    )
    samples: int = number(1, 1, 8, 1, "samples", "So many texts side by side, from seed, seed + 1 and so on.")
    stop: str = words("", 200, "stop at", r"End before this text; several are parted by |, and \n is a new line.")

    @field_validator("forced")
    @classmethod
    def _check_forced(cls, forced: str) -> str:
        ids = forced.split()
        if not all(re.fullmatch("[0-9]{1,7}", token) for token in ids):
            raise PydanticCustomError("forced", "whole numbers parted by spaces are allowed")
        if len(ids) > MAX_FORCED:
            raise PydanticCustomError("forced", f"at most {MAX_FORCED} tokens are allowed")
        return " ".join(str(int(token)) for token in ids)

    @property
    def forced_ids(self) -> tuple[int, ...]:
        """The tokens that the text must go on with."""
        return tuple(map(int, self.forced.split()))

    @property
    def header(self) -> dict[str, str]:
        """The fields that stand before the prompt, as far as they are given."""
        return {name: value for name in ("style", "about", "title") if (value := getattr(self, name).strip())}

    @property
    def stop_strings(self) -> tuple[str, ...]:
        return tuple(part for part in self.stop.replace(r"\n", "\n").split("|") if part)


DETAILS = {"seed": "Made up from the seed", "noise": "Left to the noise"}


class ImageRecipe(Recipe):
    """A picture that forms out of noise, step by step, as the prompt asks."""

    kind: ClassVar[str] = "image"

    model: str = words("scenes", 200, "model", "Which of the models draws the picture.")
    prompt: str = words("", 2_000, "prompt", "What the picture should show.", lines=3)
    negative_prompt: str = words("", 2_000, "not in the picture", "What the picture should keep away from.")
    second_prompt: str = words("", 2_000, "second prompt", "Another prompt that the first one is led to.")
    blend: float = number(
        0.0, 0, 1, 0.01, "blend", "How far towards the second prompt: 0 reads the first alone, 1 the second."
    )
    details: str = choice(
        "seed", DETAILS, "details", "Who decides which drawing it is, where it stands and which way it leans."
    )
    steps: int = number(20, 1, 100, 1, "steps", "In so many steps noise becomes a picture; more take longer.")
    guidance_scale: float = number(
        3.0, 1, 15, 0.1, "guidance", "How strictly the prompt is obeyed; 1 asks once, high values oversaturate."
    )
    scheduler: str = choice(
        "dpmpp_2m", SCHEDULERS, "scheduler", "The rule by which a step is taken; stochastic ones add fresh noise."
    )
    samples: int = number(1, 1, 8, 1, "pictures", "So many side by side, from seed, seed + 1 and so on.")
    size: int = number(128, 64, 768, 64, "size", "Width and height in pixels; a model draws best at its own size.")
    variation_seed: int = number(0, 0, MAX_SEED, 1, "variation seed", "Another seed that the first one is led to.")
    variation_strength: float = number(
        0.0, 0, 1, 0.01, "variation", "How far to the variation seed's noise and details; 1 is all of the other."
    )
    start: str = words("", MAX_PICTURE, "start picture", "A square PNG as a data URL that the drawing begins from.")
    strength: float = number(
        0.6, 0, 1, 0.01, "strength", "How much of the start picture is drawn anew: 0 keeps it, 1 forgets it."
    )

    @field_validator("scheduler")
    @classmethod
    def _check_scheduler(cls, scheduler: str) -> str:
        return _one_of("scheduler", scheduler, SCHEDULERS)

    @field_validator("details")
    @classmethod
    def _check_details(cls, details: str) -> str:
        return _one_of("details", details, DETAILS)


PATHS = {"slerp": "Slerp: along the arc", "lerp": "Lerp: straight across"}
JOURNEYS = {"path": "A path from A to B", "grid": "A grid between four corners"}
EASINGS = {
    "linear": "Even",
    "smooth": "Slow at both ends",
    "in": "Slow at the start",
    "out": "Slow at the end",
}
LOOPS = {"once": "From A to B", "back": "There and back", "round": "On from B to A, closed"}


class LatentRecipe(Recipe):
    """A journey through a model's latent space, from one face to another, or between two prompts, frame by frame."""

    kind: ClassVar[str] = "latent"
    drawn_by: ClassVar[tuple[str, ...]] = (ImageRecipe.kind,)

    model: str = words(
        "faces-vae", 200, "model", "Which of the models makes the frames: one of faces, or one that draws pictures."
    )
    a: str = words(
        "",
        MAX_END,
        "A",
        "Where it begins: seed:7, preset:cat, face:kind=dog,smile=1, at:0.3,-1.2 or a sum of such; empty is the seed. "
        "With a model for pictures: prompt:a cat, or seed:7 prompt:a cat.",
    )
    b: str = words("", MAX_END, "B", "Where it ends, told as A is; empty is the seed after it.")
    via: str = words("", 4 * MAX_END, "by way of", "Points between A and B, in order, parted by semicolons.")
    c: str = words("", MAX_END, "C", "The grid's lower left corner, told as A is; empty is seed + 2.")
    d: str = words("", MAX_END, "D", "The grid's lower right corner, told as A is; empty is seed + 3.")
    layout: str = choice("path", JOURNEYS, "layout", "Frames along a path, or all at once between four corners.")
    interpolation: str = choice(  # not `path`: Gradio's client takes any object that has one for a file
        "slerp", PATHS, "path", "The way between two points: around the middle of the space or through it."
    )
    frames: int = number(16, 2, 120, 1, "frames", "So many pictures on the way; more make it smoother and take longer.")
    side: int = number(5, 2, 10, 1, "grid side", "So many pictures along each side of a grid.")
    easing: str = choice("linear", EASINGS, "easing", "Where between two points the journey is slow.")
    loop: str = choice(
        "once", LOOPS, "loop", "Whether the journey ends at B, or comes back to A and can go on for ever."
    )
    spread: float = number(
        1.0, 0, 1.5, 0.01, "spread", "How far from the average face seeds draw: 0 is the average, above 1 is daring."
    )
    edits: str = words(
        "", 2_000, "edits", "What every face gets more or less of, in standard deviations, like: smile=1.2, age=-0.5."
    )
    directions: str = words(
        "",
        20_000,
        "directions",
        "Your own directions for edits, as the JSON that the direction builder exports.",
        lines=3,
    )
    steps: int = number(
        20, 1, 100, 1, "steps", "With a model for pictures: in so many steps noise becomes each of the frames."
    )
    guidance_scale: float = number(
        3.0, 1, 15, 0.1, "guidance", "With a model for pictures: how strictly the prompts are obeyed."
    )

    @field_validator("layout", "interpolation", "easing", "loop")
    @classmethod
    def _check_choice(cls, value: str, info: ValidationInfo) -> str:
        return _one_of(info.field_name, value, limits(cls.model_fields[info.field_name])["choices"])


def random_seed() -> int:
    """A seed that nothing foresees."""
    return secrets.randbelow(MAX_SEED + 1)


def limits(field: FieldInfo) -> dict[str, Any]:
    """A field's "ge", "le", "max_length", "step" and "lines", as far as it has them."""
    found = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "le", "max_length")
        if hasattr(rule, name)
    }
    return {**found, **(field.json_schema_extra or {})}


def allowed(field: FieldInfo) -> str:
    """What the field takes, as the end of a sentence."""
    rules = limits(field)
    if "choices" in rules:
        return f"one of {', '.join(rules['choices'])} is allowed"
    if field.annotation is str:
        return f"a text of at most {rules['max_length']:,} characters is allowed"
    if field.annotation is int:
        steps = f" in steps of {rules['step']}" if rules["step"] > 1 else ""
        return f"a whole number from {rules['ge']:g} to {plain(rules['le'])}{steps} is allowed"
    return f"a number from {rules['ge']:g} to {rules['le']:g} in steps of {rules['step']:g} is allowed"


def plain(value: float) -> str:
    """A number without exponent or needless zeros."""
    return str(int(value)) if float(value).is_integer() else str(value)


def show(value: Any, length: int = 40) -> str:
    """A value as it can stand in a message: short, printable, on one line."""
    try:
        text = ascii(value)
    except ValueError:  # Python writes out no integer of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= length else f"{text[:length]}…"


def _one_of(name: str, value: str, choices: Mapping[str, str]) -> str:
    if value not in choices:
        raise PydanticCustomError(name, f"one of {', '.join(choices)} is allowed")
    return value


def _clean_value(field: FieldInfo | None, value: Any) -> Any:
    """Texts without what UTF-8 can't hold; numbers on their step. What is wrong is left for pydantic to refuse."""
    if field is None or isinstance(value, bool):
        return value if field is None or field.annotation is bool else ascii(value)
    if field.annotation is str and isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if field.annotation is float:
        return _on_step(value, limits(field)["step"])
    if field.annotation is int and (step := limits(field)["step"]) > 1:
        placed = _on_step(value, step)
        return int(placed) if isinstance(placed, float) and placed.is_integer() else placed
    return value


def _on_step(value: Any, step: float) -> Any:
    """`value` freed of binary dust (0.30000000000000004 → 0.3); a text that pydantic refuses if it is off the step."""
    try:
        steps = float(value) / step
    except (TypeError, ValueError, OverflowError):
        return value
    if not math.isfinite(steps):
        return ascii(value)
    if abs(steps - round(steps)) > 1e-6 * max(1, abs(steps)):
        return f"off the step: {value}"
    return round(round(steps) * step, 10)
