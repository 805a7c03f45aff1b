"""Recipe → token ids: what a model really sees of a prompt."""

from __future__ import annotations

from playground.errors import PlaygroundError
from playground.recipes import TextRecipe
from playground.text.loaded import TextModel
from playground.text.model import encode_prompt, encode_text


def prompt_ids(model: TextModel, recipe: TextRecipe) -> list[int]:
    """What the model really sees.

    Raises:
        PlaygroundError: longer than the context, or header fields for a model that was not trained on them.
    """
    if model.takes_header:
        ids = encode_prompt(model.tokenizer, recipe.prompt, recipe.header)
    elif recipe.header:
        raise PlaygroundError(f"The model {recipe.model} knows no {' or '.join(recipe.header)}; leave these empty.")
    else:
        ids = encode_text(model.tokenizer, recipe.prompt) or [model.tokenizer.bos_token_id]
    if len(ids) >= model.context:
        raise PlaygroundError(
            f"The prompt has {len(ids):,} tokens; the model takes at most {model.context - 1:,} "
            f"(its context is {model.context:,})."
        )
    return ids
