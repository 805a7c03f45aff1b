"""A latent model opened from its folder: seeds and pictures become points, points become pictures.

A row is computed by itself, in one thread, so that it comes out bit for bit the same in any company; several rows at
once keep several cores busy.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from diffusers import ModelMixin
from diffusers.utils.logging import disable_progress_bar, set_verbosity_error
from PIL import Image, ImageOps
from torch import nn

from playground.errors import PlaygroundError, cant_open
from playground.events import Picture
from playground.latent.atlas import Atlas, read_atlas
from playground.latent.gan import FaceGenerator, FaceInverter
from playground.latent.inversion import refine
from playground.latent.pixels import to_tensor
from playground.latent.vae import FaceVAE
from playground.manifests import Manifest
from playground.recipes import show

T = TypeVar("T")
GENERATOR, INVERTER = "generator", "inverter"  # subfolders of a GAN's checkpoint


class Networks(Protocol):
    """What a kind of model brings; every method takes and gives one row, on the CPU."""

    kind: str
    size: int
    dims: int

    def parts(self) -> list[ModelMixin]: ...

    def draw(self, noise: torch.Tensor, spread: float) -> torch.Tensor: ...

    def encode(self, pixels: torch.Tensor) -> torch.Tensor: ...

    def decode(self, point: torch.Tensor) -> torch.Tensor: ...


class VAENetworks:
    """Points are z; `spread` is the temperature of the prior."""

    kind = "vae"

    def __init__(self, vae: FaceVAE) -> None:
        self._vae, self.size, self.dims = vae, vae.config.size, vae.config.dims

    def parts(self) -> list[ModelMixin]:
        return [self._vae]

    def draw(self, noise: torch.Tensor, spread: float) -> torch.Tensor:
        return spread * noise

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return self._vae.encode(pixels)[0]

    def decode(self, point: torch.Tensor) -> torch.Tensor:
        return self._vae.decode(point)


class GANNetworks:
    """Points are w; `spread` is ψ of the truncation trick (Karras et al. 2019, "A style-based generator")."""

    kind = "gan"

    def __init__(self, generator: FaceGenerator, inverter: FaceInverter) -> None:
        own, fitting = generator.config, inverter.config
        if (own.size, own.dims) != (fitting.size, fitting.dims):
            raise PlaygroundError(
                f"its inverter makes {fitting.dims} numbers of {fitting.size} px, its generator takes {own.dims} "
                f"for {own.size} px."
            )
        self._generator, self._inverter, self.size, self.dims = generator, inverter, own.size, own.dims

    def parts(self) -> list[ModelMixin]:
        return [self._generator, self._inverter]

    def draw(self, noise: torch.Tensor, spread: float) -> torch.Tensor:
        return torch.lerp(self._generator.mean, self._generator.map(noise), spread)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return refine(self._generator, self._inverter(pixels), pixels)

    def decode(self, point: torch.Tensor) -> torch.Tensor:
        return self._generator.synthesise(point)


@dataclass
class LatentModel:
    """A model, ready to draw.

    Attributes:
        kind: "vae" or "gan". size: pixels of a side. dims: D, of a point.
        memory: bytes of its weights. dtype: what its networks compute in.
    """

    name: str
    fingerprint: str
    networks: Networks
    atlas: Atlas
    dtype: str = "float32"
    memory: int = field(init=False)
    kind: str = field(init=False)
    size: int = field(init=False)
    dims: int = field(init=False)
    _frame: Callable[[torch.Tensor], torch.Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for part in self.networks.parts():
            part.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # convolutions take half the time
        self.memory = sum(weight.nbytes for part in self.networks.parts() for weight in part.state_dict().values())
        self.kind, self.size, self.dims = self.networks.kind, self.networks.size, self.networks.dims
        self._frame = _alone(lambda: _traced(self.networks))

    def draw(self, seed: int, spread: float) -> np.ndarray:
        """The point of a seed, (D,) float32.

        Args:
            spread: temperature of a VAE, ψ of a GAN: 0 is the average face, 1 as varied as what was trained on.
        """
        noise = torch.randn(1, self.dims, generator=torch.Generator().manual_seed(seed))
        return _alone(lambda: self.networks.draw(noise, spread)[0].numpy().copy())

    def encode(self, picture: np.ndarray | Picture) -> np.ndarray:
        """The point of a picture, (D,) float32, in which what is square in its middle is looked at.

        Args:
            picture: (H, W, 3) uint8, of any size.
        """
        pixels = to_tensor(self.fit(picture)[None])
        return _alone(lambda: self.networks.encode(pixels)[0].numpy().copy())

    def fit(self, picture: np.ndarray | Picture) -> np.ndarray:
        """A picture as the model looks at it: cut to a square and scaled, (S, S, 3) uint8."""
        if isinstance(picture, Picture):
            picture = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)
        if picture.shape == (self.size, self.size, 3):
            return picture
        return np.array(ImageOps.fit(Image.fromarray(picture), (self.size, self.size), Image.Resampling.BOX))

    def decode(self, points: np.ndarray) -> np.ndarray:
        """(B, D) points → (B, S, S, 3) uint8; each row the same in any batch, bit for bit."""
        rows = torch.from_numpy(np.array(points, dtype=np.float32)).split(1)
        frames = list(_pool().map(lambda row: _inferred(lambda: self._frame(row)), rows))
        empty = np.empty((0, self.size, self.size, 3), np.uint8)
        return np.concatenate([empty, *(frame.numpy() for frame in frames)])  # torch would start threads to do so

    def unusual(self, point: np.ndarray) -> float:
        """How far a point is from the training faces; 1 is the limit that 95 % of held-out faces keep."""
        return float(self.atlas.nearest(point)[1][0]) / self.atlas.usual.far_distance


class _Frame(nn.Module):
    """A point as the bytes of a picture; `forward(point)`: (1, D) → (1, S, S, 3) uint8."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.parts, self._networks = nn.ModuleList(networks.parts()), networks

    def forward(self, point: torch.Tensor) -> torch.Tensor:
        pixels = (self._networks.decode(point).clamp(-1, 1) + 1) * 127.5
        return pixels.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _traced(networks: Networks) -> Callable[[torch.Tensor], torch.Tensor]:
    """The way from a point to bytes, which does not hold Python's lock while it computes; plain where that fails."""
    frame, point = _Frame(networks).eval(), torch.zeros(1, networks.dims)
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, and that TorchScript will go one day
        try:
            traced = torch.jit.freeze(torch.jit.trace(frame, point, check_trace=False))
            for _ in range(3):  # the first passes still look for ways to do it
                same = torch.equal(traced(point), frame(point))
        except Exception:  # another torch, another processor
            return frame
        return traced if same else frame


