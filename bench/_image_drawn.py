"""What a benchmark of pictures gets back from its runners, and how far apart two of them are."""

from __future__ import annotations

import base64
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

OURS, PLAIN, HALF = "playground", "diffusers", "diffusers, bfloat16"  # ways, by name
TIMED, BARE, EXAMINATION = "previews timed", "no previews", "examination"  # of parts of ours


@dataclass(frozen=True)
class Drawn:
    """What became of a job.

    Attributes:
        pictures: base64 of their pixels, 3 bytes each; empty where only time was asked for.
        seconds: from the asking to the last picture.
        step_s: the median of a step of a picture; of a batch, its share of the batch's step.
        threads: that computed the steps.
        preview_s: spent in previews, where that was asked for.
    """

    pictures: list[str]
    seconds: float
    step_s: float
    threads: int
    preview_s: float = 0.0


def packed(rgb: bytes) -> str:
    """Pixels as they travel."""
    return base64.b64encode(rgb).decode()


def typical(times: Sequence[float]) -> float:
    """The median of the seconds between neighbours; 0 where there are none."""
    return statistics.median([later - earlier for earlier, later in pairwise(times)] or [0.0])


def apart(drawn: Drawn, others: Drawn) -> tuple[int, float]:
    """The largest and the mean difference of a channel of a pixel, in levels of 255, over all pictures.

    Raises:
        ValueError: they are of other numbers or sizes.
    """
    pairs = zip(map(_levels, drawn.pictures), map(_levels, others.pictures), strict=True)
    differences = np.stack([np.abs(mine - theirs) for mine, theirs in pairs])
    return int(differences.max()), float(differences.mean())


def _levels(picture: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(picture), np.uint8).astype(np.int16)
