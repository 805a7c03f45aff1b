"""The command line: `python -m playground generate, replay, models, data, train, evaluate, bench, publish`.

Options of `generate` are read off the recipes. Results go to stdout, everything else to stderr. Exit codes: 0 done,
1 a replay that differs, 2 the user's mistake (one line on stderr), 130 interrupted.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin starve whoever shares the cores
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # stderr is for our own lines

import argparse
import contextlib
import math
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic.fields import FieldInfo

from playground import __version__, console
from playground.errors import PlaygroundError
from playground.recipes import Recipe, limits, plain, show

INTERRUPTED, BROKEN_PIPE = 130, 141
LONGEST_RUN = 30 * 24 * 60  # minutes
DATA = "training data, or for scenes an emoji font (or set PLAYGROUND_DATA)"


class Parser(argparse.ArgumentParser):
    """Tells mistakes as everything else does: by a `PlaygroundError`."""

    def error(self, message: str) -> NoReturn:
        hint = " (write --option=VALUE where VALUE begins with a dash)" if "expected one argument" in message else ""
        raise PlaygroundError(f"{message}{hint}; see {self.prog} --help.")


def parser() -> Parser:
    """The whole command line; `args.run(args)` returns the exit code."""
    top = Parser("python -m playground", description="Generate from a recipe, and get the same again.")
    top.add_argument("--version", action="version", version=__version__)
    of_top = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> Parser:
        added = of_top.add_parser(name, help=help, description=help, allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    generate = command("generate", console.generate, "Make something from a recipe; every knob is an option.")
    kinds = generate.add_subparsers(required=True, dest="kind", metavar="KIND")
    for kind, recipe in Recipe.kinds.items():
        about, own = recipe.__doc__, "A model's own defaults go before these."
        _add_knobs(kinds.add_parser(kind, help=about, description=about, epilog=own, allow_abbrev=False), recipe)

    again = command(
        "replay", console.replay, "Make a result again: exit 0 it is the same, 1 it differs, 2 it can't be made."
    )
    again.add_argument("source", metavar="FILE-OR-LINK", help="a saved result (JSON, PNG, GIF …), or a link in quotes")

    models = command("models", console.models, "List the models, the damaged ones with the reason.")
    data = command("data", console.data, "Fetch or make the training data of a model.")
    train = command("train", console.train, "Train a model; goes on where an earlier run was stopped.")
    evaluate = command("evaluate", console.evaluate, "Measure a model on data that it was not trained on.")
    for one in (data, train, evaluate):
        one.add_argument("name", metavar="NAME", help="the model, like: tales")
    for one in (train, evaluate):
        one.add_argument("--data", type=Path, metavar="PATH", help=DATA)
    data.add_argument("--n", type=_count, metavar="N", help="only so many books, pictures, …")
    data.add_argument("--out", type=Path, metavar="DIR", help="where to put it; in the user's cache by default")
    train.add_argument("--smoke", action="store_true", help="a tiny model for a few steps, in a folder of its own")
    train.add_argument("--minutes", type=_minutes, metavar="M", help="train for so long in all, over resumed runs")
    train.add_argument("--warm", action="store_true", help="start from the checkpoint where the run's state is gone")
    train.add_argument("--out", type=Path, metavar="DIR", help="the checkpoint; checkpoints/NAME by default")

    publish = command("publish", console.publish, "Put the playground with its models on a Hugging Face Space.")
    publish.add_argument("space", metavar="USER/NAME", help="the Space; it is made where there is none")
    publish.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")
    publish.add_argument("--private", action="store_true", help="a Space that is made now is for its owner only")

    bench = command("bench", console.bench, "Measure speeds beside what one would run instead.")
    bench.add_argument("name", nargs="?", metavar="NAME", help="one benchmark only, like: text")
    bench.add_argument("--seconds", type=_count, metavar="S", help="of `app`: how long the crowd stays")
    bench.add_argument("--people", type=_count, metavar="N", help="of `app`: how many come at once")
    for one in (models, evaluate, bench):
        one.add_argument("--json", action="store_true", help="print one JSON object")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; a user's mistake is one line on stderr."""
    try:
        args = parser().parse_args(argv)
        code = args.run(args)
        sys.stdout.flush()
        return code
    except SystemExit as asked:  # --help and --version
        return int(asked.code or 0)
    except KeyboardInterrupt:
        return _complain("Interrupted.", INTERRUPTED)
    except BrokenPipeError:  # the reader has left, as `head` does
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except PlaygroundError as error:
        return _complain(str(error), 2)
    except OSError as error:
        return _complain(f"{str(error.filename or 'The system')[:100]}: {error.strerror or error}.", 2)


def _complain(message: str, code: int) -> int:
    console.status("")
    line = "".join(c if c.isprintable() else " " for c in message)
    print(line if len(line) <= 500 else f"{line[:500]}…", file=sys.stderr)
    return code


def _add_knobs(parser: argparse.ArgumentParser, recipe: type[Recipe]) -> None:
    options = console.terminal(recipe.kind).OPTIONS
    for name in dict.fromkeys((*recipe.model_fields, *options)):
        metavar, help = options.get(name) or _about(recipe.model_fields[name])
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=metavar, help=help.replace("%", "%%"))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the bare result")


def _about(field: FieldInfo) -> tuple[str, str]:
    """What stands for the value of a knob, and its help."""
    rules = limits(field)
    span = f" {plain(rules['ge'])} to {plain(rules['le'])};" if "ge" in rules else ""
    span = f" One of {', '.join(rules['choices'])};" if "choices" in rules else span
    default = f" {field.default if isinstance(field.default, str) else plain(field.default)} by default."
    help = field.description + (span + default if span or field.default else "")
    return "TEXT" if field.annotation is str else "N", help


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{show(text)} is not a whole number from 1 on")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes <= LONGEST_RUN:
        raise argparse.ArgumentTypeError(f"{show(text)} is not a number of minutes up to {LONGEST_RUN:,}")
    return minutes


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode gets question marks
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it is switched off
    code = main()
    if code == INTERRUPTED:
        os._exit(code)  # a thread may be in the middle of loading a model, which no clean end waits for
    sys.exit(code)
