"""Draws a sample: classifier-free guidance and the loop over a scheduler's steps, unrolled so that each can be watched.

A sample is the same whoever else is being drawn: the denoiser is asked about several at once only where that changes no
bit, which `rows.py` finds out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import torch

from playground.events import Picture
from playground.image.forward import Asked
from playground.image.loaded import ImageModel
from playground.image.noise import draw_noise
from playground.image.pictures import cell, check_finite, decode, encode, preview, to_pixels
from playground.image.prompts import Prompt, encode_blend, filled_in, read_prompts
from playground.image.prompts import encode as encode_prompt
from playground.image.schedulers import make_scheduler, predict_clean, steps_taken
from playground.recipes import ImageRecipe


@torch.inference_mode()
def guided(told: torch.Tensor, guidance_scale: float) -> torch.Tensor:
    """What the denoiser tells of one sample.

    Args:
        told: (2, C, h, w) about the negative prompt and the prompt; (1, C, h, w) about the prompt alone.
        guidance_scale: how far to go on from the first answer past the second (Ho & Salimans 2022).

    Returns:
        (1, C, h, w): noise or v, as the model was trained.
    """
    if len(told) == 1:
        return told
    without, with_prompt = told.chunk(2)
    return without + guidance_scale * (with_prompt - without)


class Drawing:
    """One sample on its way from noise to picture.

    Attributes:
        steps: how many it takes; 0 where a start picture is kept as it is.
        step: how many it has taken.
        prompt: as the model reads it.
    """

    def __init__(
        self,
        model: ImageModel,
        recipe: ImageRecipe,
        prompt: Prompt,
        asked: Asked,
        start: torch.Tensor | None = None,
    ) -> None:
        """Begin.

        Args:
            recipe: whose seed is this sample's own.
            asked: about the negative prompt and the prompt, or about the prompt alone.
            start: (1, C, h, w) clean latents of a picture to draw anew; None begins from noise alone.
        """
        self._model, self._asked, self._guidance_scale = model, asked, recipe.guidance_scale
        self.prompt = prompt
        self._scheduler = make_scheduler(recipe.scheduler, model.scheduler, recipe.steps)
        side = recipe.size // cell(model.vae)
        noise, generator = draw_noise(recipe, (1, model.unet.config.in_channels, side, side))
        takes_generator = "generator" in inspect.signature(self._scheduler.step).parameters
        self._options = {"generator": generator} if takes_generator else {}
        skipped = 0 if start is None else recipe.steps - steps_taken(recipe.steps, recipe.strength)
        self._times = self._scheduler.timesteps[skipped:]
        if start is None:
            self._latents = noise * self._scheduler.init_noise_sigma
        else:
            self._latents = self._noised(start, noise, skipped)
        self._clean = self._latents
        self.step, self.steps = 0, len(self._times)

    def _noised(self, start: torch.Tensor, noise: torch.Tensor, skipped: int) -> torch.Tensor:
        if not len(self._times):
            return start
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(skipped)
        return self._scheduler.add_noise(start, noise, self._times[:1])

    @torch.inference_mode()
    def question(self) -> tuple[torch.Tensor, torch.Tensor, Asked]:
        """What the denoiser is asked next: about (1, C, h, w) latents of variance about 1, at a time step, what."""
        t = self._times[self.step]
        return self._scheduler.scale_model_input(self._latents, t), t, self._asked

    @torch.inference_mode()
    def take(self, noisy: torch.Tensor, told: torch.Tensor) -> None:
        """Take a step.

        Args:
            noisy: what the denoiser was asked about.
            told: what it answered.

        Raises:
            PlaygroundError: the model's numbers overflowed.
        """
        t = self._times[self.step]
        predicted = guided(told, self._guidance_scale)
        self._latents = self._scheduler.step(predicted, t, self._latents, **self._options, return_dict=False)[0]
        check_finite(self._latents)
        self.step += 1
        done = self.step == self.steps
        self._clean = self._latents if done else predict_clean(self._scheduler, noisy, predicted, t)

    def preview(self) -> Picture:
        """Roughly the clean picture that the last step expected, small."""
        return preview(self._model.preview, self._clean)

    def picture(self) -> Picture:
        """The clean picture that the last step expected; after the last of all steps, the result.

        Raises:
            PlaygroundError: the autoencoder's numbers overflowed.
        """
        return decode(self._model.vae, self._clean)


def advance(model: ImageModel, drawings: Sequence[Drawing]) -> None:
    """Take a step of each: the only place where the denoiser is asked.

    Raises:
        PlaygroundError: the model's numbers overflowed.
    """
    questions = [drawing.question() for drawing in drawings]
    for drawing, (noisy, *_), told in zip(drawings, questions, model.forward.ask(questions), strict=True):
        drawing.take(noisy, told)


def groups(model: ImageModel, drawings: Sequence[Drawing]) -> Iterator[list[tuple[int, Drawing]]]:
    """As many at a time as are worth advancing together, in their order, each with its place."""
    placed = list(enumerate(drawings))
    for first in range(0, len(placed), model.forward.together):
        yield placed[first : first + model.forward.together]


def begin(model: ImageModel, recipe: ImageRecipe, start: Picture | None) -> list[Drawing]:
    """The drawings of a recipe's samples. What all steps share is computed once, here.

    Args:
        start: of the recipe's size. At strength 1 nothing is left of it, so that it makes no difference.
    """
    kept = start is not None and recipe.strength < 1
    latents = encode(model.vae, to_pixels(start)) if kept else None
    read: dict[tuple[str, str], tuple[Prompt, Asked]] = {}
    drawings = []
    for k in range(recipe.samples):
        one = filled_in(model, recipe.with_seed(recipe.seed + k))
        words = (one.prompt, one.second_prompt)
        if words not in read:
            read[words] = _read(model, one)
        drawings.append(Drawing(model, one, *read[words], latents))
    return drawings


def _read(model: ImageModel, recipe: ImageRecipe) -> tuple[Prompt, Asked]:
    prompt, negative = read_prompts(model, recipe)
    words = encode_blend(model, recipe, prompt)
    if negative is not None:
        words = torch.cat([encode_prompt(model, negative), words])
    return prompt, model.forward.about(words)
