"""A picture on the command line: which file it begins from, which it goes to, how far it is. See `console.Terminal`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playground.documents import free
from playground.errors import PlaygroundError
from playground.events import Done, Event, Preview
from playground.recipes import ImageRecipe, show
from playground.registry import Lend

OPTIONS = {
    "start": ("FILE", "A picture to begin from, turned upright and cropped square; or a data URL of a square PNG."),
    "out": (
        "FILE",
        "The PNG to write, in place of one that is there; further pictures go to FILE-2.png, FILE-3.png and so on. "
        "Where this is a folder, or not given (the current folder), each goes to image-seed-SEED.png, or to the first "
        "of image-seed-SEED-2.png and so on that is free.",
    ),
}


def prepare(recipe: ImageRecipe, lend: Lend, out: str | None = None) -> tuple[ImageRecipe, Sequence[Path]]:
    """The recipe with its start picture read in, and where each of its pictures shall go.

    Raises:
        PlaygroundError: `out` names no PNG, or the start picture can't be read.
        OSError: there is no such start picture.
    """
    paths = _paths(recipe, out or "")
    if not recipe.start or recipe.start.startswith("data:"):
        return recipe, paths
    if recipe.start.startswith(("http://", "https://")):
        raise PlaygroundError(f"start is {show(recipe.start)}; a file is needed, nothing is fetched.")
    from playground.image.uploads import start_from_file  # only who needs Pillow waits for it

    start = start_from_file(Path(recipe.start), recipe.size)
    return ImageRecipe.make({**recipe.model_dump(), "start": start}), paths


def progress(event: Event) -> str:
    """The step, and how long it will still take."""
    if not isinstance(event, Preview):
        return ""
    return f"step {event.step} of {event.steps} · {event.seconds_left:.1f} s left"


def told(event: Event) -> str:
    """Nothing on the way: a picture is there when it is whole."""
    return ""


def rest(done: Done, paths: Sequence[Path]) -> str:
    """The files, a line each."""
    return "".join(f"{path}\n" for path in paths)


def summary(done: Done) -> str:
    """How much, and how fast."""
    return f"{done.stats['steps']} steps · {done.stats['seconds']:.2f} s"


def _paths(recipe: ImageRecipe, out: str) -> list[Path]:
    target = Path(out.replace("\0", "\ufffd"))
    if target.is_dir():
        seeds = (recipe.with_seed(recipe.seed + sample).seed for sample in range(recipe.samples))
        return [free(target / f"image-seed-{seed}.png") for seed in seeds]
    if target.suffix.lower() != ".png":
        raise PlaygroundError(f"out is {show(out)}; a file that ends in .png, or a folder that is there, is allowed.")
    return [target, *(target.with_stem(f"{target.stem}-{n}") for n in range(2, recipe.samples + 1))]
