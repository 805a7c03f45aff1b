"""Grids: axes as people write them, cells as single runs, pace, and what is saved."""

import csv
import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Event, Picture
from playground.grid import MAX_CELLS, Asked, Filled, filled, knobs, plan, run, texts
from playground.grid_picture import KEY, LARGEST_AREA, sheet, to_png
from playground.grid_tables import to_csv, to_markdown
from playground.grid_values import MAX_TEXT, numbers
from playground.grid_values import texts as listed
from playground.pace import Pace, work
from playground.recipes import ImageRecipe, LatentRecipe, Recipe, TextRecipe, limits
from playground.registry import Registry
from tests.conftest import write_tiny_model
from tests.image.tiny import ASKED
from tests.image.tiny import make_checkpoint as make_painter
from tests.latent.tiny import JOURNEY
from tests.latent.tiny import make_checkpoint as make_guide

HOSTILE = "<img src=x onerror=alert(1)>|${7*7}{{7*7}}"
BASES = {
    "text": {"prompt": "Once upon a time", "seed": 7, "max_new_tokens": 8},
    "image": ASKED,
    "latent": JOURNEY,
}
AXES = {
    "text": (Asked("temperature", "0, 0.7"), Asked("prompt", "time, castle, a dragon", words=True)),
    "image": (Asked("guidance_scale", "1-3:2"), Asked("prompt", "cat, dog", words=True)),
    "latent": (Asked("seed", "7-8"), Asked("interpolation", "slerp, lerp")),
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Engine:
    """An engine over a tiny model of every kind, named as the recipes' defaults are, and a second one of texts."""
    root = tmp_path_factory.mktemp("everything")
    write_tiny_model(root / "tales")
    write_tiny_model(root / "others", seed=1)
    make_painter(root / "scenes")
    make_guide(root / "faces-vae")
    return Engine(Registry(root))


def made(engine: Engine, grid) -> dict[int, Filled]:
    return {index: event for index, event in run(engine, grid) if isinstance(event, Filled)}


def told(engine: Engine, *asked, kind: str = "text", **base) -> str:
    with pytest.raises(PlaygroundError) as error:
        plan(engine, kind, BASES[kind] | base, *asked)
    return str(error.value)


# ---- values ----


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a, b,c", ["a", "b", "c"]),
        ('"a, b", c', ["a, b", "c"]),
        ('"say ""hi""",  ', None),
        ('"say ""hi"""', ['say "hi"']),
        ('"", Grimm', ["", "Grimm"]),
        ("a\nb\n\nc\n", ["a", "b", "c"]),
        (" a red car ,é “x”", ["a red car", "é “x”"]),
        ("1-5", ["1-5"]),
        ("", None),
        (" , ", None),
        ("a,,b", None),
        ("a,", None),
        ('"a, b', None),
        ('a "b" c', None),
        ('"a" b', None),
        ("x" * (MAX_TEXT + 1), None),
        (" " * 19_000 + '"', None),
    ],
)
def test_lists_with_commas_and_quotes(text, values):
    if values is None:
        with pytest.raises(PlaygroundError):
            listed(text)
    else:
        assert listed(text) == values


@pytest.mark.parametrize(
    ("knob", "text", "values"),
    [
        ("seed", "1-5", [1, 2, 3, 4, 5]),
        ("seed", "5-3", [5, 4, 3]),
        ("seed", "1 - 3, 9", [1, 2, 3, "9"]),
        ("temperature", "0.2-1.0:5", [0.2, 0.4, 0.6, 0.8, 1.0]),
        ("temperature", "0.2–1:3, 2", [0.2, 0.6, 1.0, "2"]),
        ("temperature", "0-1:4", [0, 0.33, 0.67, 1]),
        ("top_k", "10-50:3", [10, 30, 50]),
        ("temperature", "abc", ["abc"]),
        ("temperature", '"1-2"', ["1-2"]),
    ],
)
def test_ranges_of_numbers(knob, text, values):
    assert numbers(text, TextRecipe.model_fields[knob], MAX_CELLS) == values


@pytest.mark.parametrize(
    ("knob", "text", "sentence"),
    [
        ("temperature", "0.2-1", "write 0.2-1:5 for five"),
        ("temperature", "0-3:4", "a number from 0 to 2"),
        ("temperature", "0-0.02:9", "in steps of 0.01"),
        ("temperature", "0-1:1", "from 2 to 100"),
        ("temperature", "0-1:0", "from 2 to 100"),
        ("seed", "0-2147483647", "2,147,483,648 values"),
        ("seed", "3-3", "from 2 to 100"),
        ("samples", "1-9", "a whole number from 1 to 8"),
        ("seed", "0-1:999999999", "from 2 to 100"),
    ],
)
def test_a_range_that_is_none_is_told(knob, text, sentence):
    with pytest.raises(PlaygroundError, match=sentence):
        numbers(text, TextRecipe.model_fields[knob], MAX_CELLS)


