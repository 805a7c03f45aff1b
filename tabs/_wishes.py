"""What a press on the stage asks for: what a browser sends → knobs and places of a text, checked. No layout.

Whatever comes from a page is anybody's: each shape that is not one of ours is told in a sentence.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.links import from_record
from playground.recipes import MAX_FORCED, MAX_PROMPT, TextRecipe, limits
from tabs import _listeners

KIND = TextRecipe.kind
SAMPLERS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
BEGINNING = ("model", "prompt", "system", "style", "about", "title")  # what fixed tokens go on from
LONGER = 40  # tokens that a branch gets where its fixed ones fill the length
MAX_WISH = 2**31


@dataclass(frozen=True)
class Wish:
    """What is asked of the recipe besides the controls.

    Attributes:
        changes: by knob.
        fills: whether the controls take them over.
        number: the page's own, which it gets back.
    """

    changes: dict[str, Any]
    fills: bool = True
    number: int = 0


SCORE = Wish({"max_new_tokens": 0, "samples": 1, "forced": ""}, fills=False)


def from_stage(data: Any) -> Wish:
    """A wish of the stage: to go on from a text, to branch off, or to begin with the controls as they are.

    Raises:
        PlaygroundError: the branch is none.
    """
    if not isinstance(data, Mapping):
        return Wish({})
    number = data.get("wish")
    number = number if type(number) is int and 0 <= number < MAX_WISH else 0
    if "branch" in data:
        return Wish(_branch(data["branch"]), number=number)
    if isinstance(data.get("text"), str):
        return Wish({"prompt": data["text"], "samples": 1, "forced": ""}, number=number)
    return Wish({})


def _branch(asked: Any) -> dict[str, Any]:
    """All knobs of the recipe that tells a text anew from one of its tokens on."""
    recipe, ids = _place(asked)
    length = recipe.max_new_tokens
    if len(ids) >= length:
        length = min(limits(TextRecipe.model_fields["max_new_tokens"])["le"], len(ids) + LONGER)
    changes = {"forced": " ".join(map(str, ids)), "samples": 1, "max_new_tokens": length}
    return {name: value for name, value in {**recipe.model_dump(), **changes}.items() if name != "fingerprint"}


def _place(asked: Any) -> tuple[TextRecipe, list[int]]:
    """The recipe and the token ids that a page names."""
    if not isinstance(asked, Mapping):
        raise PlaygroundError("The page asked for something that is no place of a text; load it anew.")
    link = from_record(asked.get("recipe"))
    ids = asked.get("ids")
    if link.kind != KIND:
        raise PlaygroundError(f"Only a text has tokens, and this recipe is for {link.kind}.")
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_FORCED or not all(type(i) is int and i >= 0 for i in ids):
        raise PlaygroundError(f"From 1 to {MAX_FORCED} token ids are allowed, each a whole number from 0 on.")
    return TextRecipe.make(link.values), ids


def examiner(engine: Engine) -> Callable[[Any], dict[str, Any]]:
    """The function by which the stage gets what the model thought at one place of a text."""
    knobs = {name: _range(name) for name in SAMPLERS}

    def examine(asked: Any) -> dict[str, Any]:
        try:
            recipe, ids = _place(asked)
            index = asked.get("index")
            if type(index) is not int:
                raise PlaygroundError("The place of a token is a whole number.")
            found = engine.examine(engine.recipe(KIND, recipe.model_dump()), ids, index)
        except PlaygroundError as error:
            return {"problem": str(error)}
        return {
            "logits": base64.b64encode(found.logits.numpy().tobytes()).decode(),
            "uniform": found.uniform,
            "seen": found.seen,
            "named": list(found.names),
            "names": list(found.names.values()),
            "knobs": knobs,
        }

    return examine


def _range(name: str) -> dict[str, Any]:
    """What a slider on the stage has to know of a knob."""
    field = TextRecipe.model_fields[name]
    rules = limits(field)
    return {
        "label": field.title,
        "help": field.description,
        "low": rules["ge"],
        "high": rules["le"],
        "step": rules["step"],
    }


def fixed_there(data: Any, stood: Mapping[str, Any]) -> tuple[str, str]:
    """The fixed tokens of the tale that was moved to, and the beginning that they belong to.

    None where nothing is fixed there, or where the controls by now hold another beginning.
    """
    with contextlib.suppress(PlaygroundError):
        link = from_record(data.get("recipe") if isinstance(data, Mapping) else None)
        if link.kind == KIND:
            recipe = TextRecipe.make(link.values).model_dump()
            if recipe["forced"] and owner(recipe) == owner(stood):
                return recipe["forced"], owner(recipe)
    return "", ""


def sampler_values(data: Any) -> dict[str, Any]:
    """The samplers as set on the stage.

    Raises:
        PlaygroundError: a bad value.
    """
    given = {name: data.get(name) for name in SAMPLERS} if isinstance(data, Mapping) else {}
    recipe = TextRecipe.make(given)
    return {name: getattr(recipe, name) for name in SAMPLERS}


def owner(values: Mapping[str, Any]) -> str:
    """The beginning to which fixed tokens belong, as the page writes it too: `JSON.stringify` of its values."""
    return json.dumps([values.get(name) or "" for name in BEGINNING], ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Undo(_listeners.Undo):
    """What the stage overwrote in the controls.

    Attributes:
        owner: of the tokens that were fixed before.
        written: the prompt that stands there instead.
    """

    owner: str
    written: str


def undo(old: Undo | None, wish: Wish, values: Mapping[str, Any], random: bool) -> Undo | None:
    """What "Back" brings back after a wish that fills the controls: what a person wrote, not what a wish did."""
    written = wish.changes.get("prompt")
    before = str(values.get("prompt") or "")[: MAX_PROMPT + 1]
    if written is None or before == written:
        return old
    values = {**values, "prompt": before}
    own = {name: values.get(name) for name in wish.changes}
    if old is not None and before == old.written:
        return Undo(own | old.values, old.random, old.owner, written)
    return Undo(own, random, owner(values), written)
