"""Recipe → components, and the one binding of components to a recipe and its events.

Labels, help, ranges and defaults come from the recipe's declaration; a tab only says where its controls stand. The same
declaration names, types and describes the arguments of the API and of the MCP tool.
"""

from __future__ import annotations

import contextlib
import html
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

import gradio as gr
from pydantic.fields import FieldInfo

from playground.documents import document
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Event, Progress
from playground.links import Link, from_query
from playground.recipes import Recipe, allowed, limits
from playground.registry import Manifest
from tabs import names
from tabs._visitors import client_of

PARALLEL = None  # Gradio holds nobody back, as it tells nobody why: `Engine.line` does, and says where one stands
UPDATE_S = 0.08  # between two updates: fast enough to read along, and it leaves the CPU to the model
ASKER = gr.Request | None  # Gradio fills in who calls; no argument for anybody else
MANY_STEPS = 10_000  # a slider with more steps than this can't be set to one of them


def control(recipe: type[Recipe], name: str, **options: Any) -> gr.components.Component:
    """The component of a knob: a slider, a number, a text box, or a dropdown where it or `options` has choices."""
    field = recipe.model_fields[name]
    rules = limits(field)
    settings = {
        "label": (field.title or name).capitalize(),
        "info": field.description,
        "value": field.default,
        "elem_id": f"{recipe.kind}-{name}",
        **({"choices": [(label, value) for value, label in rules["choices"].items()]} if "choices" in rules else {}),
        **options,
    }
    if "choices" in settings:
        return gr.Dropdown(**settings)
    if field.annotation is str:
        return gr.Textbox(**{"lines": rules["lines"], "max_lines": rules["lines"] * 2, **settings})
    if (rules["le"] - rules["ge"]) / rules["step"] > MANY_STEPS:
        return gr.Number(**settings)
    return gr.Slider(rules["ge"], rules["le"], step=rules["step"], **settings)


@contextlib.contextmanager
def told(*, on_page: bool = True) -> Iterator[None]:
    """Turn a mistake of the user into a Gradio error; the only place that does.

    Args:
        on_page: the message is shown by Gradio's toast, which takes it for HTML.
    """
    try:
        yield
    except PlaygroundError as error:
        message = html.escape(str(error)) if on_page else str(error)
        raise gr.Error(message, print_exception=False) from error


def paced(events: Iterator[Event], pause: float = UPDATE_S) -> Iterator[list[Event]]:
    """The events in batches, `pause` seconds apart. Closing this closes `events`, so that the model is free at once."""
    with contextlib.closing(events):
        batch, shown = [], 0.0
        for event in events:
            batch.append(event)
            if time.monotonic() - shown >= pause:
                yield batch
                batch, shown = [], time.monotonic()
        if batch:
            yield batch


def defaults(engine: Engine, recipe: type[Recipe]) -> dict[str, Any]:
    """What the knobs stand at first: the recipe's defaults, and above them those of the default model's manifest."""
    own = {name: field.default for name, field in recipe.model_fields.items()}
    return {**own, **manifest_defaults(engine, own["model"], recipe.kind)}


def manifest_defaults(engine: Engine, model: str, kind: str) -> Mapping[str, Any]:
    """The manifest's defaults of a model; none where it can't be used."""
    manifest = usable(engine, model, kind)
    return manifest.defaults if manifest else {}


def usable(engine: Engine, model: str, kind: str) -> Manifest | None:
    """The manifest of a model, or None where it can't be used."""
    with contextlib.suppress(PlaygroundError):
        return engine.registry.manifest(model, kind)
    return None


def model_choices(engine: Engine, kind: str) -> list[tuple[str, str]]:
    """(label, name) of the usable models of a kind."""
    entries = [entry for entry in engine.registry.entries(kind) if entry.manifest and not entry.problem]
    return [
        (
            f"{entry.name} · {size(entry.manifest.parameters)}"
            + (f" · downloads {entry.downloads / 1e6:,.0f} MB at first use" if entry.downloads else ""),
            entry.name,
        )
        for entry in entries
    ]


def model_update(choices: list[tuple[str, str]], wanted: str) -> dict[str, Any]:
    """Choices and value of the list of models; where the wanted one is not there, the first that is."""
    names = [name for _, name in choices]
    value = wanted if wanted in names or not names else names[0]
    return {"choices": choices, "value": value, "allow_custom_value": not names}


