"""Figures of `image.py` → what a person reads: tables, sentences, and what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench._image_drawn import HALF, OURS
from playground import machine
from playground.cards import table

MET = {True: "yes", False: "no", None: "–"}
_NO_HALF = "bfloat16 was left out, because this processor has no instructions for it. "


def markdown(figures: Mapping[str, Any]) -> str:
    """All figures as Markdown."""
    batches = dict.fromkeys(row["batch"] for row in figures["rows"])
    parts = [
        *(_seconds(figures, batch) for batch in batches),
        _ratios(figures),
        table(["bar", "asked", "measured", "met"], [_bar(bar) for bar in figures["bars"]]),
        _how(figures),
        _arithmetic(figures),
        _start(figures),
        _parts(figures),
        machine.sentence(figures["machine"]),
    ]
    return "\n\n".join(parts)


def _columns(figures: Mapping[str, Any]) -> list[int]:
    return list(dict.fromkeys(row["steps"] for row in figures["rows"]))


def _heads(figures: Mapping[str, Any]) -> list[str]:
    return [f"{steps} steps{', default' * (steps == figures['default'])}" for steps in _columns(figures)]


def _seconds(figures: Mapping[str, Any], batch: int) -> str:
    """A table of one batch: a way per row, a number of steps per column."""
    cells = {
        (row["way"], row["steps"]): f"{row['seconds_per_picture']:.3f}"
        for row in figures["rows"]
        if row["batch"] == batch
    }
    lines = [[way, *(cells[way, steps] for steps in _columns(figures))] for way in (OURS, *figures["apart"])]
    what = "one at a time" if batch == 1 else f"{batch} at once"
    return table([f"seconds per picture, {what}", *_heads(figures)], lines)


def _ratios(figures: Mapping[str, Any]) -> str:
    lines = []
    for batch in dict.fromkeys(row["batch"] for row in figures["rows"]):
        ours = [row for row in figures["rows"] if row["way"] == OURS and row["batch"] == batch]
        for other in figures["apart"]:
            lines.append([f"to {other}, batch {batch}", *(f"{row['ratios'][other]:.2f} ×" for row in ours)])
    return table(["speed of ours", *_heads(figures)], lines)


def _bar(bar: Mapping[str, Any]) -> list[str]:
    return [bar["what"], bar["asked"], bar["measured"], MET[bar["met"]]]


def _how(figures: Mapping[str, Any]) -> str:
    used = {(row["way"], row["batch"]): row["threads"] for row in figures["rows"]}
    threads = "; ".join(
        f"{way} {', '.join(str(count) for (one, _), count in used.items() if one == way)}" for way in figures["apart"]
    )
    sooner = ", ".join(f"{ratio:.2f} × in batches of {batch}" for batch, ratio in figures["sooner"].items())
    differ = "; ".join(
        f"{way} by at most {found['largest']} of 255 levels in a pixel of any picture ({found['mean']:.4f} on average)"
        for way, found in figures["apart"].items()
    )
    return (
        f"Model `{figures['model']}` ({figures['fingerprint']}), {figures['size']} × {figures['size']} px, guidance "
        f"{figures['guidance_scale']:g}, {figures['scheduler']}; the same prompts, noise and scheduler for all. Ours "
        "is the engine as the app uses it, in float32, with a preview after every step; several pictures are drawn one "
        "beside the other, not as a batch, so that each is the same in any company. diffusers is the plain "
        "`StableDiffusionPipeline` on the same folder, several pictures as `num_images_per_prompt`. Loading is not "
        f"counted. Medians of {figures['repeats']} repetitions, by turns; ratios are within a repetition. Our "
        f"{figures['default']} steps against {figures['most']} of diffusers: {sooner}. Each has a process of its own. "
        f"Threads, by batch: {threads}, the best of 1, 2 and all cores in a short trial; ours takes "
        f"{used[OURS, 1]}. From ours differ {differ}. {_NO_HALF * (HALF not in figures['apart'])}The machine's load "
        f"before all this was {figures['load']:.1f}."
    )


def _arithmetic(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{row['way']}, threads: {row['threads']}",
            f"{1000 * row['step_s']:.1f}",
            f"{row['gflop']:.2f}",
            f"{row['gflop_s']:.0f}",
            f"{row['peak_gflop_s']:.0f}",
            f"{row['share']:.0%}",
        ]
        for row in figures["arithmetic"]
    ]
    head = ["a step of one picture", "ms", "GFLOP", "GFLOP/s", "peak, GFLOP/s", "share"]
    return (
        f"{table(head, rows)}\n\nA step is all between one preview, or call back, and the next. Its operations are "
        "those of products and convolutions in the denoiser, counted in its plain forward pass; ours leaves out what "
        "a prompt's words become, which it computes once. The peak is a product of 1024 × 1024 matrices, in the same "
        "type and with as many threads."
    )


def _start(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            way,
            f"{start['ready_s']:.1f}",
            f"{start['first_s']:.2f}",
            f"{start['again_s']:.2f}",
            f"{start['rss_mib']:.0f}",
            f"{figures['memory_mib'][way]:.0f}",
        ]
        for way, start in figures["start"].items()
    ]
    head = ["a fresh process", "ready, s", "first picture, s", "the same again, s", "then RSS, MiB", "after all, MiB"]
    tracing = figures["start"][OURS]["first_s"] - figures["start"][OURS]["again_s"]
    half = (
        f"After all pictures {HALF} takes {figures['memory_mib'][HALF]:.0f} MiB. " if HALF in figures["apart"] else ""
    )
    return (
        f"{table(head, rows)}\n\nReady is imported and loaded. What the first picture of ours takes longer, "
        f"{tracing:.1f} s, is mostly the tracing of the denoiser. {half}Ours is the engine without the page."
    )


def _parts(figures: Mapping[str, Any]) -> str:
    parts = figures["parts"]
    return (
        f"Previews: a picture by default takes {parts['with_previews_s']:.3f} s with them as events and "
        f"{parts['without_previews_s']:.3f} s with neither; by the clock they are {1000 * parts['previews_s']:.1f} ms, "
        f"{parts['previews_share']:.1%} of the whole. Its examination, with a map of every word and all steps decoded, "
        f"takes {parts['examination_s']:.2f} s, and only when asked for."
    )
