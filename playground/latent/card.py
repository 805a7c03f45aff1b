"""The model card of a model of faces; see `cards.py` for what all cards have.

A pure function of its folder and, for the table that shows both, of the other model's evaluation beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground import machine
from playground.cards import (
    duration,
    front_matter,
    read_evaluation,
    read_manifest,
    table,
    write_card_text,
)
from playground.errors import PlaygroundError
from playground.latent.bars import STEERED
from playground.latent.charting import OF_PEOPLE
from playground.latent.contrast import NAMES, barred, claims, comparable, measured, steered
from playground.latent.correction import SPARED, STRETCH, TRIED
from playground.latent.factors import CONTINUOUS, DISCRETE
from playground.latent.loaded import GENERATOR, INVERTER
from playground.latent.presets import PRESETS
from playground.latent.readings import FACTORS
from playground.manifests import MANIFEST, Manifest
from playground.stages import stages_section

UNITS = {"mapping": "points"} | dict.fromkeys(("vae", GENERATOR, INVERTER), "faces")
SAMPLES, EDITS = "samples.png", "edits.png"
DATASET = "held-out faces"
OTHER = {"vae": "gan", "gan": "vae"}
SNIPPETS = {
    "vae": """import torch
from PIL import Image

from playground.latent.pixels import to_bytes
from playground.latent.vae import FaceVAE

vae = FaceVAE.from_pretrained("checkpoints/{name}", torch_dtype=torch.float32)
point = torch.randn(1, vae.config.dims, generator=torch.Generator().manual_seed(7))
Image.fromarray(to_bytes(vae.decode(point).detach())[0]).save("face.png")""",
    "gan": """import torch
from PIL import Image

from playground.latent.gan import FaceGenerator
from playground.latent.pixels import to_bytes

generator = FaceGenerator.from_pretrained("checkpoints/{name}/generator", torch_dtype=torch.float32)
noise = torch.randn(1, generator.config.dims, generator=torch.Generator().manual_seed(7))
Image.fromarray(to_bytes(generator(noise).detach())[0]).save("face.png")""",
}
BEGAN = {"vae": ".", "gan": ", beginning as the VAE beside it."}
NETWORKS = {
    "vae": "A convolutional variational autoencoder (Kingma & Welling 2014) whose points reach every depth of the "
    "decoder as scales and shifts. A point is z; for the prior it is a draw of N(0, I), times the temperature.",
    "gan": "A mapping network (Karras et al. 2019) before a decoder like the VAE's, whose points reach every depth "
    "as scales and shifts. It began as the VAE beside it, as that was then, and was trained by R3GAN's objective "
    "(Huang et al. 2024): first the mapping, against a judge of points, then the decoder, against a judge of pictures. "
    "An inverter guesses a picture's point, and a few steps of optimisation improve the guess. A point is w; ψ draws "
    "it to the mean. The same noise leads to related faces in both models.",
}


def write_cards(folder: Path) -> None:
    """Write the card of a model and, as their table shows both, that of the other one beside it if that is whole."""
    write_card(folder)
    other = _beside(folder, read_manifest(folder))
    if (other / MANIFEST).is_file():
        try:
            read_manifest(other)
        except PlaygroundError:
            return
        write_card(other)


def write_card(folder: Path) -> None:
    """Write `README.md` of a finished checkpoint folder from the records in it; what is not there yet is said so.

    Raises:
        PlaygroundError: the folder has no valid manifest.
    """
    manifest = read_manifest(folder)
    found = read_evaluation(folder, manifest)
    network = manifest.details["network"]
    front = front_matter(
        manifest,
        _metrics(found) if found else {},
        DATASET,
        pipeline_tag="unconditional-image-generation",
        library_name="diffusers",
        tags=[network, "faces", "trained-from-scratch", "playground"],
    )
    sections = {
        "Use": _use(manifest, network),
        "Points": _points(),
        "Data and licence": _data(manifest),
        "Architecture": _architecture(manifest, network),
        "Training": stages_section(folder, BEGAN[network], UNITS, "vae" if network == "vae" else GENERATOR),
        "Evaluation": _evaluation(folder, manifest, found)
        if found
        else f"`python -m playground evaluate {manifest.name}` fills this in.",
        "Pictures": _pictures() if found else "They come with the evaluation.",
        "Limits": _limits(manifest, network),
    }
    write_card_text(folder, front, manifest.name, {"What it is": manifest.summary, **sections})


def _beside(folder: Path, manifest: Manifest) -> Path:
    return folder.with_name(f"faces-{OTHER[manifest.details['network']]}")


def _metrics(found: Mapping[str, Any]) -> dict[str, float]:
    return {
        "psnr": found["reconstruction"]["psnr_db"],
        "ssim": found["reconstruction"]["ssim"],
        "frechet_samples": found["frechet"]["samples"],
        **{f"rank_correlation_{name}": found["edits"][name]["rank_correlation"] for name in STEERED},
    }


def _use(manifest: Manifest, network: str) -> str:
    return f"""In the playground it is the model `{manifest.name}` of the latent tab, or

```sh
python -m playground generate latent --model {manifest.name} --a "preset:cat" --b "preset:dog" --out morph.gif
```

Its networks are `diffusers` models of this repository, stored as float16; compute in float32:

```python
{SNIPPETS[network].format(name=manifest.name)}
```"""


def _points() -> str:
    ranges = ", ".join(f"{name} ({factor.low_word} … {factor.high_word})" for name, factor in CONTINUOUS.items())
    choices = ", ".join(
        name if choice.values == (False, True) else f"{name} ({', '.join(map(str, choice.values))})"
        for name, choice in DISCRETE.items()
    )
    return f"""Beside its weights lies an atlas: the points of labelled training faces, two maps of them, and a
