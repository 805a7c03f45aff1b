"""The recogniser: its labels against masks and scenes, mirrored views, saving, and that it learns; verdicts by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from playground.augmentation import augment
from playground.errors import PlaygroundError
from playground.image.adherence import FACTORS, judge, tally, truth
from playground.image.captions import write_caption
from playground.image.reading import Named, Saying, read_caption
from playground.image.recogniser import (
    FILE,
    PLAN,
    TINY_WIDTHS,
    WIDTHS,
    Output,
    Recogniser,
    RecogniserJob,
    load,
    save,
)
from playground.image.recogniser import _say as say
from playground.image.render import Renderer, render
from playground.image.views import OF_SCENE, OF_THING, collate, wear
from playground.image.world import draw_scene, layout_of
from playground.training import fit


def perfect(views) -> Output:
    """What a recogniser that errs nowhere would put out."""
    return Output(
        {
            name: torch.nn.functional.one_hot(views.scene[:, k], len(values)) * 20.0
            for k, (name, values) in enumerate(OF_SCENE.items())
        },
        {
            name: torch.nn.functional.one_hot(views.things[..., k], len(values)) * 20.0
            for k, (name, values) in enumerate(OF_THING.items())
        },
        views.maps,
        torch.zeros(len(views.scene), 1),
    )


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(5, index, "all") for index in range(60)]


@pytest.fixture(scope="module")
def views(scenes):
    return collate([(scene, *render(scene), mirror) for scene in scenes for mirror in (False, True)])


def test_labels_say_all_that_is_true_of_a_scene(scenes, views):
    seen = say(perfect(views))[::2]
    for scene, saying in zip(scenes, seen, strict=True):
        verdicts = judge(truth(scene), saying)
        assert all(all(found) for found in verdicts.values()), (scene, saying)


def test_a_mirrored_view_swaps_sides_and_nothing_else(scenes, views):
    seen = say(perfect(views))
    for scene, plain, mirrored in zip(scenes, seen[::2], seen[1::2], strict=True):
        assert {thing.noun for thing in plain.things} == {thing.noun for thing in mirrored.things}
        assert (plain.place, plain.time, plain.relation) == (mirrored.place, mirrored.time, mirrored.relation)
        assert (plain.things != mirrored.things) == (scene.relation in ("left of", "right of"))
        if plain.position in ("left", "right"):
            assert {plain.position, mirrored.position} == {"left", "right"}


def test_maps_lie_on_the_thing_that_they_name(scenes, views):
    maps = views.maps.view(-1, 2, 8, 8)
    x = (maps.sum(2) * torch.arange(8)).sum(-1)
    y = (maps.sum(3) * torch.arange(8)).sum(-1)
    assert torch.allclose(views.maps.sum(-1), torch.ones(len(maps), 2))
    layouts = [OF_SCENE["layout"][number] for number in views.scene[:, list(OF_SCENE).index("layout")]]
    assert {"left of", "above", 1, 2} <= set(layouts)
    for k, layout in enumerate(layouts):
        if layout == "left of":
            assert x[k, 0] < x[k, 1]
        elif layout == "above":
            assert y[k, 0] < y[k, 1]
        else:
            assert torch.equal(maps[k, 0], maps[k, 1])


def test_of_several_alike_both_maps_decide_together(views):
    output = perfect(views)
    single = next(k for k in range(len(views.scene)) if views.scene[k, 2] == 0)
    output.things["noun"][single] = 0
    output.things["noun"][single, 0, 7] = 1.0
    output.things["noun"][single, 1, 9] = 5.0
    assert say(output)[single].things[0].noun == OF_THING["noun"][9]


@pytest.mark.parametrize(("own", "seen"), [(0.7, "red"), (0.99, None)])
def test_a_tomato_that_is_red_anyway_is_red(views, own, seen):
    output = perfect(views)
    shares = torch.full((len(OF_THING["colour"]),), 1e-6)
    shares[0], shares[OF_THING["colour"].index("red")] = own, 1 - own
    output.things["colour"][:] = shares.log()
    assert {thing.colour for saying in say(output) for thing in saying.things} == {seen}


def test_augmented_pictures_stay_near_and_depend_on_the_dice_alone(views):
    once, again = (augment(views.pixels, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(once, again) and once.shape == views.pixels.shape
    assert not torch.equal(once, augment(views.pixels, torch.Generator().manual_seed(4)))
    assert 0.01 < (once - views.pixels).abs().mean() < 0.15


def test_worn_pictures_stay_what_they_are(scenes):
    picture = render(scenes[0])[0]
    worn = [wear(picture, np.random.default_rng(seed)) for seed in range(20)]
    assert all(one.shape == picture.shape and one.dtype == np.uint8 for one in worn)
    errors = [np.abs(one.astype(float) - picture).mean() for one in worn]
    assert 2 < sum(error == 0 for error in errors) < 16 and max(errors) < 20


def test_batches_depend_on_their_place_alone_and_split_between_processes(tmp_path):
    job = RecogniserJob(Renderer(), tmp_path, replace(PLAN, batch_size=8), tiny=True)
    whole, again = job.batch(64, 0.0, 0, 1), job.batch(64, 0.0, 0, 1)
    half = job.batch(64, 0.0, 1, 2)
    for name in ("pixels", "scene", "things", "maps"):
        assert torch.equal(getattr(whole, name), getattr(again, name))
    assert torch.equal(whole.scene[1::2], half.scene) and torch.equal(whole.maps[1::2], half.maps)


def test_it_learns_and_what_is_saved_looks_alike(tmp_path):
    plan = replace(PLAN, steps=30, batch_size=16, report_every_s=float("inf"))
    history = fit(RecogniserJob(Renderer(), tmp_path / "out", plan, tiny=True), plan, tmp_path / "run")
    assert history[-1]["loss"] < history[0]["loss"] - 1
    assert 0 <= history[-1]["valid_all"] <= 1
    assert (tmp_path / "out" / FILE).stat().st_mode & 0o777 == 0o644
    assert {weight.dtype for weight in load_file(tmp_path / "out" / FILE).values()} == {torch.float16}
    recogniser = load(tmp_path / "out")
    pictures = np.stack([render(draw_scene(6, index))[0] for index in range(5)])
    seen, features = recogniser.look(pictures)
    assert features.shape == (5, 3 * TINY_WIDTHS[-1]) and len(seen) == 5
    alone = recogniser.look(pictures[3:4])
    assert alone[0] == seen[3:4] and np.allclose(alone[1][0], features[3], atol=1e-4)


def test_it_goes_on_from_its_file(tmp_path):
    save(known := Recogniser(TINY_WIDTHS), tmp_path)
    module = RecogniserJob(Renderer(), tmp_path, PLAN, tiny=True, start=tmp_path).build()
    assert torch.allclose(module.recogniser.scene.weight, known.scene.weight, atol=1e-3)
    assert module.training and all(weight.requires_grad for weight in module.parameters())


def test_the_shipped_size_is_below_five_megabytes():
    assert 2 * sum(p.numel() for p in Recogniser(WIDTHS).parameters()) < 5e6


def test_a_missing_or_damaged_or_other_file_is_one_sentence(tmp_path):
    with pytest.raises(PlaygroundError, match="has no recogniser"):
        load(tmp_path)
    save(Recogniser(TINY_WIDTHS), tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-100])
    with pytest.raises(PlaygroundError, match="is damaged"):
        load(tmp_path)
    at = whole.index(b'"names":"') + 9
    (tmp_path / FILE).write_bytes(whole[:at] + b"0123456789ab" + whole[at + 12 :])
    with pytest.raises(PlaygroundError, match="another world"):
        load(tmp_path)


def verdicts(caption: str, *things: Named, **rest) -> dict[str, list[bool]]:
    return {name: found for name, found in judge(read_caption(caption), Saying(things, **rest)).items() if found}


def test_verdicts_on_a_single_thing():
    cat = Named("cat", colour="red", size="small")
    seen = {"place": "beach", "time": "night", "position": "left"}
    assert verdicts("a small red cat on a beach at night", cat, **seen) == {
        name: [True] for name in ("noun", "colour", "size", "place", "time", "all")
    }
    wrong = verdicts("a blue dog in a forest on the right", cat, **seen)
    assert wrong == {name: [False] for name in ("noun", "colour", "place", "position", "all")}
    assert verdicts("a cat", Named("dog"), Named("cat"), relation="above") == {"noun": [True], "all": [False]}
    assert verdicts("a cat", Named("cat", number=2)) == {"noun": [True], "all": [False]}


def test_verdicts_on_numbers_and_worn_things():
    assert verdicts("three cats", Named("cat", number=3)) == {"noun": [True], "number": [True], "all": [True]}
    assert verdicts("three cats", Named("cat", number=2)) == {"noun": [True], "number": [False], "all": [False]}
    assert verdicts("a cat wearing a crown", Named("cat", worn="hat"))["worn"] == [False]
    assert verdicts("a cat wearing a crown", Named("cat", worn="crown"))["all"] == [True]


@pytest.mark.parametrize(
    ("caption", "relation", "right"),
    [
        ("a cat to the left of a dog", "left of", True),
        ("a dog to the right of a cat", "left of", True),
        ("a dog to the left of a cat", "left of", False),
        ("a cat above a dog", "left of", False),
        ("a dog below a cat", "above", True),
        ("a dog next to a cat", "left of", True),
        ("a dog next to a cat", "above", False),
    ],
)
def test_verdicts_on_relations(caption, relation, right):
    found = verdicts(caption, Named("cat"), Named("dog"), relation=relation)
    assert found == {"both nouns": [True], "relation": [right], "all": [right]}


def test_verdicts_on_pairs_match_colours_to_their_nouns():
    seen = (Named("cat", colour="red"), Named("dog", colour="blue"))
    found = verdicts("a blue dog and a red cat", *seen, relation="above")
    assert found == {"both nouns": [True], "pair colour": [True, True], "all": [True]}
    assert verdicts("a red dog and a blue cat", *seen, relation="above")["pair colour"] == [False, False]
    half = verdicts("a red cat above a cow", *seen, relation="above")
    assert half == {"both nouns": [False], "relation": [False], "pair colour": [True], "all": [False]}
    assert verdicts("a cat above a dog", Named("dog"))["relation"] == [False]


def test_every_caption_is_right_of_its_own_scene():
    for index in range(200):
        scene = draw_scene(8, index, "all")
        found = judge(read_caption(write_caption(scene, 0)), truth(scene))
        assert found["all"] == [True] and all(all(one) for one in found.values())
        assert bool(found["both nouns"]) == (layout_of(8, index) == "pair")


def test_a_tally_counts_verdicts():
    found = tally([{"noun": [True], "colour": []}, {"noun": [False]}, {"pair colour": [True, True]}])
    assert found == {"noun": {"share": 0.5, "of": 2}, "pair colour": {"share": 1.0, "of": 2}}
    assert set(found) <= set(FACTORS)