@cache
def _pool() -> ThreadPoolExecutor:
    workers = min(2, len(os.sched_getaffinity(0)))
    return ThreadPoolExecutor(workers, "latent", initializer=lambda: torch.set_num_threads(1))


def _inferred(call: Callable[[], T]) -> T:
    with torch.inference_mode():
        return call()


def _alone(call: Callable[[], T]) -> T:
    """What comes of a call in one of the threads that compute with one core each, whichever thread asks."""
    return _pool().submit(_inferred, call).result()


def load(folder: Path, manifest: Manifest) -> LatentModel:
    """Open a checkpoint folder of a VAE or of a GAN.

    Raises:
        PlaygroundError: a part is missing, damaged, or doesn't fit the others.
    """
    disable_progress_bar()  # of the weights; stderr is for our own lines
    set_verbosity_error()  # diffusers calls settings unexpected that it wrote itself
    kind = manifest.details.get("network")
    try:
        if kind == "vae":
            networks: Networks = VAENetworks(_open(folder, FaceVAE, "model"))
        elif kind == "gan":
            generator, inverter = folder / GENERATOR, folder / INVERTER
            networks = GANNetworks(_open(generator, FaceGenerator, GENERATOR), _open(inverter, FaceInverter, INVERTER))
        else:
            raise PlaygroundError(f"its manifest names the network {show(kind)}; known here is vae and gan.")
        return LatentModel(manifest.name, manifest.fingerprint, networks, read_atlas(folder, networks.dims))
    except PlaygroundError as error:
        raise cant_open(manifest.name, error) from error


def _open(folder: Path, network: type[ModelMixin], part: str) -> Any:
    """A network whose weights are all there, in float32."""
    try:
        opened, told = network.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, torch_dtype=torch.float32
        )
    except Exception as error:  # the library tells it in many words and with the paths of this machine
        raise PlaygroundError(f"its {part} is damaged or not whole.") from error
    if told["missing_keys"]:
        raise PlaygroundError(f"its {part} lacks the weights {min(told['missing_keys'])}.")
    return opened
