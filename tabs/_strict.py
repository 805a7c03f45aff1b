"""A page that believes nothing of what it is sent: what can't come from its own controls ends as one sentence.

Gradio would fetch or open a file that any value names, and print a traceback with all values into the log.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import gradio as gr
from gradio.blocks import convert_component_dict_to_list

SKIP = gr.skip()
ODD = "A control holds nothing, or what it can't be: set it anew, or reload the page."
DEEPEST = 32  # lists within lists
_OUT_OF_RANGE = re.compile(r"Value \S{1,40} is (less|greater) than (min|max)imum value \S{1,40}\.")


class StrictPage(gr.Blocks):
    """Blocks whose listeners get only values that their components can have, and never a file: none of ours takes one.

    A mistake is told without the value, which may be a prompt, in the log too. Half characters (lone surrogates), which
    can't be sent back, are replaced.
    """

    async def process_api(self, *args: Any, event_data: gr.EventData | None = None, **named: Any) -> dict[str, Any]:
        """What comes of a call.

        Raises:
            gr.Error: one sentence, where what a press on a stage says besides can't be; or of the function.
        """
        if event_data is not None:
            try:
                event_data._data = clean(event_data._data)
            except ValueError as error:
                raise gr.Error(ODD, print_exception=False) from error
        return await super().process_api(*args, event_data=event_data, **named)

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """What a function is called with.

        Raises:
            gr.Error: one sentence.
        """
        try:
            return await super().preprocess_data(block_fn, clean(inputs), state, explicit_call)
        except Exception as error:  # whatever a component trips over
            told = str(getattr(error, "message", ""))
            raise gr.Error(told if _OUT_OF_RANGE.fullmatch(told) else ODD, print_exception=False) from error

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What the page is sent. Gradio would build each component anew that an update leaves as it is."""
        outputs = list(block_fn.outputs)
        values = predictions
        if isinstance(predictions, dict) and predictions and predictions != SKIP and len(outputs) > 1:
            values = convert_component_dict_to_list(outputs, predictions)
        if len(outputs) < 2 or not isinstance(values, list | tuple) or len(values) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        changed = [place for place, value in enumerate(values) if not _is_skip(value)]
        sent = [None if output.stateful else dict(SKIP) for output in outputs]
        if changed:
            some = copy.copy(block_fn)
            some.outputs = [outputs[place] for place in changed]
            made = [values[place] for place in changed]
            alone = len(made) == 1 and not block_fn.batch
            for place, value in zip(
                changed, await super().postprocess_data(some, made[0] if alone else made, state), strict=True
            ):
                sent[place] = value
        return sent


def _is_skip(value: Any) -> bool:
    return type(value) is dict and value == SKIP


def clean(value: Any, depth: int = 0) -> Any:
    """The same without half characters.

    Raises:
        ValueError: it names a file, or lists lie too deep in each other.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not isinstance(value, dict | list):
        return value
    if depth == DEEPEST or (isinstance(value, dict) and ("path" in value or "url" in value)):
        raise ValueError
    if isinstance(value, list):
        return [clean(one, depth + 1) for one in value]
    return {clean(name): clean(one, depth + 1) for name, one in value.items()}
