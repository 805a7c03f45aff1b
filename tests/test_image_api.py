"""What programs get from the endpoint of images, and which tab an address opens."""

import asyncio
import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import pytest
from fastapi import Request
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

import app
from playground.documents import document, read
from playground.links import to_record
from playground.recipes import SCHEDULERS, ImageRecipe
from tests.image.tiny import ASKED


def asked_tab(query: str):
    scope = {"type": "http", "path": "/", "query_string": query.encode(), "headers": []}
    return app.asked_tab(gr.Request(Request(scope)))


@pytest.mark.parametrize("query", ["", "seed=1", "tab=nowhere", "tab=%3Cb%3E"])
def test_an_address_that_names_no_tab_chooses_none(query):
    assert asked_tab(query) == gr.skip()


def test_an_address_that_names_a_tab_chooses_it():
    assert asked_tab("tab=image&v=1").selected == "image"


@pytest.fixture(scope="module")
def local(painter):
    """The app in this process."""
    demo = app.build(painter)
    os.environ.pop("GRADIO_SERVER_PORT", None)
    yield app.serve(demo)
    demo.close()


@pytest.fixture(scope="module")
def client(local, tmp_path_factory):
    return Client(local, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def test_a_client_gets_the_document_and_the_file(client, painter, done):
    found = client.predict(**ASKED, api_name="/image")
    picture = done.results[0].picture
    file = Path(found["result"].pop("image"))
    assert Image.open(file).tobytes() == picture.rgb
    link, _ = read(file.read_bytes())
    assert list(painter.generate(painter.recipe("image", link.values)))[-1].results[0].picture == picture
    assert found["recipe"] == to_record(done.recipe)
    expected = json.loads(json.dumps(document(done)["result"]))
    assert expected.pop("path") == ""  # a client would take it for a file
    assert found["result"] == expected


def test_a_client_gets_every_file_of_several_and_how_far_they_are(client):
    documents = list(client.submit(**ASKED, samples=3, api_name="/image"))
    samples = documents[-1]["result"]["samples"]
    assert [sample["seed"] for sample in samples] == [7, 8, 9]
    assert len({Path(sample["image"]).read_bytes() for sample in samples}) == 3
    assert all(so_far["result"].get("samples", [{}])[0].get("step", 0) <= 3 for so_far in documents[:-1])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": 0}, "steps is 0; a whole number from 1 to 100 is allowed."),
        ({"guidance_scale": 99}, "guidance_scale is 99; a number from 1 to 15 in steps of 0.1 is allowed."),
        ({"size": 100}, "size is 100; a whole number from 64 to 768 in steps of 64 is allowed."),
        ({"scheduler": "magic"}, "scheduler is 'magic'; one of dpmpp_2m, "),
        ({"start": "http://example.com/a.png"}, "start is 'http://example.com/a.png'"),
        ({"model": "../etc"}, "There is no model '../etc'; for image there is: scenes."),
    ],
)
def test_a_mistake_gives_one_sentence(client, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**ASKED | values, api_name="/image")
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_an_agent_sees_the_picture(local, done):
    async def talk():
        address = f"http://{urlsplit(local).netloc}/gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            return tools["generate_image"].inputSchema, await session.call_tool("generate_image", ASKED)

    with ThreadPoolExecutor() as threads:  # where no other event loop runs, such as that of the browser tests
        schema, answer = threads.submit(asyncio.run, talk()).result()
    assert list(schema["properties"]) == list(ImageRecipe.model_fields)
    assert schema["properties"]["scheduler"]["enum"] == list(SCHEDULERS)
    told = json.loads(answer.content[0].text)
    assert told["result"]["image"]["url"].startswith("http://")
    shown = next(part for part in answer.content if part.type == "image")
    assert shown.mimeType == "image/png"
    assert Image.open(io.BytesIO(base64.b64decode(shown.data))).convert("RGB").tobytes() == done.results[0].picture.rgb
