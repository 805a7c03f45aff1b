"""Guidance distilled into a copy of a model, with tiny networks, from the folder of its teacher to its own card."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from playground.errors import PlaygroundError
from playground.image import distil, train
from playground.image.card import write_cards
from playground.image.denoiser import Denoiser, Noised
from playground.image.distil import Distiller, distil_scenes
from playground.image.evaluate import evaluate
from playground.image.model import make_text_encoder, make_tokenizer, make_unet, tokenize
from playground.image.train import train_scenes
from playground.training import make_optimizers

OPEN = """
import sys, torch
from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained(sys.argv[1])
pipeline("a cat", num_inference_steps=2, guidance_scale=1, generator=torch.Generator().manual_seed(0))
print("playground" in sys.modules)
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Runs, the teacher, and the copy beside it."""
    root = tmp_path_factory.mktemp("distilled")
    teacher = train_scenes(None, root / "runs", root / "scenes", smoke=True)
    return root / "fast", teacher, distil_scenes(teacher, None, root / "fast", root / "scenes-fast", smoke=True)


@pytest.fixture(scope="module")
def batch() -> Noised:
    dice = torch.Generator().manual_seed(0)
    ids = tokenize(make_tokenizer(), ["a cat on a beach", "two red cars"])
    shape = (2, 8, 16, 16)
    latents, noise = torch.randn(shape, generator=dice), torch.randn(shape, generator=dice)
    return Noised(latents, noise, torch.rand(2, 1, 16, 16, generator=dice), torch.tensor([300, 900]), ids)


def _distiller(scale: float) -> Distiller:
    torch.manual_seed(0)
    tokenizer, unet = make_tokenizer(), make_unet(tiny=True)
    text = make_text_encoder(len(tokenizer), tiny=True)
    return Distiller(unet, text, copy.deepcopy(unet), tokenize(tokenizer, [""]), scale).eval()


def test_a_copy_has_nothing_to_learn_of_a_teacher_without_guidance(batch):
    assert _distiller(1.0)(batch).item() == pytest.approx(0, abs=1e-8)


def test_what_is_to_be_told_goes_on_past_the_prompt_by_the_guidance(batch):
    """An error of (g − 1)·(with − without) is squared: four times as large at 5 as at 3."""
    assert _distiller(5.0)(batch).item() == pytest.approx(4 * _distiller(3.0)(batch).item(), rel=1e-3)
    assert _distiller(3.0)(batch).item() > 1e-6


def test_the_copy_alone_is_trained_and_saved(batch):
    module = _distiller(3.0)
    module(batch).backward()
    learning = {name for name, weight in module.named_parameters() if weight.grad is not None}
    assert learning and all(name.startswith("unet.") for name in learning)
    assert module.state_dict().keys() == Denoiser(module.unet, module.text_encoder).state_dict().keys()
    groups = [group for one in make_optimizers(module, distil.PLAN) for group in one.param_groups]
    assert sum(len(group["params"]) for group in groups) == len(list(module.unet.parameters()))


def test_the_copy_is_a_model_of_its_own_in_plain_diffusers(pair):
    _, teacher, copied = pair
    command = [sys.executable, "-c", OPEN, str(copied)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"
    theirs, own = (json.loads((one / "playground.json").read_text(encoding="utf-8")) for one in (teacher, copied))
    assert (own["defaults"]["guidance_scale"], own["defaults"]["steps"]) == (1, theirs["defaults"]["steps"])
    assert own["details"]["distilled"]["name"] == "scenes" and own["details"]["nouns"] == theirs["details"]["nouns"]
    weights = [load_file(one / "unet" / "diffusion_pytorch_model.safetensors") for one in (teacher, copied)]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    for part in (
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
    ):
        assert (copied / part).read_bytes() == (teacher / part).read_bytes()


def test_it_goes_on_from_its_checkpoint_where_its_run_is_gone(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "SMOKE_STEPS", train.SMOKE_STEPS + 2)
    out = shutil.copytree(pair[2], tmp_path / "scenes-fast")
    distil_scenes(pair[1], None, tmp_path / "runs", out, smoke=True, warm=True)
    run = json.loads((out / "training.json").read_text(encoding="utf-8"))["stages"]["distilled"]
    assert (run["steps"], len(run["legs"])) == (train.SMOKE_STEPS, 2)


def test_without_a_teacher_it_says_so(tmp_path):
    with pytest.raises(PlaygroundError, match="scenes-fast is distilled from scenes, which is not there"):
        distil_scenes(tmp_path / "scenes", None, tmp_path / "runs", tmp_path / "scenes-fast", smoke=True)


def test_both_cards_tell_what_it_costs_once_both_are_measured(pair, tmp_path):
    teacher, copied = (shutil.copytree(one, tmp_path / one.name) for one in pair[1:])
    write_cards(copied)
    cards = [one / "README.md" for one in (teacher, copied)]
    assert not any("guidance distilled" in card.read_text(encoding="utf-8") for card in cards)
    for folder in (teacher, copied):
        evaluate(folder, lambda line: None, n=8)
    for card in cards:
        text = card.read_text(encoding="utf-8")
        assert "| what is right | scenes, held out | scenes-fast, held out | scenes, seen | scenes-fast, seen |" in text
        assert "| calls of the denoiser for a picture | 24 | 12 | 24 | 12 |" in text
    assert "Distilled by `python -m playground train scenes-fast`" in cards[1].read_text(encoding="utf-8")
