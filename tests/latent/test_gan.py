"""The adversarial networks: styles, the contest's gradients against the textbook's, and the way back."""

import pytest
import torch
import torch.nn.functional as F

from playground.latent import contest
from playground.latent.album import Album
from playground.latent.contest import Contest, ContestJob, Round
from playground.latent.gan import (
    DIMS,
    SIZE,
    FaceDiscriminator,
    FaceGenerator,
    Modulated,
    make_inverter,
    make_networks,
)
from playground.latent.inversion import Inversion, Sights, points_scale, refine
from playground.latent.reconstruction import distance

GAMMA = 0.7


@pytest.fixture
def networks() -> tuple[FaceGenerator, FaceDiscriminator]:
    torch.manual_seed(0)
    generator, discriminator = make_networks(tiny=True)
    for module in discriminator.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.3)  # none of it at zero, so that all takes part
    return generator.eval(), discriminator.eval()


@pytest.fixture
def round_() -> Round:
    dice = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (4, 3, SIZE, SIZE), generator=dice).byte()
    return Round(pixels, torch.randn(4, 8, generator=dice), torch.tensor(GAMMA))


def test_the_shipped_sizes_fit_their_budget():
    generator, discriminator = make_networks()
    picture = generator(torch.randn(1, DIMS))
    assert picture.shape == (1, 3, SIZE, SIZE) and discriminator(picture).shape == (1,)
    assert 2e6 < generator.num_parameters() < 4e6
    assert make_inverter(generator)(picture).shape == (1, DIMS)


def test_a_modulated_convolution_is_that_of_each_samples_own_kernel():
    torch.manual_seed(0)
    layer, x, w = Modulated(6, 8), torch.randn(3, 6, 5, 5), torch.randn(3, 8)
    rows = []
    for row, style in zip(x, layer.style(w), strict=True):
        kernel = layer.kernel * style[None, :, None, None]
        kernel = kernel / (kernel.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        rows.append(F.conv2d(row[None], kernel, layer.bias, padding=1))
    wanted = F.leaky_relu(torch.cat(rows), 0.2) * 1.3867505
    assert torch.allclose(layer(x, w), wanted, atol=1e-5)


def test_noise_of_any_length_maps_to_the_same_point(networks):
    generator, _ = networks
    noise = torch.randn(2, 8)
    assert torch.allclose(generator.map(noise), generator.map(3 * noise), atol=1e-5)
    assert torch.allclose(generator(noise), generator.synthesise(generator.map(noise)))


def test_both_networks_get_the_gradients_of_the_textbooks_two_losses(networks, round_):
    generator, discriminator = networks
    Contest(generator, discriminator)(round_).backward()
    real = (round_.pixels.float() / 127.5 - 1).requires_grad_()
    fake = generator(round_.noise)
    leads = discriminator(real) - discriminator(fake)
    of_generator = torch.autograd.grad(F.softplus(leads).mean(), list(generator.parameters()), retain_graph=True)
    shown = fake.detach().requires_grad_()
    logits = discriminator(real), discriminator(shown)
    r1, r2 = (
        torch.autograd.grad(each.sum(), at, create_graph=True)[0].square().sum(dim=(1, 2, 3))
        for each, at in zip(logits, (real, shown), strict=True)
    )
    loss = (F.softplus(logits[1] - logits[0]) + GAMMA / 2 * (r1 + r2)).mean()
    of_discriminator = torch.autograd.grad(loss, list(discriminator.parameters()))
    assert Contest(generator, discriminator)(round_).item() == pytest.approx(loss.item(), rel=1e-4)
    for parameters, wanted in ((generator, of_generator), (discriminator, of_discriminator)):
        for (name, parameter), gradient in zip(parameters.named_parameters(), wanted, strict=True):
            assert torch.allclose(parameter.grad, gradient, rtol=1e-3, atol=1e-6), name


def test_the_weight_of_the_penalties_falls_to_its_end(tmp_path):
    job = ContestJob(Album(tmp_path, seed=0, count=64), tmp_path / "model", contest.PLAN, tiny=True)
    gammas = [job.batch(0, progress, 0, 1).gamma.item() for progress in (0, 0.2, 0.5, 1)]
    assert gammas[0] == pytest.approx(contest.GAMMA[0]) and gammas[-1] == pytest.approx(contest.GAMMA[1])
    assert gammas == sorted(gammas, reverse=True)


def test_batches_depend_on_their_place_alone_and_split_between_processes(tmp_path):
    job = ContestJob(Album(tmp_path, seed=0, count=64), tmp_path / "model", contest.PLAN, tiny=True)
    whole, other = job.batch(64, 0.5, 0, 1), job.batch(96, 0.5, 0, 1)
    assert whole.pixels.shape == (contest.PLAN.batch_size, 3, SIZE, SIZE)
    assert not torch.equal(whole.noise, other.noise)
    for rank in (0, 1):
        half = job.batch(64, 0.5, rank, 2)
        assert torch.equal(half.noise, whole.noise[rank::2]) and torch.equal(half.pixels, whole.pixels[rank::2])


def test_an_export_knows_the_mean_of_its_points(networks, tmp_path):
    job = ContestJob(Album(tmp_path, seed=0, count=64), tmp_path / "model", contest.PLAN, tiny=True)
    job.export(Contest(*networks))
    saved = FaceGenerator.from_pretrained(tmp_path / "model", torch_dtype=torch.float32)
    assert torch.allclose(saved.mean, networks[0].map(torch.randn(20_000, 8)).mean(dim=0), atol=0.05)
    assert networks[0].mean.abs().max() == 0, "what goes on training is left alone"


def test_only_the_inverter_learns_from_an_inversion(networks, round_):
    generator, _ = networks
    module = Inversion(generator, make_inverter(generator, tiny=True))
    module(Sights(round_.pixels, round_.noise)).backward()
    assert all(p.grad is None for p in module.generator.parameters())
    assert all(p.grad is not None for p in module.inverter.parameters())


def test_refining_brings_pictures_nearer_and_minds_each_row_alone(networks):
    generator, _ = networks
    points = generator.map(torch.randn(2, 8))
    wanted = generator.synthesise(points).detach()
    guesses = points + 0.5 * points_scale(generator)
    found = refine(generator, guesses, wanted)
    before, after = (distance(generator.synthesise(p), wanted).item() for p in (guesses, found))
    assert after < 0.8 * before
    alone = torch.cat([refine(generator, g[None], w[None]) for g, w in zip(guesses, wanted, strict=True)])
    assert torch.allclose(alone, found, atol=0.05)