def size(parameters: int) -> str:
    """A number of parameters as people say it: 8262432 → 8.3 M."""
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.1f} {name}"
    return str(parameters)


def damaged_models(engine: Engine) -> str:
    """The models that can't be used and why, as a folded line of HTML; "" where all is well."""
    entries = [entry for entry in engine.registry.entries() if entry.problem]
    if not entries:
        return ""
    rows = "".join(f"<li><b>{html.escape(e.name)}</b>: {html.escape(e.problem or '')}</li>" for e in entries)
    which = "1 model" if len(entries) == 1 else f"{len(entries)} models"
    return f"<details class='damaged'><summary>{which} can't be used</summary><ul>{rows}</ul></details>"


def opened_link(engine: Engine, request: gr.Request, kind: str, first: str) -> tuple[Recipe | None, Link | None, str]:
    """What the page's address asks of the tab of this kind: the recipe, the link, and what is wrong with it.

    Args:
        first: the kind whose tab tells what is wrong with a link that names no tab that there is.
    """
    asked = request.query_params.get("tab", first)
    if asked in names() and asked not in Recipe.kinds:  # a tab without a recipe of its own: there is nothing to fill
        return None, None, ""
    if kind != (asked if asked in Recipe.kinds else first):
        return None, None, ""
    try:
        link = from_query(str(request.url.query))  # the text itself: `query_params` has lost what stood in it twice
        return (engine.recipe(kind, link.values), link, "") if link.kind else (None, None, "")
    except PlaygroundError as error:
        return None, None, f"This link can't be opened: {error} Here are the defaults instead."


class Sketch(Protocol):
    """Collects events into a document that can be sent while the result is still in the making."""

    def add(self, event: Event) -> None: ...

    def document(self) -> dict[str, Any]: ...


def endpoint(
    engine: Engine,
    recipe: type[Recipe],
    sketch: Callable[[], Sketch],
    summary: str,
    finish: Callable[[Done], dict[str, Any]] = document,
) -> Callable[..., Any]:
    """The function behind the API's endpoint and the MCP tool of a kind: its arguments are the knobs of the recipe.

    It yields the document as far as it is done, and at last the whole one; while it waits, `waiting` in it says for
    what. A null leaves a knob to the named model.

    Args:
        summary: the first line of its description.
        finish: makes the whole document; one with files holds them as Gradio's `FileData`, so that clients get them.
    """
    initial = defaults(engine, recipe)
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=initial[name], annotation=_type(f))
        for name, f in recipe.model_fields.items()
    ]
    asker = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=ASKER)
    signature = inspect.Signature([*parameters, asker], return_annotation=dict)

    def generate(*values: Any, **named: Any) -> Iterator[dict[str, Any]]:
        given = signature.bind(*values, **named).arguments
        client = client_of(given.pop(asker.name, None))
        with told(on_page=False):
            so_far = sketch()
            for events in paced(engine.generate(engine.recipe(recipe.kind, given), client)):
                for event in events:
                    so_far.add(event)
                last = events[-1]
                waiting = {"waiting": last.message} if isinstance(last, Progress) and last.message else {}
                yield finish(last) if isinstance(last, Done) else so_far.document() | waiting

    generate.__name__ = generate.__qualname__ = f"generate_{recipe.kind}"
    generate.__signature__ = signature
    generate.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()} | {"return": dict}
    generate.__doc__ = _docstring(recipe, summary)
    return generate


def _type(field: FieldInfo) -> Any:
    """What a program may give for a knob."""
    choices = limits(field).get("choices")
    return Literal[tuple(choices)] if choices else field.annotation


def _docstring(recipe: type[Recipe], summary: str) -> str:
    rows = [f"    {name}: {f.description} {_sentence(allowed(f))}" for name, f in recipe.model_fields.items()]
    returns = "    The result document: recipe (makes the same again), result, stats and environment."
    return "\n".join([summary, "", "Args:", *rows, "", "Returns:", returns])


def _sentence(end: str) -> str:
    return f"{end[0].upper()}{end.removesuffix(' is allowed')[1:]}."


def as_list(choices: Iterable[Any]) -> list[str]:
    """Texts only: what a manifest's details hold is anybody's."""
    return [choice for choice in choices if isinstance(choice, str)] if isinstance(choices, list | tuple) else []
