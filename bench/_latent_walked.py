"""What a benchmark of journeys gets back from its runners."""

from __future__ import annotations

from dataclasses import dataclass, field

OURS, PLAIN = "playground", "plain loop"  # ways, by name
POINTER, MEMORY = "pointer", "memory"  # of ours


@dataclass(frozen=True)
class Walked:
    """What became of a job.

    Attributes:
        seconds: from the asking to the last frame.
        threads: that computed.
        frames: base64 of their pixels, 3 bytes each; empty where only numbers were asked for.
        marks: a number for each frame: seconds from a move of the pointer to its PNG; or MiB of memory.
    """

    seconds: float
    threads: int
    frames: list[str] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
