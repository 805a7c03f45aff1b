"""Trains a scenes model, stage by stage, and writes it as a `diffusers` pipeline; each stage resumes by itself.

A stage's folder in `runs` holds its state and what it exports. What depends on the encoder carries the encoder's
fingerprint in its name, so that latents, decoders and denoisers of different encoders never meet.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from playground.cards import LOSS, read_training, write_record
from playground.errors import PlaygroundError
from playground.image import autoencoder, denoiser, naming, recogniser
from playground.image.autoencoder import AutoencoderJob, fingerprint
from playground.image.card import write_card
from playground.image.denoiser import DenoiserJob
from playground.image.latents import LatentCache
from playground.image.model import GUIDANCE, SIZE, STEPS, make_pipeline, make_tokenizer, save_pipeline
from playground.image.naming import NamingJob
from playground.image.nouns import read_nouns
from playground.image.recogniser import FILE, RecogniserJob
from playground.image.render import Renderer
from playground.registry import TRAINING, write_manifest
from playground.stages import restore_stages, restored, summarise
from playground.training import Plan, fit, processes, write_once

CACHED = 100_000  # scenes whose latents are kept, 0.43 GB
FRESH = 256
SHARES = {  # of the time, where it is given
    "autoencoder": 0.16,
    "decoder": 0.16,
    "text": 0.02,
    "recogniser": 0.05,
    "denoiser": 0.61,
}
PLANS = {
    "autoencoder": autoencoder.PLAN,
    "decoder": autoencoder.DECODER_PLAN,
    "text": naming.PLAN,
    "recogniser": recogniser.PLAN,
    "denoiser": denoiser.PLAN,
}
SMOKE_STEPS, SMOKE_BATCH, SMOKE_CACHED = 3, 4, 48
DONE = "done"


@dataclass(frozen=True)
class Course:
    """One way through the stages: where things are and how large they are."""

    renderer: Renderer
    runs: Path
    smoke: bool
    seed: int

    def plan(self, stage: str, minutes: float | None) -> Plan:
        return self.adapt(PLANS[stage], minutes)

    def adapt(self, plan: Plan, minutes: float | None) -> Plan:
        """A stage's plan for this course."""
        plan = replace(plan, minutes=minutes, seed=self.seed)
        if not self.smoke:
            return plan
        return replace(plan, minutes=None, steps=SMOKE_STEPS, batch_size=SMOKE_BATCH, report_every_s=math.inf)

    def folder(self, stage: str) -> Path:
        """Of a stage; that of another encoder's is another."""
        if stage in ("autoencoder", "text", "recogniser"):
            return self.runs / stage
        vae = self.runs / "autoencoder" / "vae"
        if not vae.is_dir():
            raise PlaygroundError(f"The stage {stage} needs an autoencoder in {vae.parent}: run that stage first.")
        return self.runs / f"{stage}-{fingerprint(vae)}"

    def vae(self) -> Path:
        """The best autoencoder so far: the one whose decoder went on alone, where there is one."""
        finished = self.folder("decoder") / "vae"
        return finished if finished.is_dir() else self.runs / "autoencoder" / "vae"


def train_scenes(
    data: Path | None,
    runs: Path,
    out: Path,
    *,
    smoke: bool = False,
    minutes: float | None = None,
    warm: bool = False,
    seed: int = 0,
    stage: str | None = None,
) -> Path:
    """Train (or go on training) the scenes model and write it as a pipeline folder.

    Args:
        data: an emoji font; None for the system's.
        runs: where the resumable states and the latents are kept.
        out: the checkpoint folder that is written once every stage has been through.
        smoke: tiny models for a few steps, to test the way.
        minutes: time of training in all, shared out between the stages, or that of `stage`; else the plans' steps.
        warm: where `runs` holds no denoiser, go on from the weights and the record in `out`, with optimisers started
            anew.
        stage: do this stage alone, also where it was finished before: it then goes on if there is time left.

    Returns:
        `out`, or the folder of `stage` where others are still missing.

    Raises:
        PlaygroundError: no font, no such stage, an earlier stage is missing, a state of another model in `runs`, or
            nothing in `out` to go on from.
    """
    if stage is not None and stage not in STAGES:
        raise PlaygroundError(f"There is no stage {stage!r}; there is: {', '.join(STAGES)}.")
    course = Course(Renderer(data), runs, smoke, seed)
    with processes().main_process_first():
        if warm and not list(runs.glob("denoiser-*")):
            restore(course, out)
    for name, run in STAGES.items():
        if stage == name or (stage is None and not (course.folder(name) / DONE).exists()):
            spent = minutes if stage or minutes is None else minutes * SHARES[name]
            run(course, course.plan(name, spent))
            (course.folder(name) / DONE).touch()
    if any(not (course.folder(name) / DONE).exists() for name in STAGES):
        return course.folder(stage or "autoencoder")
    write_once(write_checkpoint, course, out)
    return out


def _train_autoencoder(course: Course, plan: Plan) -> None:
    folder = course.folder("autoencoder")
    fit(AutoencoderJob(course.renderer, folder / "vae", plan, start=None, tiny=course.smoke), plan, folder)


