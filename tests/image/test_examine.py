"""Looking at a picture come about: its frames, and where its words count. Looking changes nothing."""

import pytest
import torch

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.image.attention import attend
from playground.image.model import LENGTH
from playground.image.prompts import encode, read_prompt
from playground.registry import Registry
from tests.image.test_generate import as_url, some_start
from tests.image.tiny import make_checkpoint

PROMPT = "A red Cat's crown, on a zorbly beach — 🐱!"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(Registry(make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "scenes-tiny").parent))


@pytest.fixture(scope="module")
def model(engine):
    with engine.registry.use("scenes-tiny", "image") as loaded:
        yield loaded.model


def recipe(engine, **values):
    return engine.recipe("image", {"model": "scenes-tiny", "prompt": PROMPT, "seed": 5, "steps": 4, **values})


def draw(engine, asked):
    return list(engine.generate(asked))[-1].results


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"guidance_scale": 1},
        {"scheduler": "dpmpp_2m_sde", "negative_prompt": "a dog"},
        {"scheduler": "euler_a", "variation_seed": 3, "variation_strength": 0.4},
        {"start": as_url(some_start()), "strength": 0.5},
        {"size": 192, "scheduler": "euler"},
        {"steps": 1, "prompt": ""},
        {"second_prompt": "two dogs", "blend": 0.4},
    ],
)
def test_looking_never_changes_the_picture(engine, values):
    asked = recipe(engine, **values)
    before = draw(engine, asked)[0].picture
    found = engine.examine(asked, (), 0)
    assert found.frames[-1] == before == draw(engine, asked)[0].picture


def test_frames_go_from_noise_to_the_picture(engine):
    found = engine.examine(recipe(engine), (), 0)
    assert len(found.frames) == 5 and len(set(found.frames)) == 5
    assert {(frame.width, frame.height) for frame in found.frames} == {(128, 128)}


def test_the_first_frame_is_the_same_noise_for_all_schedulers(engine):
    found = [engine.examine(recipe(engine, steps=2, scheduler=name), (), 0) for name in ("dpmpp_2m", "ddim")]
    assert found[0].frames[0] == found[1].frames[0]


def test_any_of_several_samples_can_be_looked_at(engine):
    asked = recipe(engine, samples=3)
    assert engine.examine(asked, (), 2).frames[-1] == draw(engine, asked)[2].picture
    with pytest.raises(PlaygroundError, match="There is no picture 3; there are 3, counted from 0."):
        engine.examine(asked, (), 3)


def test_a_start_picture_that_is_kept_has_one_frame(engine):
    asked = recipe(engine, start=as_url(some_start()), strength=0)
    found = engine.examine(asked, (), 0)
    assert found.frames == (draw(engine, asked)[0].picture,) and found.words == ()


def test_words_are_those_that_were_written(engine):
    found = engine.examine(recipe(engine), (), 0).words
    assert [word.text for word in found] == ["A", "red", "Cat's", "crown", "on", "a", "zorbly", "beach", "🐱"]
    assert all(PROMPT[word.start : word.end] == word.text for word in found)


def test_maps_cover_the_picture_from_0_to_1(engine):
    found = engine.examine(recipe(engine), (), 0).words
    for word in found:
        values = torch.tensor(word.map)
        assert values.shape == (16, 16) and values.min() == 0 and values.max() == 1
    assert len({word.map for word in found}) == len(found)
    assert sum(word.share for word in found) == pytest.approx(1)
    assert all(0 < word.share < 1 for word in found)


def test_words_that_were_cut_have_no_map(engine):
    prompt = " ".join(["cat"] * (LENGTH - 3) + ["zorbly", "dog"])
    found = engine.examine(recipe(engine, prompt=prompt, steps=1), (), 0).words
    assert [word.text for word in found] == ["cat"] * (LENGTH - 3) + ["zorbly"]  # of which the first letters were read


def test_an_empty_prompt_has_no_words(engine):
    assert engine.examine(recipe(engine, prompt=" ,. "), (), 0).words == ()


class Spelled:
    """Attention written out: `attend` must find the weights by which it comes to the result that counts."""

    def __init__(self) -> None:
        self.maps = []

    def __call__(self, layer, states, encoder_hidden_states=None, attention_mask=None, **_):
        words = states if encoder_hidden_states is None else encoder_hidden_states
        given = layer.to_q(states), layer.to_k(words), layer.to_v(words)
        query, key, value = (layer.head_to_batch_dim(part) for part in given)
        weights = (query @ key.transpose(1, 2) * layer.scale).softmax(dim=-1)
        if encoder_hidden_states is not None:
            self.maps.append(weights)
        return layer.to_out[0](layer.batch_to_head_dim(weights @ value))


@torch.inference_mode()
def test_attention_is_what_the_denoiser_computes_with(model):
    words = encode(model, read_prompt(model, PROMPT))
    latents, t = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor(500)
    found = attend(model.unet, latents, t, words)
    expected = model.unet(latents, t, encoder_hidden_states=words).sample
    before, spelled = model.unet.attn_processors, Spelled()
    model.unet.set_attn_processor(spelled)
    try:
        assert torch.allclose(model.unet(latents, t, encoder_hidden_states=words).sample, expected, atol=1e-4)
    finally:
        model.unet.set_attn_processor(before)
    total = 0
    for weights in spelled.maps:  # (heads, h·w, L)
        side = round(weights.shape[1] ** 0.5)
        grid = weights.mean(dim=0).T.reshape(1, -1, side, side)
        total = total + torch.nn.functional.interpolate(grid, (16, 16), mode="bilinear")[0]
    assert torch.allclose(found, total / len(spelled.maps), atol=1e-5)
    assert torch.allclose(found.sum(dim=0), torch.ones(16, 16), atol=1e-5)


def test_nothing_watches_afterwards(engine, model):
    engine.examine(recipe(engine, steps=1), (), 0)
    assert not any(layer._forward_pre_hooks for layer in model.unet.modules())
