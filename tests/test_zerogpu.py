"""ZeroGPU: a plain call anywhere else; there, a recipe goes to another process and its events come back the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground import zerogpu
from playground.recipes import ImageRecipe, TextRecipe

ROOT = Path(__file__).resolve().parent.parent
SPACES = '''
"""As the package of ZeroGPU does: the task runs in a forked process, arguments and results are pickled."""
import multiprocessing, os, pickle
declared, asked = [], []

def GPU(task, duration):
    declared.append(task.__name__)
    def handler(*args):
        asked.append((duration(*args), os.getpid()))
        given = pickle.dumps(args)
        context = multiprocessing.get_context("fork")
        reader, writer = context.Pipe(duplex=False)
        def work():
            for event in task(*pickle.loads(given)):
                writer.send(event)
            writer.send(None)
        process = context.Process(target=work, daemon=True)
        process.start()
        while (event := reader.recv()) is not None:
            yield event
        process.join()
    return handler
'''
PROGRAM = """
import sys, dataclasses
from playground.engine import Engine
import spaces
print(spaces.declared)
engine = Engine()
recipe = engine.recipe("text", {"prompt": "Once", "seed": 7, "max_new_tokens": 10, "samples": 2})
def told():
    *_, done = engine.generate(recipe)
    return [(text.seed, text.text) for text in done.results]
import playground.text.generate as text
text.GPU = True
there = told()
print([seconds for seconds, _ in spaces.asked])
text.GPU = False
print(there == told(), len(spaces.asked))
"""


def test_a_recipe_goes_there_and_its_events_come_back(tmp_path, checkpoints):
    (tmp_path / "spaces.py").write_text(SPACES)
    given = {
        "SPACES_ZERO_GPU": "true",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "PLAYGROUND_CHECKPOINTS": str(checkpoints),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | given, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == ["['_there']", "[22]", "True 1"], done.stderr


@pytest.mark.parametrize("variable", ["", "0", "false"])
def test_anywhere_else_nothing_is_asked_for(monkeypatch, variable):
    monkeypatch.setenv("SPACES_ZERO_GPU", variable)
    assert not zerogpu.is_there()


def test_longer_recipes_may_take_longer_and_none_for_ever():
    def seconds(recipe):
        return zerogpu.seconds(Path(), "a", recipe)

    assert seconds(ImageRecipe(steps=4)) < seconds(ImageRecipe(steps=40)) < seconds(ImageRecipe(steps=40, samples=4))
    assert seconds(TextRecipe(max_new_tokens=512, samples=8)) == zerogpu.LONGEST_S
