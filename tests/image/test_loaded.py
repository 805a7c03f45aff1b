"""Models of the Stable Diffusion family by the same road, and folders that are damaged or of another family."""

import gc
import json
import shutil
import weakref

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.image.generate import load
from playground.image.model import LENGTH, make_tokenizer
from playground.registry import Registry, read_entry, write_manifest
from tests.image.test_generate import as_url, pixels, some_start
from tests.image.tiny import make_checkpoint

PROMPT = "a red cat on a beach"
SCHEDULES = {  # as Stable Diffusion 1.5, 2.1 and Turbo have them
    "1.5": ("PNDMScheduler", "epsilon", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    "2.1": ("DDIMScheduler", "v_prediction", {"set_alpha_to_one": False, "clip_sample": False}),
    "turbo": ("EulerDiscreteScheduler", "epsilon", {"timestep_spacing": "trailing"}),
}


def make_family(folder, name: str = "turbo", **saving):
    """A tiny pipeline made as Stable Diffusion is: four channels, AutoencoderKL, a text encoder of another width."""
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 20
    kind, prediction, settings = SCHEDULES[name]
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(8,) * 4,
            norm_num_groups=4,
            latent_channels=4,
        )
        unet = diffusers.UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            block_out_channels=(16, 32),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=48,
            attention_head_dim=[2, 4],
            norm_num_groups=8,
            use_linear_projection=True,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=48,
                intermediate_size=96,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=20,
                hidden_act="gelu",
                bos_token_id=0,
                eos_token_id=1,
                pad_token_id=1,
            )
        )
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=getattr(diffusers, kind)(prediction_type=prediction, **betas, **settings),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder, **saving)
    write_manifest(folder, "image", summary="", licence="", parameters=1, details={})
    return folder


def draw(folder, **values) -> Done:
    engine = Engine(Registry(folder.parent))
    asked = engine.recipe("image", {"model": folder.name, "prompt": PROMPT, "size": 64, **values})
    return list(engine.generate(asked))[-1]


@pytest.mark.parametrize(("name", "scheduler"), [("1.5", "unipc"), ("2.1", "ddim"), ("turbo", "euler")])
def test_the_family_is_drawn_as_plain_diffusers_does(tmp_path, name, scheduler):
    folder = make_family(tmp_path / "sd", name)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    kinds = {
        "unipc": diffusers.UniPCMultistepScheduler,
        "ddim": diffusers.DDIMScheduler,
        "euler": diffusers.EulerDiscreteScheduler,
    }
    pipeline.scheduler = kinds[scheduler].from_config(pipeline.scheduler.config)
    for steps, guidance in ((1, 1.0), (5, 3.0)):
        generator = torch.Generator().manual_seed(2)
        theirs = pipeline(PROMPT, num_inference_steps=steps, guidance_scale=guidance, generator=generator).images[0]
        ours = draw(folder, steps=steps, guidance_scale=guidance, seed=2, scheduler=scheduler).results[0].picture
        assert ours.width == 64
        assert abs(pixels(ours) - pixels(theirs)).max() <= 2


def test_the_family_takes_everything_else_too(tmp_path):
    folder = make_family(tmp_path / "sd")
    values = {"steps": 3, "scheduler": "euler_a", "prompt": "cat " * 30}
    values |= {"start": as_url(some_start(64)), "strength": 0.7}
    done = draw(folder, samples=2, seed=1, **values)
    assert draw(folder, seed=2, **values).results[0] == done.results[1]
    assert "reads 18 tokens" in done.notes[0]
    engine = Engine(Registry(folder.parent))
    found = engine.examine(engine.recipe("image", {**values, "model": "sd", "size": 64, "seed": 1}), (), 0)
    assert found.frames[-1] == done.results[0].picture
    assert len(found.words) == 18 and len(found.words[0].map) == 8


def test_half_precision_files_are_opened_in_full(tmp_path):
    folder = make_family(tmp_path / "half", variant="fp16")
    model = load(folder, read_entry(folder).manifest)
    assert {part.dtype for part in (model.vae, model.unet, model.text_encoder)} == {torch.float32}
    assert (model.size, model.length, model.dtype) == (64, 20, "float32")


def test_a_model_knows_its_size_and_what_it_takes(tmp_path):
    folder = make_checkpoint(tmp_path / "scenes-tiny")
    model = load(folder, read_entry(folder).manifest)
    assert (model.size, model.length) == (128, LENGTH)
    weights = sum(path.stat().st_size for part in ("vae", "unet") for path in (folder / part).glob("*.safetensors"))
    text = (folder / "text_encoder" / "model.safetensors").stat().st_size
    assert model.memory == pytest.approx(2 * weights + text, rel=0.1)  # in files, halves
    assert not any(weight.requires_grad for weight in model.unet.parameters())
    assert not model.unet.training and not model.vae.training


