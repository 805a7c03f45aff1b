"""The history tab: what is kept of runs on the page, and what it answers, to the right browser alone."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

import app
from playground.engine import Engine
from playground.events import Done, ImageResult, Picture, Started, TextResult, Token
from playground.history import NO_KEY, History, is_owner, new_owner
from playground.history_rows import MISSING
from playground.links import from_query, to_record
from playground.recipes import ImageRecipe, Recipe, TextRecipe
from playground.registry import Registry
from playground.settings import Settings
from tabs import history as tab
from tabs._history_wishes import PAGE, answers, differences, settings_of
from tabs._image_view import ImageView
from tabs._keeping import Keeper, keeper_of, owner_of
from tabs._listeners import Maker, finished
from tabs._text_view import TextView

MINE, THEIRS = new_owner(), new_owner()
BASE = "http://127.0.0.1:7860/"
HOSTILE = "<img src=x onerror='window.hacked=1'>${window.hacked=1}{{window.hacked=1}}"
EVERYTHING = {"owner": MINE, "text": "", "kind": "", "starred": False, "page": 0}


@pytest.fixture
def past(tmp_path) -> History:
    history = History(tmp_path / "history")
    yield history
    history.close()


@pytest.fixture
def ask(past, engine):
    return answers(past, engine, set())


class Parts:
    """Two components, as every tab has them."""

    stage, view = "stage", "view"


def maker(history: History) -> Maker:
    with gr.Blocks() as page:
        return Maker(None, {}, Parts(), keeper_of(page, history))


def told(prompt: str = "Once", text: str = " upon a time", ended: str = "end", **knobs) -> Done:
    recipe = TextRecipe.make({"prompt": prompt, "seed": 7, **knobs})
    return Done(recipe, (TextResult(recipe.seed, text, (), ended),), (1, 2), {"tokens_per_second": 9.0})


def token(text: str) -> Token:
    return Token(0, 0, 5, text, text, -0.5, ())


def as_they_come(*events) -> Iterator:
    yield from events


def run_of(done: Done) -> TextView:
    return TextView(done.recipe, BASE, {})


def entries(ask, **wish) -> list[dict]:
    return ask["find"](EVERYTHING | wish)["entries"]


# ---- what is kept ----


def test_a_finished_run_is_kept_for_its_browser_alone(past, ask):
    done = told()
    updates = list(maker(past).follow(run_of(done), as_they_come(Started(done.recipe), done), {}, owner=MINE))
    assert updates[-1]["stage"]["state"] == "done"
    (entry,) = entries(ask)
    assert (entry["kind"], entry["title"], entry["excerpt"]) == ("text", "Once", " upon a time")
    assert entries(ask, owner=THEIRS) == []


@pytest.mark.parametrize("owner", ["", None, 5, "short", {"a": 1}, "../../etc/passwd", "x" * 10_000])
def test_without_a_key_a_run_goes_on_and_nothing_is_kept(past, owner):
    done = told()
    updates = list(maker(past).follow(run_of(done), as_they_come(done), {}, owner=owner))
    assert updates[-1]["stage"]["state"] == "done"
    assert past.usage(MINE).entries == 0


def test_a_stopped_text_is_kept_once_as_far_as_it_came(past, ask):
    done = told()
    run, act = run_of(done), maker(past)
    events = act.follow(run, as_they_come(Started(done.recipe), token(" upon"), token(" a"), done), {}, 0, MINE)
    for _ in range(3):  # begun, started, one token
        next(events)
    act.stop(run)
    act.stop(run)
    list(events)
    (entry,) = entries(ask)
    assert ask["look"]({"owner": MINE, "id": entry["id"]})["texts"] == ["Once upon"]


def test_what_was_stopped_before_the_first_word_is_not_kept(past, ask):
    run, act = run_of(told()), maker(past)
    events = act.follow(run, as_they_come(Started(told().recipe), told()), {}, 0, MINE)
    next(events)
    act.stop(run)
    events.close()
    assert entries(ask) == []


def test_the_whole_pictures_of_a_stopped_run_are_a_result():
    recipe = ImageRecipe.make({"samples": 3, "seed": 5})
    results = [ImageResult(5 + k, Picture(1, 1, bytes(3)), "done") for k in range(2)]
    for whole, samples in (((0, 1), 2), ((1,), None), ((), None)):
        view = ImageView(recipe, BASE, {}, started=Started(recipe), steps={0: (1, 3)})
        view.ended = {k: results[k] for k in whole}
        view._results = lambda done: [{} for _ in done.results]
        view.stop()
        assert (view.partial.recipe.samples if view.partial else None) == samples


def test_where_it_can_not_be_kept_a_sentence_says_so_and_the_run_is_done(past, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", said.append)
    tight = History(past._files.folder.parent, browser_bytes=10)
    done = told()
    updates = list(maker(tight).follow(run_of(done), as_they_come(done), {}, owner=MINE))
    assert updates[-1]["stage"]["state"] == "done"
    assert said[0].startswith("This result is not in the history. ")


def test_what_is_complete_is_found_among_events_of_one_run_and_of_several_lanes():
    done = told()
    assert finished([Started(done.recipe), token(" upon"), done]) == [done]
    assert finished([(0, Started(done.recipe)), (1, done), (0, done)]) == [done, done]
    assert finished([]) == []


def test_a_key_is_kept_and_what_is_none_is_replaced():
    assert owner_of(MINE) == MINE
    for odd in ("", None, 5, [MINE], MINE + "x", "é" * 32):
        assert is_owner(owner_of(odd)) and owner_of(odd) != odd


def test_a_page_has_one_keeper_and_a_tab_by_itself_keeps_nothing(engine, past):
    page = app.build(engine, None, past)
    keys = [block for block in page.blocks.values() if isinstance(block, gr.BrowserState)]
    assert [(key.storage_key, key.secret) for key in keys] == [("playground-history", "playground-history")]
    assert keeper_of(page).history is past
    with gr.Blocks() as alone:
        assert not keeper_of(alone).history.enabled


def test_the_operator_says_where_how_much_and_whether(tmp_path):
    history = app.open_history(Settings(history=tmp_path, history_per_browser=3, history_mb=5))
    assert (history.limits.per_browser, history.limits.total_bytes, history.enabled) == (3, 5 * 2**20, True)
    assert not app.open_history(Settings(history="off")).enabled


# ---- what the tab asks ----


def keep(past: History, *dones: Done, owner: str = MINE) -> list[str]:
    return [past.keep(owner, done).id for done in dones]


def test_results_are_found_by_words_tab_and_star_newest_first(past, ask, done):
    dragon, fox, picture = keep(past, told("A dragon"), told("A fox"), done)
    assert [entry["id"] for entry in entries(ask)] == [picture, fox, dragon]
    assert [entry["id"] for entry in entries(ask, text="DRAG")] == [dragon]
    assert [entry["id"] for entry in entries(ask, kind="image")] == [picture]
    ask["star"]({"owner": MINE, "id": fox, "starred": True})
    assert [entry["id"] for entry in entries(ask, starred=True)] == [fox]
    ask["star"]({"owner": MINE, "id": fox, "starred": False})
    assert entries(ask, starred=True) == []


def test_pages_hold_so_many_and_the_last_one_that_is_left_is_shown(past, ask):
    ids = keep(past, *(told(f"tale {k}") for k in range(PAGE + 1)))
    found = ask["find"](EVERYTHING | {"page": 1})
    assert ([entry["id"] for entry in found["entries"]], found["page"], found["pages"]) == (ids[:1], 1, 2)
    ask["remove"]({"owner": MINE, "id": ids[0]})
    found = ask["find"](EVERYTHING | {"page": 1})
    assert (len(found["entries"]), found["page"], found["pages"]) == (PAGE, 0, 1)


def test_an_entry_comes_whole_with_its_file_its_settings_and_the_way_back(past, ask, done):
    (id,) = keep(past, done)
    whole = ask["look"]({"owner": MINE, "id": id})
    assert whole["files"][0]["content"].startswith("data:image/png;base64,")
    assert ["Seed", str(done.recipe.seed)] in whole["settings"]
    link = from_query(whole["query"])
    assert link.values["seed"] == done.recipe.seed and link.check and not link.run
    json.dumps(whole)


def test_a_stopped_one_has_no_checksum_and_what_no_link_holds_is_told(past, ask):
    stopped = Done(told().recipe, (TextResult(7, " upon", (), "stopped"),))
    (id,) = keep(past, stopped)
    assert not from_query(ask["look"]({"owner": MINE, "id": id})["query"]).check
    later = {"recipe": {"v": 99, "kind": "music", "tune": "la"}, "result": {"text": "la"}, "stats": {}}
    entry = past.add(MINE, later)
    whole = ask["look"]({"owner": MINE, "id": entry.id})
    assert whole["query"] == "" and whole["no_query"].endswith(".")
    assert whole["settings"] == [["Tune", "la"]]


def test_two_are_compared_by_what_differs(past, ask):
    one, two = keep(past, told("A dragon", temperature=0.5), told("A fox", temperature=1.5))
    found = ask["compare"]({"owner": MINE, "first": one, "second": two})
    rows = {label: values for label, *values in found["differences"]}
    assert rows["Temperature"] == ["0.5", "1.5"] and rows["Prompt"] == ["A dragon", "A fox"] and "Seed" not in rows
    assert [side["id"] for side in found["sides"]] == [one, two]


def test_two_of_different_tabs_have_differences_too():
    rows = {label: values for label, *values in differences(to_record(TextRecipe()), to_record(ImageRecipe()))}
    assert rows["Tab"] == ["Text", "Image"] and "—" in rows["Temperature"]
    assert differences(to_record(TextRecipe()), to_record(TextRecipe())) == []


def test_settings_are_those_off_their_defaults():
    labels = [label for label, _ in settings_of(to_record(TextRecipe(prompt="x" * 900)))]
    assert set(labels) == {"Model", "Prompt", "Seed"}
    assert max(len(value) for _, value in settings_of(to_record(TextRecipe(prompt="x" * 900)))) == 300


def test_one_or_all_are_deleted(past, ask):
    one, *_ = keep(past, told(), told("Two"), told("Three"))
    keep(past, told(), owner=THEIRS)
    assert ask["remove"]({"owner": MINE, "id": one}) == {}
    assert ask["clear"]({"owner": MINE}) == {"deleted": 2}
    assert entries(ask) == [] and len(entries(ask, owner=THEIRS)) == 1


def test_what_is_found_comes_as_a_zip_from_gradios_own_folder(past, engine, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    keep(past, told("A dragon"), told("A fox"))
    made = set()
    found = answers(past, engine, made)["pack"](EVERYTHING | {"text": "fox"})
    path = Path(found["path"])
    assert path.is_relative_to(tmp_path / "cache") and made == {str(path)}
    index = json.loads(zipfile.ZipFile(io.BytesIO(path.read_bytes())).read("index.json"))
    assert [row["title"] for row in index] == ["A fox"]


@pytest.mark.parametrize("name", ["look", "star", "remove"])
def test_what_is_anothers_is_told_as_what_is_nowhere(past, ask, name):
    (id,) = keep(past, told(), owner=THEIRS)
    for wish in (id, "0" * 32, "", "../../etc/passwd", "' OR 1=1 --"):
        assert ask[name]({"owner": MINE, "id": wish}) == {"problem": MISSING}
    assert len(entries(ask, owner=THEIRS)) == 1


NO_WISH = [None, 5, [], "owner", {}, {"owner": 5}, {"owner": MINE}]
NO_KEYS = ["", "x", HOSTILE, MINE[:-1], None, 5, [MINE]]
WHOLE = EVERYTHING | {"id": "0" * 32, "first": "0" * 32, "second": "0" * 32}
NO_VALUES = [{"text": 5, "page": True, "id": [], "first": {}}, {"kind": None, "page": -1, "id": 5, "first": None}]
NAMES = ["find", "look", "compare", "star", "remove", "pack"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "wish", [*NO_WISH, *(WHOLE | {"owner": key} for key in NO_KEYS), *(WHOLE | values for values in NO_VALUES)]
)
def test_whatever_a_page_sends_is_answered_with_a_sentence(ask, name, wish):
    assert ask[name](wish)["problem"].endswith(".")


def test_no_key_finds_nothing(ask):
    assert ask["clear"]({"owner": "x"}) == {"problem": NO_KEY}


def test_where_it_is_off_the_page_is_told_and_nothing_fails(engine):
    ask = answers(History(None), engine, set())
    found = ask["find"](EVERYTHING)
    assert (found["entries"], found["usage"], len(found["notices"])) == ([], "", 1)
    assert ask["pack"](EVERYTHING)["problem"].endswith(".")


def test_scripts_write_no_html_and_the_template_runs_no_data():
    assert not any(mark in tab.SCRIPT for mark in ("innerHTML", "insertAdjacentHTML", "outerHTML", "eval(", "write("))
    assert not any(mark in tab.STAGE for mark in ("{{", "${", "`"))


def test_every_kind_of_recipe_can_be_filtered_by():
    assert all(f'value="{kind}"' in tab.STAGE for kind in Recipe.kinds)


def test_hostile_texts_are_data(past, ask):
    (id,) = keep(past, told(HOSTILE, HOSTILE))
    whole = ask["look"]({"owner": MINE, "id": id})
    assert whole["texts"] == [HOSTILE * 2]


def test_keepers_without_history_keep_nothing():
    with gr.Blocks():
        assert Keeper(History(None), gr.BrowserState("")).keep(MINE, [told()]) == ""


def test_an_entry_of_a_model_that_is_gone_is_still_shown(past, tmp_path):
    (id,) = keep(past, told())
    ask = answers(past, Engine(Registry(tmp_path)), set())
    assert ask["look"]({"owner": MINE, "id": id})["query"]
