"""What is known of a space of points: labelled training faces in it, two maps of them, directions, presets, distances.

Made once, by `charting`, when a model is exported, and kept beside its weights. The faces themselves are not kept:
the world draws them again from (seed, index). Knows points and labels, neither networks nor pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from playground.errors import PlaygroundError
from playground.latent.coding import code, code_names
from playground.latent.world import draw_face, labels

ARRAYS, RECORD = "atlas.safetensors", "atlas.json"
NEIGHBOURS = 6  # faces that say where on a map a point belongs
SHAPES = {  # n faces on the map, d dimensions of a point, f numbers of a code, k directions, p presets
    "points": "nd",
    "samples": "n2",
    "embedding": "n2",
    "mean": "d",
    "std": "d",
    "axes": "2d",
    "scales": "2",
    "base": "d",
    "weights": "fd",
    "directions": "kd",
    "presets": "pd",
}


@dataclass(frozen=True)
class Usual:
    """What is usual for faces that were never trained on: median, and `far`, the 95 % quantile.

    Attributes:
        distance, far_distance: to the nearest training face of the map, see `distances`.
        error, far_error: root mean square of a reconstruction's error, in grey levels of 0 … 255.
    """

    distance: float
    far_distance: float
    error: float
    far_error: float


@dataclass(frozen=True)
class Atlas:
    """All arrays are float32, but `samples`.

    Attributes:
        points: (n, D) of training faces. samples: (n, 2) int64, the (seed, index) of each.
        embedding: (n, 2), where t-SNE puts each.
        mean, std: (D,) of points.
        axes: (2, D) unit vectors of the principal plane; scales: (2,), the standard deviation along each.
        base, weights: (D,) and (F, D): the code of a face (see `coding`) → its point.
        directions: name → (D,), what one standard deviation of that factor more does to a point; those of choices are
            longer, and of both `correction` has taken off what changed beside.
        presets: name → (D,), the mean point of its faces (see `presets`).
    """

    points: np.ndarray
    samples: np.ndarray
    embedding: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    axes: np.ndarray
    scales: np.ndarray
    base: np.ndarray
    weights: np.ndarray
    directions: dict[str, np.ndarray]
    presets: dict[str, np.ndarray]
    usual: Usual

    @property
    def dims(self) -> int:
        return self.points.shape[1]

    @cached_property
    def labels(self) -> tuple[dict[str, Any], ...]:
        """The factors of each face on the map, by name; None where one does not apply."""
        return tuple(labels(draw_face(int(seed), int(index))) for seed, index in self.samples)

    def chosen(self, factors: Mapping[str, Any]) -> np.ndarray:
        """The point that factors ask for, (D,), by a linear map; those that are left open are in their middle."""
        return (self.base + code(factors) @ self.weights).astype(np.float32)

    def place(self, point: np.ndarray) -> tuple[float, float]:
        """Where on the principal plane a point lies, in standard deviations along its axes."""
        x, y = (self.axes @ (point - self.mean)) / self.scales
        return float(x), float(y)

    def at(self, x: float, y: float) -> np.ndarray:
        """The point at a place of the principal plane, (D,): the other way round."""
        shift = np.array((x, y), np.float32) * self.scales
        return (self.mean + shift @ self.axes).astype(np.float32)

    def nearest(self, point: np.ndarray, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The nearest faces of the map: their places in `points`, nearest first, and their `distances`."""
        found = distances(self.points, point, self.std)
        order = np.argsort(found, kind="stable")[:count]
        return order, found[order]

    def place_by_neighbours(self, point: np.ndarray) -> tuple[float, float]:
        """Where on the t-SNE map a point belongs: amid its nearest faces, nearer to the nearer ones."""
        order, found = self.nearest(point, NEIGHBOURS)
        x, y = _amid(self.embedding[order], found)
        return float(x), float(y)

    def near(self, x: float, y: float) -> np.ndarray:
        """The point amid the faces that stand next to a place of the t-SNE map, (D,)."""
        found = np.linalg.norm(self.embedding.astype(np.float64) - (x, y), axis=1)
        order = np.argsort(found, kind="stable")[:NEIGHBOURS]
        return _amid(self.points[order], found[order]).astype(np.float32)


def distances(points: np.ndarray, point: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Of a (D,) point to (n, D) others, (n,) float64: Euclidean, each dimension weighed by how much faces differ in it.

    A VAE leaves dimensions unused: what a random draw has there shows in no picture.

    Args:
        std: (D,), of the points of faces; the largest counts as 1.
    """
    weights = std.astype(np.float64) / max(float(std.max()), 1e-12)
    return np.linalg.norm((points.astype(np.float64) - point) * weights, axis=1)


def _amid(values: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Mean of values, the nearer ones counting more; the value itself at distance 0.

    Weights are inverse squares of distances, less that of the last, which so counts for nothing: under a moving hand
    another one can take its place without a jump.
    """
    weights = 1 / np.maximum(distances, 1e-6) ** 2
    weights = weights - weights[-1] + 1e-9 * weights[0]  # all alike, where all are as far
    return weights @ values / weights.sum()


def write_atlas(atlas: Atlas, folder: Path) -> None:
    """Write the two files of an atlas."""
    arrays = {name: getattr(atlas, name) for name in SHAPES if name not in ("directions", "presets")}
    for name in ("directions", "presets"):
        arrays[name] = np.stack(list(getattr(atlas, name).values()))
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / ARRAYS)
    (folder / ARRAYS).chmod(0o644)
    record = {
        "code": code_names(),
        "directions": list(atlas.directions),
        "presets": list(atlas.presets),
        "usual": vars(atlas.usual),
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_atlas(folder: Path, dims: int) -> Atlas:
    """Read the two files of an atlas.

    Args:
        dims: D, of the model's points.

    Raises:
        PlaygroundError: a file is missing, damaged or of another model, or of another version of the world.
    """
    for name in (RECORD, ARRAYS):
        if not (folder / name).is_file():
            raise PlaygroundError(f"its {name} is missing.")
    try:
        record = json.loads((folder / RECORD).read_bytes())
        arrays = load_file(folder / ARRAYS)
        names = {key: [str(name) for name in record[key]] for key in ("code", "directions", "presets")}
        usual = Usual(**{name: float(value) for name, value in record["usual"].items()})
    except Exception as error:  # of whatever kind damage is
        raise PlaygroundError("its atlas is damaged.") from error
    if tuple(names["code"]) != code_names():
        raise PlaygroundError("its atlas is of a world with other factors.")
    _check(arrays, {"d": dims, "f": len(names["code"]), "k": len(names["directions"]), "p": len(names["presets"])})
    tables = {key: dict(zip(names[key], arrays.pop(key), strict=True)) for key in ("directions", "presets")}
    return Atlas(**{name: arrays[name] for name in SHAPES if name not in tables}, **tables, usual=usual)


def _check(arrays: Mapping[str, np.ndarray], sizes: dict[str, int]) -> None:
    sizes["n"] = len(arrays.get("points", ()))
    for name, letters in SHAPES.items():
        shape = tuple(sizes[letter] if letter in sizes else int(letter) for letter in letters)
        if name not in arrays or arrays[name].shape != shape:
            raise PlaygroundError(f"its atlas has no {name} of the shape {shape}.")
        if not np.isfinite(arrays[name]).all():
            raise PlaygroundError(f"its atlas has {name} that are no numbers.")
