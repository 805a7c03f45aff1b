"""Functions of tensors, compiled by TorchScript where this Python and torch still do that.

The operations are the same either way, and so are the results. Compiled ones cost less and do not hold Python's lock,
so that several threads compute at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """`function`, compiled; as it is where that fails, as on later versions it will."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.jit.script(function)
        except Exception:  # whatever a later version says of it
            return function
