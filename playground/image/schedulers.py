"""diffusers' schedulers under the names of our recipes. Each takes a model's own noise schedule over.

A scheduler remembers where it is: each sample needs one of its own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    SchedulerMixin,
    UniPCMultistepScheduler,
)

CLASSES = {  # by key of `recipes.SCHEDULERS`: class, and settings beyond the model's own
    "dpmpp_2m": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),  # Lu et al. 2022
    "ddim": (DDIMScheduler, {}),  # Song et al. 2020
    "euler": (EulerDiscreteScheduler, {}),  # Karras et al. 2022
    "unipc": (UniPCMultistepScheduler, {}),  # Zhao et al. 2023
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
}


def make_scheduler(name: str, config: Mapping[str, Any], steps: int) -> SchedulerMixin:
    """A scheduler at the first of its steps, which may be fewer than asked for where the schedule is clipped.

    DDIM would clip what it predicts to −1 … 1, as fits pixels; latents go beyond that, so only a model that says so
    is clipped.
    """
    return copy.deepcopy(_first(name, json.dumps(dict(config)), steps))


@lru_cache(maxsize=16)
def _first(name: str, config: str, steps: int) -> SchedulerMixin:
    """One to copy, which is ten times as fast as to make it."""
    made, settings = CLASSES[name]
    scheduler = made.from_config({"clip_sample": False, **json.loads(config)}, **settings)
    scheduler.set_timesteps(steps)
    if name == "euler_a":  # in float32 what it takes the root of can fall below 0, as at 3 steps of our schedule
        scheduler.sigmas = scheduler.sigmas.double()
    return scheduler


def steps_taken(steps: int, strength: float) -> int:
    """How many of the last steps draw a start picture anew, as diffusers' image-to-image pipeline counts them."""
    return min(int(steps * strength), steps)


def predict_clean(
    scheduler: SchedulerMixin, latents: torch.Tensor, predicted: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """The clean latents that a prediction means, of any shape: x₀ in √ᾱ·x₀ + √(1 − ᾱ)·noise.

    Args:
        latents: as the denoiser saw them, after `scale_model_input`.
        predicted: its answer: the noise, or v (Salimans & Ho 2022).
        t: of the scheduler's time steps.
    """
    kept = scheduler.alphas_cumprod[int(t.round())]
    alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
    if scheduler.config.prediction_type == "v_prediction":
        return alpha * latents - sigma * predicted
    return (latents - sigma * predicted) / alpha
