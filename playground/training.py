"""The one training loop: a modality brings a `Job` (its module, batches, previews), `fit` does everything else.

On `accelerate`: one process or several, CPU or GPU, bf16 autocast where the hardware has it. A run can be killed at any
moment and resumes on the same loss curve, because batches are a pure function of their place and the rest is in one
state file that is replaced atomically. Knows nothing of texts or pictures.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, PartialState
from torch import nn
from tqdm.auto import tqdm

from playground.errors import PlaygroundError
from playground.machine import has_bf16
from playground.muon import Muon

STATE = "state.pt"
HISTORY = "history.jsonl"


class Batch(Protocol):
    """A tensor, or several that move together."""

    def to(self, device: torch.device) -> Batch: ...


class Job(Protocol):
    """What a modality brings."""

    def build(self) -> nn.Module:
        """The module to train, freshly initialised; `module(batch)` returns the mean loss as a scalar."""

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> Batch:
        """This process's share of the batch that starts at `cursor`; a pure function of its arguments."""

    def report(self, module: nn.Module, final: bool) -> dict[str, float]:
        """Metrics on held-out data; may print or write previews. `module` holds the averaged weights."""

    def export(self, module: nn.Module) -> None:
        """Write `module` as a checkpoint that others can load."""


@dataclass(frozen=True)
class Plan:
    """How a job is trained.

    Attributes:
        steps: optimiser steps of the whole run (ignored where `minutes` is given).
        batch_size: units (tokens, pictures) in a global batch, whatever the number of processes.
        lr: peak learning rate of AdamW.
        muon_lr: peak learning rate of Muon for the matrices of hidden layers; 0 trains them with AdamW too.
        warmup: share of the run in which the rate climbs linearly; a cosine to `final_lr` × peak follows.
        hold: share of the run up to which the rate stays at its peak before the cosine begins.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights per step, which are reported on and exported; 0 = the weights as such.
        paces: shares of AdamW's learning rate, for parameters whose names begin so.
        dropout: share of what a branch adds that is dropped while training, where the job's module has such a place.
        minutes: time of training in all, over however many resumed runs; the schedule then follows the clock.
    """

    steps: int
    batch_size: int
    lr: float
    muon_lr: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    warmup: float = 0.02
    hold: float = 0.0
    final_lr: float = 0.05
    clip: float = 1.0
    ema: float = 0.0
    paces: dict[str, float] = field(default_factory=dict)
    dropout: float = 0.0
    minutes: float | None = None
    seed: int = 0
    compile: bool = False
    save_every_s: float = 60.0
    report_every_s: float = 300.0

    def rate(self, progress: float) -> float:
        """Share of the peak learning rate at `progress` (0 … 1) of the run."""
        if progress < self.warmup:
            return (progress + 1e-3) / (self.warmup + 1e-3)
        peak = max(self.warmup, self.hold)
        along = min(1.0, max(0.0, progress - peak) / (1 - peak))
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * along))


@dataclass
class State:
    """Where a run is.

    `history` has a row per step: step, seen, seconds, lr, loss, and what reports add. The first row of a leg, which
    begins where a run starts, starts from a checkpoint or goes on by another plan, also has that plan.
    """

    step: int = 0
    seen: int = 0
    seconds: float = 0.0


