"""The noise that pictures begin from, and the arc between two of them."""

import math

import pytest
import torch

from playground.image.noise import draw_noise, slerp
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


def test_an_arc_goes_evenly():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    found = slerp(a, b, 1 / 3)
    angle = math.pi / 6
    length = 2 + 2 / 3
    assert torch.allclose(found, torch.tensor([length * math.cos(angle), length * math.sin(angle)]))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_between_opposite_noises_lies_noise(share):
    found = slerp(noise(1), -noise(1), share)
    assert found.norm().item() == pytest.approx(noise(1).norm().item(), rel=1e-5)
    assert found.equal(slerp(noise(1), -noise(1), share))
    angle = torch.nn.functional.cosine_similarity(found.flatten(), noise(1).flatten(), dim=0).acos()
    assert angle.item() == pytest.approx(share * math.pi, abs=1e-3)


@pytest.mark.parametrize("vector", [torch.ones(6), torch.tensor([0.0, 0.0, 3.0]), torch.tensor([2.0])])
def test_opposite_vectors_of_any_make_give_numbers(vector):
    assert torch.isfinite(slerp(vector, -vector, 0.5)).all()


def test_nearly_equal_vectors_keep_their_length():
    a = noise(1)
    assert torch.allclose(slerp(a, a * (1 + 1e-7), 0.5), a)


def test_a_zero_vector_has_no_direction_of_its_own():
    a, zero = noise(1), torch.zeros(SHAPE)
    assert torch.allclose(slerp(zero, a, 0.5), a / 2)
    assert torch.allclose(slerp(a, zero, 0.25), a * 0.75)
    assert slerp(zero, zero, 0.5).equal(zero)
