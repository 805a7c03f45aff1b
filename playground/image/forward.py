"""What a denoiser tells of noisy latents, computed sooner: the parts that do not change are computed once.

The time's and the text's way into every layer depends on neither noise nor picture: one product for all layers at each
time, one for each prompt. What is left is traced by TorchScript with its kernels laid out beforehand as oneDNN wants
them; the halves of classifier-free guidance are computed on two cores at once, and pictures that are drawn at the same
time share a call where that changes no bit (`rows.py`). All of it in float32, as the plain forward pass, from which it
differs by rounding. Where any of it is not to be had, or comes out otherwise, the plain forward pass does it.
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch.nn import functional

from playground.compiled import compiled
from playground.image.rows import MOST, Network, Row, desk

MOST_WEIGHTS = 100_000_000  # larger denoisers spend their time in the products themselves
SHAPES = 3  # of latents that are kept ready
TOLERANCE = 1e-3  # beyond rounding


@dataclass
class Asked:
    """What a denoiser is asked about, apart from latents and time.

    Attributes:
        words: (B, L, D) states of B texts; each gets its own answer.
        kept: (B, L, all) keys and values of every cross-attention.
        added: (B, T) what the texts as wholes add to every time; None where they don't.
        times: (B, all) what a time does to every layer, by time.
    """

    words: torch.Tensor
    kept: torch.Tensor
    added: torch.Tensor | None = None
    times: dict[float, torch.Tensor] = field(default_factory=dict)


Question = tuple[torch.Tensor, torch.Tensor, Asked]  # (1, C, h, w) latents, a time step, what is asked about them


class Forward:
    """The forward pass of a denoiser. Of several threads that ask at once, each gets what it would get alone.

    Attributes:
        together: so many pictures are worth asking about at once.
    """

    def __init__(self, unet: UNet2DConditionModel) -> None:
        self._unet, self._lock = unet, threading.Lock()
        self._ready: OrderedDict[tuple[int, ...], Network | None] = OrderedDict()
        self._is_fit = _is_fit(unet)
        if self._is_fit:
            timed = [m.time_emb_proj for m in unet.modules() if getattr(m, "time_emb_proj", None) is not None]
            attentions = [module for name, module in unet.named_modules() if name.endswith(".attn2")]
            read = [part for attention in attentions for part in (attention.to_k, attention.to_v)]
            self._times, self._texts = _Together(timed), _Together(read)
        self.together = MOST if self._is_fit else 1

    @torch.inference_mode()
    def about(self, words: torch.Tensor) -> Asked:
        """Prepare for questions about texts, (B, L, D)."""
        return self._about(words)

    def _about(self, words: torch.Tensor) -> Asked:
        """As `about`, for the tracer, too, which takes no tensors of the inference mode."""
        if not self._is_fit:
            return Asked(words, words[..., :0])
        return Asked(words, self._texts(words), self._unet.get_aug_embed(words[:, 0], words, {}))

    @torch.inference_mode()
    def ask(self, questions: Sequence[Question]) -> list[torch.Tensor]:
        """The answers to each: (B, C, h, w) float32, one for each of its texts."""
        rows = [self._rows(*question) for question in questions]
        told = iter(desk().ask([one for some in rows for one in some]))
        return [
            torch.cat([next(told) for _ in some]) if some else self._plain(*question)
            for some, question in zip(rows, questions, strict=True)
        ]

    def _rows(self, latents: torch.Tensor, t: torch.Tensor, asked: Asked) -> list[tuple[Network, Row]]:
        """One for each text; none where only the plain pass is right."""
        traced = self._traced(latents, asked.words) if self._is_fit else None
        if traced is None:
            return []
        if float(t) not in asked.times:
            asked.times[float(t)] = self._at(latents, t, asked)
        latents = latents.contiguous(memory_format=torch.channels_last)
        time = asked.times[float(t)]
        return [(traced, (latents, asked.words[n, None], time[n, None], asked.kept[n, None])) for n in range(len(time))]

    def _plain(self, latents: torch.Tensor, t: torch.Tensor, asked: Asked) -> torch.Tensor:
        """In what the denoiser computes in; what goes in and comes out is float32."""
        own, words = self._unet.dtype, asked.words
        latents = latents.expand(len(words), -1, -1, -1).to(own)
        return self._unet(latents, t, encoder_hidden_states=words.to(own), return_dict=False)[0].float()

    def _at(self, latents: torch.Tensor, t: torch.Tensor, asked: Asked) -> torch.Tensor:
        state = self._unet.time_embedding(self._unet.get_time_embed(latents, t)).expand(len(asked.words), -1)
        return self._times(functional.silu(state if asked.added is None else state + asked.added))

    def _traced(self, latents: torch.Tensor, words: torch.Tensor) -> Network | None:
        """The pass for latents and texts of this shape; None where only the plain one is right."""
        shape = (*latents.shape[1:], *words.shape[1:])
        with self._lock:
            if shape not in self._ready:
                made = desk().pool.submit(self._trace, shape)  # there, because how kernels lie depends on threads
                self._ready[shape] = made.result()
                while len(self._ready) > SHAPES:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(shape)
            return self._ready[shape]

    def _trace(self, shape: tuple[int, ...]) -> Network | None:
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, and that TorchScript will go one day
            given, t = self._trial(shape, 0)
            try:
                traced = _Traced(self._unet, given)
                expected = self._plain(given[0], t, Asked(given[1], given[3]))
                is_right = torch.allclose(traced(*given), expected, TOLERANCE, TOLERANCE)
            except Exception:  # another torch, another processor, another make of denoiser
                return None
            return Network(traced, lambda: [self._trial(shape, k)[0] for k in range(MOST)]) if is_right else None

    def _trial(self, shape: tuple[int, ...], seed: int) -> tuple[Row, torch.Tensor]:
        """Any row of this shape, and its time."""
        dice = torch.Generator().manual_seed(seed)
        latents = torch.randn(1, *shape[:3], generator=dice).contiguous(memory_format=torch.channels_last)
        words, t = torch.randn(1, *shape[3:], generator=dice), torch.tensor(500 - 100 * seed)
        asked = self._about(words)
        return (latents, words, self._at(latents, t, asked), asked.kept), t


@compiled
def _convolve(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, padding: list[int], stride: list[int]
) -> torch.Tensor:
    """A convolution with a kernel that is laid out. The tracer takes it only compiled."""
    return torch.ops.mkldnn._convolution_pointwise(x, kernel, bias, padding, stride, [1, 1], 1, "none", [], "")


class _Given(nn.Module):
    """Stands in for a layer whose output is known."""

    value: torch.Tensor

    def forward(self, *_: torch.Tensor) -> torch.Tensor:
        return self.value


class _Kernel(nn.Module):
    """Stands in for a convolution: with its kernel laid out for the shape that it first meets."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self._layer, self._steps = layer, (list(layer.padding), list(layer.stride))
        self.packed: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding, stride = self._steps
        if self.packed is None:
            kernel = self._layer.weight.contiguous()
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(
                kernel, padding, stride, [1, 1], 1, list(x.shape)
            )
        return _convolve(x, self.packed, self._layer.bias, padding, stride)


