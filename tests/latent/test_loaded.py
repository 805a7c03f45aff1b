"""Models opened from their folders: the same row in any company, seeds, uploads, and damaged folders."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.latent.gan import FaceGenerator
from playground.latent.loaded import LatentModel, load
from playground.latent.vae import TINY, FaceVAE
from playground.manifests import MANIFEST, Manifest
from tests.latent.tiny import DIMS, SIZE, make_checkpoint

KINDS = pytest.mark.parametrize("kind", ["vae", "gan"])
WEIGHTS = "diffusion_pytorch_model.safetensors"


def opened(folder: Path) -> LatentModel:
    return load(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, LatentModel]:
    root = tmp_path_factory.mktemp("models")
    return {kind: opened(make_checkpoint(root / f"faces-{kind}", kind)) for kind in ("vae", "gan")}


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((7, DIMS)).astype(np.float32)


@KINDS
def test_a_model_tells_what_it_is(models, kind):
    model = models[kind]
    assert (model.name, model.kind, model.size, model.dims) == (f"faces-{kind}", kind, SIZE, DIMS)
    assert len(model.fingerprint) == 12 and model.dtype == "float32" and model.memory > 10_000
    assert model.atlas.dims == DIMS


@KINDS
def test_rows_are_the_same_bit_for_bit_in_any_company(models, kind, points):
    model = models[kind]
    together = model.decode(points)
    assert together.shape == (7, SIZE, SIZE, 3) and together.dtype == np.uint8
    assert (np.concatenate([model.decode(row[None]) for row in points]) == together).all()
    assert (model.decode(points[::-1])[::-1] == together).all()
    with ThreadPoolExecutor(4) as others:
        for again in others.map(model.decode, [points] * 8):
            assert (again == together).all()
    threads = torch.get_num_threads()
    torch.set_num_threads(1 + threads % 2)
    assert (model.decode(points) == together).all()
    torch.set_num_threads(threads)
    assert together.std(axis=0).mean() > 5, "points decide the picture"


def test_frames_are_what_the_plain_modules_make(models, points, tmp_path):
    folder = make_checkpoint(tmp_path / "faces-vae")
    vae = FaceVAE.from_pretrained(folder, torch_dtype=torch.float32)
    with torch.no_grad():
        plain = ((vae.decode(torch.from_numpy(points)).clamp(-1, 1) + 1) * 127.5).round()
    assert np.abs(models["vae"].decode(points) - plain.permute(0, 2, 3, 1).numpy()).max() <= 1


@KINDS
def test_no_points_make_no_pictures(models, kind):
    assert models[kind].decode(np.empty((0, DIMS), np.float32)).shape == (0, SIZE, SIZE, 3)


@KINDS
@pytest.mark.parametrize("value", [1e3, -1e3, 0.0])
def test_points_far_out_make_pictures_too(models, kind, value):
    assert models[kind].decode(np.full((1, DIMS), value, np.float32)).shape[0] == 1


@KINDS
def test_a_seed_is_a_point_and_the_spread_leads_to_it_from_the_middle(models, kind):
    model = models[kind]
    middle, full = model.draw(7, 0.0), model.draw(7, 1.0)
    assert full.shape == (DIMS,) and full.dtype == np.float32
    assert (model.draw(7, 1.0) == full).all() and (model.draw(8, 0.0) == middle).all()
    assert not (model.draw(8, 1.0) == full).any()
    assert np.allclose(model.draw(7, 0.5), (middle + full) / 2, atol=1e-6)
    assert np.allclose(model.draw(2**31 - 1, 1.5), middle + 1.5 * (model.draw(2**31 - 1, 1.0) - middle), atol=1e-5)


def test_a_seed_of_the_vae_is_the_noise_of_its_generator(models):
    noise = torch.randn(1, DIMS, generator=torch.Generator().manual_seed(7))
    assert (models["vae"].draw(7, 1.0) == noise.numpy()[0]).all()


@KINDS
def test_a_picture_has_one_point_whatever_it_comes_as(models, kind):
    model = models[kind]
    pixels = model.decode(model.draw(3, 1.0)[None])[0]
    point = model.encode(pixels)
    assert point.shape == (DIMS,) and point.dtype == np.float32 and np.isfinite(point).all()
    assert (model.encode(pixels) == point).all()
    assert (model.encode(Picture(model.size, model.size, pixels.tobytes())) == point).all()


@KINDS
@pytest.mark.parametrize(("height", "width"), [(1, 1), (300, 200), (40, 1000), (64, 64)])
def test_pictures_of_any_size_are_cut_square_in_the_middle(models, kind, height, width):
    model = models[kind]
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2] = 255
    side = model.size
    assert model.fit(picture).shape == (side, side, 3)
    assert model.fit(picture)[:, side // 2 - 1 : side // 2 + 1].max() > 0, "the middle is there"
    assert model.encode(picture).shape == (DIMS,)


def test_refining_a_guess_brings_the_picture_nearer(models):
    model = models["gan"]
    pixels = model.decode(model.draw(3, 1.0)[None])[0]
    guess = model.networks._inverter((torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 127.5 - 1).float())
    errors = [
        np.abs(model.decode(p[None])[0].astype(float) - pixels).mean()
        for p in (guess[0].detach().numpy(), model.encode(pixels))
    ]
    assert errors[1] < errors[0]


@KINDS
def test_how_unusual_a_point_is_grows_with_its_distance(models, kind):
    model = models[kind]
    known = model.atlas.points[0]
    assert model.unusual(known) == 0 < model.unusual(known + 1) < model.unusual(known + 100)


def rewrite_manifest(folder: Path, **details) -> None:
    found = json.loads((folder / MANIFEST).read_text())
    found["details"] |= details
    (folder / MANIFEST).write_text(json.dumps(found))


def drop_a_weight(path: Path) -> None:
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path)


@pytest.mark.parametrize(
    ("kind", "spoil", "sentence"),
    [
        ("vae", lambda folder: (folder / WEIGHTS).unlink(), "its model is damaged or not whole"),
        ("vae", lambda folder: (folder / WEIGHTS).write_bytes(b"no weights"), "its model is damaged or not whole"),
        ("vae", lambda folder: (folder / "config.json").write_text("{"), "its model is damaged or not whole"),
        ("vae", lambda folder: drop_a_weight(folder / WEIGHTS), "its model lacks the weights decoder"),
        ("vae", lambda folder: (folder / "atlas.json").unlink(), "its atlas.json is missing"),
        ("vae", lambda folder: rewrite_manifest(folder, network="flow"), "the network 'flow'"),
        ("vae", lambda folder: rewrite_manifest(folder, network=None), "the network None"),
        ("gan", lambda folder: (folder / "inverter" / WEIGHTS).unlink(), "its inverter is damaged or not whole"),
        ("gan", lambda folder: (folder / "generator" / WEIGHTS).write_bytes(b""), "its generator is damaged"),
    ],
)
def test_a_damaged_folder_is_told_in_a_sentence(tmp_path, kind, spoil, sentence):
    folder = make_checkpoint(tmp_path / "mine", kind)
    spoil(folder)
    with pytest.raises(PlaygroundError, match="The model mine can't be opened: ") as told:
        opened(folder)
    assert sentence in str(told.value) and "\n" not in str(told.value)


def test_parts_of_different_models_do_not_go_together(tmp_path):
    folder = make_checkpoint(tmp_path / "mine", "gan")
    FaceGenerator(dims=16, widths=TINY).save_pretrained(folder / "generator")
    with pytest.raises(PlaygroundError, match="its inverter makes 8 numbers of 128 px, its generator takes 16"):
        opened(folder)
