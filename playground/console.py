"""What the commands of the command line do and print: results on stdout, everything else on stderr.

Each takes parsed arguments and returns the exit code; what is wrong is raised. Knows no option's spelling.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import re
import secrets
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from playground import commands
from playground.documents import document, save
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import ENDINGS, Done, Event, Progress, Started
from playground.modalities import part_of
from playground.recipes import Recipe, show
from playground.registry import NAME, Lend, Registry
from playground.replay import replay as replay_source

ROOT = Path(__file__).resolve().parent.parent


class Terminal(Protocol):
    """What `playground.<kind>.terminal` offers: how results of a kind look on the command line, and where they go.

    Attributes:
        OPTIONS: what `generate` takes beside the knobs, or a knob that it takes otherwise: name → what stands for its
            value, and its help. Those that are no knobs are the named arguments of `prepare`.
    """

    OPTIONS: Mapping[str, tuple[str, str]]

    def prepare(self, recipe: Any, lend: Lend, **options: Any) -> tuple[Any, Sequence[Path]]:
        """The recipe with what it names read in, and the files that its samples shall go to, if they go to files.

        Args:
            lend: lends the model, where that has to read something in.

        Raises:
            PlaygroundError, OSError: an option can't be; nothing has been made yet.
        """

    def progress(self, event: Event) -> str:
        """The line to watch while waiting; "" leaves the one that is there."""

    def told(self, event: Event) -> str:
        """What the event adds to stdout."""

    def rest(self, done: Done, paths: Sequence[Path]) -> str:
        """What stdout still needs in the end."""

    def summary(self, done: Done) -> str:
        """Figures for stderr."""


def terminal(kind: str) -> Terminal:
    """The module that prints results of a kind. Imports nothing heavy."""
    return part_of(kind, "terminal")


def status(message: str) -> None:
    """A line on stderr that the next one replaces; a log file gets none of it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="", file=sys.stderr, flush=True)


