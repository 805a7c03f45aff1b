"""Benchmarks run and count right; how fast anything is, no test says."""

import json

import pytest

from bench import text
from playground.recipes import TextRecipe
from playground.registry import Registry


@pytest.fixture(scope="module")
def figures(checkpoints):
    return text.run(checkpoints, repeats=2, tokens=6, streams=(1, 2), starts=1)


def test_every_runner_is_measured_at_every_setting(figures):
    rows = {(row["setting"], row["streams"], row["runner"]) for row in figures["rows"]}
    assert rows == {(s, n, r) for s in text.SETTINGS for n in (1, 2) for r in text.RUNNERS}
    assert all(row["ratio"] == 1 for row in figures["rows"] if row["runner"] == "transformers")
    assert all(row["tokens_per_second"] > 0 and len(row["speeds"]) == 2 for row in figures["rows"])


def test_the_figures_are_json_and_a_table(figures):
    assert json.loads(json.dumps(figures)) == figures
    assert figures["markdown"].startswith("| text | streams | tokens/s |")
    assert figures["fingerprint"] in figures["markdown"]
    assert set(figures["start"]) == {"import_s", "load_s", "first_text_s", "rss_mib"}


def test_both_runners_tell_as_many_tokens(checkpoints):
    with Registry(checkpoints).use("tales", "text") as loaded:
        for streams in (1, 3):
            recipe = TextRecipe(prompt="Once", temperature=0, max_new_tokens=9, samples=streams)
            found = {name: runner(loaded.model, recipe) for name, runner in text.RUNNERS.items()}
            assert {run.tokens for run in found.values()} == {9 * streams}
            assert all(0 < run.first_token_s <= run.seconds for run in found.values())
