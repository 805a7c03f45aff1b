"""Training from end to end with tiny models: resumed, exported, opened, and asked for on the command line."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from playground.__main__ import main
from playground.errors import PlaygroundError
from playground.latent import train
from playground.latent.album import Album
from playground.latent.loaded import load
from playground.latent.reconstruction import PLAN, ReconstructionJob
from playground.latent.train import train_faces
from playground.manifests import MANIFEST, Manifest, read_entry, sha256
from playground.registry import TRAINING
from playground.training import STATE, read_run
from tests.latent.tiny import make_checkpoint

KINDS = pytest.mark.parametrize("kind", ["vae", "gan"])
WEIGHTS = {
    "vae": {"diffusion_pytorch_model.safetensors", "config.json"},
    "gan": {
        f"{part}/{name}"
        for part in ("generator", "inverter")
        for name in ("diffusion_pytorch_model.safetensors", "config.json")
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    for kind in WEIGHTS:
        assert train_faces(kind, root / "runs" / kind, root / f"faces-{kind}", smoke=True) == root / f"faces-{kind}"
    return root


@KINDS
def test_the_export_is_whole_small_and_opens(root, kind):
    folder = root / f"faces-{kind}"
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    assert manifest.kind == "latent" and manifest.parameters > 0
    assert set(manifest.files) == WEIGHTS[kind] | {"atlas.json", "atlas.safetensors"}
    assert all(sha256(folder / name) == record.sha256 for name, record in manifest.files.items())
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.rglob("*.*"))
    weights = [load_file(path) for path in folder.rglob("diffusion*.safetensors")]
    assert {weight.dtype for part in weights for weight in part.values()} == {torch.float16}
    model = load(folder, manifest)
    assert model.kind == kind and len(model.atlas.points) == 64
    assert model.decode(model.draw(0, 1.0)[None]).shape == (1, model.size, model.size, 3)


@KINDS
def test_stages_leave_their_reports_and_previews(root, kind):
    folder = root / "runs" / kind
    stages = [folder] if kind == "vae" else [folder / "mapping", folder / "generator", folder / "inverter"]
    for stage in stages:
        assert all((stage / name).is_file() for name in (STATE, "history.jsonl", "loss.png"))
        assert (stage / "preview.png").is_file() or stage.name == "mapping"
    record = json.loads((root / f"faces-{kind}" / "training.json").read_text())
    assert len(record["stages"]) == len(stages)
    assert all(stage["steps"] == 3 and stage["reported"] for stage in record["stages"].values())


def test_both_models_share_the_pictures(root):
    assert len(list((root / "runs" / "faces").iterdir())) == 1


@KINDS
def test_what_is_finished_is_written_again_as_it_was(root, kind, tmp_path):
    again = train_faces(kind, root / "runs" / kind, tmp_path / f"faces-{kind}", smoke=True)
    first = json.loads((root / f"faces-{kind}" / MANIFEST).read_text())
    assert json.loads((again / MANIFEST).read_text())["files"] == first["files"]


def test_shards_of_an_older_model_are_swept_away(root, tmp_path):
    old = tmp_path / "faces-vae" / "diffusion_pytorch_model-00002-of-00002.safetensors"
    old.parent.mkdir()
    old.write_bytes(b"old")
    train_faces("vae", root / "runs" / "vae", old.parent, smoke=True)
    assert not old.exists() and read_entry(old.parent).manifest is not None


def test_a_vae_goes_on_from_its_checkpoint_alone(root, tmp_path, monkeypatch):
    out = shutil.copytree(root / "faces-vae", tmp_path / "faces-vae")
    monkeypatch.setitem(train.SMOKE, "steps", 5)
    job = ReconstructionJob(Album(tmp_path / "faces", seed=0, count=8), tmp_path, PLAN, tiny=True, start=out)
    begun = job.build()
    kept = load_file(out / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(begun.vae.state_dict()[name], weight.float()) for name, weight in kept.items())
    assert begun.head.weight.abs().max() > 0, "the steps of edits are those of the atlas"
    train_faces("vae", tmp_path / "run", out, smoke=True, warm=True, pictures=root / "runs" / "faces")
    assert [row["step"] for row in read_run(tmp_path / "run")] == [1, 2, 3, 4, 5]
    assert json.loads((out / TRAINING).read_text())["stages"]["vae"]["steps"] == 5
    assert not torch.equal(
        load_file(out / "diffusion_pytorch_model.safetensors")["decoder.first.weight"], kept["decoder.first.weight"]
    )


def test_an_unknown_kind_is_told(tmp_path):
    with pytest.raises(PlaygroundError, match="no kind of model 'flow' for faces; there is: vae, gan"):
        train_faces("flow", tmp_path, tmp_path)


def test_a_gan_begins_as_the_vae_beside_it(tmp_path):
    make_checkpoint(tmp_path / "faces-vae")
    begun = train._beside(tmp_path / "faces-gan")
    kept = load_file(tmp_path / "faces-vae" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(begun.state_dict()[name], weight.float()) for name, weight in kept.items())


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("train", "faces-vae", "--smoke", "--warm"), "faces-vae has no record of an earlier training to go on from"),
        (("train", "faces-gan", "--smoke", "--warm"), "The model faces-gan can't be trained from its checkpoint"),
        (("train", "faces-gan"), "faces-gan begins as faces-vae, and there is none in "),
        (("train", "faces-gan", "--smoke", "--data", "."), "is trained on faces that are drawn as it goes"),
        (("train", "faces", "--smoke", "--warm"), "The recogniser of faces is trained from scratch"),
        (("evaluate", "faces-vae"), "There is no model 'faces-vae'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(argv, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_CHECKPOINTS", str(tmp_path))
    assert main(argv) == 2
    told = capsys.readouterr()
    assert told.out == "" and sentence in told.err and len(told.err.splitlines()) == 1


def test_the_command_line_trains(capsys, tmp_path):
    out = tmp_path / "mine"
    assert main(("train", "faces-vae", "--smoke", "--out", str(out))) == 0
    assert capsys.readouterr().out == f"{out}\n" and (out / MANIFEST).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "mine-run", "faces"}


def test_the_command_line_writes_faces(capsys, tmp_path):
    assert main(("data", "faces", "--n", "2", "--out", str(tmp_path / "faces"))) == 0
    assert len((tmp_path / "faces" / "metadata.jsonl").read_text().splitlines()) == 2