# ---- plans ----


@pytest.mark.parametrize("kind", BASES)
def test_cells_are_the_recipes_that_the_engine_makes(everything, kind):
    grid = plan(everything, kind, BASES[kind], *AXES[kind])
    assert len(grid.cells) == grid.columns * grid.rows
    assert [(cell.column, cell.row) for cell in grid.cells[:3]] == [(0, 0), (1, 0), (0, 1)]
    for cell in grid.cells:
        assert cell.recipe == everything.recipe(kind, cell.recipe.model_dump())
        assert getattr(cell.recipe, grid.across.knob) == grid.across.values[cell.column]
    assert grid.cells[0].recipe.model_copy(update={grid.across.knob: 0}) == grid.base.model_copy(
        update={grid.across.knob: 0}
    )


def test_every_knob_of_every_kind_can_be_an_axis(everything):
    own = {"model": "", "forced": "1 2, 3", "size": "64, 128", "scheduler": "ddim, euler", "layout": "path, grid"}
    own |= {"details": "seed, noise", "interpolation": "slerp, lerp", "easing": "in, out", "loop": "once, back"}
    for kind, recipe in Recipe.kinds.items():
        for name in knobs(kind):
            rules = limits(recipe.model_fields[name])
            usual = f"{rules['ge']}, {rules['le']}" if "le" in rules else "a, b"
            values = own.get(name, usual) or recipe().model
            grid = plan(everything, kind, BASES[kind], Asked(name, values))
            assert grid.columns == len(values.split(",")), (kind, name)
            assert [getattr(cell.recipe, name) for cell in grid.cells] == list(grid.across.values)


def test_words_are_searched_for_and_replaced(everything):
    base = {"prompt": "a cat and a cat on a beach"}
    grid = plan(
        everything, "image", base, Asked("prompt", "cat, dog", words=True), Asked("prompt", "beach, cat", words=True)
    )
    assert [cell.recipe.prompt for cell in grid.cells] == [
        "a cat and a cat on a beach",
        "a dog and a dog on a beach",
        "a cat and a cat on a cat",
        "a dog and a dog on a cat",  # what took the place of a word is not replaced again
    ]
    grid = plan(everything, "latent", {"edits": "smile=0, age=0"}, Asked("edits", "smile=0, smile=1.5", words=True))
    assert grid.across.title == "“smile=0” in the edits"
    assert [cell.recipe.edits for cell in grid.cells] == ["smile=0, age=0", "smile=1.5, age=0"]


def test_a_random_seed_is_picked_once(everything):
    grid = plan(everything, "text", {"seed": -1}, Asked("temperature", "0, 1"))
    assert {cell.recipe.seed for cell in grid.cells} == {grid.base.seed}


def test_another_model_brings_its_own_defaults(tmp_path):
    write_tiny_model(tmp_path / "tales")
    manifest = json.loads((write_tiny_model(tmp_path / "hot", seed=2) / "playground.json").read_text())
    (tmp_path / "hot" / "playground.json").write_text(json.dumps(manifest | {"defaults": {"temperature": 1.5}}))
    grid = plan(Engine(Registry(tmp_path)), "text", {"seed": 3, "fingerprint": "ab"}, Asked("model", "tales, hot"))
    assert [cell.recipe.temperature for cell in grid.cells] == [0.8, 1.5]
    assert {cell.recipe.fingerprint for cell in grid.cells} == {""}


