"""The arc between two vectors. A modality calls them noises, latents or points."""

from __future__ import annotations

import math

import torch

PARALLEL = 1e-6  # vectors at an angle of less, in radians, have no arc between them to speak of


def slerp(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Go a share of the great arc from one vector to another (Shoemake 1985), length and direction each evenly.

    A mean of two noises has less variance than either, which a denoiser takes for a blank; a point of the arc does not.
    Where vectors are opposite, any arc will do and the same one is taken each time; of a zero vector, the other's
    direction counts.

    Args:
        start, end: of one shape, taken as flat vectors.
        share: 0 … 1; at 0 and 1 the results are `start` and `end`, bit for bit.
    """
    if share in (0, 1):
        return end.clone() if share else start.clone()
    a, b = start.double().flatten(), end.double().flatten()
    lengths = a.norm().item(), b.norm().item()
    if 0 in lengths:
        return torch.lerp(a, b, share).view(start.shape).to(start.dtype)
    a, b = a / lengths[0], b / lengths[1]
    angle = 2 * math.atan2((a - b).norm().item(), (a + b).norm().item())  # precise at both ends (Kahan 2006)
    if angle < PARALLEL:
        direction = torch.lerp(a, b, share)
    elif angle > math.pi - PARALLEL:
        direction = math.cos(math.pi * share) * a + math.sin(math.pi * share) * _across(a)
    else:
        direction = (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
    length = lengths[0] + share * (lengths[1] - lengths[0])
    return (length * direction).view(start.shape).to(start.dtype)


def _across(unit: torch.Tensor) -> torch.Tensor:
    """A unit vector at a right angle to `unit`, (n,): the axis that it keeps away from most, made perpendicular.

    In one dimension there is none, and the result is zero.
    """
    axis = torch.zeros_like(unit)
    axis[unit.abs().argmin()] = 1
    across = axis - (axis @ unit) * unit
    return across / across.norm().clamp(min=1e-12)
