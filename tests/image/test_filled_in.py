"""A model that reads details gets a prompt that its seed has filled in; what it got is told, and draws the same."""

import pytest
import torch
from diffusers import DiffusionPipeline

from playground.engine import Engine
from playground.image.evaluate import evaluate
from playground.image.reading import OPENING, split_details
from playground.image.recogniser import TINY_WIDTHS, Recogniser, save
from playground.image.results import describe
from playground.registry import Registry
from tests.image.test_generate import as_url, pixels, some_start
from tests.image.tiny import ASKED, make_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "scenes-tiny", reads_details=True)


@pytest.fixture(scope="module")
def engine(folder):
    return Engine(Registry(folder.parent))


def run(engine, **values):
    recipe = engine.recipe("image", {"model": "scenes-tiny", **ASKED, **values})
    return list(engine.generate(recipe))[-1]


def test_each_sample_has_details_of_its_own_and_is_what_it_is_alone(engine):
    done = run(engine, samples=3)
    prompts = [result.prompt for result in done.results]
    assert len(set(prompts)) == 3
    assert all(split_details(prompt)[0] == ASKED["prompt"] and OPENING in prompt for prompt in prompts)
    for k, result in enumerate(done.results):
        alone = run(engine, seed=ASKED["seed"] + k).results[0]
        assert (alone.prompt, alone.prompt_ids) == (result.prompt, result.prompt_ids)
        assert (pixels(alone.picture) == pixels(result.picture)).all()
        assert describe(result, done).prompt_ids == list(alone.prompt_ids)


def test_the_prompt_that_is_told_draws_it_without_being_filled_in(engine):
    told = run(engine).results[0]
    again = run(engine, prompt=told.prompt, details="noise").results[0]
    written = run(engine, prompt=told.prompt).results[0]
    assert (pixels(told.picture) == pixels(again.picture)).all()
    assert (pixels(told.picture) == pixels(written.picture)).all()


def test_left_to_the_noise_the_prompt_is_the_prompt(engine):
    result = run(engine, details="noise").results[0]
    assert result.prompt == ASKED["prompt"]
    assert (pixels(result.picture) != pixels(run(engine).results[0].picture)).any()


def test_a_start_picture_has_its_own_details(engine):
    assert run(engine, start=as_url(some_start(64))).results[0].prompt == ASKED["prompt"]


def test_a_prompt_that_leaves_no_room_stays_as_it_is(engine):
    long = "a cat " + "on a beach at sunset " * 9
    assert run(engine, prompt=long).results[0].prompt == long


def test_a_variation_leads_all_the_way_to_the_other_seeds_picture(engine):
    one, other = (run(engine, seed=seed).results[0] for seed in (ASKED["seed"], 101))
    some, all_of_it = (run(engine, variation_seed=101, variation_strength=share).results[0] for share in (0.4, 1))
    assert some.prompt not in (one.prompt, other.prompt)
    assert all_of_it.prompt == other.prompt
    assert abs(pixels(all_of_it.picture) - pixels(other.picture)).max() <= 1


def test_a_blend_fills_in_both_prompts(engine):
    plain = run(engine, second_prompt="a dog", blend=0.5, details="noise").results[0]
    blended = run(engine, second_prompt="a dog", blend=0.5).results[0]
    assert (pixels(plain.picture) != pixels(blended.picture)).any()


def test_a_plain_pipeline_draws_the_same_from_the_prompt_that_is_told(engine, folder):
    told = run(engine, size=128, guidance_scale=3).results[0]
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(ASKED["seed"]))
    theirs = pipeline(told.prompt, num_inference_steps=3, guidance_scale=3, latents=noise).images[0]
    assert abs(pixels(told.picture) - pixels(theirs)).max() <= 2


def test_the_evaluation_fills_in_too(folder):
    save(Recogniser(TINY_WIDTHS), folder)
    found = evaluate(folder, lambda line: None, n=8)
    assert found["settings"]["details"] == "seed"