def test_mistakes_are_sentences_that_name_axis_value_and_what_is_allowed(everything):
    cold = Asked("temperature", "0.2, 9")
    assert told(everything, cold) == (
        "Across, temperature: temperature is '9'; a number from 0 to 2 in steps of 0.01 is allowed."
    )
    assert told(everything, Asked("seed", "1-3"), cold).startswith("Down, temperature: ")
    assert "there is no knob 'heat'; there is: model, seed" in told(everything, Asked("heat", "1"))
    assert "there is no knob 'fingerprint'" in told(everything, Asked("fingerprint", "a"))
    assert "varied across already" in told(everything, Asked("seed", "1-3"), Asked("seed", "4-5"))
    assert "'castle', the first value, is looked for, and the prompt does not hold it" in told(
        everything, Asked("prompt", "castle, hut", words=True)
    )
    assert "is looked for across already" in told(
        everything, Asked("prompt", "time, hut", words=True), Asked("prompt", "time, inn", words=True)
    )
    assert "can't be empty" in told(everything, Asked("prompt", '"", hut', words=True))
    assert "only texts have words: prompt, style" in told(everything, Asked("seed", "1", words=True))
    assert "0.5 stands twice" in told(everything, Asked("temperature", "0.5, 0.50"))
    assert "There is no model 'nobody'" in told(everything, Asked("model", "tales, nobody"))
    assert "11 × 10 = 110 cells; at most 100" in told(everything, Asked("seed", "0-10"), Asked("top_k", "1-10"))
    assert "101 values are too many" in told(everything, Asked("seed", ",".join(map(str, range(101)))))
    assert "one of slerp, lerp is allowed" in told(everything, Asked("interpolation", "round"), kind="latent")
    long = f"time, {'x' * 199}"
    assert "at most 200 are allowed" in told(everything, Asked("title", long, words=True), title="time time")
    with pytest.raises(PlaygroundError, match="There is no kind 'music'"):
        plan(everything, "music", {}, cold)
    assert "model" not in texts("text")


# ---- runs ----


@pytest.mark.parametrize("kind", BASES)
def test_each_cell_equals_the_single_run_bit_by_bit(everything, kind):
    grid = plan(everything, kind, BASES[kind], *AXES[kind])
    cells = made(everything, grid)
    assert len(cells) == len(grid.cells)
    for index, cell in enumerate(grid.cells):
        alone = everything.recipe(kind, cell.recipe.model_dump())
        done = [event for event in everything.generate(alone) if isinstance(event, Done)][-1]
        assert replace(cells[index], seconds=0) == replace(filled(done), seconds=0)
        assert cells[index].look, "something is there to be compared"
    assert len({cell.look for cell in cells.values()}) > 1


def test_closing_a_run_ends_it_and_a_refused_cell_does_not(everything):
    grid = plan(everything, "latent", BASES["latent"], Asked("a", "preset:cat, nonsense, seed:3"))
    cells = made(everything, grid)
    assert [bool(cell.problem) for cell in cells.values()] == [False, True, False]
    assert "nonsense" in cells[1].problem
    events = run(everything, grid)
    next(events)
    events.close()
    with everything.registry.use("faces-vae", "latent") as loaded:
        assert loaded.users == 1, "nobody else holds the model"


def test_several_samples_are_shown_together(everything):
    asked = Asked("samples", "1, 2")
    one, two = made(everything, plan(everything, "text", BASES["text"], asked)).values()
    assert two.look.startswith(f"{one.look}\n")
    one, two = made(everything, plan(everything, "image", BASES["image"], asked)).values()
    assert two.look[0] == one.look[0] and len(two.look) == 2


def test_a_journey_that_leads_nowhere_is_one_picture(everything):
    base = {"a": "seed:7", "b": "seed:7", "frames": 2}
    still, far = made(everything, plan(everything, "latent", base, Asked("b", "seed:7, seed:8"))).values()
    assert (len(still.look), len(far.look)) == (1, 2)


# ---- pace ----


def test_the_time_is_unknown_until_it_is_measured_and_then_scales():
    pace, short = Pace(), ImageRecipe(steps=9, guidance_scale=1)
    assert pace.seconds([short]) is None
    pace.add(short, 2.0)
    assert pace.seconds([short, short]) == pytest.approx(4)
    assert pace.seconds([short.model_copy(update={"steps": 19, "samples": 2})]) == pytest.approx(8)
    assert pace.seconds([short, short.model_copy(update={"model": "other"})]) is None
    assert pace.seconds([TextRecipe()]) is None
    pace.add(short, 0)
    for _ in range(50):
        pace.add(short, 1.0)
    assert pace.seconds([short]) == pytest.approx(1), "what was long ago counts no more"


def test_what_asks_for_more_is_more_work():
    for recipe, more in [
        (TextRecipe(), {"max_new_tokens": 300}),
        (TextRecipe(max_new_tokens=0), {"samples": 2}),
        (ImageRecipe(), {"size": 256}),
        (ImageRecipe(), {"steps": 50}),
        (LatentRecipe(), {"frames": 50}),
        (LatentRecipe(layout="grid"), {"side": 8}),
    ]:
        assert 0 < work(recipe) < work(recipe.model_copy(update=more))
    started = ImageRecipe(start="data:", strength=0)
    assert 0 < work(started) < work(ImageRecipe())


