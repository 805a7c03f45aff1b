"""Trains a tales model: the job that `training.fit` runs, its plan, and the checkpoint that it leaves."""

from __future__ import annotations

import copy
import math
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from playground.cards import read_history, training_summary, write_record
from playground.registry import TRAINING, write_manifest
from playground.text.card import write_card
from playground.text.data import Story, read_stories, split
from playground.text.model import encode_prompt, tales_config, train_tokenizer
from playground.text.windows import TaleWindows
from playground.training import Plan, fit, write_once

PLAN = Plan(
    steps=7_000,
    batch_size=8_192,
    lr=2.5e-3,
    muon_lr=2.5e-3,
    ema=0.995,
    hold=0.4,
    final_lr=0.01,
    dropout=0.1,  # without it the third reading of so few books makes new stories harder to foretell
    compile=True,
)
SMOKE = replace(PLAN, steps=12, batch_size=512, compile=False, dropout=0.0, report_every_s=math.inf, save_every_s=0.0)
VOCABULARY = 4_096
LENGTHS = {0.0: 512, 0.5: 1024}  # window length from this share of the run on
PREVIEWS = ({"style": "Grimm"}, {"about": "dragon, key"}, {"title": "The Clever Fox"}, {})
SHARD = "9MB"  # git and hubs like files below 10 MB
BLOCK = 128  # rows of attention computed at once


class DroppedLinear(nn.Linear):
    """What a branch adds to the residual stream, with dropout (Srivastava et al. 2014) while it is trained."""

    def __init__(self, linear: nn.Linear, share: float) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=False, device="meta")
        self.weight, self.share = linear.weight, share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(super().forward(x), self.share, self.training)


