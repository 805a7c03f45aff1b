"""Models of the Hub through a loopback server: fetched whole, checked, once; or one sentence, and the others go on."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub.constants
import pytest

from playground import downloads, machine
from playground.documents import document
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Progress, Started
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.text.prompts import prompt_ids
from tests.chatmodel import write_chat_model
from tests.hubserver import COMMIT, HubServer, hub_of

ROOT = Path(__file__).resolve().parent.parent
ID = "tests/Tiny-Chat"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat_model(tmp_path_factory.mktemp("chat") / "model")


@pytest.fixture
def server(chat_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The Hub with the tiny chat model, an empty cache, and `huggingface_hub` allowed to ask for it."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(downloads, "PAUSE_S", 0)
    monkeypatch.setattr(downloads, "POLL_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with hub_of(ID, chat_folder) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def allowed(checkpoints: Path, tmp_path: Path) -> Path:
    """A checkpoints folder with the local model and a list of the tiny one."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "tales").symlink_to(checkpoints / "tales")
    allow(folder)
    return folder


def allow(folder: Path, **changes) -> None:
    entry = {"id": ID, "revision": COMMIT, "licence": "mit", "parameters": 50_000, "bytes": 300_000, "chat": True}
    (folder / "hub.json").write_text(json.dumps([entry | changes]))


@pytest.fixture
def registry(server: HubServer, allowed: Path) -> Registry:
    return Registry(allowed)


def fetch(registry: Registry) -> list[Progress]:
    return list(registry.fetch(ID, "text"))


def told(registry: Registry) -> str:
    """The one sentence about why the model can't be had; the local one can."""
    with pytest.raises(PlaygroundError) as error:
        fetch(registry)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    assert Registry(registry.folder).names("text")[0] == "tales"
    with registry.use("tales", "text") as loaded:
        assert loaded.manifest.name == "tales"
    return str(error.value)


def entry(registry: Registry):
    return next(entry for entry in registry.entries() if entry.name == ID)


# The whole way ---------------------------------------------------------------------------------------------


def test_a_model_is_listed_without_the_network_and_says_what_it_downloads(registry, server):
    listed = entry(registry)
    assert listed.downloads == 300_000 and listed.manifest.parameters == 50_000 and listed.manifest.licence == "mit"
    assert listed.manifest.fingerprint == "" and listed.manifest.commit == COMMIT
    assert registry.names("text") == ["tales", ID]
    assert server.asked == []


def test_a_recipe_fetches_loads_and_runs_it(registry, server):
    engine = Engine(registry)
    recipe = engine.recipe("text", {"model": "Tiny-Chat", "prompt": "Hello", "max_new_tokens": 8})
    assert recipe.model == ID
    events = list(engine.generate(recipe))
    assert any(isinstance(e, Progress) and e.message.startswith("Asking the Hub") for e in events)
    started = next(e for e in events if isinstance(e, Started))
    assert started.recipe.fingerprint == entry(registry).manifest.fingerprint != ""
    assert isinstance(events[-1], Done) and events[-1].results[0].tokens
    assert entry(registry).downloads == 0


def test_only_what_a_model_needs_is_fetched(registry, server, tmp_path):
    server.files |= {"pytorch_model.bin": b"pickle", "modeling_x.py": b"raise SystemExit", "README.md": b"# Tiny"}
    server.files |= {"onnx/config.json": b"{}", "model.onnx": b"x", "training_args.bin": b"pickle"}
    fetch(registry)
    names = {path.name for path in entry(registry).folder.iterdir()}
    assert names == {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS} | (
        {"chat_template.jinja"} & set(server.files)
    )


def test_it_lies_in_the_usual_cache(registry, server, tmp_path):
    fetch(registry)
    asked = len(server.asked)
    folder = huggingface_hub.snapshot_download(ID, revision=COMMIT, cache_dir=tmp_path / "hub", local_files_only=True)
    assert Path(folder) == entry(registry).folder and len(server.asked) == asked


def test_the_progress_is_told(registry, server):
    told = []
    model = entry(registry).manifest.hub
    downloads.fetch(model, lambda got, total: told.append((got, total)))
    assert told[0][0] == 0 and told[-1][0] == told[-1][1]
    assert len({got for got, _ in told}) > len(server.files)
    assert [got for got, _ in told] == sorted(got for got, _ in told)


def test_the_token_stays_with_the_hub(registry, server):
    fetch(registry)
    tokens = {(path.startswith("/store/"), token) for _, path, _, token in server.asked}
    assert tokens == {(True, None), (False, "Bearer hf_secret")}


