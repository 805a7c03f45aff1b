"""Recipe → what makes the same result elsewhere: a command line, Python, Python against the page's API, and curl.

Each holds what differs from the defaults, and the seed. Whatever a prompt holds stays text: what can't be printed is
escaped, so that nothing acts when it is pasted into a terminal. Knows no page; a page tells its address and defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playground.errors import PlaygroundError
from playground.modalities import part_of
from playground.recipes import Recipe, plain, show

LONGEST_WORD = 100_000  # bytes: Linux gives a program words of up to 128 KiB
LINE = 88  # characters; what is longer is broken between knobs
_SAFE = re.compile(r"[A-Za-z0-9_.:,/-]+")  # means itself in every shell, in any place
_NAMED = {"\n": r"\n", "\t": r"\t", "\\": r"\\"}
_USER, _PASSWORD = "LOGIN_USER", "LOGIN_PASSWORD"  # of the environment: a password has no place in code
_LEFT_OUT = ("fingerprint",)  # whoever runs it has the weights that they have; `replay` of the link compares


class Snippet(NamedTuple):
    """A way to make the result.

    Attributes:
        name: of the way.
        code: to be copied; "" where there is none.
        needs: what has to be there, or why there is no code.
    """

    name: str
    code: str
    needs: str


class Home(NamedTuple):
    """Where a result that is a file goes; `playground.<kind>.results` tells it by `take_home(recipe)`.

    Attributes:
        field: of the API's document that holds the file.
        pattern: what a file is called, with `{seed}` in it.
    """

    field: str
    pattern: str

    def name_of(self, recipe: Recipe) -> str:
        """What the file of the first sample is called."""
        return self.pattern.format(seed=recipe.seed)


def snippets(
    recipe: Recipe,
    base: str,
    defaults: Mapping[str, Any] | None = None,
    of_api: Mapping[str, Any] | None = None,
    *,
    login: bool = False,
) -> list[Snippet]:
    """The four ways to make what a recipe makes.

    Args:
        base: address of the page, as `links.base_url` gives it.
        defaults: of the manifest of the recipe's model.
        of_api: what the page's API takes for a knob that is not named; the recipe's defaults, if not given.
        login: whether the page asks for a name and a password.

    Raises:
        PlaygroundError: the base is no address.
    """
    check_base(base)
    values = {"seed": recipe.seed} | recipe.differences(defaults)
    known = recipe.model_dump()
    named = values | {name: known[name] for name, value in (of_api or {}).items() if known.get(name, value) != value}
    values, named = ({n: chosen[n] for n in known if n in chosen and n not in _LEFT_OUT} for chosen in (values, named))
    home = home_of(recipe)
    return [
        _command_line(recipe, values, home),
        _python(recipe, values, home),
        _client(recipe, named, home, base, login),
        _curl(recipe, named, home, base, login),
    ]


def home_of(recipe: Recipe) -> Home | None:
    """Where a recipe's results go as files; None where they are none, as texts are."""
    results = part_of(recipe.kind, "results")
    return Home(*results.take_home(recipe)) if hasattr(results, "take_home") else None


def check_base(base: str) -> None:
    """Refuse what is no address of a page.

    Raises:
        PlaygroundError: it is none.
    """
    try:
        parts = urlsplit(base)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc or not re.fullmatch(r"[\x21-\x7e]{1,2000}", base):
        raise PlaygroundError(f"{show(base)} is no address of a page.")


def quoted_python(text: str) -> str:
    """A text as a Python literal on one line."""
    return '"' + _escaped(text, _NAMED | {'"': r"\""}, _python_escape) + '"'


def quoted_json(text: str) -> str:
    """A text as a JSON string without quotes of a shell, and with all that can't be printed escaped."""
    return '"' + _escaped(text, _NAMED | {'"': r"\"", "'": r"\u0027"}, _json_escape) + '"'


def quoted_shell(text: str) -> str:
    """A text as one word of bash, zsh and, where it can be printed, of any other POSIX shell."""
    if _SAFE.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return "$'" + _escaped(text, _NAMED | {"'": r"\047", "!": r"\041"}, _octal) + "'"  # ! calls back old commands


def _command_line(recipe: Recipe, values: Mapping[str, Any], home: Home | None) -> Snippet:
    words = {name: _plain(value) for name, value in values.items()}
    if home:
        words["out"] = home.name_of(recipe)
    parts = [f"python -m playground generate {recipe.kind}"]
    for name, word in words.items():
        option = f"--{name.replace('_', '-')}"
        parts.append(f"{option}{'=' if word.startswith('-') else ' '}{quoted_shell(word)}")
    line = " ".join(parts)
    code = line if len(line) <= LINE else " \\\n  ".join(parts)
    needs = "bash or zsh, in the folder of the playground with its environment active"
    return _short_enough("Command line", code, words.values(), needs)


