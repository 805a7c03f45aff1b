"""The arc between two vectors, whatever these are."""

import math

import pytest
import torch

from playground.arcs import slerp

SHAPE = (1, 8, 16, 16)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


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