def test_an_engine_measures_whatever_it_runs(everything):
    grid = plan(everything, "text", BASES["text"], AXES["text"][0])
    made(everything, grid)
    assert everything.pace.seconds(grid.recipes) > 0


# ---- exports ----


def a_grid(engine, kind="text", **base):
    return plan(engine, kind, BASES[kind] | base, Asked("title", f'"{HOSTILE}", "=1+1"'), Asked("temperature", "0, 1"))


def test_tables_hold_everything_and_nothing_of_it_is_live(everything):
    grid = a_grid(everything)
    long = f"{HOSTILE}\nsecond line " + "word " * 200
    cells = {0: Filled(grid.cells[0].recipe, long, check="ab"), 3: Filled(grid.cells[3].recipe, problem="It | broke.")}
    rows = list(csv.DictReader(io.StringIO(to_csv(grid, cells, lambda cell: "http://x/?tab=text"), newline="")))
    assert [row["title"] for row in rows] == [HOSTILE, "'=1+1"]
    assert (rows[0]["result"], rows[0]["temperature"], rows[1]["problem"]) == (long, "0.0", "It | broke.")
    table = to_markdown(grid, cells, lambda cell: "http://x/?tab=text")
    assert "<img" not in table and "&lt;img" in table and "word word" in table
    lines = table.splitlines()
    assert len(lines) == 4
    assert all(len([c for i, c in enumerate(line) if c == "|" and line[i - 1] != "\\"]) == 4 for line in lines)


def test_a_table_of_pictures_tells_their_checksums(everything):
    grid = plan(everything, "image", BASES["image"], Asked("seed", "1-2"))
    cells = made(everything, grid)
    rows = list(csv.DictReader(io.StringIO(to_csv(grid, cells, lambda cell: ""), newline="")))
    assert len({row["result"] for row in rows}) == 2 and all(len(row["result"]) == 64 for row in rows)
    assert "seed 1 | seed 2" in to_markdown(grid, cells, lambda cell: "")


@pytest.mark.parametrize("kind", BASES)
def test_the_picture_holds_the_cells_and_what_made_them(everything, kind):
    grid = plan(everything, kind, BASES[kind], *AXES[kind])
    cells = made(everything, grid)
    image = Image.open(io.BytesIO(to_png(grid, cells)))
    told = json.loads(image.text[KEY])
    again = plan(
        everything,
        told["base"]["kind"],
        {name: value for name, value in told["base"].items() if name not in ("v", "kind")},
        *(
            Asked(a["knob"], ", ".join(f'"{v}"' for v in a["values"]), a["words"])
            for a in (told["across"], told["down"])
        ),
    )
    assert again.recipes == grid.recipes
    if kind == "image":
        part = sheet(cells[0].look)
        found = [
            (x, y)
            for y in range(image.height - part.height)
            for x in range(image.width - part.width)
            if image.getpixel((x, y)) == part.getpixel((0, 0))
            and image.crop((x, y, x + part.width, y + part.height)).tobytes() == part.tobytes()
        ]
        assert found, "the pixels are those of the result"


def test_texts_are_wrapped_and_whole_however_they_look(everything):
    grid = a_grid(everything)
    cells = {0: Filled(grid.cells[0].recipe, "short"), 1: Filled(grid.cells[1].recipe, "W" * 900 + "\u202e\x00 é 猫")}
    low = Image.open(io.BytesIO(to_png(grid, {0: cells[0]}))).height
    assert Image.open(io.BytesIO(to_png(grid, cells))).height > low + 300
    assert Image.open(io.BytesIO(to_png(grid, {}))).width > 0


def test_a_picture_that_would_be_too_large_is_refused(everything):
    grid = plan(everything, "text", BASES["text"], Asked("seed", "0-9"), Asked("top_k", "1-10"))
    cells = {i: Filled(grid.cells[i].recipe, "word " * 9_000) for i in range(0, 100, 10)}
    with pytest.raises(PlaygroundError, match="save a table instead"):
        to_png(grid, cells)
    assert LARGEST_AREA * 3 < 2**31


def test_a_sheet_shows_every_picture():
    pictures = [Picture(2, 1, bytes([i] * 6)) for i in range(5)]
    whole = sheet(pictures)
    assert whole.size == (6, 2)
    assert [whole.getpixel((i % 3 * 2, i // 3))[0] for i in range(5)] == [0, 1, 2, 3, 4]


def test_events_of_a_grid_are_those_of_single_runs(everything):
    grid = plan(everything, "text", BASES["text"], AXES["text"][0])
    assert all(isinstance(event, Event | Filled) for _, event in run(everything, grid))
