"""When two pictures are the same, how far two others are apart, and how evenly a film moves. Knows no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from playground.events import Picture

TOLERANCE = 2  # of 255; other machines round otherwise


def digest(*pictures: Picture) -> str:
    """Hex sha256 of the pixels, three bytes each, row by row, one picture after the other."""
    content = hashlib.sha256()
    for picture in pictures:
        content.update(picture.rgb)
    return content.hexdigest()


def distance(pairs: Iterable[tuple[Picture, Picture]]) -> tuple[str, bool]:
    """How far pictures, each with another of its size, are apart as the end of a sentence; whether it is rounding."""
    import numpy as np

    largest, changed, pixels = 0, 0, 0
    for old, new in pairs:
        then, now = (np.frombuffer(one.rgb, np.uint8).reshape(-1, 3).astype(np.int16) for one in (old, new))
        apart = abs(now - then).max(axis=1)
        largest = max(largest, int(apart.max()))
        changed, pixels = changed + int((apart > 0).sum()), pixels + len(apart)
    if largest <= TOLERANCE:
        return f"pixels differ by up to {largest}/255, which is within the {TOLERANCE}/255 of rounding", True
    share = changed / pixels
    return f"{share:.1%} of the pixels differ, by up to {largest}/255, more than the {TOLERANCE}/255 of rounding", False


def stride(old: Picture, new: Picture) -> float:
    """How far apart two pictures of one size are: the root mean square over all channels, 0 to 1 (black to white)."""
    import numpy as np

    then, now = (np.frombuffer(one.rgb, np.uint8).astype(np.float32) for one in (old, new))
    return float(np.sqrt(np.mean(np.square(now - then))) / 255)


def strides(frames: Sequence[Picture]) -> dict[str, float]:
    """How evenly a film moves: its largest stride and its usual one, the median; of fewer than two frames nothing."""
    found = [stride(old, new) for old, new in pairwise(frames)]
    return {"largest_stride": round(max(found), 4), "usual_stride": round(median(found), 4)} if found else {}
