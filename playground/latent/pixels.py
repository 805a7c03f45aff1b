"""Pixels as bytes and as networks take them, how alike two pictures are, and sheets of them to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CHUNK = 64  # pictures that pass a network at once
LEAST = 1e-3  # squared error in grey levels, so that equal pictures have a finite ratio


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """(B, H, W, 3) uint8 → (B, 3, H, W) float32 of −1 … 1, laid out channels last."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(pictures: torch.Tensor) -> np.ndarray:
    """(B, 3, H, W) of about −1 … 1 → (B, H, W, 3) uint8."""
    scaled = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


@torch.no_grad()
def through(network: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor | np.ndarray) -> torch.Tensor:
    """What `network` makes of many rows, float32 on the CPU, a chunk at a time; bytes go in as `to_tensor`."""
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    given = [to_tensor(chunk) if isinstance(chunk, np.ndarray) else chunk for chunk in chunks]
    return torch.cat([network(chunk).float().cpu() for chunk in given])


def squared_error(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean squared difference of pictures, (B, H, W, 3) uint8 each, in grey levels of 0 … 255; (B,) float64."""
    return np.square(pictures.astype(np.float64) - others).mean(axis=(1, 2, 3))


def signal_to_noise(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Peak signal to noise ratio in dB of pictures, (B, H, W, 3) uint8 each; (B,) float64."""
    return 10 * np.log10(255**2 / np.maximum(squared_error(pictures, others), LEAST))


def write_sheet(rows: Sequence[np.ndarray], path: Path) -> None:
    """Rows of pictures, (n, S, S, 3) uint8 each, one above the other, as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([np.concatenate(list(row), axis=1) for row in rows])).save(path)
