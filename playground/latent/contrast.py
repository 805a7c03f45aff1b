"""A VAE and a GAN of faces side by side: tables from their evaluations, and whether the textbook is right about them.

Pure functions of records; the text follows from the numbers, whichever way they fall.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from playground.cards import table
from playground.latent.bars import worst_leak

Record = Mapping[str, Any]
NAMES = {"vae": "VAE", "gan": "GAN"}
SETS = {
    "reconstructions": "reconstructions",
    "samples": "samples",
    "lerp": "midpoints of straight ways (lerp)",
    "slerp": "midpoints of arcs (slerp)",
}
WAYS = {"lerp": "straight", "slerp": "arc"}


def comparable(one: Record, other: Record) -> bool:
    """Whether two evaluations were made alike: by the same recogniser, on as many pictures."""
    return all(_by(one, key) == _by(other, key) for key in ("pictures", "recogniser"))


def _by(record: Record, key: str) -> Any:
    return record[key]["sha256"] if key == "recogniser" else record[key]


def measured(records: Sequence[Record]) -> str:
    """A table of all that is measured of a model as a whole, with fresh renders beside where that means something."""
    rows: list[tuple[object, ...]] = []

    def row(name: str, cell: Callable[[Record], str], renders: str = "") -> None:
        rows.append((name, *map(cell, records), renders))

    first = records[0]
    row("pictures, px", lambda r: f"{r['size']} × {r['size']}")
    row("numbers of a point", lambda r: f"{r['dims']}")
    row("PSNR of held-out faces (the worst one's)", lambda r: _psnr(r["reconstruction"]))
    row("PSNR, both at 64 px", lambda r: f"{r['reconstruction']['psnr_64_db']:.2f} dB")
    row("SSIM", lambda r: f"{r['reconstruction']['ssim']:.3f}")
    for key, name in SETS.items():
        beside = f"{first['frechet']['renders']:.3g}" if key == "samples" else ""
        row(f"Fréchet distance, {name}", lambda r, key=key: f"{r['frechet'][key]:.3g}", beside)
    for key, name in SETS.items():
        row(f"sharpness at 64 px, {name}", lambda r, key=key: f"{r['sharpness']['alike'][key]:.0%}", "100%")
    row("sharpness at its own size, samples", lambda r: f"{r['sharpness']['own']['samples']:.0%}", "100%")
    for key, name in WAYS.items():
        row(f"perceptual path length, {name}", lambda r, key=key: f"{r['paths'][key]['length']:.3g}")
        row(f"… as multiples of an even way, {name}", lambda r, key=key: f"{r['paths'][key]['detour']:.2f}")
    near = first["neighbours"]
    for key, name in (("p1", "1 %"), ("median", "median")):
        row(
            f"distance to the nearest of {near['of']:,} training faces, {name}",
            lambda r, key=key: f"{r['neighbours']['samples'][key]:.3g}",
            f"{near['renders'][key]:.3g}",
        )
    for key, name in (("disentanglement", "D"), ("completeness", "C"), ("informativeness", "I")):
        row(f"DCI: {key} ({name})", lambda r, key=key: f"{r['disentanglement'][key]:.2f}")
    row("mutual information gap", lambda r: f"{r['disentanglement']['mig']:.2f}")
    return table(("", *_heads(records), "fresh renders"), rows)


def _psnr(found: Mapping[str, float]) -> str:
    return f"{found['psnr_db']:.2f} dB ({found['least_db']:.1f})"


def steered(records: Sequence[Record]) -> str:
    """A table of what each direction does: rank correlation, the worst leak, and the mean wander."""
    names = list(dict.fromkeys(name for record in records for name in record["edits"]))
    rows = [(name, *(cell for record in records for cell in _steered(record["edits"].get(name)))) for name in names]
    heads = [f"{name}: {what}" for name in _heads(records) for what in ("rank correlation", "leaks most", "wanders")]
    return table(("direction", *heads), rows)


def _steered(edit: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if edit is None:
        return "–", "–", "–"
    name, leak = worst_leak(edit)
    wanders = list(edit["wanders"].values())
    mean = f"{sum(wanders) / len(wanders):.0%}" if wanders else "–"
    return f"{edit['rank_correlation']:.2f}", f"{leak:.0%} {name}".strip(), mean


def barred(records: Sequence[Record]) -> str:
    """A table of the bars, and whether each is met."""
    rows = []
    for place, bar in enumerate(records[0]["bars"]):
        found = [record["bars"][place] for record in records]
        rows.append((bar["what"], bar["wanted"], *(f"{one['found']}, {_verdict(one)}" for one in found)))
    return table(("", "wanted", *_heads(records)), rows)


def _verdict(bar: Mapping[str, Any]) -> str:
    return "met" if bar["met"] else "**not met**"


def _heads(records: Sequence[Record]) -> list[str]:
    return [NAMES[record["network"]] for record in records]


def claims(vae: Record, gan: Record) -> str:
    """Whether the textbook's claim holds here: a GAN's samples are sharper, a VAE's ways are smoother."""
    return f"The textbook says that a GAN's samples are sharper. {_sharper(vae, gan)} {_smoother(vae, gan)}"


def _sharper(vae: Record, gan: Record) -> str:
    soft, hard = (record["sharpness"]["alike"]["samples"] for record in (vae, gan))
    verdict = "That holds here" if hard > soft else "That does not hold here"
    both = "the variance of the Laplacian of its samples, both at 64 px,"
    told = f"{verdict}: {both} is {hard:.0%} of that of renders, and the VAE's {soft:.0%}."
    if hard > 1:
        told += " Above 100 % it is not detail any more, but edges that no face has."
    return told


def _smoother(vae: Record, gan: Record) -> str:
    pairs = {
        (way, what): (vae["paths"][way][what], gan["paths"][way][what]) for way in WAYS for what in ("length", "detour")
    }
    count = sum(mine < other for mine, other in pairs.values())
    verdict = {0: "does not hold here", len(pairs): "holds here"}.get(
        count, f"holds here by {count} of {len(pairs)} measures"
    )
    told = ", ".join(f"{vae_is:.3g} against {gan_is:.3g} ({_named(*key)})" for key, (vae_is, gan_is) in pairs.items())
    return f"It says, too, that a VAE's ways are smoother. That {verdict}; the VAE's path length and the GAN's: {told}."


def _named(way: str, what: str) -> str:
    return f"{WAYS[way]}, {'as it is' if what == 'length' else 'as multiples of an even way'}"
