"""Prompts → token ids, with the characters that each stands for, → the states that the denoiser reads.

Cuts and pads as diffusers' pipelines do, but never silently: what did not fit is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from playground.image.imagining import complete
from playground.image.loaded import ImageModel
from playground.recipes import ImageRecipe


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model sees it.

    Attributes:
        ids: of its tokens, with the first and the last mark, not padded.
        spans: for each, the characters of `text` that it stands for, as (start, end); (0, 0) for the marks.
        cut: the end of `text` that did not fit; "" where all of it did.
    """

    text: str
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    cut: str = ""


def read_prompts(model: ImageModel, recipe: ImageRecipe) -> tuple[Prompt, Prompt | None]:
    """The prompt and the negative one; None for that at a guidance of 1, where only the prompt is asked."""
    negative = read_prompt(model, recipe.negative_prompt) if recipe.guidance_scale > 1 else None
    return read_prompt(model, recipe.prompt), negative


def filled_in(model: ImageModel, recipe: ImageRecipe) -> ImageRecipe:
    """The recipe of one sample, its prompts with the details that its seed makes up, or its seeds.

    As it is where the model knows none, they are not wanted, a start picture shows them, or they don't fit in.
    """
    if not model.reads_details or recipe.details != "seed" or recipe.start:
        return recipe
    towards = (recipe.seed, recipe.variation_seed, recipe.variation_strength)
    prompts = {name: complete(getattr(recipe, name), *towards) for name in ("prompt", "second_prompt")}
    fitting = {name: text for name, text in prompts.items() if not read_prompt(model, text).cut}
    return recipe.model_copy(update=fitting)


def read_prompt(model: ImageModel, text: str) -> Prompt:
    """Split a text into tokens and cut it where the model can take no more."""
    told = model.tokenizer(text, return_offsets_mapping=True, verbose=False)
    ids, spans = told.input_ids, [tuple(span) for span in told.offset_mapping]
    most = model.length - 1
    if len(ids) <= model.length:
        return Prompt(text, tuple(ids), tuple(spans))
    return Prompt(text, (*ids[:most], ids[-1]), (*spans[:most], spans[-1]), text[spans[most][0] :].strip())


def notes(model: ImageModel, recipe: ImageRecipe, prompt: Prompt, negative: Prompt | None) -> tuple[str, ...]:
    """What of the prompts does not count, a sentence each."""
    second = read_prompt(model, recipe.second_prompt) if recipe.blend else None
    told = [
        f"The model reads {model.length - 2} tokens; of the {name} this was cut: {read.cut}"
        for name, read in (("prompt", prompt), ("second prompt", second), ("negative prompt", negative))
        if read is not None and read.cut
    ]
    if negative is None and recipe.negative_prompt.strip():
        told.append("At guidance 1 the negative prompt does nothing.")
    return tuple(told)


def encode(model: ImageModel, prompt: Prompt) -> torch.Tensor:
    """(1, L, D) float32: a state of the text encoder for each token, padded to the length that it was trained on."""
    missing = model.length - len(prompt.ids)
    return model.states((*prompt.ids, *[model.tokenizer.pad_token_id] * missing))


@torch.inference_mode()
def encode_blend(model: ImageModel, recipe: ImageRecipe, prompt: Prompt) -> torch.Tensor:
    """As `encode`, led token by token towards the states of the second prompt."""
    words = encode(model, prompt)
    if not recipe.blend:
        return words
    return words.lerp(encode(model, read_prompt(model, recipe.second_prompt)), recipe.blend)
