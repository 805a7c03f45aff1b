"""The model card of a scenes model; see `cards.py` for what all cards have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open

from playground import machine
from playground.cards import (
    duration,
    front_matter,
    read_evaluation,
    read_manifest,
    table,
    write_card_text,
)
from playground.image import phrases
from playground.image.adherence import FACTORS
from playground.image.imagining import complete
from playground.registry import MANIFEST, Manifest
from playground.stages import stages_section

SHEET = "held-out.png"
DATASET = "held-out combinations of scenes"
SEEN = {  # what a stage of the training counts
    "autoencoder": "crops",
    "decoder": "crops and pictures",
    "text": "captions",
    "recogniser": "views",
    "denoiser": "pictures",
    "distilled": "pictures",
}
FAST = "-fast"  # ends the name of a model into which the guidance of another is distilled
COURSE = (
    ", stage by stage: the autoencoder; its decoder alone; the text encoder, to name what a caption says; the "
    "recogniser, which only measures; then the denoiser, and the text encoder with it. Muon trains matrices and "
    "kernels, AdamW the rest. A stage of more than one leg goes on where the one before left off."
)
DISTILLED = """. Its denoiser began as that of `{name}` with the fingerprint `{fingerprint}`, whose
text encoder and autoencoder it has, and learnt from noisy training scenes with their captions to tell at once what that
one tells by guidance {guidance:g} (Meng et al. 2023): it is asked once a step instead of twice. Muon trains matrices
and kernels, AdamW the rest."""
SIGNS = """

What a prompt leaves open, its seed decides: the playground writes it behind the prompt, a bracket for each thing, as a
person can. It mirrors nothing, as mirror images are drawn less well, and leaves a colour that is said without a shade.
In a bracket stand, in this order: the drawing, with `>` behind it if it is mirrored; `|` upright, `\\` or `/` leaning;
the shade, `=` as it is, `-` darker, `+` brighter, `*` warmer, `~` cooler; the size, `l`, `m` or `s`; `!` or `?`, which
hat or glasses; the column, of the letters `bcdefghijkn`; the row, of the signs `0123456789x`.
Each result tells the prompt that the model read."""
UNGUIDED = """
- It has guidance of its own: more than 1 saturates, and at 1 what should not be in the picture is not heard."""
SWEPT = ("noun", "colour", "place", "number", "both nouns", "relation", "worn", "all")
SIDES = ("model", "renders")
SCORED = ("model", "renders", "decoded")
COLUMNS = ("held out", "renders", "decoded", "seen", "renders", "decoded")
KNOBS = {"guidance_scale": "guidance", "steps": "steps"}


def write_cards(folder: Path) -> None:
    """The card of a checkpoint folder, and of the model beside it of which it is a distilled copy, or the other way."""
    write_card(folder)
    for other in _pair(folder, read_manifest(folder)):
        if other != folder:
            write_card(other)


def write_card(folder: Path) -> None:
    """Write `README.md` of a finished checkpoint folder from the records in it; what is not there yet is said so.

    Raises:
        PlaygroundError: the folder has no valid manifest.
    """
    manifest = read_manifest(folder)
    found = read_evaluation(folder, manifest)
    held_out = found["adherence"]["held_out"]["model"] if found else {}
    front = front_matter(
        manifest,
        {f"held_out_{name.replace(' ', '_')}": row["share"] for name, row in held_out.items()},
        DATASET,
        pipeline_tag="text-to-image",
        library_name="diffusers",
        language="en",
        tags=["latent-diffusion", "emoji", "trained-from-scratch", "playground"],
    )
    sections = {
        "Use": _use(manifest),
        "Prompts": _prompts(manifest),
        "Data and licence": _data(manifest),
        "Architecture": _architecture(folder, manifest),
        "Training": _training(folder, manifest),
        "Evaluation": "\n\n".join([_evaluation(found), *_costs(folder, manifest)])
        if found
        else f"`python -m playground evaluate {manifest.name}` fills this in.",
        "Pictures": _pictures(found) if found else "They come with the evaluation.",
        "Limits": _limits(manifest),
    }
    write_card_text(folder, front, manifest.name, {"What it is": manifest.summary, **sections})


def _use(manifest: Manifest) -> str:
    steps, guidance = (manifest.defaults.get(name, own) for name, own in (("steps", 12), ("guidance_scale", 3)))
    return f"""In the playground it is the model `{manifest.name}` of the image tab, or

```sh
python -m playground generate image --model {manifest.name} --prompt "a cat wearing a crown on a beach" --seed 7
```

It opens with plain `diffusers` as well. Autoencoder and denoiser are stored as float16, in shards below 10 MB; compute
in float32:

```python
import torch
from diffusers import DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("checkpoints/{manifest.name}")
prompt = {json.dumps(_filled_in(manifest, "a cat wearing a crown on a beach", 7), ensure_ascii=False)}
start = torch.Generator().manual_seed(7)
picture = pipeline(prompt, num_inference_steps={steps}, guidance_scale={guidance:g}, generator=start).images[0]
picture.save("cat.png")
```"""


def _filled_in(manifest: Manifest, prompt: str, seed: int) -> str:
    return complete(prompt, seed) if manifest.details.get("reads_details") else prompt


def _prompts(manifest: Manifest) -> str:
    tables = {"Colours": phrases.COLOURS, "Sizes": phrases.SIZES, "Worn": phrases.WORN, "Times": phrases.TIMES}
    tables |= {"Relations": phrases.RELATIONS, "Positions": phrases.POSITIONS, "Places": phrases.PLACES}
    lists = "\n".join(f"- {name}: {', '.join(forms[0] for forms in words.values())}." for name, words in tables.items())
    nouns = manifest.details.get("nouns", [])
    return f"""One thing, two or three of a kind, or a pair, in a place at a time of day, as in “two red cars on a road
at night” or “a dog to the left of a tree”. Most words have synonyms, order is free within reason, and what is left out
is left to the seed. The first phrase for each meaning:

{lists}
- {len(nouns)} nouns: {", ".join(nouns)}.{SIGNS if manifest.details.get("reads_details") else ""}"""


def _data(manifest: Manifest) -> str:
    return f"""Synthetic pictures of 128 × 128 px with captions from a small grammar, drawn by our own code: drawings of
the font Noto Color Emoji (by Google, SIL Open Font License 1.1), recoloured, dressed, turned and mirrored,
over painted places. `python -m playground data {manifest.name}` makes them. One in ten combinations of noun and colour,
of noun and place, and of two nouns is held out: training never sees it. No photograph, no person's picture and
nobody's text was used. The weights and this card are under the licence {manifest.licence}."""


def _architecture(folder: Path, manifest: Manifest) -> str:
    unet, vae, text = (
        json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
        for part in ("unet", "vae", "text_encoder")
    )
    sizes = {part: _parameters(folder / part) for part in ("unet", "vae", "text_encoder")}
    weights = sum(record.bytes for name, record in manifest.files.items() if name.endswith(".safetensors"))
    widths = " / ".join(map(str, unet["block_out_channels"]))
    facts = [
        ("denoiser", f"{unet['_class_name']}, {sizes['unet']:,} parameters, {widths} channels, predicts v"),
        ("autoencoder", f"{vae['_class_name']}, {sizes['vae']:,} parameters, {vae['latent_channels']} latent channels"),
        ("text encoder", f"{text['architectures'][0]}, {sizes['text_encoder']:,} parameters"),
        ("vocabulary", f"{text['vocab_size']:,} tokens, at most {text['max_position_embeddings']} in a prompt"),
        ("latents", f"{unet['sample_size']} × {unet['sample_size']}"),
        ("parameters in all", f"{manifest.parameters:,}"),
        ("weights", f"{weights / 1e6:.1f} MB"),
        ("fingerprint", f"`{manifest.fingerprint}`"),
    ]
    return table(("", ""), facts)


def _parameters(folder: Path) -> int:
    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "np") as file:
            for name in file.keys():  # noqa: SIM118
                size = 1
                for side in file.get_slice(name).get_shape():
                    size *= side
                count += size
    return count


def _training(folder: Path, manifest: Manifest) -> str:
    distilled = manifest.details.get("distilled")
    if not distilled:
        return stages_section(folder, COURSE, SEEN, "denoiser")
    return stages_section(folder, DISTILLED.format(**distilled), SEEN, "distilled", "Distilled")


def _pair(folder: Path, manifest: Manifest) -> list[Path]:
    """The folders of a model and of its distilled copy, of which `folder` is one; none where the other is missing."""
    source, copy = folder, folder.with_name(f"{folder.name}{FAST}")
    if distilled := manifest.details.get("distilled"):
        source, copy = folder.with_name(distilled["name"]), folder
    return [source, copy] if all((one / MANIFEST).is_file() for one in (source, copy)) else []


def _costs(folder: Path, manifest: Manifest) -> list[str]:
    """What distilled guidance costs in adherence: both models beside each other, where both have been measured."""
    pair = _pair(folder, manifest)
    found = [read_evaluation(one, read_manifest(one)) for one in pair]
    if not pair or not all(found):
        return []
    sides = [one["adherence"][split]["model"] for split in ("held_out", "seen") for one in found if one]
    names = [one.name for one in pair]
    rows = [
        (name, *(f"{side[name]['share']:.1%}" for side in sides))
        for name in FACTORS
        if all(name in side for side in sides)
    ]
    calls = [
        "calls of the denoiser for a picture",
        *[f"{one['settings']['steps'] * (1 + (one['settings']['guidance_scale'] > 1)):g}" for one in found if one] * 2,
    ]
    heads = [f"{name}, {split}" for split in ("held out", "seen") for name in names]
    return [
        f"`{names[1]}` is `{names[0]}` with its guidance distilled: it asks the denoiser once a step. What that costs:",
        table(("what is right", *heads), [*rows, calls]),
    ]