class _Traced:
    """The pass of a denoiser for latents of one shape: (latents, words, times, kept) → (1, C, h, w)."""

    def __init__(self, unet: UNet2DConditionModel, given: tuple[torch.Tensor, ...]) -> None:
        shared = {id(weight): weight for weight in (*unet.parameters(), *unet.buffers())}
        mine = copy.deepcopy(unet, shared)
        network = _Network(mine).eval()
        network(*given, [])  # lays the kernels out
        self._packed = [kernel.packed for kernel in network.kernels]
        self._run = torch.jit.freeze(torch.jit.trace(network, (*given, self._packed), check_trace=False))

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        return self._run(*given, self._packed)


class _Network(nn.Module):
    """A denoiser whose layers take what is known of them from outside, so that the tracer leaves out their making."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self._unet = unet
        self._times, self._texts, self.kernels = [], [], []
        self._sizes: tuple[list[int], list[int]] = ([], [])
        for name, module in list(unet.named_modules()):
            if getattr(module, "time_emb_proj", None) is not None:
                self._replace(module, "time_emb_proj", self._times, self._sizes[0])
            if name.endswith(".attn2"):
                for part in ("to_k", "to_v"):
                    self._replace(module, part, self._texts, self._sizes[1])
            if isinstance(module, nn.Conv2d):
                parent, _, own = name.rpartition(".")
                self.kernels.append(_Kernel(module))
                setattr(unet.get_submodule(parent), own, self.kernels[-1])

    @staticmethod
    def _replace(module: nn.Module, name: str, places: list[_Given], sizes: list[int]) -> None:
        sizes.append(getattr(module, name).out_features)
        places.append(_Given())
        setattr(module, name, places[-1])

    def forward(
        self,
        latents: torch.Tensor,
        words: torch.Tensor,
        times: torch.Tensor,
        kept: torch.Tensor,
        packed: list[torch.Tensor],
    ) -> torch.Tensor:
        for places, values, sizes in zip((self._times, self._texts), (times, kept), self._sizes, strict=True):
            for place, value in zip(places, values.split(sizes, -1), strict=True):
                place.value = value
        for kernel, weight in zip(self.kernels, packed, strict=False):
            kernel.packed = weight
        return self._unet(latents, 0, encoder_hidden_states=words, return_dict=False)[0]


class _Together:
    """What several linear layers make of the same input, beside each other, by one product."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        biases = [layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias for layer in layers]
        self._product = (torch.cat([layer.weight for layer in layers]), torch.cat(biases)) if layers else None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, *self._product) if self._product else x[..., :0]


def _is_fit(unet: UNet2DConditionModel) -> bool:
    kernels = [module for module in unet.modules() if isinstance(module, nn.Conv2d)]
    return (
        sum(weight.numel() for weight in unet.parameters()) <= MOST_WEIGHTS
        and unet.dtype == torch.float32
        and unet.device.type == "cpu"
        and all(
            kernel.groups == 1 and kernel.dilation == (1, 1) and kernel.padding_mode == "zeros" for kernel in kernels
        )
    )
