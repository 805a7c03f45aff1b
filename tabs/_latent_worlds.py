"""The two worlds of the latent tab: faces, which are points of a space, and scenes, which a diffusion model draws."""

from __future__ import annotations

from typing import Any

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.recipes import ImageRecipe, LatentRecipe, Recipe
from tabs._controls import manifest_defaults, model_choices, usable

KIND = LatentRecipe.kind
FACES, SCENES = "faces", "scenes"
WORLDS = {FACES: "Faces: points of a VAE", SCENES: "Scenes: drawn by diffusion"}
RECIPES: dict[str, type[Recipe]] = {FACES: LatentRecipe, SCENES: ImageRecipe}  # of whose kind the models are
KEPT = ("seed", "frames", "easing", "loop")  # what a journey in one world has in common with one in the other
EXAMPLES: dict[str, dict[str, Any]] = {
    "A cat → a dog": {"a": "prompt:a cat", "b": "prompt:a dog", "seed": 7},
    "Day → night, one seed": {
        "a": "prompt:a red car on a beach by day",
        "b": "prompt:a red car on a beach at night",
        "seed": 7,
        "easing": "smooth",
        "loop": "back",
    },
    "One prompt, two seeds": {"a": "prompt:a penguin wearing a hat on a beach", "b": "seed:8", "seed": 7},
}


def world_of(engine: Engine, model: Any) -> str:
    """Where a model travels; where there is no such model, among faces."""
    manifest = usable(engine, model, KIND) if isinstance(model, str) else None
    return SCENES if manifest and manifest.kind == ImageRecipe.kind else FACES


def models_of(engine: Engine, world: str) -> list[tuple[str, str]]:
    """(label, name) of the usable models of a world."""
    return model_choices(engine, RECIPES[world].kind)


def why_none(engine: Engine, world: str) -> str:
    """Why a world can't be travelled, in a sentence or two."""
    recipe = RECIPES[world]
    try:
        engine.registry.manifest(recipe.model_fields["model"].default, recipe.kind)
    except PlaygroundError as error:
        return f"{error} The other world goes on."
    return ""


def first(engine: Engine, world: str, model: str, initial: dict[str, Any], stood: dict[str, Any]) -> dict[str, Any]:
    """What the knobs stand at when a world is entered first.

    Args:
        initial: what they stand at when the page is opened.
        stood: what they stood at in the other world.
    """
    ends = {name: next(iter(EXAMPLES.values()))[name] for name in ("a", "b")} if world == SCENES else {}
    own = {name: value for name, value in manifest_defaults(engine, model, KIND).items() if name in initial}
    return initial | {name: stood[name] for name in KEPT} | own | ends | {"model": model}
