"""A tiny Stable Diffusion from a Hub on loopback: fetched part by part and no more, checked, and drawn as any other."""

import json
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from playground import downloads, machine
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Preview, Progress, Started
from playground.layouts import LAYOUTS
from playground.recipes import Recipe
from playground.registry import Registry
from tests.hubserver import COMMIT, hub_of
from tests.image.test_generate import as_url, pixels, some_start
from tests.image.test_loaded import draw, make_family

ROOT = Path(__file__).resolve().parent.parent.parent
ID = "tests/Tiny-Diffusion"
UNET, VAE = (f"{part}/diffusion_pytorch_model.safetensors" for part in ("unet", "vae"))
HALF = UNET.replace(".safetensors", ".fp16.safetensors")
DEFAULTS = {"steps": 2, "guidance_scale": 1, "scheduler": "euler", "size": 64}
TAKEN = {
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "unet/config.json",
    UNET,
    "vae/config.json",
    VAE,
}


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    return make_family(tmp_path_factory.mktemp("family") / "tiny")


@pytest.fixture(scope="module")
def in_pieces(tmp_path_factory):
    """The same with its networks in several files each."""
    return make_family(tmp_path_factory.mktemp("pieces") / "tiny", max_shard_size="200KB")


@pytest.fixture
def server(family, tmp_path, monkeypatch):
    """The Hub with the tiny model, an empty cache, and `huggingface_hub` allowed to ask for it."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(downloads, "PAUSE_S", 0)
    monkeypatch.setattr(downloads, "POLL_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with hub_of(ID, family) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def registry(server, tmp_path):
    allow(tmp_path / "checkpoints")
    return Registry(tmp_path / "checkpoints")


def allow(folder: Path, **changes) -> None:
    entry = {"id": ID, "kind": "image", "revision": COMMIT, "licence": "mit", "parameters": 50_000, "bytes": 3_000_000}
    folder.mkdir(exist_ok=True)
    (folder / "hub.json").write_text(json.dumps([entry | {"defaults": DEFAULTS} | changes]))


def serve(server, folder: Path) -> None:
    """Another model under the same name."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    server.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def fetch(registry: Registry) -> None:
    list(registry.fetch(ID, "image"))


def told(registry: Registry) -> str:
    with pytest.raises(PlaygroundError) as error, registry.use(ID, "image"):
        pass
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    return str(error.value)


def events_of(registry: Registry, **values) -> list:
    engine = Engine(registry)
    asked = {"model": ID, "prompt": "a red cat on a beach", "seed": 3}
    return list(engine.generate(engine.recipe("image", asked | values)))


def entry(registry: Registry):
    return next(entry for entry in registry.entries() if entry.name == ID)


def lies_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- the whole way


def test_a_recipe_fetches_the_model_and_draws_what_its_folder_draws(registry, server, family):
    assert entry(registry).downloads == 3_000_000 and server.asked == []
    events = events_of(registry)
    messages = [event.message for event in events if isinstance(event, Progress)]
    assert messages[0].startswith("Asking the Hub") and any(text.startswith("Downloading") for text in messages)
    started = next(event for event in events if isinstance(event, Started))
    assert started.recipe.fingerprint == entry(registry).manifest.fingerprint != ""
    assert [event.step for event in events if isinstance(event, Preview)] == [1, 2]
    assert isinstance(events[-1], Done) and events[-1].dtype == "float32"
    assert events[-1].results == draw(family, **DEFAULTS, seed=3).results


def test_the_second_use_needs_no_network(registry, server):
    first = events_of(registry)[-1]
    server.shutdown()
    server.server_close()
    again = events_of(Registry(registry.folder))
    assert again[-1].results == first.results
    assert not any(isinstance(event, Progress) and "Hub" in event.message for event in again)


def test_nothing_but_what_drawing_takes_is_fetched(registry, server):
    extra = ["tiny.safetensors", "tiny.ckpt", "README.md", "LICENSE.TXT", "pipeline.py", HALF, "unet/own.py"]
    extra += [
        "unet/diffusion_pytorch_model.bin",
        "unet/model.onnx",
        "unet/flax_model.msgpack",
        "unet/model.safetensors",
    ]
    extra += ["safety_checker/config.json", "safety_checker/model.safetensors", "text_encoder/pytorch_model.bin"]
    extra += ["text_encoder_2/model.safetensors", "vae/old/config.json", "feature_extractor/preprocessor_config.json"]
    server.files |= {name: b"{}" * 100 + name.encode() for name in extra}
    fetch(registry)
    assert lies_in(entry(registry).folder) == TAKEN
    for name in extra:
        assert not any(path.endswith(f"/{COMMIT}/{name}") for _, path, _, _ in server.asked), name


