"""The benchmark of pictures runs and counts right; how fast anything is, no test says."""

import json

import pytest
import torch

from bench import _image_bars, _image_flops, image
from bench._image_drawn import HALF, OURS, PLAIN, Drawn, apart, packed, typical
from playground import machine
from playground.cards import read_manifest, write_record
from playground.errors import PlaygroundError
from playground.image.model import LENGTH, make_unet
from playground.registry import EVALUATION, MANIFEST
from tests.image.tiny import make_checkpoint

NAME, DEFAULT = "scenes-tiny", 3
TINY = {"repeats": 2, "steps": (2, 4), "batches": (1, 2), "starts": 1, "trials": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = make_checkpoint(tmp_path_factory.mktemp("checkpoints") / NAME)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "defaults": {"steps": DEFAULT}}))
    return folder


@pytest.fixture(scope="module")
def figures(folder):
    return image.run(folder.parent, NAME, **TINY)


def test_every_way_is_measured_at_every_place(figures):
    rows = {(row["batch"], row["steps"], row["way"]): row for row in figures["rows"]}
    assert set(rows) == {(b, s, w) for b in (1, 2) for s in (2, DEFAULT, 4) for w in image.ways()}
    for (_, _, way), row in rows.items():
        assert row["seconds_per_picture"] > 0 and len(row["seconds"]) == 2
        assert row["threads"] >= 1
        assert set(row["ratios"]) == {*image.ways()} - {way}


@pytest.mark.parametrize(("has_it", "ways"), [(True, [OURS, PLAIN, HALF]), (False, [OURS, PLAIN])])
def test_bfloat16_is_measured_where_the_processor_has_it(monkeypatch, has_it, ways):
    monkeypatch.setattr(machine, "has_bf16", lambda: has_it)
    assert image.ways() == ways


def test_ratios_are_of_seconds_within_a_repetition(figures):
    rows = {(row["batch"], row["steps"], row["way"]): row for row in figures["rows"]}
    for batch in (1, 2):
        ours, plain = rows[batch, DEFAULT, OURS]["seconds"], rows[batch, 4, PLAIN]["seconds"]
        expected = sum(b / a for a, b in zip(ours, plain, strict=True)) / 2  # the median of two
        assert figures["sooner"][str(batch)] == pytest.approx(expected, rel=0.05)  # seconds are rounded


def test_the_figures_are_json_and_tables(figures):
    assert json.loads(json.dumps(figures)) == figures
    heads = "| seconds per picture, one at a time | 2 steps | 3 steps, default | 4 steps |"
    assert figures["markdown"].startswith(heads)
    for words in ("seconds per picture, 2 at once", figures["fingerprint"], "| memory (RSS) | < 1 GB |", "Previews:"):
        assert words in figures["markdown"]


def test_every_picture_is_the_plain_pipeline_s(figures):
    assert figures["apart"][PLAIN]["largest"] <= 2
    if HALF in image.ways():  # so what is compared are pictures
        assert figures["apart"][HALF]["largest"] > figures["apart"][PLAIN]["largest"]


def test_parts_and_starts_are_told(figures):
    assert all(figures["parts"][name] > 0 for name in ("previews_share", "examination_s", "previews_s"))
    assert set(figures["start"]) == {OURS, PLAIN}
    assert set(figures["memory_mib"]) == {*image.ways()}
    assert all(mib > 10 for mib in figures["memory_mib"].values())


def test_a_step_s_arithmetic_adds_up(figures):
    assert [row["way"] for row in figures["arithmetic"]] == image.ways()
    for row in figures["arithmetic"]:
        assert row["gflop"] == pytest.approx(row["gflop_s"] * row["step_s"])
        assert row["share"] == pytest.approx(row["gflop_s"] / row["peak_gflop_s"])


def test_operations_are_those_of_the_denoiser_s_layers():
    """A product of n × k and k × m takes 2·n·k·m; a kernel is a product at every place that it comes to."""
    unet, found = make_unet(tiny=True), []

    def note(layer, given, made):
        found.append(2 * made.numel() * layer.weight[0].numel())

    layers = [layer for layer in unet.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        unet(torch.zeros(1, 8, 16, 16), 500, encoder_hidden_states=torch.zeros(1, LENGTH, 32))
    for handle in handles:
        handle.remove()
    one = _image_flops.count(unet, 16, LENGTH, 1)
    kept = [
        part for name, module in unet.named_modules() if name.endswith("attn2") for part in (module.to_k, module.to_v)
    ]
    assert kept and one["plain"] - one["ours"] == sum(2 * LENGTH * part.weight.numel() for part in kept)
    assert sum(found) < one["plain"] < 1.2 * sum(found)  # the rest is attention, which has no weights
    assert _image_flops.count(unet, 16, LENGTH, 2) == {name: 2 * count for name, count in one.items()}


def drawn(*pictures: bytes) -> Drawn:
    return Drawn([packed(rgb) for rgb in pictures], 1.0, 0.1, 1)


def test_pictures_that_differ_are_told():
    ours = drawn(bytes([0, 10, 255]), bytes([1, 2, 3]))
    assert apart(ours, ours) == (0, 0)
    assert apart(ours, drawn(bytes([0, 7, 255]), bytes([1, 2, 6]))) == (3, 1)
    with pytest.raises(ValueError, match="argument"):
        apart(ours, drawn(bytes([0, 10, 255])))
    image._prove(ours, drawn(bytes([2, 10, 253]), bytes([1, 2, 3])))
    with pytest.raises(RuntimeError, match="3 levels apart; rounding makes 2"):
        image._prove(ours, drawn(bytes([3, 10, 255]), bytes([1, 2, 3])))


def test_a_step_is_the_median_between_neighbours():
    assert typical([1, 2, 4, 5]) == 1
    assert typical([1]) == 0


def test_bars_are_held_to_what_was_measured(figures):
    assert [bar["met"] for bar in figures["bars"]][2:] == [None, True, True]  # no evaluation; memory; pixels
    row = {"way": OURS, "batch": 1, "ratios": {PLAIN: 1.29}}
    measured = {
        **figures,
        "rows": [{**row, "ratios": {PLAIN: 9}}, row],
        "sooner": {"1": 2.0},
        "memory_mib": {OURS: 954},
    }
    assert [bar["met"] for bar in _image_bars.judge(measured, 2.1)] == [False, True, False, False, True]


def test_adherence_is_that_of_the_same_weights(folder):
    manifest = read_manifest(folder)
    shares = {"by": {"steps": {"3": {"all": 0.79}, "4": {"all": 0.8}}}, "fingerprint": manifest.fingerprint}
    assert _image_bars.adherence_lost(folder, manifest, 4, 4) == 0
    assert _image_bars.adherence_lost(folder, manifest, 3, 4) is None
    for record, lost in (
        (shares, pytest.approx(1)),
        ({**shares, "quick": True}, None),
        ({**shares, "by": {"steps": {"4": {"all": 0.8}}}}, None),
        ({**shares, "fingerprint": "other"}, None),
    ):
        write_record(folder / EVALUATION, record)
        assert _image_bars.adherence_lost(folder, manifest, 3, 4) == lost
    (folder / EVALUATION).unlink()


def test_without_a_model_it_says_so(tmp_path):
    with pytest.raises(PlaygroundError, match="There is no model 'scenes'; for image there is: none"):
        image.run(tmp_path)
