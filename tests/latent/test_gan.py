"""The adversarial networks: the contest's gradients against the textbook's, the mapping's contest, and the way back."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from playground.latent import contest, mapping
from playground.latent.album import Album
from playground.latent.contest import Contest, ContestJob, Round
from playground.latent.gan import (
    FaceDiscriminator,
    FaceGenerator,
    FaceInverter,
    Mapping,
    generator_of,
    inverter_of,
)
from playground.latent.inversion import Inversion, Sights, points_scale, refine
from playground.latent.mapping import MappingJob, energy_distance
from playground.latent.reconstruction import distance
from playground.latent.vae import TINY, FaceVAE, make_vae

GAMMA = 0.7


@pytest.fixture
def vae() -> FaceVAE:
    torch.manual_seed(0)
    vae = make_vae(tiny=True).eval()
    torch.nn.init.normal_(vae.decoder.first.weight)  # so that points matter
    return vae


@pytest.fixture
def generator(vae) -> FaceGenerator:
    generator = generator_of(vae).eval()
    torch.nn.init.normal_(generator.mapping.layers[-1].weight, std=0.1)
    return generator


@pytest.fixture
def networks(vae, generator) -> tuple[FaceGenerator, FaceDiscriminator, FaceInverter]:
    return generator, FaceDiscriminator(widths=TINY[:3]).eval(), inverter_of(vae).eval()


@pytest.fixture
def round_(vae) -> Round:
    dice = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (4, 3, vae.config.size, vae.config.size), generator=dice).byte()
    return Round(pixels, torch.randn(2, 8, generator=dice), torch.tensor(GAMMA))


@pytest.fixture
def job(vae, tmp_path) -> ContestJob:
    return ContestJob(Album(tmp_path, seed=0, count=64), vae, Mapping(8), tmp_path / "model", contest.PLAN)


def test_the_shipped_sizes_fit_their_budget():
    generator, discriminator = generator_of(FaceVAE()), FaceDiscriminator()
    picture = generator(torch.randn(1, generator.config.dims))
    assert picture.shape == (1, 3, 128, 128) and discriminator.judge(picture).shape == (1,)
    assert 2e6 < generator.num_parameters() < 4e6


def test_untrained_networks_do_what_the_vae_does(vae):
    noise, picture = torch.randn(2, 8), torch.rand(2, 3, 128, 128) * 2 - 1
    assert torch.equal(generator_of(vae)(noise), vae.decode(noise))
    assert torch.equal(inverter_of(vae)(picture), vae.encode(picture)[0])


def test_noise_is_drawn_by_way_of_its_point(generator):
    noise = torch.randn(2, 8)
    assert torch.equal(generator(noise), generator.synthesise(generator.map(noise)))
    assert not torch.allclose(generator.map(noise), noise)


def test_both_networks_get_the_gradients_of_the_textbooks_two_losses(networks, round_, monkeypatch):
    monkeypatch.setattr(contest, "ANCHOR", 0.5)
    generator, discriminator, inverter = networks
    module = Contest(*networks)
    value = module(round_)
    value.backward()
    real = (round_.pixels.float() / 127.5 - 1).requires_grad_()
    points = torch.cat([inverter(real[:2]).detach(), generator.map(round_.noise)])
    fake = generator.synthesise(points)
    leads = discriminator.judge(real) - discriminator.judge(fake)
    loss = F.softplus(leads).mean() + 0.5 * distance(fake[:2], real[:2])
    of_generator = torch.autograd.grad(loss, list(generator.parameters()), retain_graph=True)
    shown = fake.detach().requires_grad_()
    logits = discriminator.judge(real), discriminator.judge(shown)
    r1, r2 = (
        torch.autograd.grad(each.sum(), at, create_graph=True)[0].square().sum(dim=(1, 2, 3))
        for each, at in zip(logits, (real, shown), strict=True)
    )
    loss = (F.softplus(logits[1] - logits[0]) + GAMMA / 2 * (r1 + r2)).mean()
    of_discriminator = torch.autograd.grad(loss, list(discriminator.parameters()))
    assert value.item() == pytest.approx(loss.item(), rel=1e-4)
    for parameters, wanted in ((generator, of_generator), (discriminator, of_discriminator)):
        for (name, parameter), gradient in zip(parameters.named_parameters(), wanted, strict=True):
            assert torch.allclose(parameter.grad, gradient, rtol=1e-3, atol=1e-6), name
    assert all(parameter.grad is None for parameter in inverter.parameters())


def test_the_mapping_stays_as_it_is_in_the_contest_of_pictures(job, round_):
    module = job.build()
    module(round_).backward()
    assert all(parameter.grad is None for parameter in module.generator.mapping.parameters())
    assert module.generator.decoder.first.weight.grad.abs().max() > 0


def test_the_weight_of_the_penalties_falls_to_its_end(job):
    gammas = [job.batch(0, progress, 0, 1).gamma.item() for progress in (0, 0.2, 0.5, 1)]
    assert gammas[0] == pytest.approx(contest.GAMMA[0]) and gammas[-1] == pytest.approx(contest.GAMMA[1])
    assert gammas == sorted(gammas, reverse=True)


def test_batches_depend_on_their_place_alone_and_split_between_processes(job):
    whole, other = job.batch(48, 0.5, 0, 1), job.batch(72, 0.5, 0, 1)
    size = contest.PLAN.batch_size
    assert whole.pixels.shape == (size, 3, 128, 128) and whole.noise.shape == (size // 2, 8)
    assert not torch.equal(whole.noise, other.noise)
    assert torch.equal(whole.noise, job.batch(48, 0.5, 0, 1).noise)
    halves = [job.batch(48, 0.5, rank, 2) for rank in (0, 1)]
    assert all(torch.equal(half.pixels, whole.pixels[rank::2]) for rank, half in enumerate(halves))
    assert sum(len(half.noise) for half in halves) == size // 2
    assert not torch.equal(halves[0].noise, halves[1].noise)


def test_an_export_knows_the_mean_of_its_points(job, networks, tmp_path):
    job.export(Contest(*networks))
    saved = FaceGenerator.from_pretrained(tmp_path / "model", torch_dtype=torch.float32)
    assert torch.allclose(saved.mean, networks[0].map(torch.randn(20_000, 8)).mean(dim=0), atol=0.05)
    assert networks[0].mean.abs().max() == 0, "what goes on training is left alone"


def test_a_mapping_is_trained_on_points_that_are_encoded_once(vae, tmp_path):
    album = Album(tmp_path / "faces", seed=0, count=64)
    job = MappingJob(album, vae, tmp_path, mapping.PLAN)
    module = job.build()
    kept = torch.from_numpy(np.load(tmp_path / mapping.POINTS))
    bout = job.batch(0, 0.0, 0, 1)
    assert kept.shape == (64, 16) and bout.points.shape == bout.noise.shape == (mapping.PLAN.batch_size, 8)
    away = torch.cdist(bout.points, kept[:, :8]).min(dim=1).values
    assert 0 < away.max() < 6 * mapping.BLUR * (kept[:, 8:].max() / 2).exp() * 8**0.5
    loss = module(bout)
    loss.backward()
    assert loss.isfinite() and all(parameter.grad is not None for parameter in module.parameters())
    (tmp_path / "faces").rename(tmp_path / "away")
    MappingJob(album, vae, tmp_path, mapping.PLAN).build()  # nothing is drawn again


def test_the_energy_distance_tells_one_cloud_from_another():
    torch.manual_seed(0)
    one, same, other = torch.randn(800, 4), torch.randn(800, 4), torch.randn(800, 4) + 1
    assert 0 <= energy_distance(one, same) < 0.02 < 0.3 < energy_distance(one, other)


def test_only_the_inverter_learns_from_an_inversion(networks, round_):
    generator, _, inverter = networks
    module = Inversion(generator, inverter)
    module(Sights(round_.pixels, round_.noise)).backward()
    assert all(p.grad is None for p in module.generator.parameters())
    assert all(p.grad is not None for p in module.inverter.parameters())


def test_refining_brings_pictures_nearer_and_minds_each_row_alone(generator):
    points = generator.map(torch.randn(2, 8))
    wanted = generator.synthesise(points).detach()
    guesses = points + 0.5 * points_scale(generator)
    found = refine(generator, guesses, wanted)
    before, after = (distance(generator.synthesise(p), wanted).item() for p in (guesses, found))
    assert after < 0.8 * before
    alone = torch.cat([refine(generator, g[None], w[None]) for g, w in zip(guesses, wanted, strict=True)])
    assert torch.allclose(alone, found, atol=0.05)