def _python(recipe: Recipe, values: Mapping[str, Any], home: Home | None) -> Snippet:
    knobs = [f'"{name}": {_literal(value)}' for name, value in values.items()]
    lines = ["from playground.engine import Engine", "", "engine = Engine()"]
    lines += _call(f'recipe = engine.recipe("{recipe.kind}", {{', knobs, "})")
    lines += ["*_, done = engine.generate(recipe)", "for result in done.results:"]
    if home:
        lines[:0] = ["from pathlib import Path", "", "from playground.documents import save"]
        lines.append(f'    save(result, done, Path(f"{home.pattern.format(seed="{result.seed}")}"))')
    else:
        lines.append("    print(done.recipe.prompt + result.text)")
    return Snippet("Python", "\n".join(lines), "the folder of the playground with its environment active")


def _client(recipe: Recipe, values: Mapping[str, Any], home: Home | None, base: str, login: bool) -> Snippet:
    named = [f"{name}={_literal(value)}" for name, value in values.items()]
    many = getattr(recipe, "samples", 1) > 1
    result = "result" if many else 'document["result"]'
    shown = f'{result}["{home.field}"]' if home else f'document["recipe"]["prompt"] + {result}["text"]'
    lines = ["from os import environ", ""] if login else []
    lines += ["from gradio_client import Client", ""]
    auth = [f'auth=(environ["{_USER}"], environ["{_PASSWORD}"])'] if login else []
    lines += _call("client = Client(", [quoted_python(base), *auth], ")")
    lines += _call("document = client.predict(", [*named, f'api_name="/{recipe.kind}"'], ")")
    lines += ['for result in document["result"]["samples"]:'] if many else []
    lines.append(f"{'    ' if many else ''}print({shown})" + ("  # the file, downloaded" if home else ""))
    return Snippet("gradio_client", "\n".join(lines), "pip install gradio_client, and this page" + _of_login(login))


def _curl(recipe: Recipe, values: Mapping[str, Any], home: Home | None, base: str, login: bool) -> Snippet:
    address = f"{base.rstrip('/')}/gradio_api/call"
    body = "{" + ", ".join(f'"{name}": {_json(value)}' for name, value in values.items()) + "}"
    known = ' -b "$jar"' if login else ""
    page = quoted_shell(f"{base.rstrip('/')}/login")
    lines = [
        "jar=$(mktemp)",
        f'curl -sS -o /dev/null -c "$jar" {page} \\',
        f'  --form-string "username=${_USER}" --form-string "password=${_PASSWORD}"',
    ] * login
    lines += [
        f"event=$(curl -sS{known} {quoted_shell(f'{address}/v2/{recipe.kind}')} \\",
        "  -H 'Content-Type: application/json' \\",
        f"  -d '{body}' |",
        "  cut -d '\"' -f 4)",
        f'curl -sSN{known} {quoted_shell(f"{address}/{recipe.kind}/")}"$event"',
    ]
    if home:  # the stream ends with the document, in which each sample has the address of its file
        lines[-1] += " |"
        lines.append(f'  grep -o \'"url": *"[^"]*"\' | tail -n {getattr(recipe, "samples", 1)} |')
        lines.append(f"  cut -d '\"' -f 4 | xargs -n 1 curl -sSO{known}")
    lines += ['rm "$jar"'] * login
    return _short_enough("curl", "\n".join(lines), [body], "bash or zsh, and this page" + _of_login(login))


def _of_login(login: bool) -> str:
    return f"; your name in {_USER} and your password in {_PASSWORD}, of the environment" if login else ""


def _short_enough(name: str, code: str, words: Iterable[str], needs: str) -> Snippet:
    if max(len(word.encode()) for word in words) <= LONGEST_WORD:
        return Snippet(name, code, needs)
    return Snippet(name, "", "This recipe is too large for a command line; download the file and replay that instead.")


def _call(head: str, arguments: list[str], tail: str) -> list[str]:
    """A call on one line, or where that would be too long with a line for each argument."""
    line = f"{head}{', '.join(arguments)}{tail}"
    return [line] if len(line) <= LINE else [head, *(f"    {argument}," for argument in arguments), tail]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else plain(value)


def _literal(value: Any) -> str:
    return quoted_python(value) if isinstance(value, str) else plain(value)


def _json(value: Any) -> str:
    return quoted_json(value) if isinstance(value, str) else plain(value)


def _escaped(text: str, named: Mapping[str, str], other: Callable[[str], str]) -> str:
    return "".join(named.get(c) or (c if c.isprintable() else other(c)) for c in text)


def _python_escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())
