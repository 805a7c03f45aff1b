"""Models: folders with a manifest → loaded models, checked, bounded in memory, one lock each.

Knows where models live and how to tell a whole one from a damaged one; what is inside is the business of the modality
folder that the manifest's `kind` names. Lists models without importing torch.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.errors import PlaygroundError
from playground.recipes import Recipe, show

MANIFEST = "playground.json"
TRAINING, EVALUATION = "training.json", "evaluation.json"  # records about the model; they decide no result
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"  # of a model and its folder
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
CACHE_BYTES = 2 * 1024**3
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
        details: what the modality wants to know before it loads the model (context length, styles, …).
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
        lines = sorted(f"{record.sha256} {name}\n" for name, record in self.files.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Entry:
    """A folder under `checkpoints/`: a usable model, or the reason why it is not one."""

    name: str
    folder: Path
    manifest: Manifest | None = None
    problem: str | None = None


class Modality(Protocol):
    """What `playground.<kind>.generate` offers to the engine. `model` is opaque to everybody else."""

    def load(self, folder: Path, manifest: Manifest) -> Any: ...

    def generate(self, model: Any, recipe: Any) -> Iterator[Any]: ...


@dataclass
class Loaded:
    """A model in memory. Hold `lock` for every step; `users` keeps it from being unloaded."""

    entry: Entry
    manifest: Manifest
    modality: Modality
    model: Any
    bytes: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class Registry:
    """All models of a folder; loads each at its first use and forgets the least recently used beyond `cache_bytes`."""

    def __init__(self, folder: Path | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self.folder = folder or Path(os.environ.get("PLAYGROUND_CHECKPOINTS", CHECKPOINTS))
        self.cache_bytes = cache_bytes
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Every folder with its manifest or its problem, by name; of one kind only where `kind` is given."""
        if not self.folder.is_dir():
            return []
        folders = sorted(p for p in self.folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        found = [read_entry(folder) for folder in folders]
        return [e for e in found if kind is None or (e.manifest is not None and e.manifest.kind == kind)]

    def names(self, kind: str) -> list[str]:
        """Names of the usable models of a kind."""
        return [entry.name for entry in self.entries(kind) if entry.problem is None]

    def manifest(self, name: str, kind: str) -> Manifest:
        """The manifest of a usable model, without loading it.

        Raises:
            PlaygroundError: no such model, of another kind, or damaged; says which there are.
        """
        entry = next((e for e in self.entries() if e.name == name), None)
        if entry is None:
            known = ", ".join(self.names(kind)) or "none"
            raise PlaygroundError(f"There is no model {show(name)}; for {kind} there is: {known}.")
        if entry.problem or entry.manifest is None:
            raise PlaygroundError(f"The model {name} can't be used: {entry.problem}")
        if entry.manifest.kind != kind:
            raise PlaygroundError(f"The model {name} makes {entry.manifest.kind}, not {kind}.")
        return entry.manifest

    @contextmanager
    def use(self, name: str, kind: str) -> Iterator[Loaded]:
        """The model, loaded and kept in memory at least until the end of the `with` block.

        Raises:
            PlaygroundError: as `manifest`, or a file's content is not what the manifest says.
        """
        manifest = self.manifest(name, kind)
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            with self._lock:
                loaded = self._loaded.get(name)
                if loaded is not None and not loaded.users and loaded.manifest.fingerprint != manifest.fingerprint:
                    del self._loaded[name]  # the folder holds a newer checkpoint by now
                    loaded = None
                if loaded is not None:
                    loaded.users += 1
            if loaded is None:
                loaded = self._load(Entry(name, self.folder / name, manifest), manifest)
                loaded.users = 1
                with self._lock:
                    self._loaded[name] = loaded
        try:
            with self._lock:
                self._loaded.move_to_end(name)
            self._evict()
            yield loaded
        finally:
            with self._lock:
                loaded.users -= 1
            self._evict()

    def is_loaded(self, name: str) -> bool:
        return name in self._loaded

    def unload(self, name: str) -> bool:
        """Forget a model that nobody is using; False where there is none such."""
        with self._lock:
            loaded = self._loaded.get(name)
            if loaded is None or loaded.users:
                return False
            del self._loaded[name]
            return True

    def _load(self, entry: Entry, manifest: Manifest) -> Loaded:
        for file, record in manifest.files.items():
            if sha256(entry.folder / file) != record.sha256:
                raise PlaygroundError(
                    f"The model {entry.name} can't be used: {file} is damaged (its checksum is not the manifest's)."
                )
        modality = importlib.import_module(f"playground.{manifest.kind}.generate")
        model = modality.load(entry.folder, manifest)
        size = sum(record.bytes for record in manifest.files.values())
        return Loaded(entry, manifest, modality, model, size)

    def _evict(self) -> None:
        with self._lock:
            total = sum(loaded.bytes for loaded in self._loaded.values())
            for name, loaded in list(self._loaded.items())[:-1]:
                if total > self.cache_bytes and not loaded.users:
                    del self._loaded[name]
                    total -= loaded.bytes


def read_entry(folder: Path) -> Entry:
    """What a checkpoint folder is, as far as can be told without reading its weights."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Entry(folder.name, folder, problem=f"it has no {MANIFEST}.")
    except OSError as error:
        return Entry(folder.name, folder, problem=f"its {MANIFEST} can't be read: {error.strerror}.")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        return Entry(folder.name, folder, problem=f"its {MANIFEST} is not valid: {place}: {first['msg']}.")
    return Entry(folder.name, folder, manifest, _problem(folder, manifest))


def _problem(folder: Path, manifest: Manifest) -> str | None:
    if manifest.name != folder.name:
        return f"its manifest is of {manifest.name}."
    if manifest.kind not in Recipe.kinds:
        return f"it is of an unknown kind, {show(manifest.kind)}."
    for name, record in manifest.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            return f"its manifest names a file outside of the folder, {show(name)}."
        if not path.is_file():
            return f"{name} is missing."
        if path.stat().st_size != record.bytes:
            return f"{name} has {path.stat().st_size:,} bytes instead of {record.bytes:,}."
    return None


def write_manifest(
    folder: Path,
    kind: str,
    *,
    summary: str,
    licence: str,
    parameters: int,
    details: dict[str, Any],
    files: Callable[[Path], bool] = lambda path: path.suffix in {".safetensors", ".json"},
) -> Manifest:
    """Write `playground.json` beside the finished files of a checkpoint folder, atomically.

    Args:
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
    )
    part = folder / f"{MANIFEST}.part"
    part.write_text(json.dumps(manifest.model_dump(), indent=1) + "\n")
    part.replace(folder / MANIFEST)
    return manifest


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