def _train_decoder(course: Course, plan: Plan) -> None:
    folder, start = course.folder("decoder"), course.folder("autoencoder") / "vae"
    job = AutoencoderJob(course.renderer, folder / "vae", plan, start=start, tiny=course.smoke)
    fit(job, plan, folder, earlier=restored(folder))


def _train_text(course: Course, plan: Plan) -> None:
    folder = course.folder("text")
    saved = folder / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(saved) if saved.is_dir() else make_tokenizer()
    fit(NamingJob(tokenizer, folder, plan, tiny=course.smoke), plan, folder)


def _train_recogniser(course: Course, plan: Plan) -> None:
    folder = course.folder("recogniser")
    earlier = restored(folder)
    job = RecogniserJob(course.renderer, folder, plan, tiny=course.smoke, start=folder if earlier else None)
    fit(job, plan, folder, earlier=earlier)


def _train_denoiser(course: Course, plan: Plan) -> None:
    folder, text = course.folder("denoiser"), course.folder("text")
    if not (text / "tokenizer").is_dir():
        raise PlaygroundError(f"The stage denoiser needs a text encoder in {text}: run the stage text first.")
    vae = AutoencoderTiny.from_pretrained(course.vae())
    caches = open_caches(course, vae, course.folder("latents"))
    tokenizer = CLIPTokenizer.from_pretrained(text / "tokenizer")
    earlier = restored(folder)
    start = folder / "model" if earlier else None
    job = DenoiserJob(*caches, tokenizer, text, folder / "model", plan, tiny=course.smoke, start=start)
    fit(job, plan, folder, earlier=earlier)


def open_caches(course: Course, vae: AutoencoderTiny, folder: Path) -> tuple[LatentCache, LatentCache]:
    """Latents of the training scenes, and of fresh ones that training never sees."""
    count, fresh = (SMOKE_CACHED, SMOKE_CACHED) if course.smoke else (CACHED, FRESH)
    with processes().main_process_first():
        return (
            LatentCache(folder, vae, course.renderer, seed=course.seed, count=count),
            LatentCache(folder, vae, course.renderer, seed=course.seed + autoencoder.FRESH, count=fresh),
        )


STAGES: dict[str, Callable[[Course, Plan], None]] = {
    "autoencoder": _train_autoencoder,
    "decoder": _train_decoder,
    "text": _train_text,
    "recogniser": _train_recogniser,
    "denoiser": _train_denoiser,
}


def restore(course: Course, out: Path) -> None:
    """Lay the runs of a checkpoint's stages out again, without the states of their optimisers.

    All stages but the denoiser count as done. The autoencoder is the one that was shipped, whose decoder may have gone
    on alone.

    Raises:
        PlaygroundError: `out` has no record of a training.
    """
    record = read_training(out / TRAINING)
    shutil.copytree(out / "vae", course.runs / "autoencoder" / "vae", dirs_exist_ok=True)
    folders = {name: course.folder(name) for name in STAGES}
    restore_stages(record, folders)
    for part in ("text_encoder", "tokenizer"):
        shutil.copytree(out / part, folders["text"] / part, dirs_exist_ok=True)
    for part in ("text_encoder", "unet"):
        shutil.copytree(out / part, folders["denoiser"] / "model" / part, dirs_exist_ok=True)
    shutil.copyfile(out / FILE, folders["recogniser"] / FILE)
    for name, folder in folders.items():
        if name != "denoiser":
            (folder / DONE).touch()


def write_checkpoint(course: Course, out: Path) -> None:
    """The newest parts of a course as a pipeline in `out`, with its manifest, its recogniser and its card."""
    model = course.folder("denoiser") / "model"
    parts = {
        "vae": AutoencoderTiny.from_pretrained(course.vae()),
        "text_encoder": CLIPTextModel.from_pretrained(model / "text_encoder"),
        "unet": UNet2DConditionModel.from_pretrained(model / "unet"),
    }
    tokenizer = CLIPTokenizer.from_pretrained(course.folder("text") / "tokenizer")
    save_pipeline(make_pipeline(tokenizer=tokenizer, **parts), out)
    shutil.copyfile(course.folder("recogniser") / FILE, out / FILE)
    (out / FILE).chmod(0o644)
    shutil.copyfile(course.folder("denoiser") / LOSS, out / LOSS)
    write_record(out / TRAINING, {"stages": {name: summarise(course.folder(name)) for name in STAGES}})
    write_manifest(
        out,
        "image",
        files=lambda path: path.suffix in {".safetensors", ".json"} and path.name != FILE,  # which draws nothing
        summary="Emoji scenes from a prompt, by a miniature latent diffusion model trained from scratch.",
        licence="apache-2.0",
        parameters=sum(p.numel() for part in parts.values() for p in part.parameters()),
        defaults={"size": SIZE, "steps": STEPS, "guidance_scale": GUIDANCE},
        details={"length": tokenizer.model_max_length, "reads_details": True, "nouns": list(read_nouns())},
    )
    write_card(out)
