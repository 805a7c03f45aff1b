"""Pictures ⇄ PNG files that carry their recipe: as JSON for us, and as the line of text that other tools read.

Knows files, not results: what stands beside the recipe is the caller's. Never trusts what it reads.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground import __version__
from playground.errors import PlaygroundError
from playground.events import Picture
from playground.links import KEY, to_metadata
from playground.recipes import SCHEDULERS, ImageRecipe, plain
from playground.uploads import flatten, opened, read_file

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PARAMETERS = "parameters"  # the key of stable-diffusion-webui and of all that read its files
HASH_DIGITS = 10  # of a model, as the webui shows it


def encode(picture: Picture, recipe: ImageRecipe, extra: Mapping[str, Any] | None = None) -> bytes:
    """A lossless PNG; the same bytes for the same arguments.

    Args:
        recipe: the one that makes this picture alone: its own seed, one sample.
        extra: JSON that stands beside the recipe in the metadata.
    """
    metadata = json.dumps({**to_metadata(recipe), **(extra or {})}, ensure_ascii=False)
    text = parameters(recipe)
    info = PngInfo()
    info.add_itxt(KEY, metadata)
    (info.add_text if text.isascii() else info.add_itxt)(PARAMETERS, text)
    file = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def decode(data: bytes) -> tuple[Picture, dict[str, Any] | None]:
    """A PNG's pixels, and its metadata as `encode` was given it; None where there is none of ours.

    Whether the recipe in it is valid is `links.from_metadata`'s to say.

    Raises:
        PlaygroundError: not a PNG, damaged, cut off, too large, with text that bursts its bounds, or with metadata
            under our key that is not a JSON object.
    """
    with opened(data, ("PNG",)) as image:
        flat = flatten(image)
        text = image.info.get(KEY)
    picture = Picture(flat.width, flat.height, flat.tobytes())
    if text is None:
        return picture, None
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlaygroundError("The picture's metadata is not JSON.") from error
    if not isinstance(metadata, dict):
        raise PlaygroundError("The picture's metadata is not a JSON object.")
    return picture, metadata


def read(path: Path) -> tuple[Picture, dict[str, Any] | None]:
    """`decode` of a file, of which no more is read than a picture may have.

    Raises:
        PlaygroundError: as `decode`.
        OSError: it can't be read.
    """
    return decode(read_file(path))


def parameters(recipe: ImageRecipe) -> str:
    """The recipe as stable-diffusion-webui writes it (`create_infotext` of its `modules/processing.py`).

    Line breaks of a prompt become spaces, because a line of it may look like one of the format.
    """
    sampler = SCHEDULERS[recipe.scheduler].partition(" (")[0]
    named = {
        "Steps": recipe.steps,
        "Sampler": sampler,
        "CFG scale": plain(recipe.guidance_scale),
        "Seed": recipe.seed,
        "Size": f"{recipe.size}x{recipe.size}",
        "Model hash": recipe.fingerprint[:HASH_DIGITS],
        "Model": recipe.model,
    }
    if recipe.variation_strength:
        named["Variation seed"] = recipe.variation_seed
        named["Variation seed strength"] = plain(recipe.variation_strength)
    if recipe.start:
        named["Denoising strength"] = plain(recipe.strength)
    named["Version"] = f"playground {__version__}"
    lines = [_one_line(recipe.prompt)]
    if negative := _one_line(recipe.negative_prompt):
        lines.append(f"Negative prompt: {negative}")
    lines.append(", ".join(f"{name}: {_quoted(str(value))}" for name, value in named.items() if value != ""))
    return "\n".join(lines).strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value
