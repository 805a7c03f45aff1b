"""The engine: one door to models that loads without blocking, stops cleanly and tells what is wrong."""

import itertools
import json
import shutil

import pytest

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Progress, Started, Token
from playground.recipes import Recipe
from playground.registry import MANIFEST, Registry


@pytest.fixture
def fresh(checkpoints) -> Engine:
    """An engine that has loaded nothing yet."""
    return Engine(Registry(checkpoints))


def test_a_recipe_takes_the_manifest_between_its_own_defaults_and_what_is_given(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "tales", tmp_path / "tales")
    manifest = json.loads((tmp_path / "tales" / MANIFEST).read_text())
    manifest["defaults"] = {"temperature": 0.5, "top_k": 10}
    (tmp_path / "tales" / MANIFEST).write_text(json.dumps(manifest))
    recipe = Engine(Registry(tmp_path)).recipe("text", {"top_k": 20})
    assert (recipe.temperature, recipe.top_k, recipe.top_p) == (0.5, 20, 0.95)


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("smell", {}, "There is no kind 'smell'; there is: text"),
        ("text", {"model": "nobody"}, "There is no model 'nobody'; for text there is: tales."),
        ("text", {"top_p": 2}, "top_p is 2; "),
        ("text", {"warmth": 2}, "There is no knob 'warmth'; "),
    ],
)
def test_a_mistake_is_told_before_anything_is_loaded(fresh, kind, values, sentence):
    with pytest.raises(PlaygroundError) as error:
        fresh.recipe(kind, values)
    assert str(error.value).startswith(sentence)
    assert not fresh.registry.is_loaded("tales")


def test_a_random_seed_is_picked_once_and_is_part_of_the_recipe(fresh):
    recipe = fresh.recipe("text", {"seed": -1, "max_new_tokens": 1})
    *_, done = fresh.generate(recipe)
    assert done.recipe.seed == recipe.seed == done.results[0].seed


def test_the_recipe_of_a_result_names_its_weights(fresh):
    *_, done = fresh.generate(fresh.recipe("text", {"max_new_tokens": 1}))
    assert done.recipe.fingerprint == fresh.registry.manifest("tales", "text").fingerprint


def test_loading_tells_its_progress_first(fresh):
    events = list(fresh.generate(fresh.recipe("text", {"max_new_tokens": 1})))
    kinds = [kind for kind, _ in itertools.groupby(type(event) for event in events)]
    assert kinds[-4:][0] is Started and isinstance(events[-1], Done)
    assert set(kinds[:-4]) <= {Progress}
    assert all(event.message.startswith("Loading the model tales") for event in events if isinstance(event, Progress))


def test_who_leaves_while_it_loads_leaves_a_usable_model_behind(fresh):
    events = fresh.generate(fresh.recipe("text", {"max_new_tokens": 1}))
    next(events)
    events.close()
    assert isinstance(list(fresh.generate(fresh.recipe("text", {"max_new_tokens": 1})))[-1], Done)
    with fresh.registry.use("tales", "text") as loaded:
        assert loaded.users == 1


def test_a_damaged_file_is_told_by_the_loading_thread(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "tales", tmp_path / "tales")
    path = next((tmp_path / "tales").glob("*.safetensors"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    engine = Engine(Registry(tmp_path))
    engine.warm_up("text", "tales").join()
    with pytest.raises(PlaygroundError, match="model.safetensors is damaged"):
        list(engine.generate(engine.recipe("text", {})))


def test_a_model_that_vanished_is_told(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "tales", tmp_path / "tales")
    engine = Engine(Registry(tmp_path))
    recipe = engine.recipe("text", {})
    shutil.rmtree(tmp_path / "tales")
    with pytest.raises(PlaygroundError, match="There is no model 'tales'; for text there is: none."):
        next(engine.generate(recipe))


def test_warming_up_loads(fresh):
    fresh.warm_up("text", "tales").join()
    assert fresh.registry.is_loaded("tales")


def test_warming_up_what_is_not_there_is_quiet(fresh):
    fresh.warm_up("text", "nobody").join()


def test_the_lock_is_free_between_steps(fresh):
    events = fresh.generate(fresh.recipe("text", {"max_new_tokens": 50}))
    token = next(event for event in events if isinstance(event, Token))
    assert token.index == 0
    with fresh.registry.use("tales", "text") as loaded:
        assert loaded.users == 2 and not loaded.lock.locked()
    events.close()
    assert loaded.users == 0


def test_every_kind_has_its_modality():
    for kind in Recipe.kinds:
        module = __import__(f"playground.{kind}.generate", fromlist=["load", "generate"])
        assert callable(module.load) and callable(module.generate)


def test_recipes_run_together_as_they_run_alone(engine):
    recipes = [engine.recipe("text", {"prompt": "Once", "seed": seed, "max_new_tokens": 8}) for seed in (1, 2, 3)]
    done = {index: event for index, event in engine.together(recipes) if isinstance(event, Done)}
    alone = [list(engine.generate(recipe))[-1] for recipe in recipes]
    assert [done[k].results for k in range(3)] == [one.results for one in alone]


def test_the_first_mistake_stops_those_that_run_together(engine):
    good = engine.recipe("text", {"prompt": "Once"})
    with pytest.raises(PlaygroundError, match="nobody"):
        list(engine.together([good, good.model_copy(update={"model": "nobody"})]))
