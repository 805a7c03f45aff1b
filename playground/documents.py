"""The result document: a recipe, what came of it, how fast, and where. One JSON object.

`generate --json`, the page's download and `replay` share it. What a result consists of, and what it looks like as a
file, is the modality's business (`playground.<kind>.results`); this module puts documents together, saves results,
reads both back and compares them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ValidationError

from playground import __version__, machine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.links import CHECK_DIGITS, Link, from_record, to_record
from playground.modalities import part_of
from playground.recipes import Recipe


class Results(Protocol):
    """What `playground.<kind>.results` offers. `PACKAGES` are those whose versions decide results."""

    Record: type[BaseModel]
    PACKAGES: tuple[str, ...]

    def describe(self, result: Any, done: Done) -> BaseModel: ...

    def identity(self, record: Any) -> Any: ...

    def differences(self, old: Any, new: Any) -> Iterator[tuple[str, bool]]: ...


class Files(Results, Protocol):
    """What it offers besides where results are files: bytes that carry their recipe, and the way back.

    `suffix` of `to_file` is of the file's name, like ".gif"; the `USUAL` one where nobody names any. `from_file` gives
    None where the bytes are not of its kind; its document may hold what JSON can't, as `complete` adds to a record
    whose file still lies in the folder.
    """

    USUAL: str

    def to_file(self, result: Any, done: Done, surroundings: Mapping[str, Any], suffix: str) -> bytes: ...

    def from_file(self, data: bytes) -> dict[str, Any] | None: ...

    def complete(self, record: Any, folder: Path) -> Any: ...


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


def document(
    done: Done, surroundings: Mapping[str, Any] | None = None, paths: Sequence[Path | str] = ()
) -> dict[str, Any]:
    """The document of a finished recipe: `{"recipe", "result", "stats", "environment"}`.

    `result` is the one sample, or `{"samples": [...]}` where there are several.

    Args:
        surroundings: where it was made; this process as it is now, if not given.
        paths: of the files that the samples were saved to, as far as they were; each becomes the `path` of its sample.
    """
    samples = [record.model_dump() for record in _records(done)]
    for sample, path in zip(samples, paths, strict=False):
        sample["path"] = str(path)
    return {
        "recipe": to_record(done.recipe),
        "result": samples[0] if len(samples) == 1 else {"samples": samples},
        "stats": dict(done.stats),
        "environment": dict(surroundings or _environment(done)),
    }


def to_file(result: Any, done: Done, surroundings: Mapping[str, Any] | None = None, suffix: str = "") -> bytes:
    """One of the results of `done` as a file that carries the recipe which makes it alone. Only for kinds with files.

    Args:
        surroundings: as in `document`.
        suffix: which kind of file, where there are several, like ".gif"; "" is the kind's `USUAL` one.
    """
    results = _results(done.recipe.kind)
    return results.to_file(result, done, surroundings or _environment(done), suffix or results.USUAL)


def save(result: Any, done: Done, path: Path, surroundings: Mapping[str, Any] | None = None) -> Path:
    """Write `to_file` to `path`, whose ending says of which kind, all at once and in place of what is there.

    Returns:
        `path`.

    Raises:
        OSError: it can't be written.
    """
    target = path.resolve()  # what a link leads to is replaced, not the link
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(to_file(result, done, surroundings, path.suffix.lower()))
    part.replace(target)
    return path


def free(path: Path) -> Path:
    """`path`, or with the first number that no file has yet."""
    names = (path if n == 1 else path.with_stem(f"{path.stem}-{n}") for n in count(1))
    return next(name for name in names if not name.exists())


def beside(name: str, folder: Path) -> Iterator[Path]:
    """The files of a document's folder that its result may mean by `name`; none outside of it, whatever the name is."""
    for path in (folder / name, folder / Path(name).name):
        with contextlib.suppress(OSError, ValueError):
            if name and path.resolve().is_relative_to(folder.resolve()) and path.is_file():
                yield path


def read(data: str | bytes, folder: Path | None = None) -> tuple[Link, dict[str, Any]]:
    """What a saved result asks for, and its document.

    Args:
        data: the JSON of a document, or the content of a file, which may also be a result that carries its recipe.
        folder: where that lies: what the document's result names is looked for there, and nowhere else.

    Raises:
        PlaygroundError: it is not a result of the playground, or its recipe is not valid.
    """
    content = _from_file(data) if isinstance(data, bytes) else None
    if content is None:
        content = _from_json(data)
    link = from_record(content["recipe"])
    records, results = _records(content), _results(link.kind)
    if folder is not None and hasattr(results, "complete"):
        content = {**content, "result": {"samples": [results.complete(record, folder) for record in records]}}
    return link, content


def check(content: Mapping[str, Any]) -> str:
    """12 hex digits by which a link tells whether the result is the same: of the sha256 of what `identity` names.

    Raises:
        PlaygroundError: the document's result is not valid.
    """
    identity = _results(content["recipe"]["kind"]).identity
    what = json.dumps([identity(record) for record in _records(content)], separators=(",", ":"))
    return hashlib.sha256(what.encode()).hexdigest()[:CHECK_DIGITS]


def compare(old: Mapping[str, Any], new: Mapping[str, Any] | Done) -> Comparison:
    """How the result of the document `new` compares with that of `old`.

    Args:
        new: what was just made; as `Done` it is compared with all that JSON leaves out.

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
    made = document(new) if isinstance(new, Done) else new
    return Comparison(verdict, tuple(text for text, _ in found), tuple(_surroundings(old, made)))


def environment(
    device: str = "cpu", dtype: str = "float32", packages: Sequence[str] = ("torch", "transformers", "tokenizers")
) -> dict[str, Any]:
    """Versions and machine. Leaves torch alone where nobody has loaded it.

    Args:
        device, dtype: what the model ran on and in.
        packages: whose versions matter.
    """
    versions = machine.versions(packages)
    found = {
        "playground": __version__,
        "python": platform.python_version(),
        **{name: versions.get(name) for name in packages},
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


def _environment(done: Done) -> dict[str, Any]:
    return environment(dtype=done.dtype, packages=_results(done.recipe.kind).PACKAGES)


def _results(kind: str) -> Any:
    """`Results`, or `Files`."""
    return part_of(kind, "results")


def _from_file(data: bytes) -> dict[str, Any] | None:
    """The document of a file that carries its recipe; None where it is not one."""
    for kind in Recipe.kinds:
        from_file = getattr(_results(kind), "from_file", None)
        if from_file and (content := from_file(data)) is not None:
            return content
    return None


def _from_json(data: str | bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        what = "neither JSON nor a picture that was made here" if isinstance(data, bytes) else "not JSON"
        raise PlaygroundError(f"The file is {what}.") from error
    if not isinstance(content, dict) or not {"recipe", "result"} <= content.keys():
        raise PlaygroundError("The file is not a result of the playground: it has no recipe and result.")
    return content


def _records(content: Mapping[str, Any] | Done) -> list[Any]:
    if isinstance(content, Done):
        describe = _results(content.recipe.kind).describe
        return [describe(result, content) for result in content.results]
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
