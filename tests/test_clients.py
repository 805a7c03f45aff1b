"""The app as programs see it: the Gradio client, plain HTTP, and an agent that speaks MCP."""

import asyncio
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

import app
from playground.documents import document
from playground.engine import Engine
from playground.links import from_link, to_link
from playground.recipes import TextRecipe
from playground.registry import Registry
from tests.conftest import write_tiny_model

LONG = {"prompt": "Once", "samples": 8, "max_new_tokens": 512, "temperature": 2.0, "top_k": 0, "top_p": 1.0}
PATIENCE_S = 120
HTTP = httpx.Client(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def local(engine):
    """The app in this process, so that a test can look at its engine."""
    demo = app.build(engine)
    os.environ.pop("GRADIO_SERVER_PORT", None)
    yield app.serve(demo)
    demo.close()


@pytest.fixture(scope="module")
def unending(tmp_path_factory):
    """The address and the engine of an app whose tales are still being told when a test looks, however slow it is."""
    folder = tmp_path_factory.mktemp("unending")
    write_tiny_model(folder / "tales", endless=True)
    engine = Engine(Registry(folder))
    demo = app.build(engine)
    yield app.serve(demo), engine
    demo.close()


@pytest.fixture(scope="module")
def client(local):
    return Client(local, verbose=False)


def until_free(engine) -> bool:
    """Whether nobody uses the model any more, before patience ends."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if engine.registry.unload("tales"):
            return True
        time.sleep(0.05)
    return False


def test_generate_gives_the_document_of_the_engine(client, engine):
    found = client.predict(prompt="Once upon", seed=7, max_new_tokens=20, api_name="/text")
    recipe = engine.recipe("text", {"prompt": "Once upon", "seed": 7, "max_new_tokens": 20})
    expected = document(list(engine.generate(recipe))[-1])
    assert found["result"] == json.loads(json.dumps(expected["result"]))
    assert found["recipe"] == expected["recipe"]


def test_a_null_leaves_a_knob_to_the_model(client):
    found = client.predict(prompt="Once", temperature=None, max_new_tokens=2, api_name="/text")
    assert found["recipe"]["temperature"] == TextRecipe.model_fields["temperature"].default


def test_the_text_grows_on_the_way(client):
    job = client.submit(prompt="Once", seed=3, samples=4, max_new_tokens=100, api_name="/text")
    documents = list(job)
    texts = [sample["text"] for sample in documents[-1]["result"]["samples"]]
    assert len(texts) == 4
    for so_far in documents[1:-1]:
        samples = so_far["result"].get("samples", [])
        assert all(whole.startswith(part["text"]) for whole, part in zip(texts, samples, strict=False))


def test_cancel_frees_the_model(unending):
    address, engine = unending
    job = Client(address, verbose=False).submit(**LONG, api_name="/text")
    assert any(so_far["recipe"] for so_far in job)  # what comes before the recipe is that the model loads
    assert not engine.registry.unload("tales")
    job.cancel()
    assert until_free(engine)


def test_a_closed_connection_frees_the_model(unending):
    address, engine = unending
    session = "closed-tab"
    index = next(d["id"] for d in HTTP.get(f"{address}config").json()["dependencies"] if d["api_name"] == "text")
    values = [LONG.get(name, field.default) for name, field in TextRecipe.model_fields.items()]
    body = {"data": values, "fn_index": index, "session_hash": session}
    HTTP.post(f"{address}gradio_api/queue/join", json=body).raise_for_status()
    with HTTP.stream("GET", f"{address}gradio_api/queue/data", params={"session_hash": session}) as stream:
        assert any("process_generating" in line and "fingerprint" in line for line in stream.iter_lines())
        assert not engine.registry.unload("tales")
    assert until_free(engine)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"temperature": 9}, "temperature is 9; a number from 0 to 2 in steps of 0.01 is allowed."),
        ({"temperature": "hot"}, "temperature is 'hot'; a number from 0 to 2 in steps of 0.01 is allowed."),
        ({"top_k": 1.5}, "top_k is 1.5; a whole number from 0 to 200 is allowed."),
        ({"seed": -5}, "seed is -5; a whole number from 0 to 2147483647 is allowed."),
        ({"model": "../etc"}, "There is no model '../etc'; for text there is: tales."),
        ({"prompt": "a" * 1_000_000}, "The prompt has 1,000,000 characters; at most 20,000 are allowed."),
        ({"prompt": "dragon " * 200}, "the model takes at most 127"),
    ],
)
def test_a_mistake_gives_one_sentence(client, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**values, api_name="/text")
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "1e400", "[]", "{}", '"\\ud800"', "true"])
def test_a_raw_request_can_not_smuggle_in_a_value(local, raw):
    at = list(TextRecipe.model_fields).index("temperature")
    values = [json.dumps(field.default) for field in TextRecipe.model_fields.values()]
    body = f'{{"data": [{", ".join([*values[:at], raw, *values[at + 1 :]])}]}}'
    headers = {"content-type": "application/json"}
    answer = HTTP.post(f"{local}gradio_api/call/text", content=body, headers=headers)
    if answer.status_code >= 400:
        assert "Traceback" not in answer.text
        return
    told = HTTP.get(f"{local}gradio_api/call/text/{answer.json()['event_id']}").text
    assert "event: error" in told
    assert "temperature is" in told


@pytest.mark.parametrize("prompt", ["", "\0", "\u202eabc", "👩‍👩‍👧", "<script>alert(1)</script>", "${1}{{1}}"])
def test_odd_prompts_are_text_like_any_other(client, prompt):
    found = client.predict(prompt=prompt, max_new_tokens=5, api_name="/text")
    assert found["recipe"]["prompt"] == prompt.replace("\0", "\ufffd")


def test_a_lone_surrogate_is_replaced(local):
    at = list(TextRecipe.model_fields).index("prompt")
    values = [json.dumps(field.default) for field in TextRecipe.model_fields.values()]
    body = f'{{"data": [{", ".join([*values[:at], chr(34) + chr(92) + "ud800x" + chr(34), *values[at + 1 :]])}]}}'
    answer = HTTP.post(f"{local}gradio_api/call/text", content=body, headers={"content-type": "application/json"})
    told = HTTP.get(f"{local}gradio_api/call/text/{answer.json()['event_id']}").text
    assert "event: complete" in told
    assert "\\ufffdx" in told or "\ufffdx" in told


def test_a_link_gives_the_same_text_in_a_fresh_process(client, site):
    here = client.predict(prompt="The fox", temperature=1.3, top_k=0, seed=99, max_new_tokens=40, api_name="/text")
    recipe = TextRecipe.make({name: value for name, value in here["recipe"].items() if name not in ("v", "kind")})
    link = from_link(to_link(recipe, site))
    there = Client(site, verbose=False).predict(**link.values, api_name="/text")
    assert there["result"] == here["result"]


def test_models_are_listed(client):
    (model,) = client.predict(api_name="/models")
    assert (model["name"], model["kind"], model["problem"]) == ("tales", "text", None)


def test_an_agent_finds_and_calls_the_tool(site):
    async def talk():
        address = f"http://{urlsplit(site).netloc}/gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            good = await session.call_tool("generate_text", {"prompt": "Once", "seed": 5, "max_new_tokens": 8})
            bad = await session.call_tool("generate_text", {"temperature": 9})
            models = await session.call_tool("list_models", {})
            return tools, good, bad, models

    with ThreadPoolExecutor() as threads:  # where no other event loop runs, such as that of the browser tests
        tools, good, bad, models = threads.submit(asyncio.run, talk()).result()
    assert set(tools) == {"generate_text", "generate_image", "generate_latent", "edit_face", "list_models"}
    schema = tools["generate_text"].inputSchema
    assert list(schema["properties"]) == list(TextRecipe.model_fields)
    assert schema["properties"]["temperature"]["type"] == "number"
    assert schema["properties"]["temperature"]["default"] == 0.8
    assert "likeliest" in schema["properties"]["temperature"]["description"]
    assert not schema.get("required")
    found = json.loads(good.content[0].text)
    assert found["recipe"]["seed"] == 5
    assert len(found["result"]["tokens"]) == 8
    assert bad.isError
    assert "temperature is 9" in bad.content[0].text
    assert json.loads(models.content[0].text)[0]["name"] == "tales"


@pytest.mark.parametrize("value", [None, [], {}, "x" * 100_000, -1, 1e300])
def test_listeners_of_the_page_answer_a_raw_request_with_a_message_at_most(local, value):
    config = HTTP.get(f"{local}config").json()
    for dependency in config["dependencies"]:
        session = f"raw-{dependency['id']}"
        body = {
            "data": [value] * len(dependency["inputs"]),
            "fn_index": dependency["id"],
            "session_hash": session,
            "event_data": value,
            "trigger_id": 10**6,
        }
        answer = HTTP.post(f"{local}gradio_api/queue/join", json=body)
        if answer.status_code >= 400:
            continue
        with HTTP.stream("GET", f"{local}gradio_api/queue/data", params={"session_hash": session}) as told:
            last = next(line for line in told.iter_lines() if "process_completed" in line)
        assert "Traceback" not in last
    assert HTTP.get(local).status_code == 200
