"""A picture is a function of its recipe, and the one that a plain diffusers pipeline draws from the same folder."""

import base64
import io
import threading

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Ended, Picture, Preview, Started
from playground.image.generate import generate, load
from playground.image.model import LENGTH
from playground.image.pictures import decode, encode, preview, to_pixels
from playground.recipes import MAX_SEED, SCHEDULERS
from playground.registry import Registry
from tests.image.tiny import make_checkpoint

PROMPT = "a red cat wearing a crown on a beach"
PLAIN = {  # as a user of diffusers swaps schedulers
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "ddim": (diffusers.DDIMScheduler, {"clip_sample": False}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m_sde": (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
}
STOCHASTIC = [name for name, title in SCHEDULERS.items() if "stochastic" in title]
DETERMINISTIC = [name for name in SCHEDULERS if name not in STOCHASTIC]
TEXTS = [(1, ""), (3, ""), (3, "a blue dog")]  # guidance, negative prompt


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "scenes-tiny")


@pytest.fixture(scope="module")
def engine(folder):
    return Engine(Registry(folder.parent))


@pytest.fixture
def model(folder, engine):
    """One of its own, to be damaged."""
    return load(folder, engine.registry.manifest("scenes-tiny", "image"))


@pytest.fixture(scope="module")
def pipelines(folder):
    diffusers.utils.logging.disable_progress_bar()
    plain = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    from_picture = diffusers.StableDiffusionImg2ImgPipeline(**plain.components, requires_safety_checker=False)
    for pipeline in (plain, from_picture):
        pipeline.set_progress_bar_config(disable=True)
    return plain, from_picture


def recipe(engine, **values):
    return engine.recipe("image", {"model": "scenes-tiny", "prompt": PROMPT, "seed": 5, "steps": 4, **values})


def run(engine, **values) -> list:
    return list(engine.generate(recipe(engine, **values)))


def draw(engine, **values) -> Picture:
    return run(engine, **values)[-1].results[0].picture


def pixels(picture) -> np.ndarray:
    if isinstance(picture, Picture):
        return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(int)
    return np.asarray(picture).astype(int)


def some_start(size: int = 128) -> Image.Image:
    rows, columns = np.mgrid[:size, :size] * 255 // size
    return Image.fromarray(np.stack([rows, columns, 255 - rows], axis=2).astype(np.uint8))


def as_url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def use(pipeline, name: str) -> None:
    kind, settings = PLAIN[name]
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **settings)


@pytest.fixture
def restored(pipelines):
    """Both pipelines, given their first scheduler back afterwards."""
    before = pipelines[0].scheduler
    yield pipelines
    for pipeline in pipelines:
        pipeline.scheduler = before


# ---- as diffusers draws it


@pytest.mark.parametrize(("guidance", "negative"), TEXTS)
@pytest.mark.parametrize("scheduler", DETERMINISTIC)
def test_it_is_the_picture_of_a_plain_pipeline(engine, restored, scheduler, guidance, negative):
    pipeline, _ = restored
    use(pipeline, scheduler)
    values = {"guidance_scale": guidance, "negative_prompt": negative}
    noise = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(5))
    theirs = pipeline(PROMPT, num_inference_steps=6, latents=noise, **values).images[0]
    ours = draw(engine, steps=6, scheduler=scheduler, **values)
    assert abs(pixels(ours) - pixels(theirs)).max() <= 2


@pytest.mark.parametrize("scheduler", STOCHASTIC)
def test_it_is_the_picture_of_a_plain_pipeline_with_the_generator_of_its_seed(engine, restored, scheduler):
    pipeline, _ = restored
    use(pipeline, scheduler)
    generator = torch.Generator().manual_seed(5)
    theirs = pipeline(PROMPT, num_inference_steps=6, guidance_scale=3, generator=generator).images[0]
    assert abs(pixels(draw(engine, steps=6, scheduler=scheduler, guidance_scale=3)) - pixels(theirs)).max() <= 2


@pytest.mark.parametrize("size", [64, 192])
def test_other_sizes_are_drawn_as_a_plain_pipeline_does(engine, pipelines, size):
    generator = torch.Generator().manual_seed(5)
    values = {"num_inference_steps": 4, "guidance_scale": 3, "width": size, "height": size}
    theirs = pipelines[0](PROMPT, generator=generator, **values).images[0]
    ours = draw(engine, size=size)
    assert (ours.width, ours.height) == (size, size)
    assert abs(pixels(ours) - pixels(theirs)).max() <= 2


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("strength", [0.3, 0.6, 0.99])
def test_a_start_picture_is_drawn_anew_as_diffusers_does(engine, restored, scheduler, strength):
    _, pipeline = restored
    use(pipeline, scheduler)
    values = {"guidance_scale": 3.0, "strength": strength}
    generator = torch.Generator().manual_seed(5)
    theirs = pipeline(PROMPT, image=some_start(), num_inference_steps=7, generator=generator, **values).images[0]
    events = run(engine, start=as_url(some_start()), steps=7, scheduler=scheduler, **values)
    assert abs(pixels(events[-1].results[0].picture) - pixels(theirs)).max() <= 2
    assert events[-1].stats["steps"] == int(7 * strength) == len([e for e in events if isinstance(e, Preview)])