def _report(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _print_json(content: Any) -> None:
    print(json.dumps(content))


def generate(args: Namespace) -> int:
    """Print and save what a recipe makes, as its kind does that; or the document as JSON."""
    engine, shown = Engine(), terminal(args.kind)
    names = Recipe.kinds[args.kind].model_fields
    recipe = engine.recipe(args.kind, {name: getattr(args, name) for name in names})
    options = {name: getattr(args, name) for name in shown.OPTIONS if name not in names}
    recipe, paths = shown.prepare(recipe, engine.model, **options)
    for path in paths:
        _check_file(path)
    done: Done | None = None
    with contextlib.closing(engine.generate(recipe)) as events:
        for event in events:
            if isinstance(event, Progress):
                status(event.message)
            elif isinstance(event, Started):
                status("")
            elif isinstance(event, Done):
                done = event
            if line := shown.progress(event):
                status(line)
            if not args.json:
                print(shown.told(event), end="", flush=True)
    status("")
    for path, result in zip(paths, done.results, strict=False):
        save(result, done, path)
    for note in done.notes:
        _report(note)
    if args.json:
        _print_json(document(done, paths=paths))
        return 0
    print(shown.rest(done, paths), end="")
    endings = " ".join(dict.fromkeys(ENDINGS[result.ended] for result in done.results))
    _report(f"seed {done.recipe.seed} · {shown.summary(done)} · {endings}")
    return 0


def replay(args: Namespace) -> int:
    """Make a result again and say how it compares."""
    comparison = replay_source(args.source, Engine(), status)
    status("")
    heading = {"identical": "Identical.", "close": "The same, within rounding:", "different": "It differs:"}
    print(heading[comparison.verdict])
    for line in comparison.differences:
        print(f"  {line}")
    for line in comparison.surroundings:
        print(f"  not as it was: {line}")
    return 1 if comparison.verdict == "different" else 0


def models(args: Namespace) -> int:
    """List every model of the checkpoints folder and of its list of Hub models, the damaged ones with the reason."""
    rows = []
    for entry in Registry().entries():
        row: dict[str, Any] = {"name": entry.name, "problem": entry.problem}
        if manifest := entry.manifest:
            row |= manifest.model_dump(include={"kind", "summary", "licence", "parameters", "commit"})
            row |= {"bytes": manifest.size, "downloads": entry.downloads, "fingerprint": manifest.fingerprint}
        rows.append(row)
    if args.json:
        _print_json({"models": rows})
        return 0
    for row in rows:
        if row["problem"]:
            print(f"{row['name']:<16} can't be used: {row['problem']}")
        else:
            here = f"{row['bytes'] / 1e6:.1f} MB, {row['fingerprint']}"
            if row["downloads"]:
                here = f"downloads {row['downloads'] / 1e6:,.0f} MB at first use"
            size = f"{row['parameters'] / 1e6:.1f} M parameters"
            print(f"{row['name']:<16} {row['kind']:<7} {size}, {here}. {row['summary']}")
    return 0


def data(args: Namespace) -> int:
    """Fetch or make training data and print where it lies."""
    _, model = commands.find(args.name)
    if args.out:
        _check_folder(args.out)
    print(model.fetch(args.out, args.n, _report))
    return 0


def train(args: Namespace) -> int:
    """Train a model and print where its checkpoint lies."""
    _, model = commands.find(args.name)
    if args.out:
        out = args.out.resolve()
        runs = out.with_name(f"{out.name}-run")
    elif args.smoke:  # a shipped checkpoint is no place for a tiny one
        out = Path(tempfile.gettempdir()) / f"playground-{secrets.token_hex(4)}" / args.name
        runs = out.with_name(f"{out.name}-run")
    else:
        out, runs = Registry().folder / args.name, ROOT / "runs" / args.name
    if not re.match(NAME, out.name):
        raise PlaygroundError(f"{show(out.name)} can't name a model; small letters, digits and . _ - are allowed.")
    for folder in (out, runs):
        _check_folder(folder)
    print(model.train(_data(args), runs, out, args.smoke, args.minutes, args.warm))
    return 0


def evaluate(args: Namespace) -> int:
    """Measure a model and print its metrics."""
    kind, model = commands.find(args.name)
    registry = Registry()
    registry.manifest(args.name, kind)  # tells of a damaged one before anything is measured
    metrics = model.evaluate(registry.folder / args.name, _data(args), _report)
    if args.json:
        _print_json(metrics)
    else:
        for name, value in _flat(metrics):
            print(f"{name}: {value}")
    return 0


def bench(args: Namespace) -> int:
    """Run one or all of `bench/*.py`, of which each has a `main()` that returns figures and their "markdown"."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    if args.name and args.name not in known:
        raise PlaygroundError(f"There is no benchmark {show(args.name)}; there is: {', '.join(known) or 'none'}.")
    mains = {name: importlib.import_module(f"bench.{name}").main for name in known if args.name in (None, name)}
    given = {option: value for option in ("seconds", "people") if (value := getattr(args, option)) is not None}
    taken = {name: given.keys() & inspect.signature(main).parameters.keys() for name, main in mains.items()}
    if unknown := given.keys() - set().union(*taken.values()):
        raise PlaygroundError(f"The benchmark {args.name} takes no --{min(unknown)}.")
    measured = {name: main(**{option: given[option] for option in taken[name]}) for name, main in mains.items()}
    if args.json:
        _print_json(measured)
    else:
        print(*(figures["markdown"] for figures in measured.values()), sep="\n\n")
    return 0


def publish(args: Namespace) -> int:
    """List what a Space would get, or bring it there and print its address."""
    from playground import publish as to_space

    to_space.check_name(args.space)
    files = to_space.uploads()
    if left_out := to_space.untracked():
        _report(f"Left out, as git does not track it: {', '.join(left_out)}")
    if args.dry_run:
        for upload in files:
            print(f"{upload.size:>12,}  {upload.path}")
        print(f"{sum(upload.size for upload in files):>12,}  bytes in {len(files)} files for {args.space}")
    else:
        print(to_space.publish(args.space, files, args.private, _report))
    return 0


def _flat(metrics: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Single values by dotted name; lists are for JSON."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        elif not isinstance(value, list | tuple):
            yield f"{path}{name}", value


def _data(args: Namespace) -> Path | None:
    given = args.data or os.environ.get("PLAYGROUND_DATA")
    return Path(given) if given else None


def _check_folder(folder: Path) -> None:
    """Refuse a folder that can't be written to now rather than after hours of work. Makes nothing."""
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return
    except OSError as error:
        raise PlaygroundError(f"The folder {folder} can't be written to: {error.strerror}.") from error


def _check_file(path: Path) -> None:
    """Refuse a file that can't be written now rather than when its content is made. Makes nothing."""
    if not path.parent.is_dir():
        raise PlaygroundError(f"There is no folder {path.parent} to write {path.name} to.")
    _check_folder(path.parent)
    if path.exists() and (path.is_dir() or not os.access(path, os.W_OK)):
        raise PlaygroundError(f"{path} can't be written: it is {'a folder' if path.is_dir() else 'write-protected'}.")
