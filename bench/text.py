"""Speed of text: our loop beside transformers' `generate`, on the same weights and prompt, by turns in one process.

Another way to run the same model is one more row of `RUNNERS`. Speeds are of generation alone, without loading and
tokenising; ours include the alternatives and log-probabilities that come with every token.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers.generation import BaseStreamer

import playground
from playground import machine
from playground.cards import table
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.text.generate import generate
from playground.text.loaded import TextModel
from playground.text.prompts import prompt_ids

PROMPT = "Once upon a time, there was a dragon who"
SETTINGS: dict[str, dict[str, float]] = {"greedy": {"temperature": 0}, "default settings": {}}
WARM_UP = 8  # tokens


@dataclass(frozen=True)
class Measurement:
    """One run: tokens of all streams together, seconds, and seconds until the first token."""

    tokens: int
    seconds: float
    first_token_s: float


Runner = Callable[[TextModel, TextRecipe], Measurement]


class _Clock(BaseStreamer):
    """Notes when `generate` hands over the first new token; what it hands over before is the prompt."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass


def run_playground(model: TextModel, recipe: TextRecipe) -> Measurement:
    """The playground's own generator, as every tab and command uses it."""
    *_, done = generate(model, recipe)
    return Measurement(int(done.stats["tokens"]), done.stats["seconds"], done.stats["time_to_first_token"])


def run_transformers(model: TextModel, recipe: TextRecipe) -> Measurement:
    """`model.generate` with the same settings; several samples run as one batch."""
    ids = torch.tensor([prompt_ids(model, recipe)])
    sampling: dict[str, Any] = {"do_sample": False}
    if recipe.temperature:
        sampling = {"do_sample": True, **{n: getattr(recipe, n) for n in ("temperature", "top_k", "top_p")}}
    clock, pad = _Clock(), model.tokenizer.pad_token_id
    ends = model.model.generation_config.eos_token_id
    torch.manual_seed(recipe.seed)
    began = time.perf_counter()
    told = model.model.generate(
        ids.expand(recipe.samples, -1),
        attention_mask=torch.ones(recipe.samples, ids.shape[1], dtype=torch.long),
        max_new_tokens=recipe.max_new_tokens,
        repetition_penalty=recipe.repetition_penalty,
        pad_token_id=ends if pad is None else pad,
        streamer=clock,
        **sampling,
    )
    seconds = time.perf_counter() - began
    new = told[:, ids.shape[1] :]
    tokens = int((new != pad).sum()) if pad is not None else new.numel()
    return Measurement(tokens, seconds, clock.times[1] - began)


RUNNERS: dict[str, Runner] = {"playground": run_playground, "transformers": run_transformers}

_START = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.text.generate import generate
import psutil
imported = time.perf_counter()
with Registry(Path(sys.argv[1])).use(sys.argv[2], "text") as loaded:
    ready = time.perf_counter()
    *_, done = generate(loaded.model, TextRecipe.make(json.loads(sys.argv[3])))
    told = time.perf_counter()
    rss = psutil.Process().memory_info().rss
print(json.dumps({"import_s": imported - began, "load_s": ready - imported,
                  "first_text_s": told - began, "rss_mib": rss / 2**20}))
"""


def measure_start(folder: Path, name: str, repeats: int) -> dict[str, float]:
    """Medians over fresh processes: importing, loading, until a first token is told; memory (RSS, MiB) afterwards."""
    recipe = json.dumps({"model": name, "prompt": PROMPT, "max_new_tokens": 1})
    command = [sys.executable, "-c", _START, str(folder.resolve()), name, recipe]
    home = Path(playground.__file__).resolve().parent.parent
    found = [
        json.loads(subprocess.run(command, cwd=home, capture_output=True, text=True, check=True).stdout)
        for _ in range(repeats)
    ]
    return {name: statistics.median(row[name] for row in found) for name in found[0]}


def run(
    folder: Path | None = None,
    name: str = "tales",
    *,
    repeats: int = 7,
    tokens: int = 160,
    streams: Sequence[int] = (1,),
    starts: int = 3,
) -> dict[str, Any]:
    """Measure every runner at every setting and number of streams.

    Repetition k has seed k and lets the runners take turns, each going first as often as the others, so that what else
    the machine does meets all of them alike.

    Args:
        folder: of checkpoints; where the playground looks, if not given.
        streams: how many samples at once, of 1 … 8.
        starts: fresh processes to time the start in.

    Returns:
        {"machine", "model", "fingerprint", "start", "memory_mib", "rows"}; a row has its setting, streams and runner,
        medians of tokens_per_second (all streams together) and first_token_s, and `ratio`: the median, over
        repetitions, of its speed over that of transformers.
    """
    registry = Registry(folder)
    start = measure_start(registry.folder, name, starts)
    with registry.use(name, "text") as loaded:
        rows = []
        for setting, values in SETTINGS.items():
            for count in streams:
                asked = {"model": name, "prompt": PROMPT, "samples": count, "max_new_tokens": tokens, **values}
                rows += _compare(loaded.model, TextRecipe.make(asked), repeats, {"setting": setting, "streams": count})
        rss = psutil.Process().memory_info().rss / 2**20
    figures = {
        "machine": machine.describe(),
        "model": name,
        "fingerprint": loaded.manifest.fingerprint,
        "prompt": PROMPT,
        "tokens": tokens,
        "repeats": repeats,
        "start": start,
        "memory_mib": rss,
        "rows": rows,
    }
    return {**figures, "markdown": markdown(figures)}


def _compare(model: TextModel, recipe: TextRecipe, repeats: int, place: dict[str, Any]) -> list[dict[str, Any]]:
    runs: dict[str, list[Measurement]] = {name: [] for name in RUNNERS}
    for runner in RUNNERS.values():
        runner(model, recipe.model_copy(update={"max_new_tokens": min(WARM_UP, recipe.max_new_tokens)}))
    names = list(RUNNERS)
    for k in range(repeats):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            runs[name].append(RUNNERS[name](model, recipe.with_seed(k)))
    speeds = {name: [run.tokens / run.seconds for run in found] for name, found in runs.items()}
    return [
        {
            **place,
            "runner": name,
            "tokens_per_second": statistics.median(speeds[name]),
            "first_token_s": statistics.median(run.first_token_s for run in runs[name]),
            "ratio": statistics.median(a / b for a, b in zip(speeds[name], speeds["transformers"], strict=True)),
            "speeds": [round(speed, 2) for speed in speeds[name]],
        }
        for name in names
    ]


def markdown(figures: dict[str, Any]) -> str:
    """The figures as a table with what it was measured on."""
    rows = [
        (
            f"{row['setting']}, {row['runner']}",
            row["streams"],
            f"{row['tokens_per_second']:.0f}",
            f"{row['ratio']:.2f} ×",
            f"{1000 * row['first_token_s']:.0f} ms",
        )
        for row in figures["rows"]
    ]
    start = figures["start"]
    speeds = table(("text", "streams", "tokens/s", "to transformers", "first token"), rows)
    return f"""{speeds}

Medians of {figures["repeats"]} runs of up to {figures["tokens"]} tokens, by turns, with `{figures["model"]}`
({figures["fingerprint"]}). A fresh process imports for {start["import_s"]:.1f} s, loads the model in
{start["load_s"]:.1f} s, has a first token after {start["first_text_s"]:.1f} s,
and then takes {start["rss_mib"]:.0f} MiB of memory.

{machine.sentence(figures["machine"])}"""


def main() -> dict[str, Any]:
    """What `python -m playground bench text` runs: the shipped model, one stream."""
    return run()
