"""Training from end to end with tiny models: every stage, resumed, and opened by plain diffusers."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file

from playground.errors import PlaygroundError
from playground.image import denoiser, naming, train, world
from playground.image.autoencoder import Crops, Reconstruction, decode, fingerprint, normalise
from playground.image.denoiser import Denoiser, DenoiserJob, Noised
from playground.image.details import MIRRORED
from playground.image.latents import LatentCache, encode, shrink_masks
from playground.image.model import (
    LENGTH,
    make_autoencoder,
    make_scheduler,
    make_text_encoder,
    make_tokenizer,
    make_unet,
    tokenize,
)
from playground.image.naming import FACTORS, name_factors
from playground.image.nouns import read_nouns
from playground.image.phrases import meanings
from playground.image.reading import read_caption, split_details
from playground.image.render import Renderer, render
from playground.image.train import STAGES, train_scenes
from playground.image.world import draw_scene
from playground.training import make_optimizers

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import sys, torch
from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained(sys.argv[1])
picture = pipeline("a cat", num_inference_steps=2, generator=torch.Generator().manual_seed(0)).images[0]
print(picture.size, "playground" in sys.modules)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("scenes")
    return root / "runs", train_scenes(None, root / "runs", root / "scenes", smoke=True)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.from_numpy(np.stack([render(draw_scene(0, index))[0] for index in range(8)]))


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def test_plain_diffusers_opens_and_runs_the_export(trained):
    _, out = trained
    command = [sys.executable, "-c", OPEN, str(out)]
    done = subprocess.run(command, cwd=out.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(128, 128) False"


def test_the_export_is_small_safetensors_with_a_manifest(trained):
    _, out = trained
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md", ".png"}
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in files)
    manifest = json.loads((out / "playground.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "image" and manifest["parameters"] > 0
    about = {"playground.json", "training.json", "recogniser.safetensors", "README.md", "loss.png"}
    weights = {path.relative_to(out).as_posix() for path in files} - about
    assert set(manifest["files"]) == weights and all((out / name).is_file() for name in about)
    dtypes = {
        part: {weight.dtype for path in (out / part).glob("*.safetensors") for weight in load_file(path).values()}
        for part in ("vae", "unet", "text_encoder")
    }
    assert dtypes == {"vae": {torch.float16}, "unet": {torch.float16}, "text_encoder": {torch.float32}}


def test_stages_leave_their_reports_and_previews(trained):
    runs, _ = trained
    for stage in STAGES:
        folder = next(runs.glob(f"{stage}*"))
        assert (folder / "history.jsonl").is_file() and (folder / "loss.png").is_file()
    assert (runs / "autoencoder" / "preview.png").is_file()
    assert list(runs.glob("denoiser-*/previews/0000.png"))


def test_finished_stages_are_not_trained_again(trained, tmp_path):
    runs, out = trained
    states = {path: path.read_bytes() for path in runs.glob("*/state.pt")}
    os.utime(next(runs.glob("text/state.pt")), ns=(1, 1))
    again = train_scenes(None, runs, tmp_path / "scenes", smoke=True)
    assert {path: path.read_bytes() for path in runs.glob("*/state.pt")} == states
    assert runs.joinpath("text/state.pt").stat().st_mtime_ns == 1
    first = json.loads((out / "playground.json").read_text(encoding="utf-8"))["files"]
    assert json.loads((again / "playground.json").read_text(encoding="utf-8"))["files"] == first


def test_the_denoiser_goes_on_from_a_checkpoint_whose_runs_are_gone(trained, tmp_path, monkeypatch):
    out = shutil.copytree(trained[1], tmp_path / "scenes")
    before = json.loads((out / "training.json").read_text(encoding="utf-8"))["stages"]
    weights = (out / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    monkeypatch.setattr(train, "SMOKE_STEPS", train.SMOKE_STEPS + 2)
    train_scenes(None, tmp_path / "runs", out, smoke=True, warm=True)
    stages = json.loads((out / "training.json").read_text(encoding="utf-8"))["stages"]
    assert stages["denoiser"]["steps"] == before["denoiser"]["steps"] + 2
    assert [len(run["legs"]) for run in stages.values()] == [1, 1, 1, 1, 2]
    kept = [name for name in stages if name != "denoiser"]
    assert [stages[name]["curve"] for name in kept] == [before[name]["curve"] for name in kept]
    assert (out / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() != weights
    assert fingerprint(out / "vae") == fingerprint(trained[1] / "vae")  # else its latents would be others


def test_what_was_learnt_replaces_a_denoiser_in_shards(tokenizer, tmp_path):
    make_unet(tiny=True).save_pretrained(tmp_path / "unet", max_shard_size="100KB")
    assert len(list((tmp_path / "unet").glob("*.safetensors"))) > 1
    learnt = Denoiser(make_unet(tiny=True), make_text_encoder(len(tokenizer), tiny=True))
    DenoiserJob(None, None, tokenizer, tmp_path, tmp_path, denoiser.PLAN, tiny=True).export(learnt)
    opened = UNet2DConditionModel.from_pretrained(tmp_path / "unet").state_dict()
    assert all(torch.equal(opened[name], weight) for name, weight in learnt.unet.state_dict().items())


def test_a_stage_alone_needs_those_before_it(tmp_path):
    with pytest.raises(PlaygroundError, match="There is no stage 'unet'"):
        train_scenes(None, tmp_path, tmp_path / "out", smoke=True, stage="unet")
    with pytest.raises(PlaygroundError, match="needs an autoencoder"):
        train_scenes(None, tmp_path, tmp_path / "out", smoke=True, stage="decoder")
    assert train_scenes(None, tmp_path, tmp_path / "out", smoke=True, stage="text") == tmp_path / "text"
    assert not (tmp_path / "out").exists()


def test_normalised_latents_decode_to_nearly_the_same(pictures):
    torch.manual_seed(0)
    vae = make_autoencoder(tiny=True)
    before = decode(vae, encode(vae, pictures)).float()
    normalise(vae, pictures)
    latents = encode(vae, pictures)
    assert latents.mean((0, 2, 3)).abs().max() < 0.02
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.02
    assert (decode(vae, latents).float() - before).abs().mean() < 3


def test_the_decoder_trains_alone(pictures):
    module = Reconstruction(make_autoencoder(tiny=True), decoder_only=True)
    crops = Crops(pictures[:2, :64, :64].permute(0, 3, 1, 2), torch.zeros(2, 8, 8, 8))
    module(crops).backward()
    assert all(p.grad is None for p in module.vae.encoder.parameters())
    assert all(p.grad is not None for p in module.vae.decoder.parameters())


def test_a_latent_cache_holds_what_would_be_encoded(tmp_path, pictures):
    vae = make_autoencoder(tiny=True)
    cache = LatentCache(tmp_path, vae, Renderer(), seed=0, count=8)
    latents, masks = cache.read(np.array([3, 1, 3]))
    assert torch.allclose(latents[0], latents[2]) and latents.shape == (3, 8, 16, 16)
    assert torch.allclose(latents[1], encode(vae, pictures)[1], atol=1e-2)
    assert masks.shape == (3, 1, 16, 16) and 0 < masks.mean() < 1
    again = LatentCache(tmp_path, make_autoencoder(tiny=True), Renderer(), seed=0, count=12)
    assert torch.equal(again.read(np.array([3]))[0][0], latents[0]), "kept, not encoded anew"
    assert sorted(int(i) for pool in again.pools.values() for i in pool) == list(range(12))


def test_a_latent_cache_knows_what_is_tilted_and_recoloured(tmp_path):
    cache = LatentCache(tmp_path, make_autoencoder(tiny=True), Renderer(), seed=0, count=200)
    for (layout, recoloured), pool in cache.pools.items():
        scenes = [draw_scene(0, int(index)) for index in pool]
        tilted = [any(thing.tilt for thing in scene.things) for scene in scenes]
        assert {scene.layout for scene in scenes} == {layout}
        assert {any(thing.colour for thing in scene.things) for scene in scenes} == {recoloured}
        assert tilted == sorted(tilted) and tilted.count(False) == cache.upright[layout, recoloured]


def test_latents_of_another_world_are_not_taken_for_this_one_s(tmp_path, monkeypatch):
    vae = make_autoencoder(tiny=True)
    LatentCache(tmp_path, vae, Renderer(), seed=0, count=2)
    monkeypatch.setattr(world, "MIRRORED", 0.9)
    LatentCache(tmp_path, vae, Renderer(), seed=0, count=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_masks_shrink_to_shares():
    mask = np.zeros((1, 128, 128), dtype=np.uint8)
    mask[0, :8, :4] = 2
    assert shrink_masks(mask)[0, 0, 0] == 128 and shrink_masks(mask).sum() == 128


def test_batches_depend_on_their_place_alone_and_split_between_processes(trained, tmp_path, tokenizer):
    runs, _ = trained
    vae = make_autoencoder(tiny=True)
    cache = LatentCache(tmp_path, vae, Renderer(), seed=0, count=64)
    job = DenoiserJob(cache, cache, tokenizer, runs / "text", tmp_path / "model", denoiser.PLAN, tiny=True)
    whole, again = job.batch(640, 0.1, 0, 1), job.batch(640, 0.1, 0, 1)
    halves = [job.batch(640, 0.1, rank, 2) for rank in (0, 1)]
    for name, value in vars(whole).items():
        assert torch.equal(value, vars(again)[name])
        for rank, half in enumerate(halves):
            assert torch.equal(value[rank::2], vars(half)[name])
    empty = tokenize(tokenizer, [""])[0]
    assert 0 < (whole.ids == empty).all(1).float().mean() < 0.4, "some captions are dropped"


def test_later_batches_hold_more_pairs_and_more_that_is_recoloured(trained, tmp_path, tokenizer):
    cache = LatentCache(tmp_path, make_autoencoder(tiny=True), Renderer(), seed=0, count=400)
    plan = replace(denoiser.PLAN, batch_size=256)
    job = DenoiserJob(cache, cache, tokenizer, trained[0] / "text", tmp_path / "model", plan, tiny=True)

    def told(progress: float) -> tuple[int, int]:
        texts = tokenizer.batch_decode(job.batch(0, progress, 0, 1).ids, skip_special_tokens=True)
        said = [read_caption(split_details(text)[0]).things for text in texts]
        return sum(len(things) == 2 for things in said), sum(any(thing.colour for thing in some) for some in said)

    (pairs, coloured), (later_pairs, later_coloured) = told(0.0), told(0.9)
    assert later_pairs > 2 * pairs and later_coloured > coloured + 30


def test_the_denoiser_learns_v(tokenizer):
    """The loss is zero for the true v, whatever the weights of the mask."""
    torch.manual_seed(0)
    module = Denoiser(make_unet(tiny=True), make_text_encoder(len(tokenizer), tiny=True))
    batch = Noised(
        torch.randn(4, 8, 16, 16),
        torch.randn(4, 8, 16, 16),
        torch.rand(4, 1, 16, 16),
        torch.tensor([0, 300, 700, 999]),
        tokenize(tokenizer, ["a cat", "a dog", "", "two cars"]),
    )
    kept = module.alphas_cumprod[batch.steps][:, None, None, None]
    true = kept.sqrt() * batch.noise - (1 - kept).sqrt() * batch.latents

    class Known(torch.nn.Module):
        def forward(self, *_, **__):
            return type("Output", (), {"sample": true})

    first = module(batch)
    assert 0.5 < first.item() < 3, "an untrained network knows nothing"
    module.unet = Known()
    assert module(batch).item() == 0


def test_kernels_and_matrices_are_muons(tokenizer):
    module = Denoiser(make_unet(tiny=True), make_text_encoder(len(tokenizer), tiny=True))
    adam, muon = make_optimizers(module, denoiser.PLAN)
    names = {id(p): name for name, p in module.named_parameters()}
    kernels = [names[id(p)] for group in muon.param_groups for p in group["params"]]
    assert any("resnets.0.conv1" in name for name in kernels) and any("attn2.to_q" in name for name in kernels)
    rest = {names[id(p)] for group in adam.param_groups for p in group["params"]}
    assert {"unet.conv_in.weight", "unet.conv_out.weight", "unet.time_embedding.linear_1.weight"} <= rest


def test_words_are_single_tokens_and_any_text_is_encoded(tokenizer):
    plain = {word for phrase in meanings() for word in phrase if word.isalpha()}
    assert all(len(tokenizer(word).input_ids) == 3 for word in plain)
    assert tokenizer.decode(tokenizer("Żółć 😀 zyzzyva").input_ids, skip_special_tokens=True) == "żółć 😀 zyzzyva"
    assert tokenize(tokenizer, ["a cat " * 40, ""]).shape == (2, LENGTH)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 1)
    assert make_tokenizer().get_vocab() == tokenizer.get_vocab()


def test_captions_fit_the_encoder(tokenizer):
    job = naming.NamingJob(tokenizer, Path("unused"), naming.PLAN, tiny=True)
    captions = job.batch(0, 0.0, 0, 1)
    assert (captions.ids[:, -1] == tokenizer.eos_token_id).all(), "none is cut"
    assert captions.said.shape == (naming.PLAN.batch_size, len(FACTORS))


def test_factors_are_named():
    said = dict(zip(FACTORS, name_factors("two red cats at night"), strict=True))
    assert FACTORS["noun 1"][said["noun 1"]] == "cat" and FACTORS["time"][said["time"]] == "night"
    assert FACTORS["number"][said["number"]] == 2
    assert said["noun 2"] == said["worn 1"] == said["relation"] == 0


def test_the_scheduler_never_starts_without_signal():
    scheduler = make_scheduler()
    scheduler.set_timesteps(12)
    assert isinstance(scheduler, DPMSolverMultistepScheduler)
    assert scheduler.alphas_cumprod[scheduler.timesteps[0]] > 0
    assert len(scheduler.timesteps) == 12


def test_an_encoder_is_known_by_its_weights(tmp_path):
    vae = make_autoencoder(tiny=True)
    vae.save_pretrained(tmp_path / "a")
    torch.nn.init.zeros_(vae.decoder.layers[0].weight)
    vae.save_pretrained(tmp_path / "b")
    torch.nn.init.zeros_(vae.encoder.layers[0].weight)
    vae.save_pretrained(tmp_path / "c")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b") != fingerprint(tmp_path / "c")


def test_later_batches_hold_more_of_what_is_learnt_slowly_and_fewer_mirror_images(trained, tmp_path, tokenizer):
    assert denoiser.SLOW.issubset(read_nouns())
    cache = LatentCache(tmp_path, make_autoencoder(tiny=True), Renderer(), seed=0, count=400)
    plan = replace(denoiser.PLAN, batch_size=256)
    job = DenoiserJob(cache, cache, tokenizer, trained[0] / "text", tmp_path / "model", plan, tiny=True)

    def shares(progress: float) -> tuple[float, float]:
        """Of the things that are slow, and of the texts that tell of a mirrored one."""
        texts = tokenizer.batch_decode(job.batch(0, progress, 0, 1).ids, skip_special_tokens=True)
        named = [thing.noun for text in texts for thing in read_caption(split_details(text)[0]).things]
        mirrored = [MIRRORED in split_details(text)[1] for text in texts]
        return sum(noun in denoiser.SLOW for noun in named) / len(named), sum(mirrored) / len(mirrored)

    (early_slow, early_mirrored), (slow, mirrored) = shares(0.4), shares(0.9)
    assert slow > 1.4 * early_slow and 0 < mirrored < 0.5 * early_mirrored
