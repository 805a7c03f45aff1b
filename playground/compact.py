"""A small convolutional network in one file: float16 weights, the widths that it is built with, and what it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from playground.errors import PlaygroundError

Network = TypeVar("Network", bound=nn.Module)


def save_network(network: nn.Module, path: Path, widths: Sequence[int], names: str) -> None:
    """Write a network, atomically.

    Args:
        widths: what `load_network` builds it with.
        names: a digest of what its outputs mean; changes whenever that does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    part = path.with_name(f"{path.name}.part")
    save_file(weights, part, metadata={"widths": json.dumps(list(widths)), "names": names})
    part.chmod(0o644)
    part.replace(path)


def load_network(path: Path, build: Callable[[Sequence[int]], Network], names: str, made_by: str) -> Network:
    """A network that looks at pictures, ready to look, computing in float32.

    Args:
        build: widths → a network. made_by: ends the sentence that tells of a missing file.

    Raises:
        PlaygroundError: there is none, or it is damaged or of another world.
    """
    if not path.is_file():
        raise PlaygroundError(f"{path.parent.name} has no {path.name}, which looks at pictures: {made_by}.")
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("names") != names:
                raise PlaygroundError(f"{path} knows another world than this one: train it anew.")
            network = build(json.loads(about["widths"]))
            network.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise PlaygroundError(f"{path} is damaged: {error}.") from error
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)
