"""The benchmark of the app runs, counts right and sees what is wrong; how fast anything is, no test says."""

import base64
import io
import json
import urllib.request

import pytest
from PIL import Image

from bench import _crowd, app
from bench._alone import SHOWN, Alone
from bench._visitor import Answer, Leave, Page, Visitor, _take, in_a_loop
from playground.__main__ import main
from playground.engine import Engine
from playground.events import Done
from playground.history import History, new_owner
from playground.registry import Registry, read_entry, write_manifest
from tabs._image_view import ImageView
from tabs._latent_view import LatentView
from tabs._text_view import TextView
from tests.conftest import write_tiny_model
from tests.image import tiny as scenes
from tests.latent import tiny as faces

SMALL = {"steps": 2, "size": 64}
ASKED = {
    "text": {"prompt": "Once", "max_new_tokens": 6},
    "image": {"prompt": "a cat"},
    "latent": {"frames": 3},
}
BASE = "http://127.0.0.1/"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Tiny models under the names of the shipped ones."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_model(root / "tales")
    scenes.make_checkpoint(root / "scenes")
    faces.make_checkpoint(root / "faces-vae")
    made = read_entry(root / "scenes").manifest
    about = {name: getattr(made, name) for name in ("summary", "licence", "parameters", "details")}
    write_manifest(root / "scenes", "image", **about, defaults=SMALL)
    return root


@pytest.fixture(scope="module")
def figures(models):
    return app.run(starts=1, seconds=5, people=2, checkpoints=models, left_s=0, opened=1)


@pytest.fixture(scope="module")
def engine(models):
    return Engine(Registry(models))


def shown_by(engine, kind: str, seed: int) -> dict:
    """What the tab's stage shows when a run is over."""
    recipe = engine.recipe(kind, ASKED[kind] | {"seed": seed})
    events = list(engine.generate(recipe))
    if kind == "latent":
        view, events = LatentView([recipe], BASE, [{}]), [(0, event) for event in events]
    else:
        view = (TextView if kind == "text" else ImageView)(recipe, BASE, {})
    view.add(events)
    return json.loads(json.dumps(view.value()))


def verdict(alone, kind: str, shown, seed: int = 1, outcome: str = "done") -> str:
    answer = Answer(kind, ASKED[kind] | {"seed": seed}, "", outcome, shown=shown)
    alone.judge([answer])
    return answer.outcome


def test_every_press_is_counted_and_nothing_is_wrong(figures):
    crowd = figures["crowd"]
    for who in ("one", "crowd"):
        counted = crowd[who]
        assert sum(counted[outcome] for outcome in _crowd.OUTCOMES) == counted["asked"] > 0
        assert not any(counted[outcome] for outcome in (*_crowd.BAD, "refused")), crowd["sentences"]
    assert crowd["one"]["done"] == crowd["one"]["asked"]
    assert crowd["history"]["kept"] > 0 == crowd["history"]["missing"] == crowd["history"]["foreign"]


def test_the_figures_are_json_and_tables(figures):
    assert json.loads(json.dumps(figures)) == figures
    assert figures["markdown"].startswith("| the app | median of 1 starts |")
    assert "| seconds to the whole result | one person | p95 | 2 people | p95 | first sight |" in figures["markdown"]
    assert "| mixed up results | 0 | 0 | yes |" in figures["markdown"]
    assert all(seconds > 0 for seconds in figures["opened_s"])
    assert ("the whole first page in Chromium" in figures["markdown"]) == bool(figures["opened_s"])
    for usage in (figures["crowd"]["before"], figures["crowd"]["after"]):
        assert usage["rss_mb"] > 100 and usage["threads"] >= 1 and usage["handles"] > 3 and usage["files"] >= 0


@pytest.mark.parametrize("kind", ASKED)
def test_what_the_page_shows_is_held_to_the_recipe_alone(engine, kind):
    alone = Alone(engine)
    first, second = (shown_by(engine, kind, seed) for seed in (1, 2))
    assert verdict(alone, kind, first) == "done"
    assert verdict(alone, kind, second) == "mixed up"
    assert verdict(alone, kind, spoilt(kind, first)) == "wrong"
    assert verdict(alone, kind, first | {"chunks": {}, "results": []}) == "wrong"
    assert verdict(alone, kind, None) == "wrong"


def spoilt(kind: str, shown: dict) -> dict:
    """The same with one letter or one pixel changed."""
    shown = json.loads(json.dumps(shown))
    if kind == "image":
        result = shown["results"][0]
        result["picture"] = spoilt_picture(result["picture"])
        return shown
    last = max(shown["chunks"], key=int)
    chunk = json.loads(shown["chunks"][last])
    if kind == "text":
        document = json.loads(chunk["results"][0]["document"])
        document["result"]["text"] += "."
        chunk["results"][0]["document"] = json.dumps(document)
    else:
        chunk[-1][2] = spoilt_picture(chunk[-1][2])
    return shown | {"chunks": shown["chunks"] | {last: json.dumps(chunk)}}


