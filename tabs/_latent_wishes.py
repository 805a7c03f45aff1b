"""What the parts of the latent tab ask of a model: what a browser sends → answers as plain JSON, checked. No layout.

Whatever comes from a page is anybody's: each shape that is not one of ours is told in a sentence. Nothing is kept
between two questions, so two people who ask at once never see each other's faces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from playground.documents import to_file
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.hub import HubManifest
from playground.links import Link, from_record
from playground.modalities import part_of
from playground.recipes import ImageRecipe, LatentRecipe
from tabs._files import as_url, data_url, file_of
from tabs._latent_recent import Recent

KIND = LatentRecipe.kind
MOST_LOOKS = 16  # faces of one question
MOST_MODELS = MOST_PROMPTS = 2
MOST_WORDS = 12
NEIGHBOURS = 4
MEDIA_TYPES = {"gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4", "png": "image/png"}
WRITTEN = ("a", "b", "c", "d", "via", "edits")  # knobs that hold what a person made up
ODD = "The page sent something that is no question; load it anew."

Answer = Callable[[Any], dict[str, Any]]


def answers(engine: Engine, recent: Recent | None = None) -> dict[str, Answer]:
    """The functions by which the tab's parts ask, by name; each answers `{"problem": a sentence}` where it can't.

    Args:
        recent: where journeys that are saved need not be made once more.
    """

    def atlas(asked: Any) -> dict[str, Any]:
        """The map of a model, and the names of the other models."""
        recipe = recipe_of(asked)
        with engine.model(recipe.model, KIND) as model:
            found = explore().atlas_of(model)
        return found | {"others": [name for name in engine.registry.names(KIND) if name != recipe.model]}

    def look(asked: Any) -> dict[str, Any]:
        """The faces at some expressions."""
        return {"looks": _looks(engine, recipe_of(asked), _texts(asked, "expressions", MOST_LOOKS))}

    def draws(asked: Any) -> dict[str, Any]:
        """The faces at some expressions, by each of the models that are named."""
        recipe, expressions = recipe_of(asked), _texts(asked, "expressions", MOST_LOOKS)
        recipes = [LatentRecipe.make({**recipe.model_dump(), "model": n}) for n in _texts(asked, "names", MOST_MODELS)]
        return {"rows": [_looks(engine, recipe, expressions) for recipe in recipes]}

    def trace(asked: Any) -> dict[str, Any]:
        """Where on the map the frames of a journey lie, and how unusual they are."""
        recipe = recipe_of(asked)
        with engine.model(recipe.model, KIND) as model:
            return explore().trace(model, recipe)

    def rebuild(asked: Any) -> dict[str, Any]:
        """What a model makes of a picture that is brought."""
        recipe, file = recipe_of(asked), file_of(asked)
        with engine.model(recipe.model, KIND) as model:
            found = explore().reconstruct(model, file)
        pictures = {name: data_url(getattr(found, name)) for name in ("original", "picture", "difference")}
        numbers = {"psnr": round(found.psnr, 1), "ssim": round(found.ssim, 3)}
        return {**pictures, **numbers, "point": found.point, "hint": found.hint}

    def copies(asked: Any) -> dict[str, Any]:
        """The training faces that are next to a face."""
        recipe, expression = recipe_of(asked), LatentRecipe.make({"a": _text(asked, "expression")}).a
        with engine.model(recipe.model, KIND) as model:
            found = explore().neighbours(model, expression, NEIGHBOURS)
        faces = [{"picture": data_url(face.picture), "distance": round(face.distance, 2)} for face in found.faces]
        return {"faces": faces, "usual": round(found.usual, 2), "far": round(found.far, 2), "verdict": found.verdict}

    def build(asked: Any) -> dict[str, Any]:
        """A direction of one's own, from faces that have more of something to faces that have less."""
        recipe, name = recipe_of({"model": _text(asked, "model")}), _text(asked, "name")
        plus, minus = (_texts(asked, side, MOST_LOOKS) for side in ("plus", "minus"))
        with engine.model(recipe.model, KIND) as model:
            return {"directions": explore().make_direction(model, name, plus, minus)}

    def join(asked: Any) -> dict[str, Any]:
        """Several texts of directions as one."""
        recipe = recipe_of({"model": _text(asked, "model")})
        texts = asked.get("texts")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise PlaygroundError(ODD)
        with engine.model(recipe.model, KIND) as model:
            return {"directions": explore().join_directions(model, texts)}

    def save(asked: Any) -> dict[str, Any]:
        """A journey as a file; if it is no longer at hand, its recipe makes it once more, the same frame by frame."""
        suffix = _text(asked, "format")
        if suffix not in MEDIA_TYPES:
            raise PlaygroundError(ODD)
        recipe = engine.recipe(KIND, journey_of(from_record(asked.get("recipe"))).values)
        done = recent.find(recipe) if recent else None
        if done is None:
            *_, done = engine.generate(recipe)
        file = to_file(done.results[0], done, suffix=f".{suffix}")
        return {"file": as_url(file, MEDIA_TYPES[suffix]), "name": file_name(done, suffix)}

    def unknown(asked: Any) -> dict[str, Any]:
        """The words of some prompts that a model of the world `scenes` has never seen, with the nearest known ones."""
        manifest, texts = engine.registry.manifest(_text(asked, "model"), KIND), _texts(asked, "texts", MOST_PROMPTS)
        if manifest.kind != ImageRecipe.kind or isinstance(manifest, HubManifest):  # whose vocabulary is another
            return {"unknown": []}
        of_text = part_of(ImageRecipe.kind, "words").unknown_words
        found = {word: near for text in texts for word, near in of_text(text)}
        return {"unknown": [{"word": word, "near": list(near)} for word, near in list(found.items())[:MOST_WORDS]]}

    functions = (atlas, look, draws, trace, rebuild, copies, build, join, save, unknown)
    return {function.__name__: told(function) for function in functions}


