"""Models of pictures, trained at smoke size by two processes that share each batch and every folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground.cards import read_manifest

LAUNCHER = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
SCENES = """
import pathlib, sys
from playground.image.distil import distil_scenes
from playground.image.train import train_scenes
root = pathlib.Path(sys.argv[1])
teacher = train_scenes(None, root / "runs", root / "scenes", smoke=True)
distil_scenes(teacher, None, root / "runs-fast", root / "scenes-fast", smoke=True)
"""
FACES = """
import pathlib, sys
from playground.latent.recogniser import train_recogniser
from playground.latent.train import train_faces
root = pathlib.Path(sys.argv[1])
train_recogniser(root / "faces", root / "faces-vae", smoke=True)
train_faces("vae", root / "runs", root / "faces-vae", smoke=True)
train_faces("gan", root / "runs-gan", root / "faces-gan", smoke=True)
"""


@pytest.mark.parametrize(
    ("script", "models"), [(SCENES, ("scenes", "scenes-fast")), (FACES, ("faces-vae", "faces-gan"))]
)
def test_two_processes_write_one_whole_checkpoint(script, models, tmp_path):
    (tmp_path / "smoke.py").write_text(script)
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *LAUNCHER, str(tmp_path / "smoke.py"), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(read_manifest(tmp_path / name).parameters for name in models)
