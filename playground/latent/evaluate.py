"""Evaluates a model of faces: what comes back of held-out faces, what it draws by itself, and how its space is made.

Writes `evaluation.json`, two sheets of unedited pictures and the model card into the checkpoint's folder. Faces and
seeds are fixed: the same weights give the same numbers. All but the error of reconstructions and their likeness is
measured at the recogniser's 64 px or in its features, so that models of different sizes can stand side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playground import machine
from playground.cards import read_manifest, write_record
from playground.distances import frechet, nearest, quantiles
from playground.latent.album import draw, shrink
from playground.latent.bars import bars
from playground.latent.card import EDITS, SAMPLES, write_cards
from playground.latent.disentanglement import disentanglement
from playground.latent.loaded import LatentModel, load
from playground.latent.measures import path_length, sharpness
from playground.latent.paths import lerp, slerp_about
from playground.latent.pixels import CHUNK, signal_to_noise, through, to_bytes, write_sheet
from playground.latent.readings import applying, score, truth
from playground.latent.recogniser import FILE, FRESH, SIZE, Recogniser
from playground.latent.recogniser import load as load_recogniser
from playground.latent.similarity import structural_similarity
from playground.latent.steering import STRENGTHS, spreads, steer
from playground.latent.world import draw_face, labels
from playground.manifests import EVALUATION, sha256

COUNT = 1_000
REFERENCE = FRESH + 1  # a series of held-out faces that the others are compared with
EDITED, PATHS = 0.1, 0.4  # faces that directions are tried on, and ways that are measured, as shares of all
SHEET = (4, 8)  # rows and columns of samples
SHOWN = ("smile", "age", "glasses")  # directions on the sheet of edits
Report = Callable[[str], object]


@dataclass
class Faces:
    """Held-out faces: labels, pictures (N, 128, 128, 3), what is true of them, which factors apply."""

    known: list[dict[str, Any]]
    pictures: np.ndarray
    true: np.ndarray
    applied: np.ndarray


def evaluate(folder: Path, report: Report = print, *, n: int = COUNT) -> dict[str, Any]:
    """Measure the model in `folder`; a few minutes on one core.

    Args:
        folder: a checkpoint folder with its manifest and its recogniser.
        report: is told in a sentence what goes on.
        n: faces, at least 16; all else is measured on numbers in proportion. Less than `COUNT` is no result, and the
            record says so.

    Returns:
        What is also written to `evaluation.json`.

    Raises:
        PlaygroundError: the checkpoint or its recogniser is missing or damaged.
    """
    began = time.monotonic()
    manifest, recogniser = read_manifest(folder), load_recogniser(folder)
    model = load(folder, manifest)
    report(f"Rendering {2 * n:,} held-out faces")
    fresh, reference = _render(FRESH, n), recogniser.look(_render(REFERENCE, n).pictures)[1]
    rows, features = recogniser.look(fresh.pictures)
    report("Encoding them and decoding them again")
    points = encode(model, shrink(fresh.pictures, model.size))
    report("Drawing samples and points between them")
    drawn = np.stack([model.draw(seed, 1.0) for seed in range(n)])
    sets = {"renders": shrink(fresh.pictures, model.size), "reconstructions": decode(model, points)}
    sets |= {"samples": decode(model, drawn)}
    partners, ways = np.roll(drawn, 1, axis=0), {"lerp": lerp, "slerp": slerp_about(model.draw(0, 0.0))}
    for name, way in ways.items():
        sets[name] = decode(model, np.stack([way(a, b, 0.5) for a, b in zip(drawn, partners, strict=True)]))
    seen = {name: recogniser.look(pictures)[1] for name, pictures in sets.items()} | {"renders": features}
    report(f"Measuring ways and trying {len(model.atlas.directions)} directions")
    few = max(8, round(PATHS * n))
    result = {
        "model": manifest.name,
        "fingerprint": manifest.fingerprint,
        "command": f"python -m playground evaluate {manifest.name}",
        "quick": n < COUNT,
        "machine": machine.describe(),
        "network": model.kind,
        "size": model.size,
        "dims": model.dims,
        "pictures": n,
        "recogniser": {
            "sha256": sha256(folder / FILE),
            "parameters": sum(weight.numel() for weight in recogniser.parameters()),
            "size": SIZE,
            "read": score(rows, fresh.true, fresh.applied),
        },
        "reconstruction": _reconstruction(sets["renders"], sets["reconstructions"]),
        "frechet": {name: frechet(found, reference) for name, found in seen.items()},
        "sharpness": _sharpness(sets),
        "neighbours": _neighbours(model, recogniser, {name: seen[name] for name in ("samples", "renders")}),
        "paths": {"ways": few, **_paths(model, recogniser, drawn[:few], partners[:few], ways)},
        "edits": _edits(model, recogniser, fresh, points, rows, max(8, round(EDITED * n))),
        "disentanglement": _disentanglement(model, points, fresh),
    }
    result |= {"bars": bars(result), "seconds": round(time.monotonic() - began, 1)}
    _write_sheets(folder, model, sets["samples"], points, fresh)
    write_record(folder / EVALUATION, result)
    write_cards(folder)
    return result


def encode(model: LatentModel, pictures: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 pictures of the model's size → (N, D) points.

    A GAN's, which take many passes each, are improved in bfloat16 where the processor has that.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=model.kind == "gan" and machine.has_bf16()):
        return through(model.networks.encode, pictures).numpy()


def decode(model: LatentModel, points: np.ndarray) -> np.ndarray:
    """(N, D) points → (N, S, S, 3) uint8, many at once: faster on one core than `LatentModel.decode`."""
    parts = [points[start : start + CHUNK].astype(np.float32) for start in range(0, len(points), CHUNK)]
    return np.concatenate([to_bytes(through(model.networks.decode, torch.from_numpy(part))) for part in parts])


def _render(series: int, count: int) -> Faces:
    known = [labels(draw_face(series, index)) for index in range(count)]
    pictures = np.stack([draw(series, index) for index in range(count)])
    return Faces(known, pictures, truth(known), applying([one["kind"] for one in known]))


def _reconstruction(renders: np.ndarray, back: np.ndarray) -> dict[str, float]:
    """At the model's own size, and at the recogniser's."""
    ratios = signal_to_noise(back, renders)
    small = signal_to_noise(shrink(back, SIZE), shrink(renders, SIZE))
    alike = [structural_similarity(one, other) for one, other in zip(back, renders, strict=True)]
    return {
        "psnr_db": float(ratios.mean()),
        "least_db": float(ratios.min()),
        "psnr_64_db": float(small.mean()),
        "ssim": float(np.mean(alike)),
    }


def _sharpness(sets: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """As multiples of that of renders: at 64 px, and at the model's own size."""
    found = {}
    for key, size in (("alike", SIZE), ("own", None)):
        renders = sharpness(sets["renders"], size)
        found[key] = {name: sharpness(pictures, size) / renders for name, pictures in sets.items() if name != "renders"}
    return found