def spoilt_picture(url: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    red, green, blue = image.getpixel((0, 0))
    image.putpixel((0, 0), (red ^ 1, green, blue))
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_content_of_another_under_the_right_recipe_is_mixed_up(engine):
    alone = Alone(engine)
    first, second = (shown_by(engine, "image", seed) for seed in (1, 2))
    assert verdict(alone, "image", second, seed=2) == "done"
    assert verdict(alone, "image", first | {"results": second["results"]}) == "mixed up"


def test_a_stopped_text_has_to_be_a_beginning(engine):
    alone = Alone(engine)
    first, second = (shown_by(engine, "text", seed) for seed in (1, 2))
    assert verdict(alone, "text", first, outcome="cancelled") == "cancelled"
    assert verdict(alone, "text", None, outcome="cancelled") == "cancelled"
    assert verdict(alone, "text", second, outcome="cancelled") == "wrong"


def test_a_history_that_lacks_or_holds_something_foreign_is_told(engine, tmp_path):
    history, alone, mine, other = History(tmp_path), Alone(engine), new_owner(), new_owner()
    done = [list(engine.generate(engine.recipe("text", ASKED["text"] | {"seed": seed})))[-1] for seed in (1, 2)]
    assert all(isinstance(one, Done) for one in done)
    history.keep(mine, done[0])
    answers = [Answer("text", ASKED["text"] | {"seed": 1}, mine, "done")]
    assert alone.judge_history(history, answers) == {"kept": 1, "missing": 0, "foreign": 0}
    history.keep(mine, done[1])
    answers += [Answer("text", ASKED["text"] | {"seed": 2}, other, "done")]
    assert alone.judge_history(history, answers) == {"kept": 2, "missing": 1, "foreign": 1}


def test_whoever_stops_or_leaves_can_ask_again(site):
    with urllib.request.urlopen(f"{site}config") as answered:
        page = Page(json.load(answered))
    long = {"model": "unending", "prompt": "Once", "samples": 4, "max_new_tokens": 512}

    async def visits():
        tab, found = page.tab("text"), []
        async with Visitor(site, page, new_owner(), "198.18.0.1") as visitor:
            for after in (0, 3):
                found.append(await visitor.ask(tab, long | {"seed": after}, Leave("cancelled", after)))
            found.append(await visitor.ask(tab, ASKED["text"]))
            found.append(await visitor.ask(tab, long, Leave("vanished", 2)))
        async with Visitor(site, page, new_owner(), "198.18.0.1") as visitor:
            found.append(await visitor.ask(tab, ASKED["text"]))
        return found

    found = in_a_loop(visits())
    said = [answer.sentence for answer in found]
    assert [answer.outcome for answer in found] == ["cancelled", "cancelled", "done", "vanished", "done"], said
    assert found[1].shown["state"] == "stopped"
    assert SHOWN["text"](found[2].shown) == SHOWN["text"](found[4].shown)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ({"success": True, "output": {"data": [{"state": "done"}]}}, "done"),
        ({"success": True, "output": {}}, "lost"),
        ({"success": False, "output": {"error": "The line is full."}}, "refused"),
        ({"success": False, "output": {"error": None}}, "error"),
    ],
)
def test_how_a_run_ended_is_told_apart(message, outcome):
    answer = Answer("text", {}, "")
    _take(message, answer)
    assert answer.outcome == outcome


def test_a_result_that_came_too_late_counts_for_no_speed():
    answers = [Answer("text", {}, "", "done", at=at, seconds=2.0, first=1.0) for at in (102.0, 104.0, 111.0)]
    found = _crowd.figures(answers, 5)
    assert found["done"] == 3 and found["per_second"] == 2 / 5
    assert found["kinds"]["text"]["seconds"]["p50"] == 2.0 and found["kinds"]["image"] == {"done": 0}


def test_bars_are_held_to_what_was_measured():
    good = dict.fromkeys(_crowd.BAD, 0)
    found = {
        "crowd": good,
        "one": good,
        "again": good,
        "history": {"missing": 1, "foreign": 0},
        "growth_mb": 50.0,
        "rest": 0.01,
    }
    met = {bar["what"]: bar["met"] for bar in _crowd._judge(found)}
    assert [what for what, reached in met.items() if not reached] == [
        "lost results",
        "memory that the crowd leaves behind",
    ]


def test_a_benchmark_without_people_says_so(capsys):
    assert main(["bench", "text", "--people", "2"]) == 2
    assert capsys.readouterr().err == "The benchmark text takes no --people.\n"
