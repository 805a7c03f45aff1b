"""Greedy, balanced and hot, side by side, without a server: the same texts as alone, and what the page is sent."""

import json
import threading
import time
from itertools import islice
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.events import Done, TextResult, Token
from playground.links import from_link
from playground.spread import first_sentence
from tabs import _compare, text
from tabs._compare_view import COLUMNS, SEEDS, SENTENCE, CompareView, Sentence
from tabs._updates import WINDOW

TABS = Path(text.__file__).parent
GIVEN = {"prompt": "Once upon a time", "seed": 7, "style": "Grimm", "max_new_tokens": 16}


def recipes_of(engine, **given):
    act = _compare.Listeners(engine, None, None, text.PRESETS, text.SAMPLERS)
    return act.recipes(GIVEN | given)


def alone(engine, recipe) -> TextResult:
    return next(event for event in engine.generate(recipe) if isinstance(event, Done)).results[0]


def chunks(view) -> list[dict]:
    return [json.loads(chunk) for chunk in view.chunks]


def rows(view) -> dict[int, dict]:
    """The last state of each row."""
    return {row["column"]: row for chunk in chunks(view) for row in chunk["rows"]}


def results(view) -> dict[int, dict]:
    return {result["column"]: result for chunk in chunks(view) for result in chunk["results"]}


@pytest.fixture(scope="module")
def told(engine):
    """The steps of a whole comparison, and its view, which was sent them three at a time."""
    recipes = recipes_of(engine)
    steps, view, sizes = list(_compare.steps(engine, recipes)), CompareView(list(recipes), "http://x/", {}), []
    for first in range(0, len(steps), 3):
        view.add(steps[first : first + 3])
        sizes.append(len(view.value()["chunks"]))
    view.end("done")
    return recipes, steps, view, sizes


def test_columns_differ_in_their_preset_alone(engine):
    made = recipes_of(engine, temperature=0.3, min_p=0.5, samples=4, forced="5 6")
    greedy, balanced, hot = made
    assert greedy.temperature == 0
    assert balanced == engine.recipe("text", GIVEN)
    assert (hot.temperature, hot.top_k, hot.top_p) == (1.5, 0, 1)
    kept = [recipe.model_dump(exclude=set(text.SAMPLERS)) for recipe in made]
    assert kept[0] == kept[1] == kept[2]
    assert {column.preset for column in COLUMNS} <= set(text.PRESETS)


def test_a_random_seed_is_picked_once(engine):
    assert len({recipe.seed for recipe in recipes_of(engine, seed=-1)}) == 1


def test_a_mistake_is_told(engine):
    with pytest.raises(PlaygroundError, match="seed is 1.5"):
        recipes_of(engine, seed=1.5)


def test_each_column_is_what_its_recipe_tells_alone(engine, told):
    recipes, steps, view, _ = told
    shown = ["".join(text for chunk in chunks(view) for k, text, _ in chunk["tokens"] if k == i) for i in range(3)]
    assert shown == [alone(engine, recipe).text for recipe in recipes]
    assert shown == ["".join(e.shown for k, e in steps if k == i and isinstance(e, Token)) for i in range(3)]


def test_the_seeds_tell_the_first_sentences_that_they_tell_alone(engine, told):
    recipes, steps, view, _ = told
    for column in (1, 2):
        short = recipes[column].model_copy(update={"max_new_tokens": SENTENCE})
        whole = [alone(engine, short.with_seed(7 + k)).text for k in range(SEEDS)]
        found = [event.text for k, event in steps if k == column and isinstance(event, Sentence)]
        assert found == [first_sentence(each, over=True) for each in whole]
        row = rows(view)[column]
        assert len(row["groups"]) == len(set(found))
        assert sorted(seed for group in row["groups"] for seed in group["seeds"]) == list(range(7, 7 + SEEDS))


def test_without_dice_one_run_stands_for_ten(told):
    _, steps, view, _ = told
    assert not any(k == 0 and isinstance(event, Sentence) for k, event in steps)
    row = rows(view)[0]
    assert (row["told"], row["apart"], row["dice"], len(row["groups"])) == (SEEDS, 0, False, 1)


def test_links_make_the_columns_again(engine, told):
    recipes, _, view, _ = told
    for column, result in results(view).items():
        link = from_link(result["link"])
        assert link.check
        again = engine.recipe("text", link.values)
        assert alone(engine, again).text == alone(engine, recipes[column]).text


def test_an_update_on_the_way_is_small_and_the_last_one_whole(told):
    _, _, view, sizes = told
    assert max(sizes) <= WINDOW < len(view.chunks)
    assert len(view.value()["chunks"]) == len(view.chunks)


def test_stop_makes_results_of_what_is_there(engine, told):
    recipes, steps, _, _ = told
    view = CompareView(list(recipes), "http://x/", {})
    view.add([step for step in steps if not isinstance(step[1], Done)][:12])
    view.end("stopped", "Stopped.")
    view.add(steps)
    assert view.value()["state"] == "stopped"
    for column, result in results(view).items():
        link = from_link(result["link"])
        assert link.values["max_new_tokens"] == len(view.told[column]) < 16
        text = "".join(token.shown for token in view.told[column])
        assert alone(engine, engine.recipe("text", link.values)).text.startswith(text)


def test_closing_it_stops_all_runs(engine):
    before = set(threading.enumerate())
    steps = _compare.steps(engine, recipes_of(engine, max_new_tokens=512))
    assert len(list(islice(steps, 5))) == 5
    steps.close()
    until = time.monotonic() + 30
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.05)
    assert not set(threading.enumerate()) - before


def test_the_stage_runs_no_data():
    template, script = (TABS / "_compare.html").read_text(), (TABS / "_compare.js").read_text()
    assert not any(mark in template for mark in ("{{", "${", "`"))
    assert not any(mark in script for mark in ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "document.w"))
