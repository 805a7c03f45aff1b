"""Evaluates a scenes model by what a recogniser sees in 1,000 pictures that it draws, and in renders beside them.

Writes `evaluation.json`, a sheet of unedited pictures and the model card into the checkpoint's folder. Prompts and
seeds are fixed, the pipeline is that of plain `diffusers`, arithmetic is float32: the same weights give the same
numbers. What is asked for is in `asked.py`, what counts as right in `adherence.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from PIL import Image

from playground import machine
from playground.cards import read_manifest, write_record
from playground.distances import frechet, nearest, quantiles, spread
from playground.image.adherence import FACTORS, judge, tally
from playground.image.asked import KINDS, SERIES, SPLITS, Asked, choose, open_prompts, scenes_alike
from playground.image.autoencoder import decode
from playground.image.card import SHEET, write_cards
from playground.image.imagining import complete
from playground.image.latents import encode
from playground.image.model import GUIDANCE, STEPS
from playground.image.reading import Saying
from playground.image.recogniser import FILE, Recogniser, load
from playground.image.render import Renderer
from playground.image.world import Scene, draw_scene
from playground.registry import EVALUATION, Manifest, sha256

COUNT = 1_000
BATCH = 16
GUIDANCES, STEP_COUNTS = (1.0, 2.0, 3.0, 4.0, 6.0), (6, 8, 12, 20)
SEEDS = 8  # of a prompt
TRAINING_SERIES, TRAINING_SCENES = 0, 100_000  # what the denoiser is trained on
SHEET_SIDE = 8  # pictures in a row and a column
Report = Callable[[str], object]


def evaluate(folder: Path, report: Report = print, *, n: int = COUNT, font: Path | None = None) -> dict[str, Any]:
    """Measure the model in `folder`; about a quarter of an hour on two cores.

    Args:
        folder: a checkpoint folder with its manifest and its recogniser.
        report: is told in a sentence what goes on.
        n: pictures, at least 8; all else is measured on numbers in proportion. Less than `COUNT` is no result, and the
            record says so.
        font: an emoji font; see `emoji.find_font`.

    Returns:
        What is also written to `evaluation.json`.

    Raises:
        PlaygroundError: the checkpoint or its recogniser is missing or damaged, or there is no font.
    """
    began = time.monotonic()
    manifest, recogniser, renderer = read_manifest(folder), load(folder), Renderer(font)
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    settings = _settings(manifest)
    scales = (settings["guidance_scale"],) if manifest.details.get("distilled") else GUIDANCES
    asked, others = choose(n), choose(n, SERIES + 2)
    read = complete if manifest.details.get("reads_details") else lambda prompt, seed: prompt
    report(f"Rendering {2 * n} fresh scenes")
    renders = _render(renderer, [one.scene for one in asked])
    truly, fresh = recogniser.look(renders)
    decoded = through(pipeline.vae, renders)
    softly, _ = recogniser.look(decoded)
    _, reference = recogniser.look(_render(renderer, [one.scene for one in others]))

    def look(some: Sequence[Asked], what: str, **knobs: float) -> tuple[np.ndarray, list[Saying], np.ndarray]:
        pictures = draw(pipeline, some, read, **{**settings, **knobs}, report=lambda line: report(f"{what}: {line}"))
        return pictures, *recogniser.look(pictures)

    pictures, seen, features = look(asked, "Pictures")
    sides = {"model": seen, "renders": truly, "decoded": softly}
    swept = {"guidance_scale": max(2, n // 5), "steps": n}  # what fewer steps cost is judged by a point or two

    def sweep(name: str, values: Sequence[float]) -> dict[str, dict[str, float]]:
        found, few = {}, asked[: swept[name]]
        for value in values:
            default = value == settings[name]
            found_here = (seen, features) if default else look(few, f"{name} {value:g}", **{name: value})[1:]
            found[f"{value:g}"] = _brief(few, *(some[: len(few)] for some in (*found_here, reference)))
        return found

    prompts = open_prompts(asked, max(1, 16 * n // COUNT))
    seeds = [replace(one, seed=seed) for one in prompts for seed in range(SEEDS)]
    alike = [scene for scenes in scenes_alike(prompts, SEEDS) for scene in scenes]
    result = {
        "model": manifest.name,
        "fingerprint": manifest.fingerprint,
        "command": f"python -m playground evaluate {manifest.name}",
        "quick": n < COUNT,
        "machine": machine.describe(),
        "pictures": n,
        "settings": {
            **settings,
            "details": "seed" if read is complete else "noise",
            "scheduler": type(pipeline.scheduler).__name__,
        },
        "recogniser": {"sha256": sha256(folder / FILE), "parameters": sum(p.numel() for p in recogniser.parameters())},
        "adherence": {split: _beside(_of(asked, split), sides) for split in SPLITS},
        "kinds": {kind: {split: _whole(_of(asked, split, kind), sides) for split in SPLITS} for kind in KINDS},
        "frechet": {"model": frechet(features, reference), "renders": frechet(fresh, reference)},
        "neighbours": _neighbours(recogniser, renderer, 10 * n, {"model": features, "renders": fresh}),
        "seeds": _seeds(prompts, look(seeds, "Seeds")[2], recogniser.look(_render(renderer, alike))[1]),
        "by": {"guidance_scale": sweep("guidance_scale", scales), "steps": sweep("steps", STEP_COUNTS)},
        "swept": swept,
        "autoencoder": signal_to_noise(renders, decoded),
        "sheet": _write_sheet(folder / SHEET, asked, pictures),
        "seconds": round(time.monotonic() - began, 1),
    }
    write_record(folder / EVALUATION, result)
    write_cards(folder)
    return result


def draw(
    pipeline: StableDiffusionPipeline,
    asked: Sequence[Asked],
    read: Callable[[str, int], str],
    *,
    steps: int,
    guidance_scale: float,
    report: Report = lambda line: None,
) -> np.ndarray:
    """What the pipeline draws of each prompt with its seed: (N, H, W, 3) uint8.

    Args:
        read: a prompt and its seed → what the model is given.
    """
    drawn = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        images = pipeline(
            [read(one.caption, one.seed) for one in part],
            num_inference_steps=int(steps),
            guidance_scale=guidance_scale,
            generator=[torch.Generator().manual_seed(one.seed) for one in part],
            output_type="np",
        ).images
        drawn.append((images * 255).round().astype(np.uint8))
        if start // BATCH % 10 == 9:
            report(f"{start + len(part)} of {len(asked)}")
    return np.concatenate(drawn)


def through(vae: AutoencoderTiny, pictures: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) uint8 pictures, encoded and decoded."""
    return torch.cat([decode(vae, encode(vae, part)) for part in torch.from_numpy(pictures).split(BATCH)]).numpy()


