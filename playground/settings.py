"""What the operator of the page decides, by environment variables: each is declared once, with its check and its help.

The table in the README is made from here: `python -m playground.settings README.md`. Knows no page and no model.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from playground.errors import PlaygroundError
from playground.line import Limits
from playground.recipes import show

PREFIX = "PLAYGROUND_"
OFF = "off"
MB = 2**20
BEGIN, END = "<!-- settings: made by `make readme`, do not edit -->", "<!-- /settings -->"
ELSEWHERE = {  # variables that other parts read by themselves
    "PLAYGROUND_HUB": (
        "`hub.json` beside the models",
        "the file that lists which models of the Hub are allowed; `off` allows none",
    ),
    "PLAYGROUND_DATA": ("", "of `train` and `evaluate`: where the training data is"),
    "PLAYGROUND_GUTENBERG": ("gutenberg.org", "of `data tales`: Project Gutenberg, or a mirror of it"),
    "PLAYGROUND_EMOJI_FONT": ("the system's", "of `data scenes`: the font whose things are drawn"),
    "HF_HOME": ("`~/.cache/huggingface`", "where models of the Hub are kept, as other tools do"),
    "HF_TOKEN": ("", "for models of the Hub that ask for one, and for `publish`; never shown nor logged"),
    "HF_HUB_OFFLINE": ("", "`1` asks the Hub nothing; what is in the cache can be used"),
    "GRADIO_TEMP_DIR": ("the system's", "where uploads and results lie for at most an hour or two"),
}


def setting(default: Any, shown: str, help: str, *aliases: str, **rules: Any) -> Any:
    """A setting: its default, that default in words ("" where it speaks for itself), and what it does.

    Args:
        aliases: its variable, and others that mean the same where ours is not set.
    """
    made = {"default_factory": default} if callable(default) else {"default": default}
    known = {"validation_alias": AliasChoices(*aliases)} if aliases else {}
    return Field(**made, description=help, json_schema_extra={"shown": shown}, **known, **rules)


def _history() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "playground" / "history"


class Settings(BaseSettings):
    """All of them; `Settings.read()` is the way in. Where a variable is empty, the default counts."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix=PREFIX, env_ignore_empty=True, populate_by_name=True
    )

    host: str = setting(
        "127.0.0.1",
        "",
        "which address to listen at; `0.0.0.0` is all, so that others reach the page",
        "PLAYGROUND_HOST",
        "GRADIO_SERVER_NAME",
        pattern=r"^[A-Za-z0-9._:\[\]-]{1,255}$",
    )
    port: int = setting(7860, "", "which port to listen at", "PLAYGROUND_PORT", "GRADIO_SERVER_PORT", ge=1, le=65_535)
    root_path: str = setting(
        "",
        "",
        "the path under which a proxy shows the page, like `/playground`",
        "PLAYGROUND_ROOT_PATH",
        "GRADIO_ROOT_PATH",
        pattern=r"^(/[\w.~-]+)*/?$|^https?://\S+$",
    )
    checkpoints: Path | None = setting(None, "`checkpoints` here", "the folder of the models")
    memory_mb: int = setting(2048, "", "loaded models take so much memory, then the longest unused goes", ge=64)
    login: SecretStr = setting(
        SecretStr(""), "", "`user:password`, several parted by `;`, asked of everybody; switches MCP off"
    )
    login_file: Path | None = setting(None, "", "the same in a file, a line each")
    runs: int = setting(32, "", "so many runs go on at once; the others wait in line", ge=1, le=1_000)
    queue: int = setting(64, "", "so many may wait; the next one is told that the line is full", ge=1, le=1_000)
    runs_per_client: int = setting(
        4, "", "so many of them are of one visitor; all of one address may have that, or half of all", ge=1, le=1_000
    )
    waiting_per_client: int = setting(8, "", "so many of one visitor may wait; likewise", ge=0, le=1_000)
    trust_proxy: bool = setting(
        lambda: bool(os.environ.get("SPACE_ID")),
        "`on` on Spaces, else `off`",
        "`on` believes `X-Forwarded-For` which address a visitor has: only behind a proxy that writes it",
    )
    upload_mb: int = setting(20, "", "a file that is sent may have so much", ge=1, le=1_000)
    history: Path | None = setting(
        _history, "`~/.local/share/playground/history`", "the folder of everybody's history; `off` keeps none"
    )
    history_per_browser: int = setting(
        500, "", "so many entries of one browser are kept, the oldest unstarred go first", ge=1, le=100_000
    )
    history_mb: int = setting(1024, "", "all history takes so much of the disk", ge=1, le=1_000_000)
    backup: str = setting(
        "",
        "none",
        "`USER/DATASET` on the Hub: a private copy of the history, from which it comes back where the disk forgets",
        pattern=r"^([\w.-]{1,95}/[\w.-]{1,95})?$",
    )
    share: bool = setting(
        False,
        "",
        "`on` asks Gradio for a public address, through a server of theirs",
        "PLAYGROUND_SHARE",
        "GRADIO_SHARE",
    )
    log_prompts: bool = setting(False, "", "`on` writes what is asked for into the log")

    @classmethod
    def read(cls) -> Self:
        """The settings as the environment has them.

        Raises:
            PlaygroundError: one sentence about the first that is wrong or unknown and of our prefix. It shows no login.
        """
        known = {PREFIX + name.upper() for name in cls.model_fields} | ELSEWHERE.keys()
        for name in sorted(os.environ):
            if name.startswith(PREFIX) and name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise PlaygroundError(f"There is no setting {name}{f'; {near[0]} is one' if near else ''}.")
        try:
            read = cls()
            _ = read.users  # a login that can't be is told now
            return read
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            raise PlaygroundError(cls._sentence(problem)) from error

    @classmethod
    def _sentence(cls, problem: Mapping[str, Any]) -> str:
        name = str(problem["loc"][0]).upper().removeprefix(PREFIX)
        field = cls.model_fields[name.lower()]
        names = field.validation_alias.choices if field.validation_alias else [PREFIX + name]
        name = next((name for name in names if os.environ.get(name)), names[0])
        told = {
            "greater_than_equal": "{ge} or more is allowed",
            "less_than_equal": "at most {le:,} is allowed",
            "bool_parsing": "on or off is allowed",
            "int_parsing": "a whole number is allowed",
            "string_pattern_mismatch": "that can't be one",
        }.get(problem["type"], problem["msg"])
        return f"{name} is {show(problem['input'])}: {told.format(**problem.get('ctx', {}))}."

    @field_validator("history", mode="before")
    @classmethod
    def _switch_off(cls, value: Any) -> Any:
        return None if value == OFF else value

    @field_validator("checkpoints", "login_file", "history")
    @classmethod
    def _expand(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else path

    @property
    def limits(self) -> Limits:
        """How many runs are let in and may wait."""
        return Limits(self.runs, self.queue, self.runs_per_client, self.waiting_per_client)

    @cached_property
    def users(self) -> list[tuple[str, str]]:
        """Who may come in, with password; nobody named means everybody.

        Raises:
            PlaygroundError: a login is not `user:password`, or the file can't be read. Shows no part of it.
        """
        lines = self.login.get_secret_value().split(";")
        if self.login_file:
            try:
                lines += self.login_file.read_text(encoding="utf-8").splitlines()
            except (OSError, ValueError) as error:
                raise PlaygroundError(f"PLAYGROUND_LOGIN_FILE can't be read: {self.login_file}.") from error
        users = []
        for line in (line.strip() for line in lines if line.strip()):
            user, colon, password = line.partition(":")
            if not (user and colon and password):
                raise PlaygroundError("PLAYGROUND_LOGIN is not of the form user:password;user:password.")
            users.append((user, password))
        if self.login_file and not users:
            raise PlaygroundError("PLAYGROUND_LOGIN_FILE names nobody.")
        return users


def table() -> str:
    """The settings as Markdown."""
    rows = ["| variable | default | what it does |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        aliases = field.validation_alias.choices[1:] if field.validation_alias else ()
        also = "".join(f" (or `{alias}`)" for alias in aliases)
        rows.append(f"| `{PREFIX}{name.upper()}`{also} | {_shown(field)} | {field.description} |")
    rows += [f"| `{name}` | {default} | {help} |" for name, (default, help) in ELSEWHERE.items()]
    return "\n".join(rows)


def _shown(field: FieldInfo) -> str:
    """A default in words."""
    if field.json_schema_extra["shown"]:
        return field.json_schema_extra["shown"]
    if isinstance(field.default, bool):
        return "`on`" if field.default else "`off`"
    return f"`{field.default}`" if isinstance(field.default, int | str) and field.default != "" else ""


def update(text: str) -> str:
    """A README with the part between the markers made anew."""
    made = f"{BEGIN}\n\n{table()}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, text, flags=re.DOTALL)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(update(path.read_text(encoding="utf-8")), encoding="utf-8")
