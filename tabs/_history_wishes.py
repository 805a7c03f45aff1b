"""What the history tab asks the server: a browser's key and a wish → data for `_history_stage.js`. No layout.

Whatever comes from a page is anybody's: each wish is checked, and each answer is bound to the key that came with it.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from playground.documents import check
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.history import History, Kept
from playground.history_entries import Entry
from playground.links import from_record, to_query
from playground.recipes import Recipe, limits
from tabs._controls import manifest_defaults
from tabs._files import as_url
from tabs._latent_wishes import ODD, Answer, told

PAGE = 24  # entries
LONGEST = 300  # characters of a setting that are shown
SHOWN_FILES = 16
ARCHIVE = "playground-history.zip"
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
}
OTHER = "application/octet-stream"
NO_SPACE = "The zip can't be made: there is no room for it on the server's disk."


def answers(history: History, engine: Engine, made: set[str]) -> dict[str, Answer]:
    """The functions by which the tab asks, by name; each answers `{"problem": a sentence}` where it can't.

    Args:
        made: takes the paths of files that are made for downloads, which Gradio removes in time.
    """

    def find(asked: Any) -> dict[str, Any]:
        """A page of what matches, and how much there is in all."""
        owner, page = _text(asked, "owner"), asked.get("page")
        if type(page) is not int or not 0 <= page < 10**6:
            raise PlaygroundError(ODD)
        wanted = _filter(asked)
        found = history.search(owner, **wanted, offset=page * PAGE, limit=PAGE)
        if page and not found.entries:  # the last of them was deleted
            page = max(0, (found.total - 1) // PAGE)
            found = history.search(owner, **wanted, offset=page * PAGE, limit=PAGE)
        usage = history.usage(owner)
        return {
            "entries": [shown(entry) for entry in found.entries],
            "total": found.total,
            "page": page,
            "pages": -(-found.total // PAGE),
            "usage": told_usage(usage.entries, usage.max_entries, usage.bytes, usage.max_bytes, usage.starred),
            "kept": usage.entries,
            "notices": list(history.notices),
        }

    def look(asked: Any) -> dict[str, Any]:
        """A whole entry: its results, its settings, and the way back into its tab."""
        return whole(asked, _text(asked, "id"))

    def compare(asked: Any) -> dict[str, Any]:
        """Two entries, and the settings in which they differ."""
        first, second = (history.get(_text(asked, "owner"), _text(asked, side)) for side in ("first", "second"))
        sides = [whole(asked, kept.entry.id) for kept in (first, second)]
        return {"sides": sides, "differences": differences(first.document["recipe"], second.document["recipe"])}

    def star(asked: Any) -> dict[str, Any]:
        """Star an entry, or no longer."""
        history.star(_text(asked, "owner"), _text(asked, "id"), asked.get("starred") is True)
        return {}

    def remove(asked: Any) -> dict[str, Any]:
        """Delete an entry."""
        history.delete(_text(asked, "owner"), _text(asked, "id"))
        return {}

    def clear(asked: Any) -> dict[str, Any]:
        """Delete all entries."""
        return {"deleted": history.clear(_text(asked, "owner"))}

    def pack(asked: Any) -> dict[str, Any]:
        """What matches as a zip, by the path at which Gradio serves it for an hour."""
        pieces = history.export(_text(asked, "owner"), **_filter(asked))
        path = Path(get_upload_folder()) / secrets.token_hex(32) / ARCHIVE
        made.add(str(path))
        try:
            path.parent.mkdir(parents=True)
            with path.open("wb") as file:
                file.writelines(pieces)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise PlaygroundError(NO_SPACE) from error
        return {"path": str(path), "name": ARCHIVE}

    def whole(asked: Any, id: str) -> dict[str, Any]:
        owner = _text(asked, "owner")
        kept = history.get(owner, id)
        files, broken = [], ""
        for position in range(min(len(kept.entry.files), SHOWN_FILES)):
            try:
                file = history.file(owner, id, position)
            except PlaygroundError as error:
                broken = str(error)
                continue
            kind = MEDIA_TYPES.get(Path(file.name).suffix, OTHER)
            files.append({"name": file.name, "type": kind, "content": as_url(file.data, kind)})
        return shown(kept.entry) | {
            "texts": list(texts_of(kept.document)),
            "files": files,
            "broken": broken,
            "settings": settings_of(kept.document["recipe"]),
            **way_back(engine, kept),
        }

    functions = (find, look, compare, star, remove, clear, pack)
    return {function.__name__: told(function) for function in functions}


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as the list shows it."""
    small = f"data:image/webp;base64,{base64.b64encode(entry.thumbnail).decode()}" if entry.thumbnail else ""
    return {
        "id": entry.id,
        "kind": entry.kind,
        "made": entry.made,
        "starred": entry.starred,
        "title": entry.title,
        "excerpt": entry.excerpt,
        "thumbnail": small,
    }