def test_the_files_of_half_the_size_are_taken_where_the_operator_says_so(registry, server, tmp_path):
    half = make_family(tmp_path / "half", variant="fp16")
    server.files |= {path.relative_to(half).as_posix(): path.read_bytes() for path in half.rglob("*.fp16.safetensors")}
    allow(registry.folder, variant="fp16")
    fetch(registry)
    folder = entry(registry).folder
    assert lies_in(folder) == {name.replace(".safetensors", ".fp16.safetensors") for name in TAKEN}
    (folder / UNET).write_text("of another tool that shares the cache")
    assert isinstance(events_of(registry)[-1], Done)
    assert UNET not in entry(registry).manifest.names


def test_a_tokenizer_in_two_files_splits_as_one_in_one(registry, server, monkeypatch, tmp_path):
    one = events_of(registry)[-1]
    model = json.loads(server.files.pop("tokenizer/tokenizer.json"))["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    server.files["tokenizer/vocab.json"] = json.dumps(model["vocab"]).encode()  # as the family was published
    server.files["tokenizer/merges.txt"] = "\n".join(["#version: 0.2", *merges, ""]).encode()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))
    two = events_of(Registry(registry.folder))[-1]
    assert (two.prompt_ids, two.results) == (one.prompt_ids, one.results)


def test_weights_in_several_files_are_put_together(registry, server, in_pieces, tmp_path, monkeypatch):
    whole = events_of(registry)[-1]
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))  # in one, a commit's list of files is kept for ever
    serve(server, in_pieces)
    assert sum(name.startswith("unet/") and name.endswith(".safetensors") for name in server.files) > 1
    assert events_of(Registry(registry.folder))[-1].results == whole.results


@pytest.fixture
def halves(monkeypatch):
    """A processor that is good at bfloat16."""
    monkeypatch.setattr(machine, "has_bf16", lambda: True)


@pytest.mark.usefixtures("halves")
def test_a_larger_model_is_computed_in_bfloat16_and_draws_much_the_same(registry):
    full = events_of(registry, guidance_scale=2, steps=4)[-1]
    with registry.use(ID, "image") as loaded:
        memory = loaded.model.memory
    allow(registry.folder, parameters=300_000_000)
    large = Registry(registry.folder)
    done = events_of(large, guidance_scale=2, steps=4)[-1]
    assert done.dtype == "bfloat16"
    difference = abs(pixels(done.results[0].picture) - pixels(full.results[0].picture))
    assert 0 < difference.mean() < 4
    with large.use(ID, "image") as loaded:
        networks = (loaded.model.unet, loaded.model.vae, loaded.model.text_encoder)
        assert {network.dtype for network in networks} == {torch.bfloat16}
        assert loaded.bytes < 0.6 * memory


@pytest.mark.usefixtures("halves")
def test_a_larger_model_takes_a_start_picture(registry):
    allow(registry.folder, parameters=300_000_000)
    kept = events_of(registry, start=as_url(some_start(64)), strength=0)[-1]
    assert kept.dtype == "bfloat16" and kept.results[0].picture.width == 64


# ---- what is not as it should be


def test_a_dropped_connection_is_taken_up_where_it_broke(registry, server):
    server.cuts = [1000, 500]
    fetch(registry)
    first = min((name for name in TAKEN if name.endswith(".safetensors")), key=lambda name: len(server.files[name]))
    assert server.fetched(first) == [None, "bytes=1000-", "bytes=1500-"]
    assert entry(registry).downloads == 0


def test_no_network_is_one_sentence(registry, server):
    server.shutdown()
    server.server_close()
    assert told(registry) == (
        f"The model {ID} is not all here and the Hub can't be reached; check the network, or take a local model."
    )


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("model_index.json", "has no model_index.json."),
        ("scheduler/scheduler_config.json", "has no scheduler/scheduler_config.json."),
        ("tokenizer/tokenizer.json", "has no tokenizer/tokenizer.json."),
        ("vae/config.json", "has no vae/config.json."),
        (UNET, "has no weights of its unet in safetensors, and others, such as pickle, are not opened here."),
    ],
)
def test_a_part_that_the_repository_does_not_have_is_told_before_anything_large_comes(
    registry, server, missing, sentence
):
    del server.files[missing]
    server.files |= {"unet/diffusion_pytorch_model.bin": b"pickle", HALF: b"half"}
    assert told(registry) == f"The model {ID} {sentence}"
    assert not any(path.startswith("/store/") for _, path, _, _ in server.asked)


