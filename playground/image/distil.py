"""Distils guidance into a copy of a scenes model: one call of the denoiser a step does what took two.

The copy learns to tell at once what its teacher tells by classifier-free guidance (Meng et al. 2023, "On Distillation
of Guided Diffusion Models", their first stage at one scale). Words reach it through the teacher's own text encoder.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextModel, CLIPTokenizer

from playground.cards import LOSS, read_manifest, read_training, write_record
from playground.errors import PlaygroundError
from playground.image import denoiser
from playground.image.card import write_card
from playground.image.denoiser import Denoiser, DenoiserJob, Noised, weigh
from playground.image.model import GUIDANCE, make_pipeline, save_pipeline, tokenize
from playground.image.recogniser import FILE
from playground.image.render import Renderer
from playground.image.train import Course, open_caches
from playground.registry import TRAINING, write_manifest
from playground.stages import restore_stages, restored, summarise
from playground.training import HISTORY, fit, processes, write_once

STAGE = "distilled"
PLAN = replace(denoiser.PLAN, steps=2_000, lr=2e-4, muon_lr=5e-4, warmup=0.02, hold=0.4, ema=0.99)


class Distiller(Denoiser):
    """`forward(batch)`: as `Denoiser`, but the v to tell is the one that the teacher tells with guidance.

    Args:
        teacher: is only asked; it is no part of this module, so it is neither trained nor saved.
        nothing: (1, 48) int64 ids of an empty prompt.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        text_encoder: CLIPTextModel,
        teacher: UNet2DConditionModel,
        nothing: torch.Tensor,
        guidance_scale: float = GUIDANCE,
    ) -> None:
        super().__init__(unet, text_encoder.requires_grad_(False))
        self._teacher, self.guidance_scale = (teacher.requires_grad_(False),), guidance_scale
        self.register_buffer("nothing", nothing, persistent=False)

    def forward(self, batch: Noised) -> torch.Tensor:
        noisy, _ = self.mix(batch)
        with torch.no_grad():
            words = self.text_encoder(input_ids=batch.ids).last_hidden_state
            nothing = self.text_encoder(input_ids=self.nothing).last_hidden_state.expand_as(words)
            teacher = self._teacher[0].to(noisy.device)
            both = torch.cat([nothing, words])
            told = teacher(noisy.repeat(2, 1, 1, 1), batch.steps.repeat(2), encoder_hidden_states=both).sample.float()
            without, with_prompt = told.chunk(2)
            v = without + self.guidance_scale * (with_prompt - without)
        return weigh(self.unet(noisy, batch.steps, encoder_hidden_states=words).sample.float() - v, batch.masks)


class DistilJob(DenoiserJob):
    """As `DenoiserJob`, from the teacher's weights. Writes `unet` and the teacher's `text_encoder` into `out`."""

    guidance = 1.0

    def __init__(self, *parts: Any, teacher: Path, **how: Any) -> None:
        super().__init__(*parts, **how)
        self._teacher = teacher

    def build(self) -> Distiller:
        begun = super().build()
        teacher = UNet2DConditionModel.from_pretrained(self._teacher / "unet").to(memory_format=torch.channels_last)
        teacher.set_attn_processor(AttnProcessor())
        return Distiller(begun.unet, begun.text_encoder, teacher, tokenize(self._tokenizer, [""]))


def distil_scenes(
    teacher: Path,
    font: Path | None,
    runs: Path,
    out: Path,
    *,
    smoke: bool = False,
    minutes: float | None = None,
    warm: bool = False,
    seed: int = 0,
) -> Path:
    """Distil (or go on distilling) the guidance of a scenes model and write the copy as a pipeline folder.

    Args:
        teacher: checkpoint folder of the scenes model.
        font: an emoji font; None for the system's.
        runs: where the resumable state and the latents are kept.
        out: the checkpoint folder that is written.
        smoke: a few steps, to test the way.
        minutes: time of training in all, over however many resumed runs; else the plan's steps.
        warm: where `runs` holds no run, go on from the weights and the record in `out`, with optimisers started anew.

    Returns:
        `out`.

    Raises:
        PlaygroundError: no teacher, no font, a state of another model in `runs`, or nothing in `out` to go on from.
    """
    if not (teacher / "unet").is_dir():
        raise PlaygroundError(f"{out.name} is distilled from {teacher.name}, which is not there: train that first.")
    course = Course(Renderer(font), runs, smoke, seed)
    plan = course.adapt(PLAN, minutes)
    with processes().main_process_first():
        if warm and not (runs / HISTORY).exists():
            restore_stages(read_training(out / TRAINING), {STAGE: runs})
            for part, source in (("unet", out), ("text_encoder", teacher)):
                shutil.copytree(source / part, runs / "model" / part, dirs_exist_ok=True)
    vae = AutoencoderTiny.from_pretrained(teacher / "vae")
    caches = open_caches(course, vae, runs / "latents")
    tokenizer = CLIPTokenizer.from_pretrained(teacher / "tokenizer")
    earlier = restored(runs)
    start = runs / "model" if earlier else teacher
    job = DistilJob(*caches, tokenizer, teacher, runs / "model", plan, tiny=smoke, start=start, teacher=teacher)
    fit(job, plan, runs, earlier=earlier)
    write_once(_write_checkpoint, teacher, runs, out)
    return out


def _write_checkpoint(teacher: Path, runs: Path, out: Path) -> None:
    manifest, vae = read_manifest(teacher), AutoencoderTiny.from_pretrained(teacher / "vae")
    text = CLIPTextModel.from_pretrained(teacher / "text_encoder")
    unet = UNet2DConditionModel.from_pretrained(runs / "model" / "unet")
    tokenizer = CLIPTokenizer.from_pretrained(teacher / "tokenizer")
    save_pipeline(make_pipeline(vae, text, tokenizer, unet), out)
    for name, source in ((FILE, teacher), (LOSS, runs)):
        shutil.copyfile(source / name, out / name)
    write_record(out / TRAINING, {"stages": {STAGE: summarise(runs)}})
    write_manifest(
        out,
        "image",
        files=lambda path: path.suffix in {".safetensors", ".json"} and path.name != FILE,
        summary=f"As {teacher.name}, sooner: a copy into which guidance is distilled, so that each step asks "
        "the denoiser once.",
        licence=manifest.licence,
        parameters=manifest.parameters,
        defaults={**manifest.defaults, "guidance_scale": 1.0},
        details={
            **manifest.details,
            "distilled": {"name": teacher.name, "fingerprint": manifest.fingerprint, "guidance": GUIDANCE},
        },
    )
    write_card(out)
