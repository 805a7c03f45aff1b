"""The card of a model of faces: a pure function of records, whole at every stage, the two models side by side."""

import copy

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image

from playground.cards import CARD, LOSS, read_record, write_record
from playground.latent.card import write_card, write_cards
from playground.latent.contrast import claims, comparable
from playground.latent.evaluate import evaluate
from playground.latent.recogniser import FILE, FOLDER, TINY, Recogniser, install, save, train_recogniser
from playground.latent.train import train_faces
from playground.manifests import EVALUATION, read_entry
from tests.latent.tiny import make_checkpoint


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A folder with both models, evaluated."""
    root = tmp_path_factory.mktemp("both")
    torch.manual_seed(0)
    save(Recogniser(TINY), root / FOLDER)
    for kind in ("vae", "gan"):
        folder = make_checkpoint(root / f"faces-{kind}", kind)
        install(root, folder)
        evaluate(folder, lambda line: None, n=16)
    return root


@pytest.fixture
def records(both):
    return [copy.deepcopy(read_record(both / f"faces-{kind}" / EVALUATION)) for kind in ("vae", "gan")]


def sections(folder) -> dict[str, str]:
    parts = (folder / CARD).read_text(encoding="utf-8").split("\n## ")[1:]
    return {heading: text.strip() for heading, text in (part.split("\n", 1) for part in parts)}


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_a_card_without_records_says_what_is_missing(tmp_path, kind):
    folder = make_checkpoint(tmp_path / f"faces-{kind}", kind)
    write_cards(folder)
    found = sections(folder)
    assert "keeps no record" in found["Training"] and "fills this in" in found["Evaluation"]
    assert "None" not in (folder / CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_both_stand_in_one_table_on_either_card(both, kind):
    text = sections(both / f"faces-{kind}")["Evaluation"]
    assert "|  | VAE | GAN | fresh renders |" in text and "|  | wanted | VAE | GAN |" in text
    assert "The textbook says" in text and "no result" in text, "a few pictures are none"


def test_the_first_that_is_evaluated_stands_alone_until_the_other_is(tmp_path):
    torch.manual_seed(0)
    folder = make_checkpoint(tmp_path / "faces-vae")
    save(Recogniser(TINY), folder)
    evaluate(folder, lambda line: None, n=16)
    text = sections(folder)["Evaluation"]
    assert "|  | VAE | fresh renders |" in text and "evaluate faces-gan" in text and "textbook" not in text


def test_what_was_measured_otherwise_is_not_compared(records):
    vae, gan = records
    assert comparable(vae, gan)
    gan["recogniser"]["sha256"] = "0" * 64
    assert not comparable(vae, gan)


@pytest.mark.parametrize(("hard", "said"), [(0.9, "That holds here"), (0.3, "That does not hold here")])
def test_the_claim_on_sharpness_follows_the_numbers(records, hard, said):
    vae, gan = records
    vae["sharpness"]["alike"]["samples"], gan["sharpness"]["alike"]["samples"] = 0.5, hard
    assert said in claims(vae, gan) and f"{hard:.0%}" in claims(vae, gan)


@pytest.mark.parametrize(
    ("lengths", "said"),
    [((1, 1, 1, 1), "That holds here"), ((3, 3, 3, 3), "does not hold here"), ((1, 1, 3, 3), "by 2 of 4 measures")],
)
def test_the_claim_on_ways_follows_the_numbers(records, lengths, said):
    vae, gan = records
    vae["sharpness"]["alike"]["samples"], gan["sharpness"]["alike"]["samples"] = 0.5, 0.4
    vae["paths"] |= {
        "lerp": {"length": lengths[0], "detour": lengths[1]},
        "slerp": {"length": lengths[2], "detour": lengths[3]},
    }
    gan["paths"] |= {way: {"length": 2, "detour": 2} for way in ("lerp", "slerp")}
    assert said in claims(vae, gan).split("ways are smoother.")[1]


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_the_hub_can_file_it_and_tables_are_whole(both, kind):
    folder = both / f"faces-{kind}"
    data = ModelCard.load(folder / CARD).data
    assert (data.library_name, data.pipeline_tag) == ("diffusers", "unconditional-image-generation")
    metrics = {result.metric_type: result.metric_value for result in data.eval_results}
    assert metrics["psnr"] == round(read_record(folder / EVALUATION)["reconstruction"]["psnr_db"], 4)
    lines = (folder / CARD).read_text(encoding="utf-8").splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and line.startswith("|"):
            assert above.count("|") == line.count("|"), line


def test_an_evaluation_of_other_weights_is_not_shown(both, tmp_path):
    folder = make_checkpoint(tmp_path / "faces-vae", seed=5)
    write_record(folder / EVALUATION, read_record(both / "faces-vae" / EVALUATION))
    write_card(folder)
    assert "fills this in" in sections(folder)["Evaluation"]


def test_a_damaged_neighbour_is_passed_over(both, tmp_path):
    folder = make_checkpoint(tmp_path / "faces-vae")
    (tmp_path / "faces-gan").mkdir()
    (tmp_path / "faces-gan" / "playground.json").write_text("{")
    write_cards(folder)
    assert (folder / CARD).is_file() and not (tmp_path / "faces-gan" / CARD).exists()


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_its_snippet_runs(both, monkeypatch, tmp_path, kind):
    code = sections(both / f"faces-{kind}")["Use"].split("```python\n")[1].split("```")[0]
    (tmp_path / "checkpoints").symlink_to(both)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "card", "exec"), {})
    with Image.open(tmp_path / "face.png") as picture:
        assert picture.size[0] in (64, 128)


def test_training_tells_its_stages_and_brings_the_recogniser(tmp_path):
    train_recogniser(tmp_path / "runs" / "faces", tmp_path / "faces", smoke=True)
    runs, out = tmp_path / "runs" / "vae", tmp_path / "faces-vae"
    folder = train_faces("vae", runs, out, smoke=True)
    assert (folder / FILE).is_file() and FILE not in read_entry(folder).manifest.files
    text = sections(folder)["Training"]
    assert "| vae |" in text and f"({LOSS})" in text
    again = train_faces("vae", runs, out, smoke=True)
    assert (again / FILE).is_file() and read_entry(again).problem is None
