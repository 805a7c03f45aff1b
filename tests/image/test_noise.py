"""The noise that pictures begin from."""

import pytest
import torch

from playground.image.noise import draw_noise
from playground.recipes import ImageRecipe

SHAPE = (1, 8, 16, 16)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def drawn(**values) -> torch.Tensor:
    return draw_noise(ImageRecipe.make(values), SHAPE)[0]


def test_noise_is_what_a_generator_of_the_seed_draws_first():
    found, generator = draw_noise(ImageRecipe.make({"seed": 7}), SHAPE)
    again = torch.Generator().manual_seed(7)
    assert found.equal(torch.randn(SHAPE, generator=again))
    assert torch.randn(3, generator=generator).equal(torch.randn(3, generator=again))


def test_a_variation_leaves_the_later_noise_alone():
    _, plain = draw_noise(ImageRecipe.make({"seed": 7}), SHAPE)
    _, varied = draw_noise(ImageRecipe.make({"seed": 7, "variation_seed": 8, "variation_strength": 0.5}), SHAPE)
    assert torch.randn(3, generator=plain).equal(torch.randn(3, generator=varied))


def test_variations_lead_from_one_seed_to_the_other():
    assert drawn(seed=1, variation_seed=2, variation_strength=0).equal(noise(1))
    assert drawn(seed=1, variation_seed=2, variation_strength=1).equal(noise(2))
    near = [(drawn(seed=1, variation_seed=2, variation_strength=s) - noise(2)).norm() for s in (0.2, 0.5, 0.8)]
    assert near == sorted(near, reverse=True)


def test_halfway_noise_is_as_loud_as_noise():
    assert drawn(seed=1, variation_seed=2, variation_strength=0.5).std().item() == pytest.approx(1, abs=0.05)


def test_a_variation_towards_itself_changes_nothing():
    assert torch.allclose(drawn(seed=1, variation_seed=1, variation_strength=0.3), noise(1), atol=1e-6)
