"""Where a journey begins and ends: expressions, like "seed:7", "preset:cat - preset:dog + seed:3" → points.

The grammar: [number*]term {(+|-) [number*]term}, where a term is seed:7, preset:old woman, face:kind=cat,smile=0.8,
at:0.3,-1.2 (a place on the map's PCA plane), near:1,-0.5 (one on its t-SNE plane) or point:BASE64. A preset's bare name
will do as well, as in "old woman - person + cat".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from playground.errors import PlaygroundError
from playground.latent.factors import CONTINUOUS, DISCRETE
from playground.latent.loaded import LatentModel
from playground.latent.points import PREFIX, check_range, unpacked
from playground.latent.presets import PRESETS
from playground.recipes import MAX_SEED, LatentRecipe, show

MOST_TERMS = 16
LARGEST_WEIGHT = 10.0
LARGEST_PLACE = 100.0  # of a coordinate on the map
_NUMBER = r"[0-9]{0,9}\.?[0-9]{1,9}"
_KINDS = "seed|preset|face|at|near|point"
_NAMES = "|".join(sorted(PRESETS, key=len, reverse=True))
_AHEAD = rf"\s{{0,9}}(?:{_NUMBER}\s*\*\s*)?"
_SIGN = r"[+\-−]"
_OPERATOR = re.compile(  # in front of a bare name after a space alone: a point's BASE64 holds signs and letters
    rf"({_SIGN}(?={_AHEAD}(?:{_KINDS}):)|(?<!\S){_SIGN}(?={_AHEAD}(?:{_NAMES})\s{{0,9}}(?:\s{_SIGN}|$)))\s{{0,9}}"
)
_TERM = re.compile(rf"(?:({_NUMBER})\s*\*\s*)?(?:({_KINDS}):(.*)|({_NAMES}))", re.DOTALL)
_FORMS = (
    "seed:7, preset:cat, cat, face:kind=dog,smile=1, at:0.3,-1.2, near:1,-0.5 or point:… is allowed, or a sum of such"
)
_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def corners(model: LatentModel, recipe: LatentRecipe) -> list[np.ndarray]:
    """The four corners of a recipe's grid: A, B, C, D; (D,) float32 each.

    Raises:
        PlaygroundError: one of them can't be read; says which.
    """
    return [_end(model, recipe, name, number) for number, name in enumerate("abcd")]


def stops(model: LatentModel, recipe: LatentRecipe) -> list[np.ndarray]:
    """The points that a recipe's path leads by: A, those of `via`, B.

    Raises:
        PlaygroundError: one of them can't be read; says which.
    """
    between = [text for text in recipe.via.split(";") if text.strip()]
    way = [point(model, text, recipe.spread, f"via {number}") for number, text in enumerate(between, 1)]
    return [_end(model, recipe, "a", 0), *way, _end(model, recipe, "b", 1)]


def _end(model: LatentModel, recipe: LatentRecipe, name: str, number: int) -> np.ndarray:
    text = getattr(recipe, name).strip() or f"seed:{recipe.with_seed(recipe.seed + number).seed}"
    return point(model, text, recipe.spread, name)


def point(model: LatentModel, expression: str, spread: float, what: str = "The point") -> np.ndarray:
    """The (D,) float32 point of an expression.

    Args:
        spread: how far from the average face seeds draw, as in `LatentRecipe`.
        what: it is called in a sentence.

    Raises:
        PlaygroundError: one sentence about what can't be read, or leads too far out.
    """
    parts = _OPERATOR.split(expression.strip())
    signs = ["+", *parts[1::2]]
    terms = [part.strip() for part in parts[0::2]]
    if not terms[0] and len(terms) > 1:  # it begins with a sign
        signs, terms = signs[1:], terms[1:]
    if len(terms) > MOST_TERMS:
        raise PlaygroundError(f"{what} has {len(terms)} terms; at most {MOST_TERMS} are allowed.")
    if len(terms) == 1 and signs[0] == "+" and (match := _TERM.fullmatch(terms[0])) and not match[1]:
        return _found(match, model, spread, what)  # bit for bit, which a sum need not be
    total = np.zeros(model.dims)
    for sign, term in zip(signs, terms, strict=True):
        weight, found = _weighted(model, term, spread, what)
        total += (weight if sign == "+" else -weight) * found.astype(np.float64)
    check_range(total, what)
    return total.astype(np.float32)


def _weighted(model: LatentModel, term: str, spread: float, what: str) -> tuple[float, np.ndarray]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise PlaygroundError(f"{what} is {show(term)}; {_FORMS}.")
    weight = float(match[1] or 1)
    if weight > LARGEST_WEIGHT:
        raise PlaygroundError(f"{what} takes {show(match[1])} times a point; at most {LARGEST_WEIGHT:g} is allowed.")
    return weight, _found(match, model, spread, what)


def _found(term: re.Match[str], model: LatentModel, spread: float, what: str) -> np.ndarray:
    kind, text = ("preset", term[4]) if term[4] else (term[2], term[3].strip())
    return _TERMS[kind](model, text, spread, what)


def _seed(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) > MAX_SEED:
        raise PlaygroundError(f"{what} has the seed {show(text)}; a whole number from 0 to {MAX_SEED} is allowed.")
    return model.draw(int(text), spread)


def _preset(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    presets = model.atlas.presets
    if text not in presets:
        raise PlaygroundError(f"{what} has the preset {show(text)}; there is: {', '.join(presets)}.")
    return presets[text].copy()


def _face(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    factors = {}
    for pair in text.split(","):
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not sign or name not in {*CONTINUOUS, *DISCRETE}:
            known = ", ".join((*DISCRETE, *CONTINUOUS))
            raise PlaygroundError(f"{what} has the factor {show(pair.strip())}; there is, each with =VALUE: {known}.")
        factors[name] = _number(name, value, what) if name in CONTINUOUS else _choice(name, value, what)
    return model.atlas.chosen(factors)


def _number(name: str, text: str, what: str) -> float:
    factor = CONTINUOUS[name]
    value = number(text)
    if not factor.low <= value <= factor.high:  # false of NaN too
        raise PlaygroundError(
            f"{what} has {name} = {show(text)}; a number from {factor.low:g} to {factor.high:g} is allowed."
        )
    return value


def _choice(name: str, text: str, what: str) -> str | bool:
    values = DISCRETE[name].values
    value = _BOOLS.get(text.lower()) if set(values) == {True, False} else text
    if value not in values:
        known = ", ".join(str(one).lower() for one in values)
        raise PlaygroundError(f"{what} has {name} = {show(text)}; one of {known} is allowed.")
    return value


def _at(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    return model.atlas.at(*_place(text, what))


def _near(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    return model.atlas.near(*_place(text, what))


def _place(text: str, what: str) -> tuple[float, float]:
    found = [number(part) for part in text.split(",")]
    if len(found) != 2 or not all(abs(value) <= LARGEST_PLACE for value in found):
        raise PlaygroundError(
            f"{what} has the place {show(text)}; two numbers from -{LARGEST_PLACE:g} to {LARGEST_PLACE:g} are allowed."
        )
    return found[0], found[1]


def _point(model: LatentModel, text: str, spread: float, what: str) -> np.ndarray:
    return unpacked(text, model.dims, f"{what}: the {PREFIX}")


def number(text: str) -> float:
    """A decimal number, or NaN where the text is none."""
    return (
        float(text) if re.fullmatch(rf"\s*[+-]?(?:[0-9]{{1,9}}\.?[0-9]{{0,9}}|{_NUMBER})\s*", text[:40]) else math.nan
    )


_TERMS: dict[str, Callable[[LatentModel, str, float, str], np.ndarray]] = {
    "seed": _seed,
    "preset": _preset,
    "face": _face,
    "at": _at,
    "near": _near,
    "point": _point,
}
