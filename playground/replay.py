"""Runs the recipe of a saved result or a share link again and tells whether the same came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playground.documents import Comparison, check, compare, document, read
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Progress
from playground.links import Link, from_link

LARGEST_FILE = 64 * 2**20


def replay(source: str, engine: Engine, report: Callable[[str], None]) -> Comparison:
    """Make the result of `source` again and compare.

    Args:
        source: path of a result document or of a file that carries its recipe, or a share link (only its query counts:
            nothing is fetched).
        report: called with one line of progress at a time.

    Raises:
        PlaygroundError: it can't be read, its recipe can't be run, or there is no result to compare with.
    """
    if source.startswith(("http://", "https://", "?")):
        return _replay_link(from_link(source), engine, report)
    path = Path(source)
    link, old = read(_read_file(path), path.parent)
    return compare(old, _run(link, engine, report))


def _replay_link(link: Link, engine: Engine, report: Callable[[str], None]) -> Comparison:
    if not link.kind:
        raise PlaygroundError("The link holds no recipe.")
    if not link.check:
        raise PlaygroundError("The link carries no check of its result, so there is nothing to compare with.")
    new = document(_run(link, engine, report))
    if check(new) == link.check:
        return Comparison("identical")
    then, now = link.values.get("fingerprint"), new["recipe"]["fingerprint"]
    weights = (f"weights: {then or 'unknown'} then, {now} now",) if then != now else ()
    return Comparison("different", (f"the check of the result is {check(new)} instead of {link.check}",), weights)


def _run(link: Link, engine: Engine, report: Callable[[str], None]) -> Done:
    done: Done | None = None
    for event in engine.generate(engine.recipe(link.kind, link.values)):
        if isinstance(event, Progress):
            report(event.message)
        elif isinstance(event, Done):
            done = event
    if done is None:
        raise PlaygroundError("The recipe came to no result.")
    return done


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PlaygroundError(f"{path} is too large to be a result: over {LARGEST_FILE // 2**20} MB.")
        return path.read_bytes()
    except ValueError as error:  # a NUL in the name
        raise PlaygroundError("That is no name of a file.") from error
