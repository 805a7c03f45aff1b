"""The denoiser's quicker forward pass: what the plain one computes, and the same whatever is computed beside."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from playground.image.forward import SHAPES, Forward
from playground.image.model import LENGTH, make_unet

SIZES = {"sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": (16, 32)}
BLOCKS = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "norm_num_groups": 8,
    "cross_attention_dim": 24,
    "attention_head_dim": 4,
}


def random_unet(**changes) -> UNet2DConditionModel:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**{**SIZES, **BLOCKS, **changes}) if changes else make_unet(tiny=True)
    for weight in unet.parameters():  # what is initialised with zeros would hide mistakes
        weight.data += 0.05 * torch.randn_like(weight)
    return unet.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def question(unet, texts: int = 2, side: int = 16, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(seed)
    latents = torch.randn(1, unet.config.in_channels, side, side, generator=dice)
    return latents, torch.randn(texts, LENGTH, unet.config.cross_attention_dim, generator=dice)


def plain(unet, latents, t, words) -> torch.Tensor:
    with torch.inference_mode():
        return unet(latents.expand(len(words), -1, -1, -1), t, encoder_hidden_states=words).sample


MAKES = [{}, {"layers_per_block": 1}, {"use_linear_projection": True}, {"only_cross_attention": True}]


@pytest.mark.parametrize("changes", MAKES, ids=str)
@pytest.mark.parametrize(("texts", "side"), [(1, 16), (2, 16), (2, 8), (2, 32)])
def test_it_computes_what_the_plain_pass_does(changes, texts, side):
    unet = random_unet(**changes)
    forward = Forward(unet)
    latents, words = question(unet, texts, side)
    asked = forward.about(words)
    for t in (999, 500.5, 3):
        (told,) = forward.ask([(latents, torch.tensor(t), asked)])
        assert torch.allclose(told, plain(unet, latents, t, words), 1e-4, 1e-4)
    assert all(forward._ready.values())  # and did not leave it to the plain one


def test_the_bits_are_the_same_in_the_first_run_and_in_later_ones_of_several_threads():
    unet = random_unet()
    forward = Forward(unet)
    latents, words = question(unet)
    t = torch.tensor(400)
    (both,) = forward.ask([(latents, t, forward.about(words))])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: forward.ask([(latents, t, forward.about(words))])[0], range(12)))
    assert all(torch.equal(told, both) for told in found)


def test_few_shapes_are_kept():
    unet = random_unet()
    forward = Forward(unet)
    for side in (8, 16, 24, 32, 8):
        latents, words = question(unet, 1, side)
        (told,) = forward.ask([(latents, torch.tensor(10), forward.about(words))])
        assert torch.allclose(told, plain(unet, latents, 10, words), 1e-4, 1e-4)
    assert len(forward._ready) == SHAPES


def test_what_it_does_not_know_is_left_to_the_plain_pass():
    unet = random_unet()
    odd = unet.conv_out
    unet.conv_out = nn.Conv2d(odd.in_channels, odd.out_channels, 3, padding=2, dilation=2)
    latents, words = question(unet)
    forward = Forward(unet)
    (told,) = forward.ask([(latents, torch.tensor(7), forward.about(words))])
    assert torch.equal(told, plain(unet, latents, 7, words))


def test_a_pass_that_comes_out_otherwise_is_not_used():
    unet = random_unet()
    unet.conv_out.weight.data[:] = torch.nan  # no number agrees with another
    latents, words = question(unet)
    forward = Forward(unet)
    assert forward.ask([(latents, torch.tensor(7), forward.about(words))])[0].isnan().all()
    assert not any(forward._ready.values())
