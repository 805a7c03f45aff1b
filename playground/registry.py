"""Models: folders with a manifest, and the allowed ones of the Hub → loaded models, checked, bounded in memory.

Knows where models live and how to tell a whole one from a damaged one; what is inside is the business of the modality
folder that the manifest's `kind` names. Lists models without importing torch or `huggingface_hub`.
"""

from __future__ import annotations

import contextvars
import importlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from playground import hub
from playground.errors import PlaygroundError
from playground.events import Progress
from playground.manifests import (
    EVALUATION,
    MANIFEST,
    NAME,
    TRAINING,
    Entry,
    FileRecord,
    Manifest,
    read_entry,
    sha256,
    write_manifest,
)
from playground.modalities import part_of
from playground.recipes import Recipe, show
from playground.turns import Turns

if TYPE_CHECKING:
    from playground.downloads import Downloads

T = TypeVar("T")

__all__ = [  # what there is to know of models, in one place
    "EVALUATION",
    "MANIFEST",
    "NAME",
    "TRAINING",
    "Entry",
    "FileRecord",
    "Lend",
    "Loaded",
    "Manifest",
    "Modality",
    "Registry",
    "read_entry",
    "sha256",
    "write_manifest",
]

Lend = Callable[[str, str], AbstractContextManager[Any]]  # name and kind → the loaded model, as `Engine.model` does
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
CACHE_BYTES = 2 * 1024**3
_BUILDING = threading.Lock()  # `transformers` builds a model under switches of the whole process


class Modality(Protocol):
    """What `playground.<kind>.generate` offers to the engine. `model` is opaque to everybody else.

    Where a loaded model takes other space than its files do, its attribute `memory` says how many bytes; where several
    runs may be at a step at once, `seats` says how many.
    """

    def load(self, folder: Path, manifest: Manifest) -> Any: ...

    def generate(self, model: Any, recipe: Any) -> Iterator[Any]: ...


@dataclass
class Loaded:
    """A model in memory. Hold `lock` for every step; `users` keeps it from being unloaded.

    `step` computes: torch keeps threads and memory for every thread that asked it anything, so only a few do.
    """

    entry: Entry
    manifest: Manifest
    modality: Modality
    model: Any
    bytes: int
    users: int = 0
    lock: Turns = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        seats = getattr(self.model, "seats", 1)
        self.lock, self._threads = Turns(seats=seats), ThreadPoolExecutor(seats, "model")

    def step(self, events: Iterator[T]) -> T | None:
        """The next of a run's events, or None at the end, made in a thread of the model's own."""
        made = self._threads.submit(contextvars.copy_context().run, next, events, None)
        try:
            return made.result()
        finally:
            wait([made])  # who is interrupted closes the run next, which must not be in the middle of a step


class Registry:
    """All models of a folder; loads each at its first use and forgets the least recently used beyond `cache_bytes`."""

    def __init__(self, folder: Path | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self.folder = folder or Path(os.environ.get("PLAYGROUND_CHECKPOINTS", CHECKPOINTS))
        self.cache_bytes = cache_bytes
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._downloads: Downloads | None = None

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Every folder and then every allowed Hub model, with manifest or problem, by name; of one kind where given."""
        found = []
        if self.folder.is_dir():
            found = [read_entry(folder) for folder in self._folders()]
            local = {entry.name for entry in found}
            found += [entry for entry in hub.entries(self.folder) if entry.name not in local]
        return [e for e in found if kind is None or (e.manifest is not None and e.manifest.kind == kind)]

    def names(self, kind: str) -> list[str]:
        """Names of the usable models of a kind."""
        return [entry.name for entry in self.entries(kind) if entry.problem is None]

    def entry(self, name: str, kind: str) -> Entry:
        """A usable model that recipes of a kind can name, without loading it. The last part of a Hub id will do.

        Raises:
            PlaygroundError: no such model, of another kind, or damaged; says which there are.
        """
        entry = self._here(name) or self._listed(name)
        if entry is None:
            known = ", ".join(self.names(kind)) or "none"
            raise PlaygroundError(f"There is no model {show(name)}; for {kind} there is: {known}.")
        if entry.problem or entry.manifest is None:
            raise PlaygroundError(f"The model {entry.name} can't be used: {entry.problem}")
        recipe = Recipe.kinds.get(kind)
        if entry.manifest.kind not in (kind, *(recipe.drawn_by if recipe else ())):
            raise _of_another_kind(entry, kind)
        return entry

    def _folders(self) -> list[Path]:
        """All that may be models, by name."""
        there = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path for path in there if path.is_dir() and not path.name.startswith("."))

    def _here(self, name: str) -> Entry | None:
        """Of a folder of this name, without a look at the others."""
        return next((read_entry(folder) for folder in self._folders() if folder.name == name), None)

    def _listed(self, name: str) -> Entry | None:
        """Of a Hub id or its last part, where that tells which."""
        entries = self.entries()
        short = [entry for entry in entries if entry.name.rpartition("/")[2] == name]
        return next((e for e in entries if e.name == name), short[0] if len(short) == 1 else None)

    def manifest(self, name: str, kind: str) -> Manifest:
        """The manifest of a usable model, without loading it.

        Raises:
            PlaygroundError: as `entry`.
        """
        return self.entry(name, kind).manifest

    def fetch(self, name: str, kind: str) -> Iterator[Progress]:
        """Bring a Hub model's files here, if they are not, and yield how far that is. Closing this leaves it.

        Raises:
            PlaygroundError: as `entry`, or it can't be fetched.
        """
        entry = self.entry(name, kind)
        if entry.downloads:
            yield Progress(f"Asking the Hub for {entry.name} …")
            yield from self._all_downloads().follow(entry.manifest.hub)

    def _all_downloads(self) -> Downloads:
        with self._lock:
            if self._downloads is None:  # only who fetches something needs to import `huggingface_hub`
                self._downloads = importlib.import_module("playground.downloads").Downloads()
            return self._downloads

    @contextmanager
    def use(self, name: str, kind: str) -> Iterator[Loaded]:
        """The model, loaded and kept in memory at least until the end of the `with` block.

        Raises:
            PlaygroundError: as `fetch`, or it is of another kind, or a file's content is not what the manifest says.
        """
        entry = self.entry(name, kind)
        if entry.manifest.kind != kind:
            raise _of_another_kind(entry, kind)
        if entry.downloads:
            for _ in self.fetch(name, kind):
                pass
            entry = self.entry(name, kind)
        name, manifest = entry.name, entry.manifest
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
                loaded = self._load(entry, manifest)
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
        if isinstance(manifest, hub.HubManifest) and (file := hub.damaged(entry)):
            raise PlaygroundError(
                f"The model {entry.name} can't be used: {file} was damaged; its next use fetches it again."
            )
        modality = part_of(manifest.kind, "generate")
        with _BUILDING:
            model = modality.load(entry.folder, manifest)
        return Loaded(entry, manifest, modality, model, getattr(model, "memory", manifest.size))

    def _evict(self) -> None:
        with self._lock:
            total = sum(loaded.bytes for loaded in self._loaded.values())
            for name, loaded in list(self._loaded.items())[:-1]:
                if total > self.cache_bytes and not loaded.users:
                    del self._loaded[name]
                    total -= loaded.bytes


def _of_another_kind(entry: Entry, kind: str) -> PlaygroundError:
    return PlaygroundError(f"The model {entry.name} makes {entry.manifest.kind}, not {kind}.")