def test_a_variant_that_the_repository_does_not_have_is_told(registry, server):
    allow(registry.folder, variant="fp16")
    assert "has no weights of its text_encoder in safetensors (fp16)," in told(registry)


def test_a_part_that_vanished_from_the_cache_is_fetched_again(registry, server):
    fetch(registry)
    (entry(registry).folder / "vae" / "config.json").unlink()
    assert entry(registry).downloads
    assert isinstance(events_of(registry)[-1], Done)
    assert len(server.fetched(VAE)) == 1


def test_a_repository_that_is_much_larger_than_allowed_is_refused(registry, server):
    server.claims[UNET] = 5_000_000_000
    assert "the list of allowed models says 3.0." in told(registry)
    assert not server.fetched(UNET)


def test_a_damaged_shard_is_not_kept(registry, server, in_pieces):
    serve(server, in_pieces)
    shards = sorted(name for name in server.files if name.endswith(".safetensors"))
    server.damaged = bytes(len(server.files[min(shards, key=lambda name: (len(server.files[name]), name))]))
    assert "came damaged (its checksum is not the Hub's)" in told(registry)
    server.damaged = b""
    assert isinstance(events_of(registry)[-1], Done)


def test_a_shard_that_is_damaged_in_the_cache_is_fetched_again(registry, server, in_pieces):
    serve(server, in_pieces)
    fetch(registry)
    shard = next(name for name in entry(registry).manifest.names if name.startswith("unet/") and "-00002-" in name)
    path = (entry(registry).folder / shard).resolve()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert f"{shard} was damaged; its next use fetches it again." in told(registry)
    assert isinstance(events_of(registry)[-1], Done)
    assert len(server.fetched(shard)) == 2


@pytest.mark.parametrize("other", ["../../../secret.safetensors", "diffusion_pytorch_model.fp16.safetensors", 1])
def test_an_index_that_names_other_files_is_refused(registry, server, in_pieces, other):
    serve(server, in_pieces)
    index = "unet/diffusion_pytorch_model.safetensors.index.json"
    content = json.loads(server.files[index])
    content["weight_map"][next(iter(content["weight_map"]))] = other
    server.files[index] = json.dumps(content).encode()
    assert told(registry) == f"The model {ID} can't be used: its index of weights names other files than it has."


def test_code_that_comes_with_a_model_is_never_run(registry, server, tmp_path):
    index = json.loads(server.files["model_index.json"])
    server.files["model_index.json"] = json.dumps(
        index | {"unet": ["own", "Own"], "_class_name": ["own", "Own"]}
    ).encode()
    server.files["unet/own.py"] = server.files["own.py"] = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    assert "its unet is a 'Own'; known here is UNet2DConditionModel." in told(registry)
    assert not (tmp_path / "ran").exists() and not server.fetched("own.py")


# ---- the list


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"defaults": {"steps": 500}}, "its defaults can't be used: steps is 500; "),
        ({"defaults": {"surprise": 1}}, "its defaults can't be used: There is no knob 'surprise'; "),
        ({"variant": "int8"}, "it is of an unknown variant, 'int8'."),
        ({"kind": "text", "defaults": {}, "variant": "fp16"}, "it is of an unknown variant, 'fp16'."),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_entry_is_told(registry, changes, problem):
    allow(registry.folder, **changes)
    assert entry(registry).problem.startswith(problem)
    assert registry.names("image") == []


def test_a_variant_is_part_of_the_fingerprint(registry, server):
    server.files |= {
        name.replace(".safetensors", ".fp16.safetensors"): content
        for name, content in server.files.items()
        if name.endswith(".safetensors")
    }
    found = set()
    for variant in ("", "fp16"):
        allow(registry.folder, variant=variant)
        fetch(registry)
        found.add(entry(registry).manifest.fingerprint)
    assert len(found) == 2 and "" not in found


def test_every_layout_is_of_a_kind():
    assert set(LAYOUTS) <= set(Recipe.kinds)


def test_the_shipped_image_model_is_asked_for_as_suits_it():
    recipe = Engine(Registry(ROOT / "checkpoints")).recipe("image", {"model": "sd-turbo", "prompt": "a red fox"})
    assert recipe.model == "stabilityai/sd-turbo"
    assert 1 <= recipe.steps <= 4 and (recipe.guidance_scale, recipe.size, recipe.scheduler) == (1, 512, "euler")
