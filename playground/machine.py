"""What a number was measured on: processor, memory, threads and versions, for cards, evaluations and benchmarks."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("torch", "transformers", "tokenizers", "diffusers", "accelerate", "numpy")


def describe() -> dict[str, Any]:
    """Processor, usable cores, memory in GiB, torch's threads, system, versions and today's date (UTC)."""
    import torch

    return {
        "processor": processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count(),
        "memory_gib": round(memory() / 2**30, 1),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **versions()},
        "date": datetime.now(UTC).date().isoformat(),
    }


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions of the packages that decide results, as far as they are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name as its maker gives it, or the architecture where the system does not tell."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory() -> int:
    """Bytes of the machine's memory."""
    return psutil.virtual_memory().total


def has_bf16() -> bool:
    """Whether this machine multiplies bfloat16 matrices faster than float32 ones; some take a hundred times as long."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def sentence(machine: dict[str, Any]) -> str:
    """A machine as `describe` gave it, in words for a card or below a table."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    where = machine["accelerator"] or f"{machine['processor']}, {machine['cores']} cores"
    return (
        f"{where}, {machine['memory_gib']:g} GiB of memory, threads: {machine['threads']}, {machine['system']}; "
        f"{packages}; {machine['date']}"
    )