def test_a_long_prompt_is_cut_as_diffusers_does(engine, pipelines):
    long = "a red cat and " * 30
    theirs = pipelines[0](long, num_inference_steps=4, guidance_scale=3, generator=torch.Generator().manual_seed(5))
    assert abs(pixels(draw(engine, prompt=long)) - pixels(theirs.images[0])).max() <= 2


# ---- a function of its recipe


@pytest.mark.parametrize("scheduler", ["dpmpp_2m", *STOCHASTIC])
def test_every_sample_is_what_it_is_alone(engine, scheduler):
    many = run(engine, samples=8, scheduler=scheduler)[-1].results
    assert len({result.picture for result in many}) == 8
    for k, result in enumerate(many):
        assert result.seed == 5 + k
        assert result.picture == draw(engine, seed=5 + k, scheduler=scheduler)


def test_seeds_past_the_last_begin_again(engine):
    results = run(engine, seed=MAX_SEED, samples=2)[-1].results
    assert [result.seed for result in results] == [MAX_SEED, 0]
    assert results[1].picture == draw(engine, seed=0)


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "two dogs"},
        {"negative_prompt": "a dog"},
        {"seed": 6},
        {"steps": 5},
        {"guidance_scale": 5},
        {"scheduler": "euler_a"},
        {"variation_seed": 9, "variation_strength": 0.3},
        {"second_prompt": "two dogs", "blend": 0.5},
        {"start": as_url(some_start())},
    ],
)
def test_every_knob_matters(engine, values):
    assert draw(engine, **values) != draw(engine)


def test_variations_lead_to_the_other_seed(engine):
    assert draw(engine, variation_seed=9, variation_strength=0) == draw(engine)
    assert draw(engine, variation_seed=9, variation_strength=1) == draw(engine, seed=9)


def test_blends_lead_to_the_other_prompt(engine):
    assert draw(engine, second_prompt="two dogs", blend=0) == draw(engine)
    assert draw(engine, second_prompt="two dogs", blend=1) == draw(engine, prompt="two dogs")


def test_what_was_cut_of_a_second_prompt_is_told_where_it_counts(engine):
    long = {"second_prompt": "a dog " * 40}
    assert not run(engine, **long, blend=0)[0].notes
    assert any("second prompt" in note for note in run(engine, **long, blend=0.5)[0].notes)


def test_at_strength_0_a_start_picture_is_only_reconstructed(engine):
    events = run(engine, start=as_url(some_start()), strength=0)
    with engine.registry.use("scenes-tiny", "image") as loaded:
        vae = loaded.model.vae
        start = Picture(128, 128, some_start().tobytes())
        reconstructed = decode(vae, encode(vae, to_pixels(start)))
    assert events[-1].results[0].picture == reconstructed
    assert [type(event) for event in events] == [Started, Ended, Done]


def test_at_strength_1_a_start_picture_is_forgotten(engine):
    assert draw(engine, start=as_url(some_start()), strength=1) == draw(engine)


def test_a_start_picture_of_another_size_is_taken(engine):
    assert draw(engine, start=as_url(some_start(200)), strength=0.5).width == 128


def test_two_people_at_once_get_what_each_gets_alone(engine):
    asked = [{"seed": 1, "scheduler": "dpmpp_2m_sde"}, {"seed": 2, "samples": 2}, {"seed": 3, "prompt": "two dogs"}]
    asked = [{**values, "steps": 8} for values in asked]
    found = {}

    def work(number: int) -> None:
        found[number] = run(engine, **asked[number])[-1].results

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, values in enumerate(asked):
        assert found[number] == run(engine, **values)[-1].results


# ---- events


def test_events_come_step_by_step_for_all_samples_together(engine):
    started, *middle, done = run(engine, samples=2, steps=3)
    assert isinstance(started, Started) and isinstance(done, Done)
    assert [(e.step, e.sample) for e in middle[:6]] == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    assert all(e.steps == 3 and e.seconds_left > 0 for e in middle[:6])
    assert [(e.sample, e.result) for e in middle[6:]] == list(enumerate(done.results))
    assert set(done.stats) == {"seconds", "steps", "seconds_per_picture"} and done.stats["steps"] == 3
    assert done.results[0].ended == "done" and done.dtype == "float32"
    assert done.recipe.fingerprint == engine.registry.manifest("scenes-tiny", "image").fingerprint