def _evaluation(found: Mapping[str, Any]) -> str:
    held_out, seen = (found["adherence"][split] for split in ("held_out", "seen"))
    sides = [side[who] for side in (held_out, seen) for who in SCORED]
    adherence = table(
        ("what is right", *COLUMNS, "verdicts"),
        [
            (
                f"**{name}**: {what}",
                *(f"{side[name]['share']:.1%}" if name in side else "–" for side in sides),
                " / ".join(
                    str(side[name]["of"]) if name in side else "0" for side in (held_out["model"], seen["model"])
                ),
            )
            for name, what in FACTORS.items()
            if any(name in side for side in sides)
        ],
    )
    kinds = table(
        ("everything right, by kind of scene", *COLUMNS),
        [
            (
                kind,
                *(f"{row[split][who]:.1%}" if row[split] else "–" for split in ("held_out", "seen") for who in SCORED),
            )
            for kind, row in found["kinds"].items()
        ],
    )
    settings = ", ".join(f"{value:g} {KNOBS[name]}" for name, value in found["settings"].items() if name in KNOBS)
    partial = "**A quick look at a few pictures, no result.**\n\n" if found["quick"] else ""
    sweeps = "\n\n".join(_sweep(name, rows, found["swept"][name]) for name, rows in found["by"].items())
    return f"""{partial}{found["pictures"]:,} pictures at default settings
({settings}, {found["settings"]["scheduler"]}), half of their captions with a combination that
training never saw, with fixed seeds, unpicked. A recogniser, a convolutional network of
{found["recogniser"]["parameters"]:,} parameters that was trained on renders by itself, says what it sees; that is held
against what the caption says. It errs, too: beside each share stands its share on renders of the same scenes, which are
right by construction, and on those renders encoded and decoded, which no denoiser can be expected to exceed. Verdicts
are counted for held-out and seen prompts.

{adherence}

{kinds}

{_distances(found)}

By guidance and by steps, both splits together, the other knob at its default. The fewer prompts, the larger Fréchet
distances are: those of one table can be compared only with each other.

{sweeps}

`{found["command"]}` measured this in {duration(found["seconds"])} on {machine.sentence(found["machine"])}.
All numbers are in `evaluation.json`."""


def _sweep(name: str, rows: Mapping[str, Mapping[str, float]], count: int) -> str:
    shown = [factor for factor in SWEPT if any(factor in row for row in rows.values())]
    return table(
        (f"{KNOBS[name]}, {count:,} pictures", *shown, "Fréchet"),
        [
            (value, *(f"{row[factor]:.1%}" if factor in row else "–" for factor in shown), f"{row['frechet']:.2f}")
            for value, row in rows.items()
        ],
    )


def _distances(found: Mapping[str, Any]) -> str:
    near, seeds, auto = found["neighbours"], found["seeds"], found["autoencoder"]
    rows = [
        (
            "Fréchet distance (Heusel et al. 2017) to other fresh renders",
            *(f"{found['frechet'][s]:.3f}" for s in SIDES),
        ),
        *(
            (
                f"distance to the nearest of {near['of']:,} training pictures, {label}",
                *(f"{near[s][q]:.3f}" for s in SIDES),
            )
            for q, label in (("least", "least"), ("p1", "1 %"), ("median", "median"))
        ),
        (
            f"mean distance between {seeds['seeds']} seeds of one prompt ({len(seeds['prompts'])} prompts)",
            *(f"{seeds[s]:.3f}" for s in SIDES),
        ),
    ]
    return f"""Distances in the recogniser's last hidden layer. The renders of the last row are of scenes that the same
caption could have been written of; the model's seeds differ {seeds["ratio"]:.2f} times as much as they do.

{table(("", "the model", "fresh renders"), rows)}

The autoencoder keeps {auto["psnr_db"]:.2f} dB of fresh renders (mean of {auto["pictures"]} pictures, the worst
{auto["least_db"]:.1f} dB): no picture of the model can be sharper."""


def _pictures(found: Mapping[str, Any]) -> str:
    prompts = "\n".join(f"{number}. {prompt}" for number, prompt in enumerate(found["sheet"], 1))
    return f"""The first {len(found["sheet"])} held-out prompts, one seed each, unedited and unpicked, row by row.

![Pictures of held-out prompts]({SHEET})

{prompts}"""


def _limits(manifest: Manifest) -> str:
    nouns = len(manifest.details.get("nouns", []))
    return f"""- It knows {nouns} nouns and the words above. Any other word is ignored, or worse, taken for a known one;
  the playground says which words it has never seen.
- At most two kinds of things, and at most three of a kind. Things stand apart: nothing holds, rides or hides another.
- Only nouns with a head that the font draws from the front or the side wear something, and one thing each.
- 128 × 128 px and no more. Small things lose their faces in the autoencoder, which sets how sharp a picture can be.
- Combinations that training never saw come out less surely than others, by as much as is measured above.
- The drawings are one foundry's view of the world: its animals, foods, vehicles and buildings are those of one emoji
  font.{UNGUIDED if manifest.details.get("distilled") else ""}
- The recogniser learnt from renders. On pictures unlike any render it names something all the same."""
