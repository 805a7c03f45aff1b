"""The noise that a picture begins from: of one generator a sample, on the CPU, in float32, whoever else is drawn."""

from __future__ import annotations

import torch

from playground.arcs import slerp
from playground.recipes import ImageRecipe


def draw_noise(recipe: ImageRecipe, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Generator]:
    """The noise of a recipe's one sample, led towards the variation seed's, and the generator of all noise after it.

    Returns:
        `shape` float32 of mean 0 and variance 1, on the CPU.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    noise = torch.randn(shape, generator=generator)
    if recipe.variation_strength:
        other = torch.randn(shape, generator=torch.Generator().manual_seed(recipe.variation_seed))
        noise = slerp(noise, other, recipe.variation_strength)
    return noise, generator
