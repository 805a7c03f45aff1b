"""Models in folders: whole ones are loaded once and kept within bounds, damaged ones are listed with the reason."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.registry import MANIFEST, Registry, read_entry
from playground.turns import asking, who_asks


@pytest.fixture
def shelf(checkpoints, tmp_path) -> Path:
    """Two usable models, a and b, in a folder that a test may ruin."""
    for name in ("a", "b"):
        shutil.copytree(checkpoints / "tales", tmp_path / name)
        edit_manifest(tmp_path / name, name=name)
    return tmp_path


def edit_manifest(folder: Path, **changes) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def weights(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


DAMAGE = {
    "it has no playground.json.": lambda folder: (folder / MANIFEST).unlink(),
    "its playground.json is not valid: the file: Invalid JSON": lambda f: (f / MANIFEST).write_text('{"name": "a"'),
    "its playground.json is not valid: kind: Field required": lambda f: (f / MANIFEST).write_text('{"name": "a"}'),
    "its playground.json is not valid: parameters": lambda f: edit_manifest(f, parameters=-1),
    "its playground.json is not valid: surprise": lambda f: edit_manifest(f, surprise=1),
    "its playground.json is not valid: files": lambda f: edit_manifest(f, files={}),
    "its manifest is of tales.": lambda f: edit_manifest(f, name="tales"),
    "it is of an unknown kind, 'smell'.": lambda f: edit_manifest(f, kind="smell"),
    "it is of an unknown kind, '../../tests'.": lambda f: edit_manifest(f, kind="../../tests"),
    "model.safetensors is missing.": lambda f: weights(f).unlink(),
    "model.safetensors has 100 bytes instead of ": lambda f: weights(f).write_bytes(weights(f).read_bytes()[:100]),
    "its manifest names a file outside of the folder, '../b/config.json'.": lambda f: edit_manifest(
        f, files={"../b/config.json": {"sha256": "0" * 64, "bytes": 1}}
    ),
    "its manifest names a file outside of the folder, '/etc/hostname'.": lambda f: edit_manifest(
        f, files={"/etc/hostname": {"sha256": "0" * 64, "bytes": 1}}
    ),
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_a_damaged_model_is_listed_with_the_reason_and_leaves_the_others_usable(shelf, reason):
    DAMAGE[reason](shelf / "a")
    registry = Registry(shelf)
    entries = {entry.name: entry for entry in registry.entries()}
    assert entries["a"].problem.startswith(reason) and entries["a"].problem.endswith(".")
    assert entries["b"].problem is None and registry.names("text") == ["b"]
    with pytest.raises(PlaygroundError, match="^The model a can't be used: "), registry.use("a", "text"):
        pass
    with registry.use("b", "text") as loaded:
        assert loaded.manifest.name == "b"


def test_a_link_out_of_the_folder_is_refused(shelf):
    outside = shelf / "b" / "config.json"
    (shelf / "a" / "config.json").unlink()
    (shelf / "a" / "config.json").symlink_to(outside)
    assert "outside of the folder" in read_entry(shelf / "a").problem


def test_changed_content_of_the_same_size_is_found_at_load(shelf):
    path = weights(shelf / "a")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    registry = Registry(shelf)
    assert registry.names("text") == ["a", "b"]
    with (
        pytest.raises(PlaygroundError, match=r"model.safetensors is damaged \(its checksum"),
        registry.use("a", "text"),
    ):
        pass
    assert not registry.is_loaded("a")


def test_a_folder_that_is_no_model_of_its_kind_gives_one_sentence(shelf):
    folder = shelf / "a"
    (folder / "config.json").write_text("{}")
    entry = json.loads((folder / MANIFEST).read_text())
    del entry["files"]["config.json"]  # so that the checksum does not speak first
    (folder / MANIFEST).write_text(json.dumps(entry))
    with pytest.raises(PlaygroundError) as error, Registry(shelf).use("a", "text"):
        pass
    sentence = str(error.value)
    assert sentence == "The model a can't be opened: its files are damaged, not whole or not of its kind."


def test_no_folder_no_models(tmp_path):
    registry = Registry(tmp_path / "none")
    assert registry.entries() == []
    with pytest.raises(PlaygroundError, match="There is no model 'tales'; for text there is: none."):
        registry.manifest("tales", "text")


@pytest.mark.parametrize("name", ["c", "", "../a", "a/", "A", "<script>", "x" * 10_000, "\0"])
def test_an_unknown_model_is_told_with_those_there_are(shelf, name):
    with pytest.raises(PlaygroundError, match=r"^There is no model .{,60}; for text there is: a, b\.$"):
        Registry(shelf).manifest(name, "text")


def test_a_model_of_another_kind_is_told(shelf):
    with pytest.raises(PlaygroundError, match="The model a makes text, not image."):
        Registry(shelf).manifest("a", "image")


def test_files_and_hidden_folders_are_no_models(shelf):
    (shelf / "notes.txt").write_text("x")
    (shelf / ".cache").mkdir()
    assert [entry.name for entry in Registry(shelf).entries()] == ["a", "b"]


def test_the_fingerprint_is_of_the_files_that_decide_results(shelf):
    before = read_entry(shelf / "a").manifest
    edit_manifest(shelf / "a", summary="another", details={})
    assert read_entry(shelf / "a").manifest.fingerprint == before.fingerprint
    files = {name: record.model_dump() for name, record in before.files.items()}
    files["config.json"]["sha256"] = "0" * 64
    edit_manifest(shelf / "a", files=files)
    assert read_entry(shelf / "a").manifest.fingerprint != before.fingerprint


def test_the_least_recently_used_goes_when_the_cache_is_full(shelf):
    registry = Registry(shelf, cache_bytes=1)
    for name, other in (("a", "b"), ("b", "a")):
        with registry.use(name, "text"):
            assert registry.is_loaded(name)
        assert registry.is_loaded(name) and not registry.is_loaded(other)


def test_both_stay_while_there_is_room(shelf):
    registry = Registry(shelf)
    for name in ("a", "b"):
        with registry.use(name, "text"):
            pass
    assert registry.is_loaded("a") and registry.is_loaded("b")


def test_a_model_in_use_is_neither_evicted_nor_unloaded(shelf):
    registry = Registry(shelf, cache_bytes=1)
    with registry.use("a", "text"):
        with registry.use("b", "text"):
            pass
        assert registry.is_loaded("a")
        assert not registry.unload("a")
    assert registry.unload("a") or not registry.is_loaded("a")
    assert not registry.unload("a")


def test_many_at_once_share_one_loading(shelf):
    registry = Registry(shelf)
    together, found = threading.Barrier(8), []

    def use() -> None:
        together.wait()
        with registry.use("a", "text") as loaded:
            found.append(loaded)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len({id(loaded) for loaded in found}) == 1
    assert found[0].users == 0


def test_a_newer_checkpoint_in_the_folder_is_loaded_at_the_next_use(shelf):
    registry = Registry(shelf)
    with registry.use("a", "text") as first:
        pass
    entry = json.loads((shelf / "a" / MANIFEST).read_text())
    del entry["files"]["generation_config.json"]
    (shelf / "a" / MANIFEST).write_text(json.dumps(entry))
    with registry.use("a", "text") as second:
        assert second is not first


def test_all_steps_of_a_model_are_made_in_one_thread_with_the_callers_context(shelf):
    def whose():
        while True:
            yield threading.get_ident(), who_asks()

    with Registry(shelf).use("a", "text") as loaded:
        with asking("a/1"):
            here = [loaded.step(whose()), loaded.step(whose())]
        with ThreadPoolExecutor(1) as pool:
            there = pool.submit(loaded.step, whose()).result()
        assert loaded.step(iter(())) is None
    assert here == [(here[0][0], "a/1")] * 2 and there == (here[0][0], "")
    assert here[0][0] != threading.get_ident()
