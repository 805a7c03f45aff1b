"""A chat model's own template around a prompt, which stays text whatever it spells.

The template is a Jinja program that came with the model: it runs in the sandbox of `transformers`, and what it makes
is bounded and looked at before it is believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from transformers import PreTrainedTokenizerFast

from playground.errors import PlaygroundError
from playground.recipes import TextRecipe
from playground.text.model import encode_text

MARKS = {"system": "\ue000system\ue001", "user": "\ue000user\ue001"}  # private characters that no template writes
MOST_CHARACTERS = 200_000  # that a template may make, prompt included
TODAY = datetime(2025, 1, 1)  # for templates that tell the model the date: the same result on every day
_DATE = re.compile(r"""strftime_now\(\s*(["'])([^"'\\{}]*)\1\s*\)""")


def chat_ids(tokenizer: PreTrainedTokenizerFast, recipe: TextRecipe, arguments: Mapping[str, Any]) -> list[int]:
    """Token ids of the template's rendering of the system text, if there is one, and the prompt.

    Control tokens come from the template alone: where the texts bring some in, each is encoded by itself as plain text.

    Raises:
        PlaygroundError: the template fails, or leaves one of the texts out.
    """
    texts = {"system": recipe.system.strip(), "user": recipe.prompt}
    if not texts["system"]:
        del texts["system"]
    frame = _render(tokenizer, recipe.model, {role: MARKS[role] for role in texts}, arguments)
    for role in texts:
        if MARKS[role] not in frame:
            raise PlaygroundError(f"The chat template of {recipe.model} has no place for a {role} text.")
    control = _control(tokenizer)
    whole = _encode(tokenizer, _render(tokenizer, recipe.model, texts, arguments))
    parts = [part for part in re.split(f"({'|'.join(MARKS.values())})", frame) if part]
    expected = [i for part in parts if part not in MARKS.values() for i in _encode(tokenizer, part) if i in control]
    if [i for i in whole if i in control] == expected:
        return whole
    by_mark = {MARKS[role]: text for role, text in texts.items()}
    ids: list[int] = []
    for part in parts:
        ids += _plain(tokenizer, by_mark[part], control) if part in by_mark else _encode(tokenizer, part)
    return ids


def _render(
    tokenizer: PreTrainedTokenizerFast, name: str, texts: Mapping[str, str], arguments: Mapping[str, Any]
) -> str:
    messages = [{"role": role, "content": text} for role, text in texts.items()]
    try:
        rendered = tokenizer.apply_chat_template(
            messages,
            chat_template=_dated(tokenizer.get_chat_template()),
            tokenize=False,
            add_generation_prompt=True,
            **arguments,
        )
    except Exception as error:  # a template may raise whatever it likes
        told = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise PlaygroundError(f"The chat template of {name} refuses this: {told[:200]}") from error
    if not isinstance(rendered, str) or len(rendered) > MOST_CHARACTERS:
        raise PlaygroundError(f"The chat template of {name} makes no prompt of this, or one without end.")
    return rendered


def _dated(template: str) -> str:
    return _DATE.sub(lambda call: repr(TODAY.strftime(call[2])), template)


def _encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def _plain(tokenizer: PreTrainedTokenizerFast, text: str, control: frozenset[int]) -> list[int]:
    """Token ids of `text` with every control token in it, special or not, taken apart."""
    spelt = sorted((tokenizer.convert_ids_to_tokens(i) for i in control), key=len, reverse=True)
    cuts = [(m.start() + m.end()) // 2 for m in re.finditer("|".join(map(re.escape, spelt)), text)] if spelt else []
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    ids = [i for piece in pieces for i in encode_text(tokenizer, piece)]
    if any(i in control for i in ids):
        raise PlaygroundError("The prompt spells a control token of this model; write it in another way.")
    return ids


def _control(tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """Ids of all tokens that were put into the vocabulary by hand; what stands for unknown text is none of them."""
    return frozenset({*tokenizer.added_tokens_decoder, *tokenizer.all_special_ids} - {tokenizer.unk_token_id})
