"""The operator's list of Hub models: told at once, without network; what is wrong in it spares the others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from playground.engine import Engine
from playground.registry import Registry
from tabs._controls import damaged_models, model_choices

ROOT = Path(__file__).resolve().parent.parent
ID = "tests/Tiny-Chat"
MODEL = {"id": ID, "revision": "main", "licence": "mit", "parameters": 50_000, "bytes": 3_000_000, "chat": True}


@pytest.fixture
def allowed(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoints folder with the local model and a list of one."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "tales").symlink_to(checkpoints / "tales")
    (folder / "hub.json").write_text(json.dumps([MODEL]))
    return folder


FAULTS = {
    "it is not JSON.": "[",
    "it is not a list of models.": "{}",
    "it is not valid: revision: Field required.": [{"id": "a/b"}],
    "it is not valid: id: ": [{"id": "../../etc", "revision": "main"}],
    "it is not valid: surprise: ": [
        {"id": "a/b", "revision": "main", "licence": "x", "parameters": 1, "bytes": 1, "surprise": 1}
    ],
    "it is of an unknown kind, 'smell'.": [
        {"id": "a/b", "revision": "main", "licence": "x", "parameters": 1, "bytes": 1, "kind": "smell"}
    ],
}


@pytest.mark.parametrize("reason", FAULTS)
def test_a_damaged_list_is_told_and_leaves_the_local_models_usable(allowed, reason):
    fault = FAULTS[reason]
    (allowed / "hub.json").write_text(fault if isinstance(fault, str) else json.dumps(fault))
    entries = Registry(allowed).entries()
    assert [e.name for e in entries if not e.problem] == ["tales"]
    assert [e.problem for e in entries if e.problem][0].startswith(reason)


def test_one_bad_model_of_the_list_leaves_the_others(allowed):
    listed = json.loads((allowed / "hub.json").read_text())
    (allowed / "hub.json").write_text(json.dumps([{"id": 1}, *listed, *listed]))
    problems = {e.name: e.problem for e in Registry(allowed).entries()}
    assert problems["tales"] is None and problems[ID] is None
    assert problems["hub.json, model 3"] == f"{ID} stands there twice."


def test_the_shipped_list_is_whole():
    listed = {e.name: e for e in Registry(ROOT / "checkpoints").entries() if e.name != "tales"}
    assert {"HuggingFaceTB/SmolLM2-135M-Instruct", "Qwen/Qwen3-0.6B", "openai-community/gpt2"} <= set(listed)
    for e in listed.values():
        assert e.problem is None
        if hasattr(e.manifest, "hub"):
            assert len(e.manifest.hub.revision) == 40, "pinned"


def test_listing_needs_neither_torch_nor_the_hub_library():
    program = "import sys; from playground.registry import Registry; Registry().entries(); print(sorted("
    program += "{'torch', 'huggingface_hub', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_says_what_choosing_it_would_download(allowed):
    labels = {name: label for label, name in model_choices(Engine(Registry(allowed)), "text")}
    assert labels[ID] == f"{ID} · 50.0 K · downloads 3 MB at first use"
    assert "downloads" not in labels["tales"]


def test_a_damaged_list_is_told_in_the_page(allowed):
    (allowed / "hub.json").write_text("[")
    assert "<b>hub.json</b>: it is not JSON." in damaged_models(Engine(Registry(allowed)))