def fit(
    job: Job,
    plan: Plan,
    folder: Path,
    *,
    earlier: list[dict[str, float]] | None = None,
    stop_after: int | None = None,
) -> list[dict[str, float]]:
    """Train `job` by `plan`, resuming from `folder` where an earlier run of the same plan stopped.

    Args:
        folder: gets `state.pt`, `history.jsonl` and `loss.png`; the job's export goes where the job says.
        earlier: history of a run whose state is gone and whose weights `job.build` brings: goes on from its end.
        stop_after: leave off after so many steps of this call, as if killed just after a save.

    Returns:
        The history: one dict per step.

    Raises:
        PlaygroundError: the state in `folder` belongs to another model.
    """
    accelerator = Accelerator(mixed_precision="bf16" if has_bf16() else "no", cpu=not torch.cuda.is_available())
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    raw = job.build().to(accelerator.device)  # before the optimisers, whose state lives where the weights do
    average = copy.deepcopy(raw).requires_grad_(False).eval()
    optimizers = make_optimizers(raw, plan)
    state, history = _resume(folder, raw, average, optimizers, earlier or [])
    module = accelerator.prepare(torch.compile(raw, dynamic=False) if plan.compile else raw)
    average.to(accelerator.device)
    first, saved, reported, began = state.step, time.monotonic(), time.monotonic(), time.monotonic() - state.seconds
    legs = [row["plan"] for row in history if "plan" in row]
    begins = not legs or legs[-1] != asdict(plan) or not (folder / STATE).exists()
    bar = tqdm(initial=state.step, total=plan.steps, disable=not accelerator.is_main_process, mininterval=5)

    def save() -> None:
        if accelerator.is_main_process:
            _save(folder, state, history, raw, average, optimizers)

    with contextlib.closing(bar), _saving_on_interrupt(save):
        while (progress := _progress(plan, state, accelerator)) < 1:
            scale = plan.rate(progress)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * scale
            torch.manual_seed(plan.seed + state.seen + accelerator.process_index)  # dropout, too, depends on the place
            batch = job.batch(state.seen, progress, accelerator.process_index, accelerator.num_processes)
            with accelerator.autocast():
                loss = module(batch.to(accelerator.device))
            accelerator.backward(loss)
            norm = nn.utils.clip_grad_norm_(raw.parameters(), plan.clip)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            _average_in(average, raw, plan.ema, state.step)
            mean_loss = accelerator.reduce(loss.detach(), "mean").item()
            if not math.isfinite(mean_loss):
                raise PlaygroundError(f"Training diverged: the loss is {mean_loss} at step {state.step}.")
            state.step, state.seen = state.step + 1, state.seen + plan.batch_size
            state.seconds = time.monotonic() - began
            history.append({**asdict(state), "lr": scale, "loss": mean_loss, "grad_norm": norm.item()})
            if begins:
                history[-1]["plan"], begins = asdict(plan), False
            bar.update()
            bar.set_postfix(loss=f"{mean_loss:.3f}", done=f"{progress:.1%}")
            if time.monotonic() - reported > plan.report_every_s and accelerator.is_main_process:
                history[-1].update(job.report(average, final=False))
                reported = time.monotonic()
            if time.monotonic() - saved > plan.save_every_s:
                save()
                saved = time.monotonic()
            if stop_after is not None and state.step - first >= stop_after:
                save()
                return history
    if accelerator.is_main_process:
        if history and "final" not in history[-1]:
            history[-1].update(job.report(average, final=True), final=1.0)
        save()
        job.export(average)
        plot(history, folder / "loss.png")
    accelerator.wait_for_everyone()
    return history


def processes() -> PartialState:
    """The processes that train together, on what `fit` trains on; one of them is the main one."""
    return PartialState(cpu=not torch.cuda.is_available())


def write_once(write: Callable[..., Any], *args: Any) -> None:
    """Call `write` in the main process alone, while the others wait for what it writes."""
    if processes().is_main_process:
        write(*args)
    processes().wait_for_everyone()


