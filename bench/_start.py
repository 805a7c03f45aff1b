"""From nothing to a first token: fresh processes that import, load, tell, and say how much memory they took."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench._worker import APP, ROOT, environment

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


def measure_start(folder: Path, name: str, prompt: str, repeats: int) -> dict[str, float]:
    """Medians over fresh processes: importing, loading, until a first token is told; memory (RSS, MiB) afterwards."""
    recipe = json.dumps({"model": name, "prompt": prompt, "max_new_tokens": 1})
    command = [sys.executable, "-c", _START, str(folder.resolve()), name, recipe]
    run = {"cwd": ROOT, "env": environment(APP), "capture_output": True, "text": True, "check": True}
    found = [json.loads(subprocess.run(command, **run).stdout) for _ in range(repeats)]
    return {name: statistics.median(row[name] for row in found) for name in found[0]}
