"""Several texts at once, a token at a time, in few operations: the forward pass of a small Llama, written for decoding.

Works on token ids in numbered rows of one cache; knows neither prompts nor samplers. What a row computes does not
depend on how many others there are, bit for bit: FBGEMM's products with half-precision weights sum every row in one
fixed order whatever the batch, and so does attention whatever the padding. `_steady` proves it on the machine at hand;
where it does not hold, every step has one fixed shape, which is slower and exact again.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, LlamaForCausalLM

PIECE = 64  # tokens of a prompt that are fed at once: others wait some milliseconds for it
BUCKET = 32  # keys are looked at in multiples of this
MOST_BYTES = 512 * 2**20  # of all caches of a model


Attend = Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor]  # layer, (T, H, G, D), (T, H, 2, D) → (T, H, G, D)


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


def decoder(model: nn.Module, context: int) -> Decoder:
    """The fastest decoder that computes what `model` does."""
    if _is_exact(model):
        return HalfDecoder(model, context)
    return PlainDecoder(model, context)


class _Product:
    """x → x · Wᵀ for a matrix (N, K) that half precision holds exactly; sums are in float32."""

    def __init__(self, *matrices: torch.Tensor) -> None:
        matrix = torch.cat(matrices)
        self._bias = torch.zeros(len(matrix))
        with warnings.catch_warnings():  # `decoder` falls back where a later torch has these products no more
            warnings.simplefilter("ignore")
            self._packed = torch.fbgemm_pack_gemm_matrix_fp16(matrix)
            self(torch.zeros(1, matrix.shape[1]))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fbgemm_linear_fp16_weight_fp32_activation(x, self._packed, self._bias)


@dataclass(frozen=True)
class _Layer:
    """Norm weights (C,) and matrices of a layer; `qkv` and `gate_up` are several matrices in one product."""

    norm: torch.Tensor
    qkv: _Product
    out: _Product
    mlp_norm: torch.Tensor
    gate_up: _Product
    down: _Product


class HalfDecoder:
    """A Llama whose weights fit half precision exactly, computed in float32. See `Decoder`."""

    threads = 1  # the products are small: a second thread costs more than it brings

    def __init__(self, model: LlamaForCausalLM, context: int, slots: int = 8) -> None:
        config = model.config
        row = 4 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * context  # bytes
        self.slots, self.context = max(1, min(slots, MOST_BYTES // row - 1)), context
        slots = self.slots
        self.memory = (slots + 1) * row + sum(weight.numel() * 2 for weight in model.parameters())
        self._heads, self._groups = config.num_key_value_heads, config.num_attention_heads // config.num_key_value_heads
        self._width = config.head_dim
        self._least = torch.tensor((config.hidden_size * config.rms_norm_eps) ** 0.5)
        weights = {name: value.detach().float() for name, value in model.state_dict().items()}
        self._embedding = weights["model.embed_tokens.weight"]
        self._head = _Product(weights["lm_head.weight"])
        self._norm = self._scaled(weights["model.norm.weight"])
        self._layers = [self._layer(weights, f"model.layers.{n}.") for n in range(config.num_hidden_layers)]
        angles = torch.outer(torch.arange(context).float(), model.model.rotary_emb.inv_freq.float())
        turns = torch.polar(torch.ones_like(angles), angles)[:, None]  # (context, 1, D/2)
        turned = (self._groups + 1) * self._heads  # queries and keys; values turn by nothing
        self._turns = torch.cat([turns.expand(-1, turned, -1), torch.ones_like(turns).expand(-1, self._heads, -1)], 1)
        self._cache = torch.zeros(
            config.num_hidden_layers, slots + 1, self._heads, context, 2, self._width
        )  # keys, values
        self._mask = torch.full(
            (slots, 1, 1, context), -torch.inf
        )  # added to the scores of keys that are not there yet
        self._fixed = False
        self._fixed = not self._steady()

    def _layer(self, weights: dict[str, torch.Tensor], name: str) -> _Layer:
        attention, mlp = f"{name}self_attn.", f"{name}mlp."
        # rotary pairs (i, i + D/2) become neighbours (2i, 2i + 1), so that a turn is one complex product
        turned = [
            weights[f"{attention}{part}_proj.weight"]
            .unflatten(0, (-1, 2, self._width // 2))
            .transpose(1, 2)
            .flatten(0, 2)
            for part in "qk"
        ]
        return _Layer(
            norm=self._scaled(weights[f"{name}input_layernorm.weight"]),
            qkv=_Product(*turned, weights[f"{attention}v_proj.weight"]),
            out=_Product(weights[f"{attention}o_proj.weight"]),
            mlp_norm=self._scaled(weights[f"{name}post_attention_layernorm.weight"]),
            gate_up=_Product(weights[f"{mlp}gate_proj.weight"], weights[f"{mlp}up_proj.weight"]),
            down=_Product(weights[f"{mlp}down_proj.weight"]),
        )

    @torch.inference_mode()
    def read(self, ids: Sequence[int], start: int, *, every: bool) -> torch.Tensor:
        count, end = len(ids), start + len(ids)
        keys = self._bucket(end)
        mask = torch.full((count, keys), -torch.inf).triu_(start + 1)  # (T, K)
        mask = mask.repeat_interleave(self._groups, 0)  # (T · G, K)
        turns = self._turns[start:end]

        def attend(n: int, q: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
            mine = self._cache[n, self.slots]  # (H, context, 2, D)
            mine[:, start:end] = kv.transpose(0, 1)
            k, v = mine[None, :, :keys].unbind(3)
            q = q.transpose(0, 1).flatten(1, 2)  # (H, T · G, D)
            y = F.scaled_dot_product_attention(q[None], k, v, attn_mask=mask)
            return y[0].unflatten(1, (count, self._groups)).transpose(0, 1)  # (T, H, G, D)

        return self._forward(torch.tensor(ids), turns, attend, slice(None) if every else slice(-1, None))

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
        rows, at = torch.arange(count), torch.tensor(lengths)
        keys = self.context if self._fixed else self._bucket(max(lengths) + 1)
        self._mask[rows, 0, 0, at] = 0
        mask = self._mask[:count, ..., :keys]

        def attend(n: int, q: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
            cache = self._cache[n]
            cache[rows, :, at] = kv
            k, v = cache[:count, :, :keys].unbind(3)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

        return self._forward(torch.tensor(tokens), self._turns[at], attend, slice(None))

    def _forward(self, tokens: torch.Tensor, turns: torch.Tensor, attend: Attend, asked: slice) -> torch.Tensor:
        heads, groups, width, count = self._heads, self._groups, self._width, len(tokens)
        x = self._embedding[tokens]  # (T, C)
        for n, layer in enumerate(self._layers):
            qkv = layer.qkv(self._normed(x, layer.norm)).view(count, (groups + 2) * heads, width // 2, 2)
            qkv = torch.view_as_real(torch.view_as_complex(qkv) * turns).flatten(2)  # (T, G · H + H + H, D)
            q, kv = qkv.split([groups * heads, 2 * heads], 1)
            y = attend(n, q.unflatten(1, (heads, groups)), kv.unflatten(1, (2, heads)).transpose(1, 2))  # (T, H, G, D)
            x = x + layer.out(y.reshape(count, -1))
            gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, -1)
            x = x + layer.down(F.silu(gate).mul_(up))
        return self._head(self._normed(x[asked], self._norm))

    def _scaled(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * len(weight) ** 0.5

    def _normed(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """RMSNorm in four operations: x · w·√C / √(|x|² + C·ε), with w·√C made beforehand."""
        return (x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self._least)).mul_(weight)

    def _bucket(self, length: int) -> int:
        return min(self.context, -(-length // BUCKET) * BUCKET)

    def _steady(self) -> bool:
        """Whether this machine computes a row alike, to the bit, beside any number of others."""
        tokens = [n * 37 % len(self._embedding) for n in range(self.slots)]
        lengths = [n * 5 % (BUCKET - 1) for n in range(self.slots)]  # whatever is in the cache serves
        together = self.step(tokens, lengths)
        far = self.step(tokens, [*lengths[:-1], min(self.context, 8 * BUCKET) - 1])
        alone = [self.step(tokens[:n], lengths[:n]) for n in (1, 2, 3, self.slots - 1)]
        return torch.equal(far[:-1], together[:-1]) and all(torch.equal(x, together[: len(x)]) for x in alone)


class PlainDecoder:
    """Any causal language model of `transformers`, row by row with its own forward pass. See `Decoder`."""

    def __init__(self, model: nn.Module, context: int, slots: int = 8) -> None:
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