def test_previews_are_small_and_change(engine):
    shown = [event.picture for event in run(engine, steps=4) if isinstance(event, Preview)]
    assert {(picture.width, picture.height) for picture in shown} == {(64, 64)}
    assert len(set(shown)) == 4


def test_previews_come_close_to_what_is_decoded(model):
    latents = encode(model.vae, to_pixels(Picture(128, 128, some_start().tobytes())))
    rough, whole = pixels(preview(model.preview, latents)), pixels(decode(model.vae, latents))
    small = whole.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert abs(rough - small).mean() < 0.5 * abs(small - small.mean(axis=(0, 1))).mean()


def test_a_preview_of_nonsense_is_a_picture(model):
    assert preview(model.preview, torch.full((1, 8, 16, 16), torch.nan)).width == 64


@pytest.mark.parametrize(("guidance", "asked"), [(1, 1), (1.1, 2)])
def test_without_guidance_the_denoiser_is_asked_once(engine, guidance, asked, monkeypatch):
    sizes = []
    with engine.registry.use("scenes-tiny", "image") as loaded:
        forward, ask = loaded.model.forward, loaded.model.forward.ask
        monkeypatch.setattr(forward, "ask", lambda given: (told := ask(given), sizes.extend(map(len, told)))[0])
        draw(engine, guidance_scale=guidance, samples=2, steps=3)
    assert sizes == [asked] * 6


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7])
def test_few_steps_are_no_reason_to_overflow(engine, scheduler, steps):
    assert draw(engine, scheduler=scheduler, steps=steps, seed=5)


def test_it_stops_at_any_step(engine):
    whole = run(engine, samples=2, steps=3)
    for taken in range(len(whole)):
        events = engine.generate(recipe(engine, samples=2, steps=3))
        for _ in range(taken):
            next(events)
        events.close()
    assert run(engine, samples=2, steps=3)[-1].results == whole[-1].results


# ---- prompts


@pytest.mark.parametrize(
    "prompt", ["", " ", "猫が🐱\u200d🐱 naïve nai\u0308ve", "<|endoftext|> cat", "\ud800", "a\nb\tc", "&amp;"]
)
def test_any_text_is_a_prompt(engine, prompt):
    done = run(engine, prompt=prompt, negative_prompt=prompt)[-1]
    assert done.prompt_ids[0] == 0 and done.prompt_ids[-1] == 1
    assert done.notes == ()


@pytest.mark.parametrize("text", ["a red cat " * 200, "x" * 2000, "猫" * 2000])
def test_what_is_cut_is_told(engine, model, text):
    events = run(engine, prompt=text, negative_prompt=f"not {text}"[:2000], steps=1)
    seen = events[-1].prompt_ids
    assert list(seen) == model.tokenizer(text, truncation=True, max_length=LENGTH).input_ids
    for event in (events[0], events[-1]):
        first, second = event.notes
        cut = first.removeprefix("The model reads 46 tokens; of the prompt this was cut: ")
        assert cut != first and text.strip().endswith(cut)
        assert second.startswith("The model reads 46 tokens; of the negative prompt this was cut: ")


def test_what_is_cut_begins_where_the_model_stops_reading(engine):
    (note,) = run(engine, prompt="cat, " * 22 + "a red dog, a blue bird", steps=1)[0].notes
    assert note == "The model reads 46 tokens; of the prompt this was cut: dog, a blue bird"


def test_a_negative_prompt_without_guidance_is_told(engine):
    done = run(engine, guidance_scale=1, negative_prompt="a dog")[-1]
    assert done.notes == ("At guidance 1 the negative prompt does nothing.",)
    assert done.results[0].picture == draw(engine, guidance_scale=1)


def test_too_few_steps_for_a_strength_are_told(engine):
    done = run(engine, start=as_url(some_start()), steps=4, strength=0.2)[-1]
    assert done.notes == ("4 steps at strength 0.2 leave the start picture as it is.",)


def test_a_bad_start_picture_is_told_at_once(engine):
    with pytest.raises(PlaygroundError, match="start is 'nothing'"):
        next(engine.generate(recipe(engine, start="nothing")))


# ---- damage


@pytest.mark.parametrize("place", ["unet.conv_out", "vae.decoder.layers.0", "text_encoder.final_layer_norm"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_overflowing_numbers_are_told(engine, model, place, value):
    part, _, name = place.partition(".")
    getattr(model, part).get_submodule(name).bias.data[0] = value
    with pytest.raises(PlaygroundError, match="The model's numbers overflowed"):
        list(generate(model, recipe(engine)))
