"""What a model of faces is asked: by the parts of the page, by programs and by agents."""

import asyncio
import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

import app
from playground.documents import check, document, read
from playground.links import to_record
from playground.recipes import PATHS, ImageRecipe, LatentRecipe
from tabs._files import recipe_in
from tabs._latent_wishes import MEDIA_TYPES, MOST_LOOKS, answers
from tabs._listeners import knobs_of
from tests.latent.tiny import JOURNEY


@pytest.fixture(scope="module")
def ask(traveller) -> dict:
    return answers(traveller)


def bytes_of(url: str) -> bytes:
    assert url.startswith("data:")
    return base64.b64decode(url.partition(",")[2])


def pixels(url: str) -> bytes:
    return Image.open(io.BytesIO(bytes_of(url))).convert("RGB").tobytes()


def as_file(data: bytes) -> dict[str, str]:
    """A file as a page sends it."""
    return {"file": f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"}


def plain_png(mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (40, 20)).save(file, "PNG")
    return file.getvalue()


# ---- what the parts of the page ask ----


def test_the_map_has_a_place_and_every_factor_of_each_face(ask):
    found = ask["atlas"]({"model": "faces-vae"})
    count = len(found["places"]["pca"])
    assert count == len(found["places"]["tsne"]) > 10
    assert all(len(factor["values"]) == count for factor in found["factors"].values())
    assert "cat" in found["presets"] and "smile" in found["directions"]
    assert found["others"] == ["faces-gan"]
    json.dumps(found)


def test_a_place_of_the_map_is_a_face_that_lies_there(ask):
    (look,) = ask["look"]({"model": "faces-vae", "expressions": ["at:0.5,-0.25"]})["looks"]
    assert look["places"]["pca"] == pytest.approx([0.5, -0.25], abs=1e-3)
    (again,) = ask["look"]({"model": "faces-vae", "expressions": [look["point"]]})["looks"]
    assert again == look


def test_what_two_people_ask_for_is_apart(ask):
    one, other = ({"model": "faces-vae", "expressions": [text]} for text in ("at:1,1", "at:-1,-1"))
    first = ask["look"](one)
    assert ask["look"](other) != first
    assert ask["look"](one) == first


def test_random_faces_of_two_models_come_in_two_rows(ask):
    found = ask["draws"]({"expressions": ["seed:1", "seed:2"], "names": ["faces-vae", "faces-gan"], "spread": 0.5})
    assert [len(row) for row in found["rows"]] == [2, 2]
    (alone,) = ask["look"]({"model": "faces-gan", "expressions": ["seed:2"], "spread": 0.5})["looks"]
    assert found["rows"][1][1] == alone


def test_the_path_on_the_map_leads_from_a_to_b(ask, traveller):
    recipe = traveller.recipe("latent", JOURNEY)
    way = ask["trace"](recipe.model_dump())
    a, b = (look["places"] for look in ask["look"]({"expressions": [recipe.a, recipe.b]})["looks"])
    assert len(way["places"]["pca"]) == len(way["unusual"]) == 5
    for plane in ("pca", "tsne"):
        assert way["places"][plane][0] == pytest.approx(a[plane], abs=1e-2)
        assert way["places"][plane][-1] == pytest.approx(b[plane], abs=1e-2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P"])
def test_an_upload_becomes_a_point_and_a_picture_again(ask, mode):
    found = ask["rebuild"]({"model": "faces-vae", **as_file(plain_png(mode))})
    assert found["point"].startswith("point:")
    assert pixels(found["original"]) != pixels(found["picture"])
    assert found["hint"]  # a plain square is no face


def test_the_nearest_training_faces_come_nearest_first(ask):
    found = ask["copies"]({"model": "faces-vae", "expression": "seed:3"})
    distances = [face["distance"] for face in found["faces"]]
    assert distances == sorted(distances)
    assert found["usual"] <= found["far"]
    assert found["verdict"].endswith(".")


def test_a_direction_of_ones_own_moves_faces_and_is_refused_by_another_model(ask):
    built = ask["build"]({"model": "faces-vae", "name": "odd", "plus": ["seed:1"], "minus": ["seed:2"]})
    knobs = {"expressions": ["seed:5"], "edits": "odd=2", "directions": built["directions"]}
    (moved,) = ask["look"]({"model": "faces-vae", **knobs})["looks"]
    (plain,) = ask["look"]({"model": "faces-vae", "expressions": ["seed:5"]})["looks"]
    assert moved["picture"] != plain["picture"]
    assert "other weights" in ask["look"]({"model": "faces-gan", **knobs})["problem"]
    assert "other weights" in ask["join"]({"model": "faces-gan", "texts": [built["directions"]]})["problem"]
    joined = ask["join"]({"model": "faces-vae", "texts": [built["directions"], built["directions"]]})
    assert list(json.loads(joined["directions"])) == ["odd"]


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_a_saved_journey_brings_every_setting_back(ask, journey, format):
    found = ask["save"]({"recipe": to_record(journey.recipe), "format": format})
    assert found["name"] == f"journey-seed-7.{format}"
    data = bytes_of(found["file"])
    link, checksum = recipe_in(as_file(data))
    assert knobs_of(LatentRecipe.make(link.values)) == knobs_of(journey.recipe)
    assert checksum == check(document(journey))
    assert read(data)[0].kind == "latent"


HOSTILE = "<img src=x onerror=alert(1)>${alert(1)}"
RECORD = to_record(LatentRecipe(**JOURNEY))


@pytest.mark.parametrize("name", ["atlas", "look", "draws", "trace", "rebuild", "copies", "build", "join", "save"])
@pytest.mark.parametrize(
    "asked",
    [
        None,
        5,
        [],
        "look",
        {},
        {"model": None},
        {"model": HOSTILE},
        {"model": ["faces-vae"], "expressions": [5], "names": {}, "texts": "x", "recipe": 7, "format": "gif"},
        {"model": "faces-vae", "expressions": "at:0,0", "names": [HOSTILE], "expression": HOSTILE, "file": HOSTILE},
        {"model": "faces-vae", "expressions": ["at:0,0"] * (MOST_LOOKS + 1), "texts": [HOSTILE]},
        {"model": "faces-vae", "expressions": ["at:nan,1e999"], "names": ["faces-vae"], "expression": "seed:-1"},
        {"model": "faces-vae", "expressions": ["a" * 100_000], "name": "x", "plus": [], "minus": []},
        {"recipe": RECORD, "format": "exe"},
        {"recipe": {**RECORD, "frames": 121}, "format": "gif", "frames": 121, "expressions": [], "names": []},
        {"recipe": to_record(ImageRecipe()), "format": "gif", "spread": "much"},
        {"a": "preset:nobody", "edits": "smile=99", "expressions": ["seed:1"], "names": ["faces-vae"]},
        {"directions": "{", "expressions": ["seed:1"], "names": ["faces-vae"], "interpolation": "magic"},
    ],
)
def test_whatever_is_asked_the_answer_is_an_answer_or_a_sentence(ask, name, asked):
    found = ask[name](asked)
    assert isinstance(found, dict)
    assert "problem" not in found or found["problem"].endswith((".", "…"))
    json.dumps(found)


# ---- what programs ask ----


@pytest.fixture(scope="module")
def local(traveller):
    """The app in this process."""
    demo = app.build(traveller)
    os.environ.pop("GRADIO_SERVER_PORT", None)
    yield app.serve(demo)
    demo.close()


@pytest.fixture(scope="module")
def client(local, tmp_path_factory):
    return Client(local, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def test_a_client_gets_the_document_and_every_pixel(client, traveller, journey):
    found = client.predict(**JOURNEY, api_name="/latent")
    data = Path(found["result"].pop("file")).read_bytes()
    link, content = read(data)
    assert check(content) == check(document(journey))
    assert list(traveller.generate(traveller.recipe("latent", link.values)))[-1].results == journey.results
    expected = json.loads(json.dumps(document(journey)["result"]))
    assert expected.pop("path") == ""  # a client would take it for a file
    assert found["result"] == expected
    assert found["recipe"] == to_record(journey.recipe)


def test_a_grid_is_a_sheet(client):
    found = client.predict(**JOURNEY, layout="grid", side=3, api_name="/latent")
    assert found["result"]["columns"] == 3
    assert Image.open(found["result"]["file"]).size == (3 * 128, 3 * 128)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"frames": 1}, "frames is 1; a whole number from 2 to 120 is allowed."),
        ({"frames": 121}, "frames is 121; a whole number from 2 to 120 is allowed."),
        ({"interpolation": "magic"}, "interpolation is 'magic'; one of slerp, lerp is allowed."),
        ({"a": "preset:unicorn"}, "preset"),
        ({"edits": "smile=9"}, "edits has 'smile=9'"),
        ({"model": "../etc"}, "There is no model '../etc'; for latent there is: faces-gan, faces-vae."),
    ],
)
def test_a_mistake_gives_one_sentence(client, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**JOURNEY | values, api_name="/latent")
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_the_same_end_twice_is_a_journey_that_stays(client):
    found = client.predict(**JOURNEY | {"b": JOURNEY["a"]}, api_name="/latent")
    assert len(set(found["result"]["frames"])) == 1