def told(function: Answer) -> Answer:
    """The same, with a mistake as `{"problem": a sentence}`."""

    @wraps(function)
    def answer(asked: Any) -> dict[str, Any]:
        try:
            return function(asked)
        except PlaygroundError as error:
            return {"problem": str(error)}

    return answer


def explore() -> Any:
    """What the library offers besides journeys."""
    return part_of(KIND, "explore")


def recipe_of(asked: Any) -> LatentRecipe:
    """The knobs that a question names, checked; the others are as the recipe declares them.

    Raises:
        PlaygroundError: it is no question, or a knob can't be so.
    """
    if not isinstance(asked, Mapping):
        raise PlaygroundError(ODD)
    return LatentRecipe.make({name: asked[name] for name in LatentRecipe.model_fields if name in asked})


def journey_of(link: Link) -> Link:
    """The same, where it is of a journey.

    Raises:
        PlaygroundError: it is not.
    """
    if link.kind != KIND:
        raise PlaygroundError(f"The recipe in it is for {link.kind}, not for a journey.")
    return link


def file_name(done: Done, suffix: str) -> str:
    """What a journey is called when it is saved."""
    return f"journey-seed-{done.recipe.seed}.{suffix}"


def look_of(look: Any) -> dict[str, Any]:
    """A face for the page."""
    return {
        "picture": data_url(look.picture),
        "point": look.point,
        "places": {plane: list(place) for plane, place in look.places.items()},
        "unusual": round(look.unusual, 3),
    }


def _looks(engine: Engine, recipe: LatentRecipe, expressions: list[str]) -> list[dict[str, Any]]:
    with engine.model(recipe.model, KIND) as model:
        found = explore().look_all(
            model, expressions, recipe.edits, recipe.directions, seed=recipe.seed, spread=recipe.spread
        )
    return [look_of(look) for look in found]


def _text(asked: Any, name: str) -> str:
    value = asked.get(name) if isinstance(asked, Mapping) else None
    if not isinstance(value, str):
        raise PlaygroundError(ODD)
    return value


def _texts(asked: Any, name: str, most: int) -> list[str]:
    """Texts that are no longer than an end of a journey may be."""
    values = asked.get(name) if isinstance(asked, Mapping) else None
    if not isinstance(values, list) or len(values) > most or not all(isinstance(value, str) for value in values):
        raise PlaygroundError(ODD)
    return [LatentRecipe.make({"a": value}).a for value in values]
