"""The loop: a killed run goes on along the same curve, and two processes draw the curve of one."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from playground.errors import PlaygroundError
from playground.training import STATE, Plan, fit

PLAN = Plan(steps=30, batch_size=64, lr=0.1, muon_lr=0.1, ema=0.9, save_every_s=0.0)


class Line(nn.Module):
    """A small network that learns a fixed map; `width` makes another model of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(4, width), nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.dropout(self.hidden(x).tanh(), 0.1, self.training)
        return (self.out(hidden) - x.flip(-1)).square().mean()


class LineJob:
    """Batches that are a pure function of the cursor, as `Job` asks for."""

    def __init__(self, width: int = 32, poison: int | None = None) -> None:
        self.width, self.poison, self.exported = width, poison, None

    def build(self) -> nn.Module:
        return Line(self.width)

    def batch(self, cursor: int, progress: float, rank: int, world: int) -> torch.Tensor:
        x = torch.randn(PLAN.batch_size, 4, generator=torch.Generator().manual_seed(cursor))
        return (x * float("nan") if cursor == self.poison else x)[rank::world]

    def report(self, module: nn.Module, final: bool) -> dict[str, float]:
        return {"valid_loss": 0.5}

    def export(self, module: nn.Module) -> None:
        self.exported = {name: p.clone() for name, p in module.named_parameters()}


def curve(history: list[dict]) -> list[tuple]:
    return [(row["step"], row["seen"], row["lr"], row["loss"]) for row in history]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[dict]:
    return fit(LineJob(), PLAN, tmp_path_factory.mktemp("whole"))


def test_the_loss_falls_and_the_rate_follows_the_cosine(whole):
    assert whole[-1]["loss"] < whole[0]["loss"] / 2
    rates = [row["lr"] for row in whole]
    assert rates[0] < rates[1] == max(rates) and rates[-1] == min(rates[1:])


def test_a_run_that_stops_goes_on_along_the_same_curve(whole, tmp_path):
    job = LineJob()
    for _ in range(4):
        history = fit(job, PLAN, tmp_path, stop_after=9)
    assert curve(history) == curve(whole)
    assert job.exported is not None


def test_a_finished_run_is_exported_again_without_training(whole, tmp_path):
    fit(LineJob(), PLAN, tmp_path)
    again = LineJob()
    assert len(fit(again, PLAN, tmp_path)) == PLAN.steps
    assert again.exported is not None


def test_a_half_written_state_is_never_read(whole, tmp_path):
    fit(LineJob(), PLAN, tmp_path, stop_after=9)
    (tmp_path / f"{STATE}.part").write_bytes(b"half")
    assert curve(fit(LineJob(), PLAN, tmp_path)) == curve(whole)


def test_a_state_of_another_model_is_refused(tmp_path):
    fit(LineJob(), PLAN, tmp_path, stop_after=1)
    with pytest.raises(PlaygroundError, match="another model"):
        fit(LineJob(width=33), PLAN, tmp_path)


def test_a_diverged_run_says_so(tmp_path):
    with pytest.raises(PlaygroundError, match="diverged"):
        fit(LineJob(poison=3 * PLAN.batch_size), PLAN, tmp_path)


def test_named_parameters_learn_at_their_own_pace(tmp_path):
    begun, still = LineJob(), LineJob()
    fit(begun, replace(PLAN, muon_lr=0.0), tmp_path / "even")
    fit(still, replace(PLAN, muon_lr=0.0, weight_decay=0.0, paces={"hidden.": 1e-6}), tmp_path / "paced")
    torch.manual_seed(PLAN.seed)
    first = dict(LineJob().build().named_parameters())
    assert torch.allclose(still.exported["hidden.weight"], first["hidden.weight"], atol=1e-4)
    assert not torch.allclose(begun.exported["hidden.weight"], first["hidden.weight"], atol=1e-2)
    assert not torch.allclose(still.exported["out.weight"], first["out.weight"], atol=1e-2)


def test_the_averaged_weights_are_exported(tmp_path):
    job = LineJob()
    fit(job, PLAN, tmp_path)
    saved = torch.load(tmp_path / STATE, weights_only=True)
    name = "hidden.weight"
    assert torch.equal(job.exported[name], saved["average"][name])
    assert not torch.equal(saved["average"][name], saved["model"][name])


# The real thing, at smoke size --------------------------------------------------------------------------------

SMOKE = """
import sys, pathlib
from playground.text.train import train_tales
folder = pathlib.Path(sys.argv[2])
train_tales(pathlib.Path(sys.argv[1]), folder, folder / "tiny", smoke=True)
"""


def smoke(data: Path, folder: Path, *launcher: str) -> subprocess.Popen:
    """Start a smoke training of tales in a process of its own, or in those that `launcher` starts."""
    folder.mkdir(exist_ok=True)
    script = folder / "smoke.py"
    script.write_text(SMOKE)
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *launcher, str(script), str(data), str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def losses(folder: Path) -> list[float]:
    path = folder / "history.jsonl"
    return [json.loads(line)["loss"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def stories(tmp_path_factory) -> Path:
    """Sixty short made-up stories in the format of the data; some of them held out."""
    folder = tmp_path_factory.mktemp("stories")
    animals = ["fox", "bear", "hare", "wolf", "mouse"]
    with (folder / "tales.jsonl").open("w") as file:
        for n in range(60):
            text = f"Once upon a time a {animals[n % 5]} met {n} kings by the river. " * 12
            row = {"book": "Made Up", "gutenberg_id": 1, "author": "A. Nobody", "title": f"Tale {n}", "kind": "tale"}
            file.write(json.dumps({**row, "text": text}) + "\n")
    return folder


@pytest.fixture(scope="module")
def one_process(stories, tmp_path_factory) -> list[float]:
    folder = tmp_path_factory.mktemp("one")
    assert smoke(stories, folder).wait() == 0
    assert (folder / "tiny" / "playground.json").exists() and (folder / "loss.png").exists()
    return losses(folder)


def test_two_processes_draw_the_curve_of_one(one_process, stories, tmp_path):
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"]
    assert smoke(stories, tmp_path, *launcher).wait() == 0
    assert losses(tmp_path) == pytest.approx(one_process, rel=2e-3)
    assert losses(tmp_path) != one_process  # both would be alike to the last bit if each had trained alone


def test_kill_9_at_any_moment_loses_nothing(one_process, stories, tmp_path):
    for rows in (1, 4, 7):
        process = smoke(stories, tmp_path)
        while process.poll() is None and len(losses(tmp_path)) < rows:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert smoke(stories, tmp_path).wait() == 0
    assert losses(tmp_path) == one_process


def test_a_run_whose_state_is_gone_goes_on_from_its_history(whole, tmp_path):
    history = fit(LineJob(), PLAN, tmp_path, earlier=whole[:20])
    assert history[:20] == whole[:20]
    assert [(row["step"], row["seen"], row["lr"]) for row in history[20:]] == [
        (row["step"], row["seen"], row["lr"]) for row in whole[20:]
    ]