def test_an_edit_moves_a_face_and_gives_a_point_to_go_on_from(client, ask):
    plain = client.predict(face="seed:3", api_name="/edit")
    found = client.predict(face="seed:3", edits="smile=2", api_name="/edit")
    assert Path(found["image"]).read_bytes() != Path(plain["image"]).read_bytes()
    (look,) = ask["look"]({"expressions": ["seed:3"], "edits": "smile=2"})["looks"]
    assert Image.open(found["image"]).convert("RGB").tobytes() == pixels(look["picture"])
    again = client.predict(face=found["point"], api_name="/edit")
    assert Path(again["image"]).read_bytes() == Path(found["image"]).read_bytes()


def test_an_edit_of_an_upload(client, ask):
    url = as_file(plain_png())["file"]
    found = client.predict(picture=url, edits="age=1", api_name="/edit")
    point = ask["rebuild"]({"file": url})["point"]
    (look,) = ask["look"]({"expressions": [point], "edits": "age=1"})["looks"]
    assert found["point"] == look["point"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"edits": "fluff=1"}, "edits names 'fluff'; there is: smile"),
        ({"face": "seed:1", "picture": "abcd"}, "Give a face or a picture, not both."),
        ({"picture": "data:image/png;base64,AAAA"}, "not a picture that can be read"),
        ({"directions": "{"}, "directions is not JSON."),
        ({"seed": -5}, "seed is -5"),
        ({"spread": 7}, "spread is 7"),
    ],
)
def test_a_mistake_in_an_edit_gives_one_sentence(client, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**values, api_name="/edit")
    assert sentence in str(caught.value)


def test_an_agent_sees_the_journey_and_the_face(local):
    async def talk():
        address = f"http://{urlsplit(local).netloc}/gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            journey = await session.call_tool("generate_latent", JOURNEY)
            return tools, journey, await session.call_tool("edit_face", {"face": "preset:cat", "edits": "smile=1"})

    with ThreadPoolExecutor() as threads:  # where no other event loop runs, such as that of the browser tests
        tools, journey, face = threads.submit(asyncio.run, talk()).result()
    schema = tools["generate_latent"].inputSchema
    assert list(schema["properties"]) == list(LatentRecipe.model_fields)
    assert schema["properties"]["interpolation"]["enum"] == list(PATHS)
    assert "σ" in tools["edit_face"].description or "standard deviations" in str(tools["edit_face"].inputSchema)
    assert len(json.loads(journey.content[0].text)["result"]["frames"]) == JOURNEY["frames"]
    for answer in (journey, face):
        shown = next(part for part in answer.content if part.type == "image")
        assert Image.open(io.BytesIO(base64.b64decode(shown.data))).size == (128, 128)
