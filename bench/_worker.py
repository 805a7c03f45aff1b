"""A runner in a process of its own, that is asked by a pipe, a line of JSON each way.

So no runner meddles with another's threads, each has the environment that it is best in, and its memory can be told.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench._streams import Job, Told
from playground.recipes import Recipe

ROOT = Path(__file__).resolve().parent.parent
APP = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # as app.py has them
THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_NUM_", "OPENBLAS_NUM_")  # what begins so steers threads
END_S = 30


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without what steers threads, so that a library does as it does by default, and with `extra`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(THREADS)}
    return {**plain, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **(extra or {})}


class Worker:
    """A process that has loaded what `module` tells with. Use it as a context manager.

    Attributes:
        ways: by which it tells.
        ready_s: from the start of the process until it could tell.
        rss_mib: its memory after the last job.
    """

    def __init__(
        self, module: str, path: Path, extra: Mapping[str, str] | None = None, told: Callable[..., Any] = Told
    ) -> None:
        """Start it, and wait until it can tell.

        Args:
            module: whose `load(path)` gives the ways.
            extra: environment.
            told: the class of what it tells.

        Raises:
            RuntimeError: it broke; with what it printed.
        """
        self._told, began = told, time.perf_counter()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, closed by __exit__
        command = [sys.executable, "-m", "bench._worker", module, str(path.resolve())]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.rss_mib = 0.0
        self.ways: list[str] = self._read()
        self.ready_s = time.perf_counter() - began

    def run(self, way: str, job: Job) -> Any:
        """Let it tell.

        Raises:
            RuntimeError: it broke; with what it printed.
        """
        recipes = [recipe.model_dump() for recipe in job.recipes]
        asked = {"way": way, "kind": job.recipes[0].kind, "recipes": recipes}
        asked |= {"prompts": job.prompts, "threads": job.threads}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        answer = self._read()
        self.rss_mib = answer.pop("rss_mib")
        return self._told(**answer)

    def _read(self) -> Any:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(END_S)
            self._log.seek(0)
            raise RuntimeError(f"A runner broke:\n{self._log.read().decode(errors='replace')}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            pipe.close()


def serve(module: str, path: Path) -> None:
    """What the process does: load, say by which ways it can tell, then answer until nobody asks."""
    import psutil

    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    ways = importlib.import_module(module).load(path)
    print(json.dumps(list(ways)), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        recipes = [Recipe.kinds[asked["kind"]].make(values) for values in asked["recipes"]]
        told = ways[asked["way"]](Job(recipes, asked["prompts"], asked["threads"]))
        rss = psutil.Process().memory_info().rss / 2**20
        print(json.dumps({**asdict(told), "rss_mib": rss}), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
