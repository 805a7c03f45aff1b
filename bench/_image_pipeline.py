"""Runner: the plain `StableDiffusionPipeline` of diffusers on the same folder, without progress bar.

It gets the noise of our recipe, and the scheduler that the recipe names. A batch is `num_images_per_prompt`.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils.logging import disable_progress_bar, set_verbosity_error

from bench._image_drawn import HALF, PLAIN, Drawn, packed, typical
from bench._streams import Job, Way
from playground.image.noise import draw_noise
from playground.image.schedulers import make_scheduler

NAMES = {torch.float32: PLAIN, torch.bfloat16: HALF}


def load(path: Path, dtype: torch.dtype = torch.float32) -> dict[str, Way]:
    """The pipeline of a folder, computing in `dtype`."""
    disable_progress_bar()
    set_verbosity_error()
    pipeline = StableDiffusionPipeline.from_pretrained(path, torch_dtype=dtype, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    schedule, threads = dict(pipeline.scheduler.config), torch.get_num_threads()
    return {NAMES[dtype]: partial(draw, pipeline, schedule, threads)}


def draw(pipeline: StableDiffusionPipeline, schedule: dict[str, Any], threads: int, job: Job) -> Drawn:
    """The samples of the recipe as one batch."""
    recipe = job.recipes[0]
    torch.set_num_threads(job.threads or threads)
    pipeline.scheduler = make_scheduler(recipe.scheduler, schedule, recipe.steps)
    side = recipe.size // pipeline.vae_scale_factor
    shape = (1, pipeline.unet.config.in_channels, side, side)
    steps = []

    def note(pipeline: StableDiffusionPipeline, step: int, t: int, given: dict[str, Any]) -> dict[str, Any]:
        steps.append(time.perf_counter())
        return given

    began = time.perf_counter()
    samples = [recipe.with_seed(recipe.seed + k) for k in range(recipe.samples)]
    noises, generators = zip(*(draw_noise(sample, shape) for sample in samples), strict=True)
    images = pipeline(
        recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        num_images_per_prompt=recipe.samples,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        width=recipe.size,
        height=recipe.size,
        latents=torch.cat(noises).to(pipeline.dtype),
        generator=list(generators),
        callback_on_step_end=note,
    ).images
    seconds = time.perf_counter() - began
    pictures = [packed(image.tobytes()) for image in images]
    return Drawn(pictures, seconds, typical(steps) / recipe.samples, torch.get_num_threads())
