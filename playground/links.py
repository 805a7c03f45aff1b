"""Recipe ⇄ share link ⇄ metadata in a saved file.

One form for all three: the knobs by name, with the kind of recipe and the version of the form. They carry values only;
what they leave out is filled in by whoever opens them (recipe default < the model's manifest < link). Knows no models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from playground.errors import PlaygroundError
from playground.recipes import Recipe, limits, plain, show

VERSION = 1  # raise it when a default changes, so that an old link can still be told from a new one
KEY = "playground"  # under which a file keeps its recipe
LOCAL = "http://127.0.0.1:7860/"
MAX_QUERY = 32 * 1024
CHECK_DIGITS = 12
_OURS = ("tab", "v", "run", "check")


@dataclass(frozen=True)
class Link:
    """What a link or a file asks for.

    Attributes:
        kind: of recipe; "" where the query of a page holds no recipe at all.
        values: by knob, as far as given; checked one by one, not yet completed by defaults.
        run: whether to generate at once.
        check: first digits of the result's checksum (see `documents.check`), or "".
    """

    kind: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    run: bool = False
    check: str = ""

    @property
    def is_one(self) -> bool:
        """Whether it asks for one result: a seed that it leaves out is the default then, as every other knob is."""
        return bool(self.values or self.check)


def to_query(recipe: Recipe, defaults: Mapping[str, Any] | None = None, check: str = "", *, run: bool = False) -> str:
    """The recipe as a URL query: what differs from its defaults, in the order of its declaration.

    Args:
        defaults: of the model's manifest.
        check: of the result, so that whoever opens the link can tell whether theirs is the same.
        run: ask to generate as soon as the link is opened.

    Raises:
        PlaygroundError: the query would be longer than `from_query` takes.
    """
    pairs: dict[str, Any] = {"tab": recipe.kind, "v": VERSION}
    for name, value in recipe.differences(defaults).items():
        pairs[name] = plain(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    pairs |= {"run": 1} if run else {}
    pairs |= {"check": check[:CHECK_DIGITS]} if check else {}
    query = urlencode(pairs, quote_via=quote, safe="")
    if len(query) > MAX_QUERY:
        longest = max(pairs, key=lambda name: len(str(pairs[name])))
        field = type(recipe).model_fields[longest]
        remedy = "leave out" if limits(field).get("max_length", 0) > MAX_QUERY else "shorten"
        raise PlaygroundError(
            f"The link would have {len(query):,} characters, more than the {MAX_QUERY:,} that travel safely: "
            f"{remedy} the {field.title}, or share the {'file' if remedy == 'leave out' else 'JSON file'} instead."
        )
    return query


def from_query(query: str | Mapping[str, str]) -> Link:
    """What a URL query asks for. A text is checked for knobs that stand in it twice; a mapping can't have them.

    Raises:
        PlaygroundError: one sentence: too long, a knob given twice, an unknown tab, version or knob, or a bad value.
    """
    given: dict[str, str] = {}
    for name, value in _pairs(query):
        if name in given:
            raise PlaygroundError(f"The link gives {show(name)} twice.")
        if not name.startswith("__"):  # the page's own, like __theme=dark
            given[name] = value
    if not given:
        return Link()
    ours = {name: given.pop(name) for name in _OURS if name in given}
    if "tab" not in ours:
        raise PlaygroundError(f"The link names no tab; add tab={' or tab='.join(Recipe.kinds)}.")
    run, check = ours.get("run", "0"), ours.get("check", "")
    if run not in {"0", "1"}:
        raise PlaygroundError(f"run is {show(run)}; 0 or 1 is allowed.")
    if check and (len(check) != CHECK_DIGITS or set(check) - set("0123456789abcdef")):
        raise PlaygroundError(f"check is {show(check)}; {CHECK_DIGITS} digits of 0-9 and a-f are allowed.")
    kind, values = _checked("link", ours["tab"], ours.get("v", str(VERSION)), given)
    return Link(kind, values, run == "1", check)


def to_link(
    recipe: Recipe, base: str, defaults: Mapping[str, Any] | None = None, check: str = "", *, run: bool = False
) -> str:
    """A whole link; `base` as `base_url` gives it, the rest as `to_query` takes it."""
    return f"{base}?{to_query(recipe, defaults, check, run=run)}"


def from_link(link: str) -> Link:
    """`from_query` of a whole link; its host is not looked at."""
    return from_query(link.partition("?")[2].partition("#")[0])


def base_url(request_url: str | None = None) -> str:
    """Where a link should lead: the Space, where this runs on one; else the page of the request; else this machine.

    On Spaces the address bar belongs to an outer page, so that the request does not tell. The Space's own host comes
    before the outer page, which hands a query on only while it is short.
    """
    if host := os.environ.get("SPACE_HOST"):
        return f"https://{host}/"
    if space := os.environ.get("SPACE_ID"):
        return f"https://huggingface.co/spaces/{space}"
    try:
        parts = urlsplit(request_url or "")
    except ValueError:
        return LOCAL
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return LOCAL
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", "", ""))


def to_record(recipe: Recipe) -> dict[str, Any]:
    """The whole recipe as a JSON object, with every knob, so that no later default can change what it means."""
    return {"v": VERSION, "kind": recipe.kind, **recipe.model_dump()}


def from_record(record: Any) -> Link:
    """What a record asks for.

    Raises:
        PlaygroundError: it is not a record, or names an unknown kind, version or knob, or holds a bad value.
    """
    if not isinstance(record, Mapping):
        raise PlaygroundError(f"A recipe is a JSON object, not {show(record)}.")
    values = dict(record)
    kind, values = _checked("recipe", values.pop("kind", None), values.pop("v", VERSION), values)
    return Link(kind, values)


def to_metadata(recipe: Recipe) -> dict[str, Any]:
    """What a saved file carries beside its content: the record under one key."""
    return {KEY: to_record(recipe)}


def from_metadata(metadata: str | Mapping[str, Any]) -> Link:
    """What the metadata of a file (an object or its JSON) asks for.

    Raises:
        PlaygroundError: there is no recipe in it, or see `from_record`.
    """
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except (ValueError, RecursionError) as error:
            raise PlaygroundError("The file's metadata is not JSON.") from error
    if not isinstance(metadata, Mapping) or KEY not in metadata:
        raise PlaygroundError("The file holds no recipe of the playground.")
    return from_record(metadata[KEY])


def _pairs(query: str | Mapping[str, str]) -> Iterable[tuple[str, str]]:
    size = len(query) if isinstance(query, str) else sum(len(name) + len(value) for name, value in query.items())
    if size > MAX_QUERY:
        raise PlaygroundError(f"The link has {size:,} characters; at most {MAX_QUERY:,} are allowed.")
    if isinstance(query, str):
        return parse_qsl(query.removeprefix("?"), keep_blank_values=True, errors="replace")
    return query.items()


def _checked(what: str, kind: Any, version: Any, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and values, the latter as their knobs hold them (numbers as numbers)."""
    if not isinstance(kind, str) or kind not in Recipe.kinds:
        raise PlaygroundError(f"The {what} is for {show(kind)}; there is: {', '.join(Recipe.kinds)}.")
    if str(version) != str(VERSION):
        raise PlaygroundError(f"The {what} is of version {show(version)}; this playground opens version {VERSION}.")
    recipe = Recipe.kinds[kind].make(values)
    return kind, {name: getattr(recipe, name) for name, value in values.items() if value is not None}
