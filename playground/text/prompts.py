"""Recipe → token ids: what a model really sees of a prompt."""

from __future__ import annotations

from playground.errors import PlaygroundError
from playground.recipes import TextRecipe
from playground.text.chat import chat_ids
from playground.text.loaded import TextModel
from playground.text.model import encode_prompt, encode_text


def prompt_ids(model: TextModel, recipe: TextRecipe) -> list[int]:
    """What the model really sees.

    Raises:
        PlaygroundError: longer than the context; header fields for a model that was not trained on them; a system text
            for one that does not chat; or a chat template that fails.
    """
    if recipe.system.strip() and model.chat is None:
        raise PlaygroundError(f"The model {recipe.model} is no chat model and takes no system text; leave it empty.")
    if recipe.header and not model.takes_header:
        raise PlaygroundError(f"The model {recipe.model} knows no {' or '.join(recipe.header)}; leave these empty.")
    with model.tokenizing:
        if model.chat is not None:
            ids = chat_ids(model.tokenizer, recipe, model.chat)
        elif model.takes_header:
            ids = encode_prompt(model.tokenizer, recipe.prompt, recipe.header)
        else:
            ids = _begun(model, encode_text(model.tokenizer, recipe.prompt))
    if len(ids) >= model.context:
        raise PlaygroundError(
            f"The prompt has {len(ids):,} tokens; the model takes at most {model.context - 1:,} "
            f"(its context is {model.context:,})."
        )
    return ids


def _begun(model: TextModel, ids: list[int]) -> list[int]:
    """`ids` after the token that its texts begin with, where the tokenizer puts one there or nothing else is."""
    tokenizer = model.tokenizer
    if tokenizer.bos_token_id is not None and tokenizer.encode("")[:1] == [tokenizer.bos_token_id]:
        return [tokenizer.bos_token_id, *ids]
    if ids:
        return ids
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if first is None:
        raise PlaygroundError("This model needs a prompt: it has no token that a text begins with.")
    return [first]


def scored_tokens(model: TextModel, recipe: TextRecipe, ids: list[int]) -> int:
    """How many tokens at the end of `ids` are the prompt's own text and have something before them."""
    with model.tokenizing:
        own = encode_text(model.tokenizer, recipe.prompt)
    if own and ids[-len(own) :] != own:  # a template stands around it
        return len(ids) - 1
    return min(len(own), len(ids) - 1)
