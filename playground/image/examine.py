"""How a picture came about: what was expected after each step, and where each word of the prompt counted.

Draws it once more, by the very same steps. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.image.attention import Word, attend, words_of
from playground.image.generate import start_of
from playground.image.loaded import ImageModel
from playground.image.pictures import decode
from playground.image.prompts import encode_blend, filled_in
from playground.image.sampler import advance, begin
from playground.recipes import ImageRecipe, show

__all__ = ["Examination", "Word", "examine"]


@dataclass(frozen=True)
class Examination:
    """One picture.

    Attributes:
        words: those of the prompt that the model has read.
        frames: the noise as it looks decoded; then the clean picture that was expected after each step, the last of
            which is the result.
    """

    words: tuple[Word, ...]
    frames: tuple[Picture, ...]


def examine(model: ImageModel, recipe: ImageRecipe, new_ids: Sequence[int] = (), index: int = 0) -> Examination:
    """Look at how a sample of a recipe is drawn. Takes about twice as long as drawing it.

    Args:
        new_ids: nothing; there for the sake of other kinds.
        index: which sample, 0 … samples − 1.

    Raises:
        PlaygroundError: there is no such sample, or as `generate`.
    """
    if not 0 <= index < recipe.samples:
        raise PlaygroundError(f"There is no picture {show(index)}; there are {recipe.samples}, counted from 0.")
    one = recipe.with_seed(recipe.seed + index).model_copy(update={"samples": 1})
    (drawing,) = begin(model, one, start_of(one))
    if not drawing.steps:
        return Examination((), (drawing.picture(),))
    read = encode_blend(model, filled_in(model, one), drawing.prompt)
    frames = [decode(model.vae, drawing.question()[0])]
    attention = 0
    for _ in range(drawing.steps):
        attention = attention + attend(model.unet, *drawing.question()[:2], read) / drawing.steps
        advance(model, [drawing])
        frames.append(drawing.picture())
    return Examination(words_of(drawing.prompt, attention), tuple(frames))
