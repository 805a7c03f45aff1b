"""Models of the Hugging Face Hub: the operator's allow-list, and what of it lies in the usual cache.

Reads `checkpoints/hub.json` and the folders that `huggingface_hub` makes, without importing it: a listing takes no
time and no network. What fetches them is `downloads`.
"""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.layouts import LAYOUTS
from playground.manifests import Entry, FileRecord, Manifest, digest, fault_in_defaults, first_fault, sha256
from playground.recipes import Recipe, show

HUB = "hub.json"
LIST_VARIABLE = "PLAYGROUND_HUB"
COMMIT = re.compile("[0-9a-f]{40}")
_PART = r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9_])*"  # neither ".." nor "--", which would leave the cache's folder
ID = rf"^{_PART}(?:/{_PART})?$"
REVISION = rf"^{_PART}(?:/{_PART})*$"


class HubModel(BaseModel):
    """An entry of the allow-list.

    Attributes:
        id: as on the Hub, with its owner; also the model's name in recipes.
        revision: a commit; or a tag or branch, of which the commit that it means at the first download stays.
        bytes: what its files take; a repository that is much larger is refused.
        chat: whether prompts go through its chat template, which also makes room for a system text.
        template: further arguments of the chat template, such as {"enable_thinking": false}.
        variant: of its weights, such as "fp16", for files of half the size; "" takes those of full precision.
        defaults: of knobs, where the model's own differ from the recipe's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Field(pattern=ID, max_length=96)
    revision: str = Field(pattern=REVISION, max_length=100)
    licence: str = Field(min_length=1, max_length=60)
    parameters: int = Field(ge=1)
    bytes: int = Field(ge=1)
    kind: str = "text"
    chat: bool = False
    summary: str = Field("", max_length=200)
    template: dict[str, bool | int | str] = {}
    variant: str = Field("", max_length=20)
    defaults: dict[str, Any] = {}


class HubManifest(Manifest):
    """What is known of a Hub model: of the allow-list at once, of its files once they are here.

    Attributes:
        commit: what its revision means; "" where that is not known yet.
        names: of the files that are here, with their folders.
    """

    name: str = Field(pattern=ID)
    files: dict[str, FileRecord] = {}  # the cache knows them by their content
    hub: HubModel
    commit: str = ""
    names: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits of the commit, the files and the template's arguments; "" until the files are here."""
        if not self.names:
            return ""
        arguments = [json.dumps(self.hub.template, sort_keys=True)] if self.hub.template else []
        return digest(f"{line}\n" for line in (self.commit, *self.names, *arguments))

    @property
    def size(self) -> int:
        return self.hub.bytes


def allow_list(folder: Path) -> Path | None:
    """The list beside the models, or that which the environment variable PLAYGROUND_HUB names; None if it is "off"."""
    named = os.environ.get(LIST_VARIABLE)
    if named == "off":
        return None
    return Path(named).expanduser() if named else folder / HUB


def entries(folder: Path) -> list[Entry]:
    """Every model of the folder's allow-list, by id, each usable or with its problem; none where there is no list."""
    path = allow_list(folder)
    if path is None:
        return []
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Entry(HUB, path, problem=f"it can't be read: {error.strerror}.")]
    except (ValueError, RecursionError):
        return [Entry(HUB, path, problem="it is not JSON.")]
    if not isinstance(found, list):
        return [Entry(HUB, path, problem="it is not a list of models.")]
    listed: dict[str, Entry] = {}
    for number, values in enumerate(found, 1):
        entry = _entry(path, number, values)
        name = entry.name if entry.name not in listed else f"{HUB}, model {number}"
        listed[name] = entry if name == entry.name else Entry(name, path, problem=f"{entry.name} stands there twice.")
    return sorted(listed.values(), key=lambda entry: entry.name.lower())


def _entry(path: Path, number: int, values: Any) -> Entry:
    try:
        model = HubModel.model_validate(values)
    except ValidationError as error:
        return Entry(f"{HUB}, model {number}", path, problem=f"it is not valid: {first_fault(error)}")
    if model.kind not in Recipe.kinds:
        return Entry(model.id, path, problem=f"it is of an unknown kind, {show(model.kind)}.")
    if model.kind not in LAYOUTS:
        return Entry(model.id, path, problem=f"models of its kind, {model.kind}, are not taken from the Hub.")
    if model.variant not in LAYOUTS[model.kind].variants:
        return Entry(model.id, path, problem=f"it is of an unknown variant, {show(model.variant)}.")
    if fault := fault_in_defaults(model.kind, model.defaults):
        return Entry(model.id, path, problem=fault)
    return entry_of(model)


def entry_of(model: HubModel) -> Entry:
    """The model as a listing has it: with its files where they are in the cache."""
    folder, layout = snapshot(model), LAYOUTS[model.kind]
    names = layout.choose(list(layout.found(folder)), model.variant) if folder else ()
    manifest = HubManifest(
        name=model.id,
        kind=model.kind,
        summary=model.summary,
        licence=model.licence,
        parameters=model.parameters,
        defaults=model.defaults,
        details={"chat": model.chat, "template": model.template, "variant": model.variant},
        hub=model,
        commit=folder.name if folder else model.revision if COMMIT.fullmatch(model.revision) else "",
        names=names,
    )
    return Entry(model.id, folder or storage(model), manifest, downloads=0 if folder else model.bytes)


def cache() -> Path:
    """Where `huggingface_hub` keeps what it has fetched, as its environment variables say."""
    given = os.environ
    home = given.get("HF_HOME") or Path(given.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    folder = given.get("HF_HUB_CACHE") or given.get("HUGGINGFACE_HUB_CACHE") or Path(home) / "hub"
    return Path(os.path.expandvars(folder)).expanduser()


def storage(model: HubModel) -> Path:
    """The folder of the cache that belongs to a model."""
    return cache() / f"models--{model.id.replace('/', '--')}"


def snapshot(model: HubModel) -> Path | None:
    """The folder with the model's files; None where one that it can't do without is missing."""
    try:
        commit = model.revision
        if not COMMIT.fullmatch(commit):
            commit = (storage(model) / "refs" / commit).read_text().strip()
        folder = storage(model) / "snapshots" / commit
        return folder if COMMIT.fullmatch(commit) and _whole(model, folder) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):  # an index may hold anything
        return None


def _whole(model: HubModel, folder: Path) -> bool:
    layout = LAYOUTS[model.kind]
    names = list(layout.found(folder))
    if layout.lacks(names, model.variant):
        return False
    weights = layout.weights(names, model.variant)
    for index in (name for name in weights if name.endswith(".json")):  # it names files, but may name no others
        shards = json.loads((folder / index).read_bytes())["weight_map"].values()
        if not {f"{index.rpartition('/')[0]}/{shard}".lstrip("/") for shard in shards} <= set(weights):
            return False
    return True


def damaged(entry: Entry) -> str | None:
    """The name of a file whose content is not what the cache calls it; it is deleted, so that it is fetched again.

    The cache names large files by their sha256. Small ones, which it names by another sum, are taken as they are.
    """
    for name in entry.manifest.names:
        pointer = entry.folder / name
        content = pointer.resolve()
        if re.fullmatch("[0-9a-f]{64}", content.name) and sha256(content) != content.name:
            for path in (content, pointer):
                path.unlink(missing_ok=True)
            return name
    return None