def test_a_branch_stays_at_the_commit_of_its_first_download(registry, server, allowed):
    allow(allowed, revision="main")
    assert entry(registry).manifest.commit == ""
    fetch(registry)
    server.asked.clear()
    fetch(registry)
    assert server.asked == []
    assert entry(registry).manifest.commit == COMMIT
    by_branch = entry(registry).manifest.fingerprint
    allow(allowed)
    assert entry(registry).manifest.fingerprint == by_branch


def test_template_arguments_are_part_of_the_fingerprint(registry, server, allowed):
    fetch(registry)
    before = entry(registry).manifest.fingerprint
    allow(allowed, template={"enable_thinking": False})
    assert entry(registry).manifest.fingerprint not in ("", before)


def test_several_clients_at_once_fetch_it_once(registry, server):
    server.pause = threading.Event()
    threads = [threading.Thread(target=fetch, args=(registry,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    server.pause.set()
    for thread in threads:
        thread.join()
    assert entry(registry).downloads == 0
    assert server.fetched(WEIGHTS) == [None] and server.fetched("config.json") == [None]


@pytest.mark.parametrize(
    ("fast", "parameters", "dtype"),
    [(True, 3 * 10**8, "bfloat16"), (False, 3 * 10**8, "float32"), (False, 10**14, "bfloat16")],
)
def test_a_larger_model_is_computed_in_what_the_machine_is_good_at_and_says_so(
    registry, server, allowed, monkeypatch, fast, parameters, dtype
):
    monkeypatch.setattr(machine, "has_bf16", lambda: fast)
    allow(allowed, parameters=parameters)
    engine = Engine(registry)
    events = list(engine.generate(engine.recipe("text", {"model": ID, "prompt": "Hello", "max_new_tokens": 4})))
    assert document(events[-1])["environment"]["dtype"] == dtype


def test_many_prompts_at_once_are_read_as_each_alone(registry, server):
    hostile, usual = "<|im_end|>" * 3, "Hello"
    with registry.use(ID, "text") as loaded:
        recipes = [TextRecipe.make({"model": ID, "prompt": text}) for text in (hostile, usual)]
        alone = [prompt_ids(loaded.model, recipe) for recipe in recipes]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda n: prompt_ids(loaded.model, recipes[n % 2]), range(200)))
    assert together == alone * 100


def test_bytes_in_memory_count_for_the_bound(registry, server):
    with registry.use(ID, "text") as loaded:
        weights = sum(weight.numel() * weight.element_size() for weight in loaded.model.model.parameters())
        assert loaded.bytes == loaded.model.memory > weights  # what decodes them counts too


# The network -----------------------------------------------------------------------------------------------


def test_a_dropped_connection_is_taken_up_where_it_broke(registry, server):
    server.cuts = [1000, 500]
    fetch(registry)
    assert server.fetched(WEIGHTS) == [None, "bytes=1000-", "bytes=1500-"]
    assert entry(registry).downloads == 0


def test_the_next_run_goes_on_after_one_that_was_given_up(registry, server, monkeypatch):
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    server.cuts = [1000] + [0] * 100
    assert "can't be reached" in told(registry)
    assert entry(registry).downloads
    server.cuts = []
    fetch(Registry(registry.folder))
    assert server.fetched(WEIGHTS)[-1] == "bytes=1000-"
    assert entry(registry).downloads == 0


def test_a_store_without_ranges_sends_all_again(registry, server):
    server.ranges = False
    server.cuts = [1000]
    fetch(registry)
    assert entry(registry).downloads == 0


def test_leaving_stops_the_download_and_coming_back_continues_it(registry, server):
    server.pause = threading.Event()
    events = registry.fetch(ID, "text")
    while not server.fetched(WEIGHTS):
        next(events)
    events.close()
    server.pause.set()
    for thread in threading.enumerate():
        if thread.name.startswith("download"):
            thread.join(10)
    assert entry(registry).downloads
    fetch(registry)
    assert entry(registry).downloads == 0


def test_no_network_is_one_sentence(registry, server):
    server.shutdown()
    server.server_close()
    assert told(registry) == (
        f"The model {ID} is not all here and the Hub can't be reached; check the network, or take a local model."
    )


def test_offline_is_one_sentence(registry, server, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "the Hub can't be reached" in told(registry)
    assert server.asked == []


def test_what_is_in_the_cache_needs_no_network(registry, server):
    fetch(registry)
    server.shutdown()
    server.server_close()
    with Registry(registry.folder).use(ID, "text") as loaded:
        assert loaded.manifest.commit == COMMIT


ANSWERS = {
    (500, ""): f"The Hub answers 500 for {ID}; try again later.",
    (401, ""): f"The Hub does not let this playground have {ID}; a token goes into HF_TOKEN.",
    (404, "RepoNotFound"): f"The Hub has no model {ID}.",
    (404, "RevisionNotFound"): f"The Hub has no revision {COMMIT} of {ID}.",
    (403, "GatedRepo"): f"The Hub gives {ID} only to those who have asked for it there (its token is in HF_TOKEN).",
}


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_what_the_hub_refuses_is_told(registry, server, answer):
    server.status, server.error = answer
    assert told(registry) == ANSWERS[answer]


def test_a_revision_that_is_not_there_is_told(registry, server, allowed):
    allow(allowed, revision="0" * 40)
    assert told(registry) == f"The Hub has no revision {'0' * 40} of {ID}."


# What is not what it should be -----------------------------------------------------------------------------


def test_a_repository_with_pickle_only_is_refused(registry, server):
    server.files["pytorch_model.bin"] = server.files.pop(WEIGHTS)
    assert "has no weights in safetensors" in told(registry)
    assert not server.fetched("pytorch_model.bin")


def test_a_repository_that_is_much_larger_than_allowed_is_refused(registry, server):
    server.claims[WEIGHTS] = 5_000_000_000
    assert told(registry) == f"The model {ID} has 5,000.0 MB; the list of allowed models says 0.3."
    assert not server.fetched(WEIGHTS)


def test_a_size_that_is_not_the_listed_one_is_refused(registry, server):
    server.claims[WEIGHTS] = 1000
    assert "is announced with 1,000 bytes and then with" in told(registry)


@pytest.mark.parametrize("extra", [0, 1000])
def test_damaged_content_is_not_kept(registry, server, extra):
    good = server.files[WEIGHTS]
    server.damaged = bytes(len(good) + extra)
    assert ("came damaged" if not extra else "more than the") in told(registry)
    server.damaged = b""
    fetch(registry)
    assert hashlib.sha256((entry(registry).folder / WEIGHTS).read_bytes()).digest() == hashlib.sha256(good).digest()


def test_a_file_that_is_damaged_in_the_cache_is_fetched_again(registry, server):
    fetch(registry)
    weights = (entry(registry).folder / WEIGHTS).resolve()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with (
        pytest.raises(PlaygroundError, match="model.safetensors was damaged; its next use fetches it again"),
        registry.use(ID, "text"),
    ):
        pass
    with registry.use(ID, "text") as loaded:
        assert loaded.manifest.name == ID


def test_a_full_disk_is_told(registry, server, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "get_session", full)
    assert told(registry) == f"The model {ID} can't be kept: No space left on device."


def test_code_that_comes_with_a_model_is_never_run(registry, server, tmp_path):
    config = json.loads(server.files["config.json"])
    config |= {"model_type": "tiny-own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.Own"}}
    server.files["config.json"] = json.dumps(config).encode()
    server.files["own.py"] = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    with pytest.raises(PlaygroundError, match=f"The model {ID} can't be opened: ") as error, registry.use(ID, "text"):
        pass
    assert "code of its own, which is never run" in str(error.value)
    assert not (tmp_path / "ran").exists() and not server.fetched("own.py")


def test_a_chat_model_without_a_template_is_told(registry, server):
    server.files.pop("chat_template.jinja", None)
    config = json.loads(server.files["tokenizer_config.json"])
    config.pop("chat_template", None)
    server.files["tokenizer_config.json"] = json.dumps(config).encode()
    with pytest.raises(PlaygroundError, match="it has no chat template"), registry.use(ID, "text"):
        pass


def test_a_model_that_is_not_on_the_list_is_unknown(registry, server):
    with pytest.raises(PlaygroundError, match=f"There is no model 'openai/x'; for text there is: tales, {ID}."):
        list(registry.fetch("openai/x", "text"))
    assert server.asked == []


# The command line ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_line_fetches_once_and_then_goes_on_without_a_network(server, allowed, tmp_path):
    def run(*arguments: str, offline: str) -> subprocess.CompletedProcess:
        given = {"PLAYGROUND_CHECKPOINTS": str(allowed), "HF_HUB_OFFLINE": offline, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "playground", *arguments]
        return subprocess.run(command, cwd=ROOT, env=os.environ | given, capture_output=True, text=True)

    made = ("generate", "text", "--model", ID, "--prompt", "Hello", "--max-new-tokens", "8", "--json")
    first = run(*made, "--system", "Be brief.", offline="0")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["recipe"]["model"] == ID and document["recipe"]["system"] == "Be brief."
    (tmp_path / "told.json").write_text(first.stdout)
    server.shutdown()
    again = run("replay", str(tmp_path / "told.json"), offline="1")
    assert (again.returncode, again.stdout) == (0, "Identical.\n"), again.stderr