# ---- what can't be opened


def change(folder, file: str, **values) -> None:
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def remove_weight(folder) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    del weights["conv_in.weight"]
    save_file(weights, path)


def spoil_autoencoder(folder) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    save_file({name: weight * torch.nan for name, weight in load_file(path).items()}, path)


def cut(folder, file: str) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:1000])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("whole") / "scenes-tiny")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "model_index.json").unlink(), "model_index.json is missing."),
        (lambda f: (f / "model_index.json").write_text("["), "model_index.json is not JSON."),
        (lambda f: (f / "model_index.json").write_text("[]"), "model_index.json is not a JSON object."),
        (lambda f: shutil.rmtree(f / "unet"), "its unet is missing."),
        (lambda f: shutil.rmtree(f / "tokenizer"), "its tokenizer is missing."),
        (lambda f: shutil.rmtree(f / "scheduler"), "scheduler/scheduler_config.json is missing."),
        (lambda f: (f / "vae/diffusion_pytorch_model.safetensors").unlink(), "its vae has no weights in safetensors."),
        (lambda f: (f / "unet/config.json").unlink(), "its unet is damaged or not whole."),
        (lambda f: cut(f, "unet/diffusion_pytorch_model.safetensors"), "its unet is damaged or not whole."),
        (lambda f: cut(f, "text_encoder/model.safetensors"), "its text_encoder is damaged or not whole."),
        (lambda f: cut(f, "tokenizer/tokenizer.json"), "its tokenizer is damaged or not whole."),
        (remove_weight, "its unet lacks the weights conv_in.weight."),
        (lambda f: change(f, "model_index.json", vae=[None, None]), "names no vae."),
        (lambda f: change(f, "model_index.json", vae="AutoencoderTiny"), "names no vae."),
        (
            lambda f: change(f, "model_index.json", unet=["diffusers", "FluxTransformer2DModel"]),
            "its unet is a 'FluxTransformer2DModel'; known here is UNet2DConditionModel.",
        ),
        (
            lambda f: change(f, "model_index.json", text_encoder_2=["transformers", "CLIPTextModelWithProjection"]),
            "it has a part 'text_encoder_2', which nothing here can use.",
        ),
        (lambda f: change(f, "unet/config.json", class_embed_type="identity"), "class_embed_type"),
        (lambda f: change(f, "unet/config.json", cross_attention_dim=48), "its unet is damaged or not whole."),
        (lambda f: change(f, "scheduler/scheduler_config.json", prediction_type="flow_prediction"), "noise schedule"),
        (lambda f: (f / "scheduler/scheduler_config.json").write_text('{"num_train_timesteps": 9}'), "noise schedule"),
        (spoil_autoencoder, "numbers overflowed"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_sentence(whole, tmp_path, damage, told):
    folder = shutil.copytree(whole, tmp_path / "scenes-tiny")
    damage(folder)
    with pytest.raises(PlaygroundError) as caught:
        load(folder, read_entry(whole).manifest)
    sentence = str(caught.value)
    assert sentence.startswith("The model scenes-tiny can't be opened: ") and told in sentence
    assert "\n" not in sentence


def test_parts_that_do_not_fit_each_other_are_told(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "scenes-tiny")
    other = make_family(tmp_path / "sd")
    for part, told in (("vae", "channels"), ("text_encoder", "width")):
        shutil.move(folder / part, tmp_path / part)
        shutil.copytree(other / part, folder / part)
        index = json.loads((other / "model_index.json").read_text())
        before = json.loads((folder / "model_index.json").read_text())
        change(folder, "model_index.json", **{part: index[part]})
        with pytest.raises(PlaygroundError, match=told):
            load(folder, read_entry(whole).manifest)
        shutil.rmtree(folder / part)
        shutil.move(tmp_path / part, folder / part)
        change(folder, "model_index.json", **before)


def test_a_file_that_is_not_the_manifests_is_told_before_it_is_opened(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "scenes-tiny")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    with pytest.raises(PlaygroundError, match="is damaged"):
        draw(folder)


def test_a_model_that_is_unloaded_is_gone_at_once(whole):
    engine = Engine(Registry(whole.parent))
    list(engine.generate(engine.recipe("image", {"model": whole.name, "prompt": PROMPT, "steps": 2, "size": 64})))
    with engine.registry.use(whole.name, "image") as loaded:
        model = weakref.ref(loaded.model)
    del loaded
    gc.collect()
    gc.disable()  # what only a cycle keeps would wait for the collector, gigabytes of it
    try:
        assert engine.registry.unload(whole.name) and model() is None
    finally:
        gc.enable()