def signal_to_noise(pictures: np.ndarray, decoded: np.ndarray) -> dict[str, float]:
    """Peak signal to noise ratio of what became of (N, H, W, 3) uint8 pictures: mean and least of their dB."""
    pairs = zip(pictures, decoded, strict=True)
    errors = [np.square(one.astype(np.float64) - other).mean() for one, other in pairs]
    ratios = 10 * np.log10(255**2 / np.maximum(errors, 1e-3))
    return {
        "psnr_db": round(float(ratios.mean()), 3),
        "least_db": round(float(ratios.min()), 3),
        "pictures": len(ratios),
    }


def _settings(manifest: Manifest) -> dict[str, float]:
    """The model's own steps and guidance."""
    own = {"steps": STEPS, "guidance_scale": GUIDANCE, **manifest.defaults}
    return {name: own[name] for name in ("steps", "guidance_scale")}


def _render(renderer: Renderer, scenes: Sequence[Scene]) -> np.ndarray:
    return np.stack([renderer.render(scene)[0] for scene in scenes])


def _of(asked: Sequence[Asked], split: str, kind: str | None = None) -> list[tuple[int, Asked]]:
    """Prompts with their places."""
    return [(k, one) for k, one in enumerate(asked) if one.split == split and kind in (None, one.scene.layout)]


def _beside(some: list[tuple[int, Asked]], sides: dict[str, list[Saying]]) -> dict[str, Any]:
    """Verdicts on what the model drew and, beside, on renders of the same scenes: as such, and encoded and decoded.

    On renders all that is wrong is the recogniser; on decoded ones what the autoencoder lost is wrong, too.
    """
    return {name: tally(judge(one.saying, sayings[k]) for k, one in some) for name, sayings in sides.items()}


def _whole(some: list[tuple[int, Asked]], sides: dict[str, list[Saying]]) -> dict[str, float]:
    """The shares of pictures in which everything is right."""
    return {name: found["all"]["share"] for name, found in _beside(some, sides).items() if found}


def _brief(asked: Sequence[Asked], seen: list[Saying], features: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    found = tally(judge(one.saying, saying) for one, saying in zip(asked, seen, strict=True))
    return {
        **{name: found[name]["share"] for name in FACTORS if name in found},
        "frechet": frechet(features, reference),
    }


def _neighbours(recogniser: Recogniser, renderer: Renderer, count: int, sets: dict[str, np.ndarray]) -> dict[str, Any]:
    """How near pictures come to the nearest of `count` training pictures, evenly picked."""
    step, pool = max(1, TRAINING_SCENES // count), []
    for start in range(0, count, 256):
        scenes = [draw_scene(TRAINING_SERIES, k * step) for k in range(start, min(start + 256, count))]
        pool.append(recogniser.look(_render(renderer, scenes))[1])
    found: dict[str, Any] = {"of": count}
    for name, features in sets.items():
        found[name] = quantiles(nearest(features, np.concatenate(pool)))
    return found


def _seeds(prompts: Sequence[Asked], features: np.ndarray, alike: np.ndarray) -> dict[str, Any]:
    """How far pictures of one prompt are apart, beside renders of scenes that the prompt could be of."""
    rows = [
        {"prompt": one.caption, "model": spread(drawn), "renders": spread(rendered)}
        for one, drawn, rendered in zip(
            prompts, np.split(features, len(prompts)), np.split(alike, len(prompts)), strict=True
        )
    ]
    model, renders = (float(np.mean([row[name] for row in rows])) for name in ("model", "renders"))
    return {"seeds": SEEDS, "model": model, "renders": renders, "ratio": model / renders, "prompts": rows}


def _write_sheet(path: Path, asked: Sequence[Asked], pictures: np.ndarray) -> list[str]:
    """The first held-out prompts' pictures, row by row, as they came; returns the prompts."""
    shown = _of(asked, "held_out")[: SHEET_SIDE**2]
    height, width = pictures.shape[1:3]
    sheet = Image.new("RGB", (SHEET_SIDE * width, -(-len(shown) // SHEET_SIDE) * height), "white")
    for place, (k, _) in enumerate(shown):
        sheet.paste(Image.fromarray(pictures[k]), (place % SHEET_SIDE * width, place // SHEET_SIDE * height))
    part = path.with_suffix(".part")
    sheet.save(part, format="PNG", optimize=True)
    part.replace(path)
    return [one.caption for _, one in shown]
