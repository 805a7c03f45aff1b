"""What a checkpoint folder says of itself: its manifest, and whether the folder is whole.

Reads and writes `playground.json`; never opens the weights for anything but their checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground import machine
from playground.errors import PlaygroundError
from playground.recipes import Recipe, show

MANIFEST = "playground.json"
TRAINING, EVALUATION = "training.json", "evaluation.json"  # records about the model; they decide no result
FULL_BYTES = 10**9  # models that take no more than this in float32 are computed in it everywhere
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"  # of a model and its folder
FINGERPRINT_DIGITS = 12
_CHUNK = 1 << 20


class FileRecord(BaseModel):
    """What a file of a checkpoint must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """`playground.json` of a checkpoint folder. Written by training, read by everybody.

    Attributes:
        kind: the modality folder whose code loads it, and the kind of recipe that it takes.
        files: every file that decides results, by name within the folder.
        defaults: of knobs, where the model's own differ from the recipe's.
        details: what the modality wants to know before it loads the model (context length, styles, chat, …).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=NAME)
    kind: str
    summary: str = ""
    licence: str = ""
    parameters: int = Field(0, ge=0)
    files: dict[str, FileRecord] = Field(min_length=1)
    defaults: dict[str, Any] = {}
    details: dict[str, Any] = {}

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits that change whenever a file that decides results does."""
        return digest(f"{record.sha256} {name}\n" for name, record in self.files.items())

    @property
    def dtype(self) -> str:
        """What the model is computed in here: "float32", or of a large one "bfloat16".

        Float32 all the same where the processor would take a hundred times as long over bfloat16 and has the memory.
        """
        full = 4 * self.parameters
        if full <= FULL_BYTES:
            return "float32"
        return "bfloat16" if machine.has_bf16() or full > machine.memory() / 2 else "float32"

    @property
    def size(self) -> int:
        """Bytes of all files that decide results."""
        return sum(record.bytes for record in self.files.values())


@dataclass(frozen=True)
class Entry:
    """A model that is listed: usable, or with the reason why it is not.

    Attributes:
        folder: where its files lie, or will lie.
        downloads: bytes that its first use fetches; 0 where all is here.
    """

    name: str
    folder: Path
    manifest: Manifest | None = None
    problem: str | None = None
    downloads: int = 0


def read_entry(folder: Path) -> Entry:
    """What a checkpoint folder is, as far as can be told without reading its weights."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Entry(folder.name, folder, problem=f"it has no {MANIFEST}.")
    except OSError as error:
        return Entry(folder.name, folder, problem=f"its {MANIFEST} can't be read: {error.strerror}.")
    except ValidationError as error:
        return Entry(folder.name, folder, problem=f"its {MANIFEST} is not valid: {first_fault(error)}")
    return Entry(folder.name, folder, manifest, _problem(folder, manifest))


def _problem(folder: Path, manifest: Manifest) -> str | None:
    if manifest.name != folder.name:
        return f"its manifest is of {manifest.name}."
    if manifest.kind not in Recipe.kinds:
        return f"it is of an unknown kind, {show(manifest.kind)}."
    if fault := fault_in_defaults(manifest.kind, manifest.defaults):
        return fault
    real = folder.resolve()
    for name, record in manifest.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(real):
            return f"its manifest names a file outside of the folder, {show(name)}."
        if not path.is_file():
            return f"{name} is missing."
        if path.stat().st_size != record.bytes:
            return f"{name} has {path.stat().st_size:,} bytes instead of {record.bytes:,}."
    return None


def fault_in_defaults(kind: str, defaults: dict[str, Any]) -> str | None:
    """Why the recipes of a kind can't take a model's defaults, if they can't."""
    try:
        Recipe.kinds[kind].make({}, defaults)
    except PlaygroundError as error:
        return f"its defaults can't be used: {error}"
    return None


def write_manifest(
    folder: Path,
    kind: str,
    *,
    summary: str,
    licence: str,
    parameters: int,
    details: dict[str, Any],
    defaults: dict[str, Any] | None = None,
    files: Callable[[Path], bool] = lambda path: path.suffix in {".safetensors", ".json"},
) -> Manifest:
    """Write `playground.json` beside the finished files of a checkpoint folder, atomically.

    Args:
        defaults: of the recipe's knobs, where the model has its own.
        files: tells which of the folder's files decide results; what is written about the model never does.
    """
    about = {MANIFEST, TRAINING, EVALUATION}
    chosen = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in about and files(p))
    manifest = Manifest(
        name=folder.name,
        kind=kind,
        summary=summary,
        licence=licence,
        parameters=parameters,
        files={p.relative_to(folder).as_posix(): FileRecord(sha256=sha256(p), bytes=p.stat().st_size) for p in chosen},
        details=details,
        defaults=defaults or {},
    )
    part = folder / f"{MANIFEST}.part"
    part.write_text(json.dumps(manifest.model_dump(), indent=1) + "\n")
    part.replace(folder / MANIFEST)
    return manifest


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest()


def digest(lines: Iterable[str]) -> str:
    """A fingerprint of lines of text, whatever their order."""
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:FINGERPRINT_DIGITS]


def first_fault(error: ValidationError) -> str:
    """What pydantic found first, as the end of a sentence."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"{place}: {first['msg']}."
