"""The autoencoder and how it is trained: shapes, losses, batches, and that its space can be moved."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from playground.latent import reconstruction
from playground.latent.album import Album
from playground.latent.coding import code, code_names
from playground.latent.counterparts import EDITED, counterpart
from playground.latent.factors import applies
from playground.latent.pixels import signal_to_noise, to_bytes, to_tensor
from playground.latent.reconstruction import BETA, Faces, Reconstruction, ReconstructionJob, distance, divergence
from playground.latent.vae import DIMS, SIZE, FaceVAE, make_vae, normalise
from playground.latent.world import draw_face, labels, render
from playground.training import make_optimizers

ROOT = Path(__file__).resolve().parents[2]
NO_CHANGE = torch.zeros(0, len(code_names()))
OPEN = """
import sys, torch
from playground.latent.vae import FaceVAE
print(tuple(FaceVAE.from_pretrained(sys.argv[1]).decode(torch.zeros(2, 8)).shape))
"""


@pytest.fixture
def vae() -> FaceVAE:
    torch.manual_seed(0)
    return make_vae(tiny=True).eval()


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.rand(6, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> ReconstructionJob:
    folder = tmp_path_factory.mktemp("vae")
    album = Album(folder / "faces", seed=0, count=64)
    return ReconstructionJob(album, folder / "run" / "model", reconstruction.PLAN, tiny=True)


def test_a_picture_becomes_a_point_and_a_picture_again(vae, pixels):
    mean, logvar = vae.encode(pixels)
    assert mean.shape == logvar.shape == (6, 8) and vae.decode(mean).shape == pixels.shape
    assert torch.equal(vae(pixels), vae.decode(mean))


def test_the_shipped_size_fits_its_budget():
    full = make_vae()
    assert full.decode(torch.zeros(1, DIMS)).shape == (1, 3, SIZE, SIZE)
    assert 3e6 < full.num_parameters() < 6e6


def test_the_decoder_heeds_the_point_at_every_depth(vae):
    for block in vae.decoder.blocks:
        torch.nn.init.zeros_(block.style.weight)
        torch.nn.init.normal_(block.second.weight, std=0.1)
    points = torch.zeros(1, 8), torch.ones(1, 8)
    vae.decoder.first.weight.data.zero_()
    assert torch.equal(vae.decode(points[0]), vae.decode(points[1])), "nothing else carries the point"
    for block in vae.decoder.blocks:
        before = vae.decode(points[1])
        torch.nn.init.normal_(block.style.weight)
        assert not torch.allclose(vae.decode(points[1]), before)


def test_a_point_moves_what_is_known_of_places(vae):
    block = vae.decoder.blocks[1]
    torch.nn.init.normal_(block.second.weight, std=0.1)
    nothing = torch.zeros(1, block.places.shape[0], *block.places.shape[1:])
    seen = torch.zeros(2, block.style.in_features)
    seen[1, -1] = 1  # of what is seen of a point beside itself
    torch.nn.init.normal_(block.style.weight)
    one, other = (block(nothing, row[None]) for row in seen)
    assert one.flatten(2).std(dim=2).min() > 0, "places differ where nothing was drawn"
    assert not torch.allclose(one, other)


def test_the_layer_at_full_size_begins_with_nothing_and_learns(vae):
    points = torch.ones(1, 8)
    plain = vae.decode(points)
    torch.nn.init.normal_(vae.decoder.finish.first.weight)
    assert torch.equal(vae.decode(points), plain)
    vae.decode(points).sum().backward()
    assert vae.decoder.finish.conv_out.weight.grad.abs().sum() > 0


def test_a_moved_space_makes_the_same_pictures(vae, pixels):
    torch.nn.init.normal_(vae.encoder.head.weight, std=0.1)
    for block in vae.decoder.blocks:
        torch.nn.init.normal_(block.second.weight, std=0.1)
    mean, logvar = vae.encode(pixels)
    before, shift, scale = vae.decode(mean), torch.randn(8), torch.rand(8) + 0.5
    normalise(vae, shift, scale.square().diag())
    moved, moved_logvar = vae.encode(pixels)
    assert torch.allclose(moved, (mean - shift) / scale, atol=1e-4)
    assert torch.allclose(moved_logvar, logvar - 2 * scale.log(), atol=1e-4)
    assert torch.allclose(vae.decode(moved), before, atol=1e-4)


def test_correlated_points_become_normal(vae):
    torch.nn.init.normal_(vae.encoder.head.weight, std=0.1)
    faces = torch.rand(400, 3, 8, 8, generator=torch.Generator().manual_seed(2)).repeat_interleave(16, 2)
    faces = faces.repeat_interleave(16, 3) * 2 - 1
    with torch.no_grad():
        points = vae.encode(faces)[0]
        pictures = vae.decode(points)
        normalise(vae, points.mean(dim=0), points.T.cov())
        moved = vae.encode(faces)[0]
        assert torch.allclose(moved.mean(dim=0), torch.zeros(8), atol=1e-2)
        assert torch.allclose(moved.T.cov(), torch.eye(8), atol=2e-2)
        assert torch.allclose(vae.decode(moved), pictures, atol=1e-3)


def test_weights_open_by_the_librarys_own_way_in_another_process(vae, tmp_path):
    vae.half().save_pretrained(tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path / "model")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(2, 3, 128, 128)"


def test_the_divergence_is_that_of_gaussians():
    mean, logvar = torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[0.0, 0.0, 2.0]])
    normal = torch.distributions.Normal
    told = torch.distributions.kl_divergence(normal(mean, (logvar / 2).exp()), normal(0.0, 1.0))
    assert torch.allclose(divergence(mean, logvar), told)


def test_equal_pictures_are_at_no_distance_and_edges_count(pixels):
    assert distance(pixels, pixels).item() == pytest.approx(0, abs=1e-6)
    flat = torch.full((1, 3, 8, 8), 0.5)
    striped = flat * torch.tensor([1.0, -1.0]).repeat(4)
    assert distance(flat, torch.zeros_like(flat)) < distance(striped, torch.zeros_like(flat))


def test_noise_and_divergence_are_let_in_slowly(job):
    first, early, late = (job.batch(0, progress, 0, 1) for progress in (0.0, 0.01, 1.0))
    assert first.noise.abs().max() == 0 and 0 < early.noise.std() < late.noise.std()
    assert first.beta == early.beta == 0 and late.beta == pytest.approx(BETA)
    betas = [job.batch(0, progress, 0, 1).beta.item() for progress in np.linspace(0, 1, 9)]
    assert betas == sorted(betas)


def test_batches_depend_on_their_place_alone_and_split_between_processes(job):
    whole, again, other = job.batch(64, 0.5, 0, 1), job.batch(64, 0.5, 0, 1), job.batch(96, 0.5, 0, 1)
    assert torch.equal(whole.noise, again.noise) and torch.equal(whole.pixels, again.pixels)
    assert not torch.equal(whole.noise, other.noise) and not torch.equal(whole.pixels, other.pixels)
    for rank in (0, 1):
        half = job.batch(64, 0.5, rank, 2)
        for name in ("pixels", "noise", "change"):
            assert torch.equal(getattr(half, name), getattr(whole, name)[rank::2]), name


def test_a_third_of_a_batch_are_counterparts_of_others_in_it(job):
    batch = job.batch(48, 0.5, 0, 1)
    first, pairs = 32, len(batch.change)
    assert (len(batch.pixels), pairs) == (reconstruction.PLAN.batch_size, 8)
    for place in range(pairs):
        face, change = counterpart(0, first + place, 48)
        assert np.array_equal(batch.pixels[16 + place].permute(1, 2, 0).numpy(), np.asarray(render(face)))
        assert np.array_equal(batch.change[place].numpy(), change)


def test_an_epoch_leaves_no_face_out(job):
    size = reconstruction.PLAN.batch_size
    seen = [job.batch(cursor, 0.5, 0, 1).pixels[:16] for cursor in range(0, 4 * size, size)]
    assert len({face.numpy().tobytes() for batch in seen for face in batch}) == 64


def test_a_moved_point_is_asked_for_the_counterpart(vae, pixels):
    """Where the step leads to the very point of the counterpart, edits cost what pictures cost by themselves."""
    module, bytes_ = Reconstruction(vae), ((pixels[:2] + 1) * 127.5).byte()
    change = torch.zeros(1, module.head.in_features)
    change[0, 3] = 1.0
    means = vae.encode(bytes_.float() / 127.5 - 1)[0]
    faces = Faces(bytes_, torch.zeros(2, 8), torch.tensor(1.0), change)
    with torch.no_grad():
        off = module(faces).item()
        module.head.weight[:, 3] = means[1] - means[0]
        assert module(faces).item() < off


def test_a_counterpart_differs_in_one_factor_and_its_code_tells_which():
    changed = set()
    for index in range(300):
        face, (other, change) = draw_face(3, index), counterpart(3, index, 5)
        (name,) = [field for field, value in vars(face).items() if getattr(other, field) != value]
        assert change.any() and np.allclose(change, code(labels(other)) - code(labels(face)), atol=1e-6)
        assert applies(name, face.kind) and counterpart(3, index, 5)[0] == other
        changed.add(name)
    assert changed == set(EDITED)


def test_a_few_steps_bring_pictures_nearer(vae):
    module, faces = (
        Reconstruction(vae.train()),
        Faces(torch.full((4, 3, SIZE, SIZE), 200).byte(), torch.zeros(4, 8), torch.tensor(0.0), NO_CHANGE),
    )
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        loss = module(faces)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_dimensions_that_say_little_cost_nothing_more(vae, pixels):
    torch.nn.init.zeros_(vae.encoder.head.weight)
    torch.nn.init.zeros_(vae.encoder.head.bias)  # every point is N(0, I)
    faces = Faces(((pixels + 1) * 127.5).byte(), torch.zeros(6, 8), torch.tensor(1.0), NO_CHANGE)
    free = (
        Reconstruction(vae)(faces).item()
        - Reconstruction(vae)(Faces(faces.pixels, faces.noise, torch.tensor(0.0), NO_CHANGE)).item()
    )
    assert free == pytest.approx(8 * reconstruction.FREE, rel=1e-3)


def test_hidden_kernels_are_muons_and_both_ends_adams():
    module = Reconstruction(make_vae(tiny=True))
    _, muon = make_optimizers(module, reconstruction.PLAN)
    names = {id(p): name for name, p in module.named_parameters()}
    kernels = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert {"vae.decoder.first.weight", "vae.decoder.blocks.0.second.weight"} <= kernels
    assert not any(word in name for name in kernels for word in ("conv_in", "conv_out", "head"))


def test_pixels_go_to_tensors_and_back_unchanged():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    assert (to_bytes(to_tensor(pictures)) == pictures).all()
    assert to_bytes(torch.tensor([-9.0, 9.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)).tolist() == [[[[0] * 3, [255] * 3]]]


def test_signal_to_noise_is_told_in_decibels():
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert signal_to_noise(black, black + np.array([1, 255], np.uint8)[:, None, None, None]) == pytest.approx(
        [48.13, 0], abs=0.01
    )
    assert np.isfinite(signal_to_noise(black, black)).all()