direction for each factor, learnt by one regression on all factors, so that each leaves the others alone as far as a
straight line can; that of {" and ".join(OF_PEOPLE)} from people alone, who show it in another way than animals. Each
was then tried on {TRIED} training faces: what the model's own encoder finds changed beside the factor is taken off.
Those of choices are {STRETCH:g} times as long as a standard deviation, and may take {SPARED:g} σ of another factor
along.

- Ranges: {ranges}.
- Choices: {choices}.
- Presets: {", ".join(PRESETS)}."""


def _data(manifest: Manifest) -> str:
    return f"""Synthetic cartoon portraits of 128 × 128 px, people and ten kinds of animals, drawn by our own code from
factors that are independent of one another. `python -m playground data faces` makes them. No photograph, no person's
picture and nobody's drawing was used. The weights and this card are under the licence {manifest.licence}."""


def _architecture(manifest: Manifest, network: str) -> str:
    weights = sum(record.bytes for name, record in manifest.files.items() if name.endswith(".safetensors"))
    facts = [
        ("pictures", f"{manifest.details['size']} × {manifest.details['size']} px"),
        ("numbers of a point", manifest.details["dims"]),
        ("parameters", f"{manifest.parameters:,}"),
        ("weights and atlas", f"{weights / 1e6:.1f} MB"),
        ("fingerprint", f"`{manifest.fingerprint}`"),
    ]
    return f"{NETWORKS[network]}\n\n{table(('', ''), facts)}"


def _evaluation(folder: Path, manifest: Manifest, found: Mapping[str, Any]) -> str:
    records, note = _records(folder, manifest, found)
    read = found["recogniser"]
    parts = [
        "**A quick look at a few pictures, no result.**" if found["quick"] else "",
        f"""{found["pictures"]:,} held-out faces, and as many samples of the prior (temperature or ψ 1), with fixed
seeds, unpicked. A recogniser, a convolutional network of {read["parameters"]:,} parameters that was trained on renders
by itself, looks at everything at {read["size"]} px; Fréchet distances (Heusel et al. 2017), path lengths (Karras et al.
2019) and nearest faces are in its last hidden layer, so they can be compared with each other and not with those of
other networks. It errs, too; on fresh renders it reads choices in these shares and explains these shares of the
variance of ranges and hues: {_read(read["read"])}.""",
        note,
        barred(records),
        measured(records),
        f"""Sharpness is the variance of the Laplacian beside that of renders. A path length is that of
{found["paths"]["ways"]:,} ways between two samples; an even way, which leads straight from one end's features to the
other's, has 1.00. Disentanglement and completeness (Eastwood & Williams 2018, with linear predictors) and the gap (Chen
et al. 2018) ask whether *axes* of the space are factors, which nothing here was trained for; edits do not need it, as
their directions are oblique. Informativeness is R² of the linear predictors on held-out faces.""",
        _claimed(records),
        f"""Edits: {_faces(found)} held-out faces each, of the kinds that the factor is of, moved by −2 … 2 σ. Rank
correlation is Spearman's, of strength and what is read, along each face's way, in the mean. *Leaks* is how far the
reading of another factor moves on the whole for 1 σ, as a share of its spread over renders, for the factor that moves
most; *wanders* is how far it moves face by face, either way, in the mean of factors.""",
        steered(records),
        f"""`{found["command"]}` measured this in {duration(found["seconds"])} on
{machine.sentence(found["machine"])}. All numbers are in `evaluation.json`.""",
    ]
    return "\n\n".join(part for part in parts if part)


def _records(folder: Path, manifest: Manifest, found: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str]:
    """The evaluations to show, the VAE's first, and what is to be said where one is missing."""
    other = _beside(folder, manifest)
    name = NAMES[OTHER[found["network"]]]
    try:
        theirs = read_evaluation(other, read_manifest(other)) if (other / MANIFEST).is_file() else None
    except PlaygroundError:
        theirs = None
    if theirs is None:
        return [found], f"The {name} stands beside it here once `python -m playground evaluate {other.name}` was run."
    if not comparable(found, theirs):
        return [found], f"The {name} was measured otherwise: evaluate both again to see them side by side."
    return sorted([found, theirs], key=lambda record: list(NAMES).index(record["network"])), ""


def _claimed(records: list[Mapping[str, Any]]) -> str:
    return claims(*records) if len(records) == 2 else ""


def _read(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {scores[name]:.1%}" for name in FACTORS if name in scores)


def _faces(found: Mapping[str, Any]) -> str:
    counts = {edit["faces"] for edit in found["edits"].values()}
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _pictures() -> str:
    return f"""The first samples of the prior, seed after seed, unedited and unpicked.

![Samples]({SAMPLES})

The first person and the first animal of the held-out faces; smile, age and glasses, from row to row, at −2, −1, 0, 1
and 2 σ.

![Edits]({EDITS})"""


def _limits(manifest: Manifest, network: str) -> str:
    own = {
        "vae": "Samples are softer than what it was trained on: a mean of what a point may stand for.",
        "gan": "Not every face has a point: an upload comes back as the nearest face that it can draw.",
    }
    return f"""- It knows cartoon faces of its own world, head on or a little turned, and nothing else. A photograph
  becomes the nearest of them.
- {own[network]}
- {manifest.details["size"]} × {manifest.details["size"]} px and no more.
- Directions are straight lines of the mean face. Far out, other things change as well.
- The recogniser learnt from renders. Of pictures unlike any render it reads something all the same."""
