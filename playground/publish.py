"""Puts the playground on Hugging Face Spaces: the app's own files and the whole models, and nothing else.

What a Space is asked for in the page's front matter stands in the README. The token is `huggingface_hub`'s business.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.errors import PlaygroundError
from playground.hub import HUB, ID, allow_list
from playground.manifests import read_entry
from playground.recipes import show
from playground.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
MODELS = "checkpoints"
TOPS = ("app.py", "README.md", "LICENSE", "CHANGELOG.md", "requirements.txt", "docs", "playground", "tabs")
MIRRORED = ("playground/", "tabs/", f"{MODELS}/")  # here a file that is gone from our side goes from theirs too
LEFT_OUT = ("__pycache__", ".pyc")


@dataclass(frozen=True)
class Upload:
    """A file for the Space: its path there, and where it lies here."""

    path: str
    file: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.stat().st_size


def uploads(root: Path = ROOT, models: Path | None = None) -> list[Upload]:
    """All that a Space needs, by path: tracked files of the app, whole models with their cards, the allow-list.

    Without git (a downloaded archive) every file of the app's folders counts as tracked.

    Args:
        models: the folder of the models; that of the registry by default.
    """
    models = models or Registry().folder
    found = {path: root / path for path in _of_app(root)}
    for entry in sorted(models.iterdir()) if models.is_dir() else ():
        if entry.is_dir() and read_entry(entry).problem is None:
            inside = (path for path in entry.rglob("*") if path.is_file() and not _is_hidden(path, models))
            own = (path for path in inside if path.resolve().is_relative_to(entry.resolve()))
            found |= {f"{MODELS}/{path.relative_to(models).as_posix()}": path for path in own}
    allowed = allow_list(models)
    if allowed and allowed.is_file():
        found[f"{MODELS}/{HUB}"] = allowed
    return [Upload(path, found[path]) for path in sorted(found)]


def publish(space: str, files: list[Upload], private: bool, report: Callable[[str], None]) -> str:
    """Make the Space where there is none, and bring it to these files in one commit; its address.

    Args:
        space: USER/NAME.
        private: of a Space that is made now; one that is there stays as it is.

    Raises:
        PlaygroundError: one sentence: there is no token, the Hub refuses, or it can't be reached.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
    from huggingface_hub.utils.logging import set_verbosity_error

    if not get_token():
        raise PlaygroundError("There is no token: set HF_TOKEN to one that may write, or run `hf auth login`.")
    set_verbosity_error()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT", "").rstrip("/") or None)
    try:
        report(f"Asking for the Space {space} …")
        api.create_repo(space, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        wanted = {upload.path for upload in files}
        there = api.list_repo_files(space, repo_type="space")
        gone = [path for path in there if path.startswith(MIRRORED) and path not in wanted]
        report(f"Uploading {len(files)} files …")
        api.create_commit(
            space,
            [
                *(CommitOperationAdd(upload.path, upload.file) for upload in files),
                *(CommitOperationDelete(path) for path in gone),
            ],
            commit_message="Publish the playground",
            repo_type="space",
        )
    except Exception as error:
        raise PlaygroundError(_sentence(space, error)) from error
    return f"{api.endpoint}/spaces/{space}"


def check_name(space: str) -> None:
    """Refuse what can't name a Space.

    Raises:
        PlaygroundError: it is not USER/NAME.
    """
    if "/" not in space or len(space) > 96 or not re.match(ID, space):
        raise PlaygroundError(f"{show(space)} can't name a Space; USER/NAME is allowed.")


def untracked(root: Path = ROOT) -> list[str]:
    """Files that lie among those of the app and are left out, because git does not track them."""
    return _git(root, "--others", "--exclude-standard") or []


def _of_app(root: Path) -> Iterator[str]:
    """Paths of the app's own files."""
    tracked = _git(root)
    if tracked is not None:
        yield from (path for path in tracked if (root / path).is_file())
        return
    for top in TOPS:
        paths = [root / top] if (root / top).is_file() else (root / top).rglob("*")
        yield from (
            path.relative_to(root).as_posix() for path in paths if path.is_file() and not _is_hidden(path, root)
        )


def _git(root: Path, *options: str) -> list[str] | None:
    """What `git ls-files` lists of the app; None where this is no repository, or there is no git."""
    if not (root / ".git").exists():
        return None
    command = ["git", "ls-files", "-z", *options, "--", *TOPS]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [path for path in listed.split("\0") if path]


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") or part.endswith(LEFT_OUT) for part in path.relative_to(below).parts)


def _sentence(space: str, error: Exception) -> str:
    """Why it can't be published. Never the token, and nothing that a server answered."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so that nothing can be uploaded."
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        code = error.response.status_code
        if code in (401, 403):
            return f"The Hub does not let this token write to {space}; it needs the right to write there."
        return f"The Hub answers {code} for {space}; nothing was published."
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} can't be read: {error.strerror}."
    return f"The Space {space} can't be published: the Hub can't be reached, or the connection broke."