def make_optimizers(module: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of hidden layers (Jordan et al. 2024) where asked for, AdamW for everything else.

    Convolution kernels count as matrices. Embeddings, output heads and a picture's first and last layer are AdamW's.
    Matrices alone decay.
    """
    named = {id(p): (name, p) for name, p in module.named_parameters() if p.requires_grad}.values()
    outer = ("embed", "head", "conv_in", "conv_out")
    matrices = [p for name, p in named if p.ndim in (2, 4) and not any(word in name for word in outer)]
    hidden = {id(p) for p in matrices} if plan.muon_lr else set()
    paces = {id(p): _pace(plan, name) for name, p in named}
    groups = []
    for pace in dict.fromkeys(paces.values()):
        rest = [p for _, p in named if id(p) not in hidden and paces[id(p)] == pace]
        for decay, some in (
            (plan.weight_decay, [p for p in rest if p.ndim >= 2]),
            (0.0, [p for p in rest if p.ndim < 2]),
        ):
            groups.append({"params": some, "lr": plan.lr * pace, "weight_decay": decay})
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=plan.lr, betas=plan.betas, fused=True)]
    if hidden:
        optimizers.append(Muon(matrices, lr=plan.muon_lr, weight_decay=plan.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def _pace(plan: Plan, name: str) -> float:
    return next((pace for begin, pace in plan.paces.items() if name.startswith(begin)), 1.0)


def plot(history: list[dict[str, float]], path: Path) -> None:
    """Draw the loss curve and what reports found, as a PNG for the model card."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    width = max(1, len(history) // 200)
    smooth = [sum(row["loss"] for row in history[i : i + width]) / width for i in range(0, len(history) - width, width)]
    axes.plot([history[i * width]["seen"] for i in range(len(smooth))], smooth, label="training", lw=1)
    checks = [row for row in history if "valid_loss" in row]
    if checks:
        axes.plot([row["seen"] for row in checks], [row["valid_loss"] for row in checks], label="held out", lw=2)
    axes.set(xlabel="seen", ylabel="loss")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_run(folder: Path, history: list[dict[str, Any]]) -> None:
    """The history of a run as the file that `read_run` reads, replaced atomically."""
    part = folder / f"{HISTORY}.part"
    part.write_text("".join(json.dumps(row) + "\n" for row in history))
    part.replace(folder / HISTORY)


def read_run(folder: Path) -> list[dict[str, Any]]:
    """The history that `fit` left in the folder of a run."""
    return [json.loads(line) for line in (folder / HISTORY).read_text(encoding="utf-8").splitlines()]


def _progress(plan: Plan, state: State, accelerator: Accelerator) -> float:
    """Share of the run that is done; by the main process's clock where time is the budget, alike in all processes."""
    if plan.minutes is None:
        return state.step / plan.steps
    share = torch.tensor(state.seconds / (60 * plan.minutes), device=accelerator.device)
    if accelerator.num_processes > 1:
        torch.distributed.broadcast(share, src=0)
    return share.item()


@torch.no_grad()
def _average_in(average: nn.Module, raw: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average that starts short, so that early reports do not show the initial weights."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    sources = [p.detach() for p in raw.parameters()]
    torch._foreach_lerp_(list(average.parameters()), sources, weight)
    for mine, theirs in zip(average.buffers(), raw.buffers(), strict=True):
        mine.copy_(theirs)


def _save(folder: Path, state: State, history: list, raw: nn.Module, average: nn.Module, optimizers: list) -> None:
    content = {
        "state": asdict(state),
        "history": json.dumps(history),
        "model": raw.state_dict(),
        "average": average.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }
    part = folder / f"{STATE}.part"
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / STATE)
    write_run(folder, history)


def _resume(
    folder: Path, raw: nn.Module, average: nn.Module, optimizers: list, earlier: list[dict[str, Any]]
) -> tuple[State, list[dict[str, Any]]]:
    path = folder / STATE
    if not path.exists():
        return State(**{name: earlier[-1][name] for name in asdict(State())} if earlier else {}), list(earlier)
    content = torch.load(path, map_location="cpu", weights_only=True)
    try:
        raw.load_state_dict(content["model"])
        average.load_state_dict(content["average"])
        for optimizer, saved in zip(optimizers, content["optimizers"], strict=True):
            peaks = [group["peak"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["peak"] = peak
    except (RuntimeError, ValueError, KeyError) as error:
        raise PlaygroundError(f"{path} is of another model; remove that folder or give another by --out.") from error
    return State(**content["state"]), json.loads(content["history"])


@contextlib.contextmanager
def _saving_on_interrupt(save: Any) -> Iterator[None]:
    """Keep the last step when a person presses Ctrl-C; kill -9 loses at most what came after the last save."""
    try:
        yield
    except KeyboardInterrupt:
        save()
        raise
