"""A journey on the command line: which pictures it leads between, which file it goes to. See `console.Terminal`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playground.documents import free
from playground.errors import PlaygroundError
from playground.events import Done, Event, Frame, Preview
from playground.recipes import LatentRecipe, show
from playground.registry import Lend

PICTURE = "picture:"
ENDS = ("a", "b", "c", "d")
OPTIONS = {
    **{
        name: ("POINT", f"{LatentRecipe.model_fields[name].description} Or picture:FILE, which is encoded first.")
        for name in ENDS
    },
    "directions": ("FILE", "A JSON file of your own directions, or its content."),
    "out": (
        "FILE",
        "The file to write, in place of one that is there: .gif, .webp (keeps every pixel), .mp4, or .png for all "
        "frames on one sheet. Where this is a folder, or not given (the current folder), it goes to "
        "latent-seed-SEED.gif, or .png for a grid, or to the first of latent-seed-SEED-2.gif and so on that is free.",
    ),
}


def prepare(recipe: LatentRecipe, lend: Lend, out: str | None = None) -> tuple[LatentRecipe, Sequence[Path]]:
    """The recipe with its pictures encoded and its directions read in, and where the journey shall go.

    Args:
        lend: lends the model that encodes them.

    Raises:
        PlaygroundError: `out` names no kind of file that there is, or a picture can't be read.
        OSError: there is no such picture, or file of directions.
    """
    from playground.uploads import read_file  # only who makes something waits for Pillow

    path = _path(recipe, out or "")
    values = {name: _encoded(recipe, getattr(recipe, name), lend) for name in ENDS}
    values["via"] = ";".join(_encoded(recipe, text, lend) for text in recipe.via.split(";"))
    if recipe.directions and not recipe.directions.lstrip().startswith("{"):
        values["directions"] = read_file(Path(recipe.directions)).decode("utf-8", "replace")
    return LatentRecipe.make({**recipe.model_dump(), **values}), [path]


def progress(event: Event) -> str:
    """The frame, its step where it is drawn in steps, and how long the rest will still take."""
    if isinstance(event, Preview):
        return f"frame {event.sample + 1} · step {event.step} of {event.steps} · {event.seconds_left:.1f} s left"
    if not isinstance(event, Frame):
        return ""
    return f"frame {event.index + 1} of {event.frames} · {event.seconds_left:.1f} s left"


def told(event: Event) -> str:
    """Nothing on the way: a journey is there when it is whole."""
    return ""


def rest(done: Done, paths: Sequence[Path]) -> str:
    """The file."""
    return "".join(f"{path}\n" for path in paths)


def summary(done: Done) -> str:
    """How much, how fast, and how evenly."""
    rate, strides = done.stats["frames_per_second"], ""
    if "largest_stride" in done.stats:
        largest, usual = (f"{done.stats[name]:.1%}" for name in ("largest_stride", "usual_stride"))
        strides = f" · largest step {largest}, usually {usual}"
    return f"{done.stats['frames']} frames · {rate:.{rate < 10:d}f}/s{strides}"


def _encoded(recipe: LatentRecipe, end: str, lend: Lend) -> str:
    if not end.strip().startswith(PICTURE):
        return end
    from playground.latent.explore import encode  # only who brings a picture waits for what reads it
    from playground.uploads import read_file

    data = read_file(Path(end.strip().removeprefix(PICTURE)))
    with lend(recipe.model, recipe.kind) as model:
        return encode(model, data)


def _path(recipe: LatentRecipe, out: str) -> Path:
    from playground.latent.animation import SUFFIXES, check_suffix

    target = Path(out.replace("\0", "\ufffd"))
    if target.is_dir():
        return free(target / f"latent-seed-{recipe.seed}.{'png' if recipe.layout == 'grid' else 'gif'}")
    if target.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise PlaygroundError(
            f"out is {show(out)}; a file that ends in {known}, or a folder that is there, is allowed."
        )
    check_suffix(target.suffix.lower())
    return target
