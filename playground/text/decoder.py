"""Several texts at once, a token at a time, in few operations: the forward pass of a small Llama, written for decoding.

Works on token ids in numbered rows of one cache; knows neither prompts nor samplers. What a row computes does not
depend on how many others there are, bit for bit: FBGEMM's products with half-precision weights sum every row in one
fixed order whatever the batch, and so does attention whatever the padding. `_steady` proves it on the machine at hand;
where it does not hold, every step has one fixed shape, which is slower and exact again.

The products are too small for several threads to share one, so there are several decoders, which share the weights and
run side by side; the forward pass is compiled by TorchScript, whose code does not hold Python's lock.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, LlamaForCausalLM

from playground.compiled import compiled

PIECE = 64  # tokens of a prompt that are fed at once: others wait some milliseconds for it
BUCKET = 32  # keys are looked at in multiples of this
MOST_BYTES = 512 * 2**20  # of all caches of a model
SLOTS = 8  # texts at once, in all decoders of a model
LANES = 4  # decoders of a model; at most one a core


class Decoder(Protocol):
    """Rows 0 … slots − 1 that decode, and one more place where a prompt is read before it gets a row.

    Attributes:
        slots: texts at once.
        context: tokens that a row holds.
        threads: of torch, with which it is fastest.
        memory: bytes that it takes beside the model.
    """

    slots: int
    context: int
    threads: int
    memory: int

    def read(self, ids: Sequence[int], start: int, *, every: bool) -> torch.Tensor:
        """Logits after each of the next T ≤ `PIECE` tokens of a prompt, (T, V), or after the last one only, (1, V).

        Args:
            start: where they stand; a multiple of `PIECE`. 0 begins a new prompt.
        """

    def place(self, row: int, length: int) -> None:
        """Give the prompt that was read last, `length` tokens, a row. It stays to be placed again."""

    def move(self, source: int, target: int, length: int) -> None:
        """Let row `target` go on with what row `source` holds, `length` tokens."""

    def step(self, tokens: Sequence[int], lengths: Sequence[int]) -> torch.Tensor:
        """Logits (M, V) after one more token in each of the rows 0 … M − 1, which hold `lengths` tokens before."""


def decoders(model: nn.Module, context: int) -> list[Decoder]:
    """The fastest decoders that compute what `model` does; each may be used by a thread of its own."""
    if not _is_exact(model):
        return [PlainDecoder(model, context)]
    lanes = min(LANES, 1 << (len(os.sched_getaffinity(0)).bit_length() - 1))  # a power of two, so that slots come out
    first = HalfDecoder(model, context, SLOTS // lanes, lanes)
    return [first, *(first.twin() for _ in range(lanes - 1))]


class _Weights(NamedTuple):
    """What the forward pass multiplies by.

    Attributes:
        embedding: (V, C).
        norms: (C,), two of each layer and the last one, each times √C.
        products: packed matrices; of each layer queries, keys and values in one, output, gate and up in one, down; and
            the head.
        biases: zeros, one a product.
        least: √(C·ε) of the norms.
    """

    embedding: torch.Tensor
    norms: list[torch.Tensor]
    products: list[torch.Tensor]
    biases: list[torch.Tensor]
    least: torch.Tensor


class _Shape(NamedTuple):
    """Key heads, query heads for each of them, and numbers in a head."""

    heads: int
    groups: int
    width: int


def _normed(x: torch.Tensor, weight: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """RMSNorm in four operations: x · w·√C / √(|x|² + C·ε), with w·√C made beforehand."""
    return (x / torch.hypot(torch.linalg.vector_norm(x, 2, [-1], True), least)).mul_(weight)


@compiled
def _forward(
    w: _Weights,
    shape: _Shape,
    tokens: torch.Tensor,
    turns: torch.Tensor,
    cache: torch.Tensor,
    first: int,
    at: torch.Tensor,
    mask: torch.Tensor,
    every: bool,
) -> torch.Tensor:
    """Logits (R · T, V) after T more tokens in each of R rows of the cache, from row `first` on; or (1, V) of the last.

    Args:
        tokens: (R · T,) int64.
        turns: (R · T, G · H + H + H, D/2) complex, of queries, keys and values.
        cache: (layers, rows, H, context, 2, D), keys and values; gets the new ones.
        at: (R, T) int64, where the tokens stand.
        mask: added to the scores, (R, 1, 1, K) or (T · G, K); K keys are looked at.
    """
    heads, groups, width = shape.heads, shape.groups, shape.width
    rows, count, keys = at.size(0), at.size(1), mask.size(-1)
    places = [torch.arange(first, first + rows).unsqueeze(1), at]
    x = w.embedding.index_select(0, tokens)
    for n in range(len(w.products) // 4):
        qkv = torch.fbgemm_linear_fp16_weight_fp32_activation(
            _normed(x, w.norms[2 * n], w.least), w.products[4 * n], w.biases[4 * n]
        )
        pairs = torch.view_as_complex(qkv.view(rows * count, (groups + 2) * heads, width // 2, 2))
        turned = torch.view_as_real(pairs * turns).view(rows, count, (groups + 2) * heads, width)
        kept = turned[:, :, groups * heads :].view(rows, count, 2, heads, width).transpose(2, 3)
        mine = cache[n]
        mine.transpose(1, 2).index_put_(places, kept)
        asking = turned[:, :, : groups * heads].view(rows, count, heads, groups, width)
        y = F.scaled_dot_product_attention(
            asking.permute(0, 2, 1, 3, 4).reshape(rows, heads, count * groups, width),
            mine[first : first + rows, :, :keys, 0],
            mine[first : first + rows, :, :keys, 1],
            attn_mask=mask,
        )
        y = y.view(rows, heads, count, groups, width).permute(0, 2, 1, 3, 4).reshape(rows * count, -1)
        x = x + torch.fbgemm_linear_fp16_weight_fp32_activation(y, w.products[4 * n + 1], w.biases[4 * n + 1])
        gate_up = torch.fbgemm_linear_fp16_weight_fp32_activation(
            _normed(x, w.norms[2 * n + 1], w.least), w.products[4 * n + 2], w.biases[4 * n + 2]
        )
        half = gate_up.size(1) // 2
        inner = F.silu(gate_up[:, :half]).mul_(gate_up[:, half:])
        x = x + torch.fbgemm_linear_fp16_weight_fp32_activation(inner, w.products[4 * n + 3], w.biases[4 * n + 3])
    if not every:
        x = x[-1:]
    return torch.fbgemm_linear_fp16_weight_fp32_activation(
        _normed(x, w.norms[-1], w.least), w.products[-1], w.biases[-1]
    )


class HalfDecoder:
    """A Llama whose weights fit half precision exactly, computed in float32. See `Decoder`."""

    threads = 1  # the products are small: a second thread costs more than it brings

    def __init__(self, model: LlamaForCausalLM, context: int, slots: int = SLOTS, lanes: int = 1) -> None:
        """`lanes`: how many of its kind there will be, which share the room."""
        config = model.config
        row = 4 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * context  # bytes
        self.slots, self.context = max(1, min(slots, MOST_BYTES // lanes // row - 1)), context
        self._shape = _Shape(
            config.num_key_value_heads, config.num_attention_heads // config.num_key_value_heads, config.head_dim
        )
        self._weights = _pack(model)
        packed = sum(weight.numel() * 2 for weight in model.parameters())
        self.memory = (self.slots + 1) * row + packed // lanes
        heads, groups, width = self._shape
        angles = torch.outer(torch.arange(context).float(), model.model.rotary_emb.inv_freq.float())
        turns = torch.polar(torch.ones_like(angles), angles)[:, None]  # (context, 1, D/2)
        turned = turns.expand(-1, (groups + 1) * heads, -1)  # queries and keys; values turn by nothing
        self._turns = torch.cat([turned, torch.ones_like(turns).expand(-1, heads, -1)], 1)
        self._cache = torch.zeros(config.num_hidden_layers, self.slots + 1, heads, context, 2, width)  # keys, values
        self._mask = torch.full((self.slots, 1, 1, context), -torch.inf)  # on the scores of keys that are not there yet
        self._fixed = False
        self._fixed = not self._steady()

    def twin(self) -> Self:
        """Another decoder with the same weights, for another thread."""
        made = copy.copy(self)
        made._cache, made._mask = torch.zeros_like(self._cache), torch.full_like(self._mask, -torch.inf)
        return made

    @torch.inference_mode()
    def read(self, ids: Sequence[int], start: int, *, every: bool) -> torch.Tensor:
        count, end = len(ids), start + len(ids)
        mask = torch.full((count, self._bucket(end)), -torch.inf).triu_(start + 1)  # (T, K)
        mask = mask.repeat_interleave(self._shape.groups, 0)  # (T · G, K)
        at = torch.arange(start, end)[None]
        return self._forward(torch.tensor(ids), self._turns[start:end], self.slots, at, mask, every)

    def place(self, row: int, length: int) -> None:
        self._copy(self.slots, row, length)

    def move(self, source: int, target: int, length: int) -> None:
        self._copy(source, target, length)

    @torch.inference_mode()
    def _copy(self, source: int, target: int, length: int) -> None:
        self._cache[:, target, :, :length] = self._cache[:, source, :, :length]
        self._mask[target, ..., :length] = 0
        self._mask[target, ..., length:] = -torch.inf

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], lengths: Sequence[int]) -> torch.Tensor:
        count = len(tokens)
        if self._fixed and count < self.slots:
            idle = [0] * (self.slots - count)  # rows that nobody has; whoever is placed there overwrites them
            return self.step([*tokens, *idle], [*lengths, *idle])[:count]
        at = torch.tensor(lengths)
        keys = self.context if self._fixed else self._bucket(max(lengths) + 1)
        self._mask[torch.arange(count), 0, 0, at] = 0
        return self._forward(
            torch.tensor(tokens), self._turns[at], 0, at[:, None], self._mask[:count, ..., :keys], True
        )

    def _forward(
        self,
        tokens: torch.Tensor,
        turns: torch.Tensor,
        first: int,
        at: torch.Tensor,
        mask: torch.Tensor,
        every: bool,
    ) -> torch.Tensor:
        return _forward(self._weights, self._shape, tokens, turns, self._cache, first, at, mask, every)

    def _bucket(self, length: int) -> int:
        return min(self.context, -(-length // BUCKET) * BUCKET)

    def _steady(self) -> bool:
        """Whether this machine computes a row alike, to the bit, beside any number of others."""
        tokens = [n * 37 % len(self._weights.embedding) for n in range(self.slots)]
        lengths = [n * 5 % (BUCKET - 1) for n in range(self.slots)]  # whatever is in the cache serves
        together = self.step(tokens, lengths)
        far = self.step(tokens, [*lengths[:-1], min(self.context, 8 * BUCKET) - 1])
        alone = [self.step(tokens[:n], lengths[:n]) for n in range(1, self.slots)]
        return torch.equal(far[:-1], together[:-1]) and all(torch.equal(x, together[: len(x)]) for x in alone)


class PlainDecoder:
    """Any causal language model of `transformers`, row by row with its own forward pass. See `Decoder`."""

    def __init__(self, model: nn.Module, context: int, slots: int = SLOTS) -> None:
        self.context, self.threads = context, max(1, len(os.sched_getaffinity(0)))
        self._model = model
        self._prompt = DynamicCache()
        row = self._bytes_per_token() * context
        self.slots = max(1, min(slots, MOST_BYTES // row - 1))
        self.memory = (self.slots + 1) * row
        self._rows: list[DynamicCache] = [DynamicCache() for _ in range(self.slots)]

    def _bytes_per_token(self) -> int:
        config = self._model.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return 2 * config.num_hidden_layers * heads * width * next(self._model.parameters()).element_size()

    @torch.inference_mode()
    def read(self, ids: Sequence[int], start: int, *, every: bool) -> torch.Tensor:
        if start == 0:
            self._prompt = DynamicCache()
        _cut(self._prompt, start)
        given = {"past_key_values": self._prompt, "use_cache": True, "logits_to_keep": 0 if every else 1}
        return self._model(torch.tensor([ids]), **given).logits[0].float()

    def place(self, row: int, length: int) -> None:
        self._rows[row] = copy.deepcopy(self._prompt)
        _cut(self._rows[row], length)

    def move(self, source: int, target: int, length: int) -> None:
        self._rows[target], self._rows[source] = self._rows[source], DynamicCache()

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], lengths: Sequence[int]) -> torch.Tensor:
        made = [
            self._model(torch.tensor([[token]]), past_key_values=row, use_cache=True).logits[0, -1]
            for token, row in zip(tokens, self._rows, strict=False)
        ]
        return torch.stack(made).float()


def _cut(cache: DynamicCache, length: int) -> None:
    beyond = cache.get_seq_length() - length
    if beyond > 0:
        cache.crop(-beyond)


@torch.no_grad()
def _pack(model: LlamaForCausalLM) -> _Weights:
    weights = {name: value.detach().float() for name, value in model.state_dict().items()}
    width, config = model.config.head_dim, model.config
    norms, matrices = [], []
    for n in range(config.num_hidden_layers):
        layer = f"model.layers.{n}."
        norms += [weights[f"{layer}{part}_layernorm.weight"] for part in ("input", "post_attention")]
        # rotary pairs (i, i + D/2) become neighbours (2i, 2i + 1), so that a turn is one complex product
        turned = [
            weights[f"{layer}self_attn.{part}_proj.weight"]
            .unflatten(0, (-1, 2, width // 2))
            .transpose(1, 2)
            .flatten(0, 2)
            for part in "qk"
        ]
        matrices += [
            torch.cat([*turned, weights[f"{layer}self_attn.v_proj.weight"]]),
            weights[f"{layer}self_attn.o_proj.weight"],
            torch.cat([weights[f"{layer}mlp.{part}_proj.weight"] for part in ("gate", "up")]),
            weights[f"{layer}mlp.down_proj.weight"],
        ]
    norms.append(weights["model.norm.weight"])
    matrices.append(weights["lm_head.weight"])
    with warnings.catch_warnings():  # they are deprecated; `_is_exact` looks whether they are still there
        warnings.simplefilter("ignore")
        packed = [torch.fbgemm_pack_gemm_matrix_fp16(matrix) for matrix in matrices]
        torch.fbgemm_linear_fp16_weight_fp32_activation(torch.zeros(1, config.hidden_size), packed[0], torch.zeros(1))
    return _Weights(
        embedding=weights["model.embed_tokens.weight"],
        norms=[norm * len(norm) ** 0.5 for norm in norms],
        products=packed,
        biases=[torch.zeros(len(matrix)) for matrix in matrices],
        least=torch.tensor((config.hidden_size * config.rms_norm_eps) ** 0.5),
    )


def _is_exact(model: nn.Module) -> bool:
    """Whether `HalfDecoder` computes what this model does: its architecture, and weights that half precision holds."""
    config = model.config
    return (
        isinstance(model, LlamaForCausalLM)
        and "fbgemm" in torch.backends.quantized.supported_engines
        and hasattr(torch, "fbgemm_linear_fp16_weight_fp32_activation")
        and config.hidden_act == "silu"
        and config.rope_parameters["rope_type"] == "default"
        and not any(name.endswith("bias") for name, _ in model.named_parameters())
        and all(torch.equal(weight.half().to(weight.dtype), weight) for weight in model.parameters())
    )