class TaleLoss(nn.Module):
    """`forward(windows)`: mean next-token cross-entropy in nats of (B, L + 1) windows."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        hidden = self.model.model(input_ids=windows[:, :-1], use_cache=False).last_hidden_state  # (B, L, C)
        logits = self.model.lm_head(hidden).float()  # (B, L, V)
        return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


class TalesJob:
    """Data, module, reports and export of a tales run; see `training.Job`."""

    def __init__(self, stories: list[Story], out: Path, *, tiny: bool, seed: int, start: Path | None = None) -> None:
        self._start = start
        self._training, self._held_out = split(stories)
        self._out, self._tiny = out, tiny
        vocabulary = 512 if tiny else VOCABULARY
        self.tokenizer: PreTrainedTokenizerFast = train_tokenizer((s.text for s in self._training), vocabulary)
        self.windows = TaleWindows(self._training, self.tokenizer, seed)
        self._lengths = {0.0: 64, 0.5: 128} if tiny else LENGTHS
        plan = SMOKE if tiny else PLAN
        self._batch_tokens, self._dropout = plan.batch_size, plan.dropout

    def build(self) -> nn.Module:
        if self._start:
            model = LlamaForCausalLM.from_pretrained(self._start, dtype=torch.float32)
        else:
            model = LlamaForCausalLM(tales_config(len(self.tokenizer), tiny=self._tiny))
            for layer in model.model.layers:  # each layer starts as the identity: the first steps are steadier
                nn.init.zeros_(layer.self_attn.o_proj.weight)
                nn.init.zeros_(layer.mlp.down_proj.weight)
        for layer in model.model.layers:
            layer.self_attn.o_proj = DroppedLinear(layer.self_attn.o_proj, self._dropout)
            layer.mlp.down_proj = DroppedLinear(layer.mlp.down_proj, self._dropout)
        model.set_attn_implementation("causal_blocks")
        return TaleLoss(model).train()

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> torch.Tensor:
        length = max((start, n) for start, n in self._lengths.items() if start <= progress)[1]
        count = self._batch_tokens // length
        windows = self.windows.batch(cursor // length, count, length)
        return torch.from_numpy(windows[rank::world])

    @torch.no_grad()
    def report(self, module: TaleLoss, final: bool) -> dict[str, float]:
        """Loss on the beginnings of held-out stories, and the beginnings of four tales on stderr."""
        stories = self._held_out if final else self._held_out[::4]
        length = max(self._lengths.values())
        total, count, size = 0.0, 0, 0
        for story in stories:
            ids = encode_prompt(self.tokenizer, story.text, {})[: length + 1]
            size += len(self.tokenizer.decode(ids[1:]).encode())
            total += module(torch.tensor([ids])).item() * (len(ids) - 1)
            count += len(ids) - 1
        bits = total / math.log(2) / size
        print(f"\nheld out: {total / count:.3f} nats/token, {bits:.3f} bits/byte", file=sys.stderr)
        for header in PREVIEWS:
            ids = torch.tensor([encode_prompt(self.tokenizer, "Once upon a time", header)])
            torch.manual_seed(0)
            with torch.random.fork_rng():
                told = module.model.generate(
                    ids, max_new_tokens=60, do_sample=True, temperature=0.8, top_k=40, pad_token_id=0
                )
            print(f"  {header}: {self.tokenizer.decode(told[0], skip_special_tokens=True)!r}", file=sys.stderr)
        return {"valid_loss": total / count, "valid_bits_per_byte": bits}

    def export(self, module: TaleLoss) -> None:
        self._out.mkdir(parents=True, exist_ok=True)
        module = copy.deepcopy(module).half()  # 11 bits of each weight: half the download, the same text but for ties
        module.model.save_pretrained(self._out, max_shard_size=SHARD)
        self.tokenizer.save_pretrained(self._out)
        for path in self._out.iterdir():
            path.chmod(0o644)  # safetensors are saved readable by their owner alone
        write_manifest(
            self._out,
            "text",
            summary="Fairy and folk tales, by a small Llama trained from scratch on public-domain books.",
            licence="apache-2.0",
            parameters=module.model.num_parameters(),
            details={
                "context": module.model.config.max_position_embeddings,
                "styles": [style for style, _ in Counter(s.style for s in self._training).most_common()],
            },
        )


def causal_blocks(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention of whole, unpadded windows in blocks of rows: about twice as fast as SDPA's backward on a CPU.

    Args:
        query: (B, H, T, D). key, value: (B, H_kv, T, D), H a multiple of H_kv.

    Returns:
        (B, T, H, D), and no weights.
    """
    if query.shape[2] != key.shape[2]:  # a cache is in use: a preview is being told
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling)
    length, groups = query.shape[2], query.shape[1] // key.shape[1]
    dtype = torch.get_autocast_dtype(query.device.type) if torch.is_autocast_enabled(query.device.type) else query.dtype
    query = (query * scaling).to(dtype)
    key = key.to(dtype).repeat_interleave(groups, 1)
    value = value.to(dtype).repeat_interleave(groups, 1)
    future = torch.full((BLOCK, BLOCK), -torch.inf, dtype=dtype, device=query.device).triu(1)
    rows = []
    for start in range(0, length, BLOCK):
        end = min(start + BLOCK, length)
        scores = query[:, :, start:end] @ key[:, :, :end].transpose(-1, -2)  # (B, H, rows, end)
        scores = torch.cat([scores[..., :start], scores[..., start:] + future[: end - start, : end - start]], dim=-1)
        weights = scores.softmax(-1, dtype=torch.float32).to(dtype)
        rows.append(weights @ value[:, :, :end])
    return torch.cat(rows, dim=2).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("causal_blocks", causal_blocks)


def train_tales(
    data: Path,
    runs: Path,
    out: Path,
    *,
    smoke: bool = False,
    minutes: float | None = None,
    warm: bool = False,
    seed: int = 0,
) -> Path:
    """Train (or go on training) the tales model and write it as a `transformers` folder.

    Args:
        data: folder of stories (see `data.read_stories`).
        runs: where the resumable state is kept.
        out: the checkpoint folder that is written.
        smoke: a tiny model for a few steps, to test the way.
        minutes: time of training in all; without it the plan's number of steps.
        warm: where `runs` holds no state, go on from the weights and the record in `out`, with optimisers started anew.

    Returns:
        `out`.

    Raises:
        PlaygroundError: no stories in `data`, a state of another model in `runs`, or nothing in `out` to go on from.
    """
    stories = read_stories(data)
    earlier = read_history(out / TRAINING) if warm else None
    job = TalesJob(stories, out, tiny=smoke, seed=seed, start=out if warm else None)
    plan = replace(SMOKE if smoke else PLAN, minutes=minutes, seed=seed)
    history = fit(job, plan, runs, earlier=earlier)
    write_once(_write_records, training_summary(history, plan), runs, out)
    return out


def _write_records(summary: dict[str, Any], runs: Path, out: Path) -> None:
    write_record(out / TRAINING, summary)
    shutil.copy(runs / "loss.png", out / "loss.png")
    write_card(out)
