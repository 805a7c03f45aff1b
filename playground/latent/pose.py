"""Where things are on a head that turns: the head is a ball, and what sits on it moves and narrows as the ball does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from playground.latent.canvas import Points, curve, mirrored

YAW = 0.43  # radians at turn ±1


@dataclass(frozen=True)
class Pose:
    """A head: its middle, its half-axes in pixels, and its turn, −1 … 1."""

    x: float
    y: float
    rx: float
    ry: float
    turn: float

    def at(self, u: float, v: float, depth: float = 1.0) -> tuple[float, float, float]:
        """Where a point of the face is, and how narrow things look there.

        Args:
            u, v: place from the middle in half-axes, −1 … 1 on the head, as seen from the front.
            depth: 1 on the surface of the face, more for a nose, 0 at the ears, less behind the head.

        Returns:
            x, y in pixels, and the width that remains, about 1.
        """
        yaw = YAW * self.turn
        angle = math.asin(max(-1.0, min(1.0, u)))
        forward = math.cos(angle)
        x = u * math.cos(yaw) + depth * forward * math.sin(yaw)
        squeeze = math.cos(angle + yaw) / max(forward, 0.4)
        return self.x + self.rx * x, self.y + self.ry * v, min(max(squeeze, 0.35), 1.15)

    def outline(self, half: list[tuple[float, float]]) -> Points:
        """A head's contour from its right half, (u, v) from crown to chin, leaning to where the face looks."""
        lean = 0.09 * self.turn
        return curve([(self.x + self.rx * (u + lean * (1 + v)), self.y + self.ry * v) for u, v in mirrored(half, 0)])

    def shape(self, points: list[tuple[float, float]], depth: float = 1.0) -> Points:
        """A smooth closed shape on the face through places (u, v)."""
        return curve([self.at(u, v, depth)[:2] for u, v in points])
