"""What every token and every step goes through is compiled; where that is not to be had, it works all the same."""

import pytest
import torch

from playground import compiled as compiling
from playground.image import forward
from playground.text import decoder, sampling


@pytest.mark.parametrize(
    "function", [decoder._forward, sampling._candidates, sampling._of_candidates, sampling._of_all, forward._convolve]
)
def test_this_torch_compiles_what_every_token_goes_through(function):
    assert isinstance(function, torch.jit.ScriptFunction)


def test_what_does_not_compile_stays_python():
    def strange(x: torch.Tensor) -> torch.Tensor:
        return x + len(globals())

    assert compiling.compiled(strange) is strange
