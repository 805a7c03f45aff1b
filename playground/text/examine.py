"""What a model thought at one place of a text: the scores of every token there, and the random number that chose.

Enough to apply the samplers anew without the model. One forward pass; knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from playground.errors import PlaygroundError
from playground.recipes import TextRecipe, show
from playground.text.loaded import TextModel
from playground.text.prompts import prompt_ids
from playground.text.sampling import uniform

FEW = 10_000  # a vocabulary up to this size is named as a whole
LIKELIEST = 2_000  # of a larger one, so many are


@dataclass(frozen=True)
class Examination:
    """One place of a text.

    Attributes:
        logits: (V,) float32, on the CPU.
        uniform: the random number in [0, 1) that goes through the inverse CDF there.
        seen: the different token ids before it, prompt included, which the repetition penalty looks at.
        names: by token id, what people call it: its text, half a character as "◌ E2 80", a mark by its own name.
    """

    logits: torch.Tensor
    uniform: float
    seen: tuple[int, ...]
    names: dict[int, str]


@torch.inference_mode()
def examine(model: TextModel, recipe: TextRecipe, new_ids: Sequence[int], index: int) -> Examination:
    """Look at the place `index` of what the recipe's seed told.

    Args:
        new_ids: the tokens that came after the prompt.
        index: 0 … len(new_ids) − 1.

    Raises:
        PlaygroundError: there is no such place, token or room, or see `prompt_ids`.
    """
    if not 0 <= index < len(new_ids):
        raise PlaygroundError(f"There is no token {show(index)}; the text has {len(new_ids):,}, counted from 0.")
    unknown = next((token for token in new_ids if not 0 <= token < len(model.texts)), None)
    if unknown is not None:
        raise PlaygroundError(f"There is no token id {show(unknown)}; the model has {len(model.texts):,}, from 0 on.")
    ids = [*prompt_ids(model, recipe), *new_ids[:index]]
    if len(ids) > model.context:
        raise PlaygroundError(f"The text has {len(ids):,} tokens up to there; the model takes {model.context:,}.")
    device = next(model.model.parameters()).device
    logits = model.model(torch.tensor([ids], device=device), use_cache=False, logits_to_keep=1).logits[0, -1]
    generator = torch.Generator().manual_seed(recipe.seed)
    throws = [uniform(generator) for _ in range(index + 1)]  # one a token
    logits = logits.float().cpu()
    return Examination(logits, throws[-1], tuple(sorted(set(ids))), _names(model, logits))


def _names(model: TextModel, logits: torch.Tensor) -> dict[int, str]:
    """The names of all tokens, or of the likeliest where they are many."""
    count = len(model.texts)
    named = range(count) if count <= FEW else logits[:count].topk(LIKELIEST).indices.tolist()
    return {token: _name(model, token) for token in named}


def _name(model: TextModel, token: int) -> str:
    text, piece = model.texts[token], model.bytes[token]
    if "\ufffd" in text and "\ufffd".encode() not in piece:
        return "◌ " + piece.hex(" ").upper()
    if text:
        return text
    mark = model.tokenizer.convert_ids_to_tokens(token) if token < len(model.tokenizer) else None
    return mark or "unused"