def told_usage(entries: int, most: int, size: int, largest: int, starred: int) -> str:
    """How much a browser keeps, in words."""
    if not most:
        return ""
    count = f"{entries} of at most {most:,} result{'s' * (most != 1)}"
    return f"{count} · {size / 2**20:.1f} of {largest / 2**20:,.0f} MB · {starred} starred, which never make room"


def texts_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Each sample's text with the prompt that it goes on from; none of what is no text."""
    result = document["result"]
    prompt = document["recipe"].get("prompt", "")
    for sample in result.get("samples", [result]):
        if isinstance(sample.get("text"), str):
            yield f"{prompt}{sample['text']}"


def settings_of(record: Mapping[str, Any]) -> list[list[str]]:
    """[label, value] of each knob that is not at its default, and of the model and the seed."""
    fields = Recipe.kinds[record["kind"]].model_fields if record["kind"] in Recipe.kinds else {}
    return [
        [_label(record["kind"], name), _value(record["kind"], name, value)]
        for name, value in _knobs(record)
        if name in ("model", "seed") or name not in fields or value != fields[name].default
    ]


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[list[str]]:
    """[label, value of the first, value of the second] of each knob in which two recipes differ."""
    one, other = dict(_knobs(first)), dict(_knobs(second))
    rows = [["Tab", first["kind"].capitalize(), second["kind"].capitalize()]] if first["kind"] != second["kind"] else []
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name) or (name in one) != (name in other):
            kind = first["kind"] if name in one else second["kind"]
            sides = [
                _value(record["kind"], name, knobs[name]) if name in knobs else "—"
                for record, knobs in ((first, one), (second, other))
            ]
            rows.append([_label(kind, name), *sides])
    return rows


def way_back(engine: Engine, kept: Kept) -> dict[str, str]:
    """The query that opens the recipe in its tab, or why there is none."""
    try:
        link = from_record(kept.document["recipe"])
        recipe = Recipe.kinds[link.kind].make(link.values)
        stopped = not kept.document["stats"]  # what came of it is not what the recipe makes
        checksum = "" if stopped else check(kept.document)
        return {"query": to_query(recipe, manifest_defaults(engine, recipe.model, link.kind), checksum), "no_query": ""}
    except PlaygroundError as error:
        return {"query": "", "no_query": f"No link can open this. {error}"}


def _knobs(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if name not in ("v", "kind", "fingerprint"):
            yield name, value


def _label(kind: str, name: str) -> str:
    fields = Recipe.kinds[kind].model_fields if kind in Recipe.kinds else {}
    title = (fields[name].title if name in fields else "") or name
    return f"{title[0].upper()}{title[1:]}"


def _value(kind: str, name: str, value: Any) -> str:
    """A setting in words, cut where it is long."""
    fields = Recipe.kinds[kind].model_fields if kind in Recipe.kinds else {}
    choices = limits(fields[name]).get("choices", {}) if name in fields else {}
    text = str(choices.get(value, value)) if isinstance(value, str) else str(value)
    if not text:
        return "(empty)"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _filter(asked: Any) -> dict[str, Any]:
    return {"text": _text(asked, "text"), "kind": _text(asked, "kind"), "starred": asked.get("starred") is True}


def _text(asked: Any, name: str) -> str:
    value = asked.get(name) if isinstance(asked, dict) else None
    if not isinstance(value, str):
        raise PlaygroundError(ODD)
    return value
