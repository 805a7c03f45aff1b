"""The result document: a recipe, what came of it, how fast, and where. One JSON object.

`generate --json`, the page's download and `replay` share it. What a result consists of is the modality's business
(`playground.<kind>.results`); this module puts documents together, reads them back and compares them.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ValidationError

from playground import __version__, machine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.links import CHECK_DIGITS, Link, from_record, to_record


class Results(Protocol):
    """What `playground.<kind>.results` offers."""

    Record: type[BaseModel]

    def describe(self, result: Any, done: Done) -> BaseModel: ...

    def identity(self, record: Any) -> Any: ...

    def differences(self, old: Any, new: Any) -> Iterator[tuple[str, bool]]: ...


@dataclass(frozen=True)
class Comparison:
    """How a second result compares with the first.

    Attributes:
        verdict: "close" where the only differences are within the stated tolerance.
        differences: of the results, a sentence each.
        surroundings: what else is not as it was and may be the cause: weights, versions, device.
    """

    verdict: Literal["identical", "close", "different"]
    differences: tuple[str, ...] = ()
    surroundings: tuple[str, ...] = ()


def document(done: Done, surroundings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document of a finished recipe: `{"recipe", "result", "stats", "environment"}`.

    `result` is the one sample, or `{"samples": [...]}` where there are several.

    Args:
        surroundings: where it was made; this process as it is now, if not given.
    """
    describe = _results(done.recipe.kind).describe
    samples = [describe(result, done).model_dump() for result in done.results]
    return {
        "recipe": to_record(done.recipe),
        "result": samples[0] if len(samples) == 1 else {"samples": samples},
        "stats": dict(done.stats),
        "environment": dict(surroundings or environment(dtype=done.dtype)),
    }


def read(text: str) -> tuple[Link, dict[str, Any]]:
    """What a document's JSON asks for, and the document.

    Raises:
        PlaygroundError: it is not a document of the playground, or its recipe is not valid.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlaygroundError("The file is not JSON.") from error
    if not isinstance(content, dict) or not {"recipe", "result"} <= content.keys():
        raise PlaygroundError("The file is not a result of the playground: it has no recipe and result.")
    link = from_record(content["recipe"])
    _records(content)
    return link, content


def check(content: Mapping[str, Any]) -> str:
    """12 hex digits by which a link tells whether the result is the same: of the sha256 of texts and token ids.

    Raises:
        PlaygroundError: the document's result is not valid.
    """
    identity = _results(content["recipe"]["kind"]).identity
    what = json.dumps([identity(record) for record in _records(content)], separators=(",", ":"))
    return hashlib.sha256(what.encode()).hexdigest()[:CHECK_DIGITS]


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """How the result of the document `new` compares with that of `old`.

    Raises:
        PlaygroundError: one of them is not valid.
    """
    then, now = _records(old), _records(new)
    found: list[tuple[str, bool]] = []
    if len(then) != len(now):
        found.append((f"there are {len(now)} samples instead of {len(then)}", False))
    for number, (before, after) in enumerate(zip(then, now, strict=False), 1):
        name = f"sample {number}: " if len(then) > 1 else ""
        found += [(name + text, close) for text, close in _results(old["recipe"]["kind"]).differences(before, after)]
    verdict = "identical" if not found else "close" if all(close for _, close in found) else "different"
    return Comparison(verdict, tuple(text for text, _ in found), tuple(_surroundings(old, new)))


def environment(device: str = "cpu", dtype: str = "float32") -> dict[str, Any]:
    """Versions and machine. Leaves torch alone where nobody has loaded it.

    Args:
        device, dtype: what the model ran on and in.
    """
    versions = machine.versions()
    found = {
        "playground": __version__,
        "python": platform.python_version(),
        **{name: versions.get(name) for name in ("torch", "transformers", "tokenizers")},
        "device": device,
        "dtype": dtype,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": machine.processor(),
    }
    if torch := sys.modules.get("torch"):
        found["threads"] = torch.get_num_threads()
        found["instructions"] = torch.backends.cpu.get_cpu_capability()  # decides how sums are grouped, so rounded
    return found


def _surroundings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = (document["recipe"].get("fingerprint") for document in (old, new))
    if before != after:
        yield f"weights: {before or 'unknown'} then, {after or 'unknown'} now"
    before, after = (document.get("environment") or {} for document in (old, new))
    if not isinstance(before, Mapping):
        return
    for name in after:
        if name in before and before[name] != after[name]:
            yield f"{name}: {before[name]} then, {after[name]} now"


def _results(kind: str) -> Results:
    return importlib.import_module(f"playground.{kind}.results")


def _records(content: Mapping[str, Any]) -> list[Any]:
    result = content["result"]
    samples = result.get("samples", [result]) if isinstance(result, Mapping) else None
    if not isinstance(samples, list):
        raise PlaygroundError("The file is not a result of the playground: its result is not an object.")
    model = _results(content["recipe"]["kind"]).Record
    try:
        return [model.model_validate(sample) for sample in samples]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("result", *first["loc"])))
        raise PlaygroundError(f"The file is not a result of the playground: {place}: {first['msg']}.") from error