def _neighbours(model: LatentModel, recogniser: Recogniser, sets: dict[str, np.ndarray]) -> dict[str, Any]:
    """How near pictures come to the nearest training face of the atlas, in features."""
    samples, pool = model.atlas.samples, []
    for start in range(0, len(samples), 256):
        pictures = [draw(int(seed), int(index)) for seed, index in samples[start : start + 256]]
        pool.append(recogniser.look(np.stack(pictures))[1])
    known = np.concatenate(pool)
    return {"of": len(known), **{name: quantiles(nearest(features, known)) for name, features in sets.items()}}


def _paths(
    model: LatentModel, recogniser: Recogniser, starts: np.ndarray, ends: np.ndarray, ways: dict[str, Any]
) -> dict[str, Any]:
    """Path lengths, in pictures that are never rounded to bytes: ε moves them by less than a grey level."""

    def features(points: np.ndarray) -> np.ndarray:
        rows = torch.from_numpy(points.astype(np.float32))
        return through(lambda row: recogniser.features(model.networks.decode(row)), rows).numpy()

    shares = np.random.default_rng(0).random(len(starts)) * 0.99
    return {name: path_length(features, starts, ends, way, shares) for name, way in ways.items()}


def _edits(
    model: LatentModel,
    recogniser: Recogniser,
    fresh: Faces,
    points: np.ndarray,
    rows: np.ndarray,
    count: int,
) -> dict[str, Any]:
    def look(moved: np.ndarray) -> np.ndarray:
        parts = [moved[start : start + 512] for start in range(0, len(moved), 512)]
        return np.concatenate([recogniser.look(decode(model, part))[0] for part in parts])

    kinds = [one["kind"] for one in fresh.known]
    return steer(look, model.atlas.directions, points, kinds, spreads(rows, fresh.applied), count)


def _disentanglement(model: LatentModel, points: np.ndarray, fresh: Faces) -> dict[str, Any]:
    known = model.atlas.labels
    applied = applying([one["kind"] for one in known])
    mapped = model.atlas.points.astype(np.float64)
    return disentanglement(mapped, truth(known), applied, points.astype(np.float64), fresh.true, fresh.applied)


def _write_sheets(folder: Path, model: LatentModel, drawn: np.ndarray, points: np.ndarray, fresh: Faces) -> None:
    """The first samples; and the first person and the first animal, edited, one direction a row."""
    across = SHEET[1]
    shown = drawn[: len(drawn) // across * across][: SHEET[0] * across]
    write_sheet(np.split(shown, len(shown) // across), folder / SAMPLES)
    people = [one["kind"] == "person" for one in fresh.known]
    chosen = points[[people.index(True), people.index(False)]]
    rows = []
    for name in SHOWN:
        moved = [point + strength * model.atlas.directions[name] for point in chosen for strength in STRENGTHS]
        rows.append(decode(model, np.stack(moved)))
    write_sheet(rows, folder / EDITS)
