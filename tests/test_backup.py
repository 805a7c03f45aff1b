"""The copy of the history on the Hub: whole, private, brought back to an empty disk, and no trouble for the app."""

import logging
import shutil
import sqlite3
import threading
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

from playground.backup import NO_TOKEN, Backup
from playground.history import History, new_owner
from playground.history_database import NAME
from playground.history_entries import File
from playground.settings import Settings
from tests.datasethub import dataset_hub

REPO, TOKEN = "ada/memory", "hf_a-token-of-this-test"
MINE = new_owner()
PICTURE = File("a.png", b"picture" * 3000)  # so large that it goes by the store of large files


@pytest.fixture
def hub(monkeypatch):
    with dataset_hub(REPO) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield server


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def said() -> list[str]:
    return []


def copied(folder: Path, said: list[str]) -> None:
    """Start the copying as the app does, and end it when it has copied."""
    backup = Backup(REPO, folder, said.append)
    backup.restore()
    backup.start()
    while backup._scheduler is None and not said:
        threading.Event().wait(0.01)
    backup.close()


def add(history: History, prompt: str, *files: File) -> str:
    document = {"recipe": {"v": 1, "kind": "text", "prompt": prompt}, "result": {"seed": 7, "text": "upon a time"}}
    return history.add(MINE, document, files).id


def test_a_history_comes_back_whole_on_an_empty_disk(hub, folder, tmp_path, said):
    history = History(folder)
    kept = add(history, "Once", PICTURE)
    copied(folder, said)
    assert said == [] and hub.private and hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.store, "nothing went by the store of large files"
    other = tmp_path / "other"
    assert Backup(REPO, other, said.append).restore()
    again = History(other)
    assert [entry.title for entry in again.search(MINE).entries] == ["Once"]
    assert again.file(MINE, kept) == PICTURE and again.notices == ()
    assert said == []


def test_what_is_not_yet_in_the_database_file_itself_is_copied_too(hub, folder, said):
    history = History(folder)
    add(history, "Once")
    assert (folder / f"{NAME}-wal").stat().st_size, "all is in the log of the database"
    copied(folder, said)
    database = folder.parent / "copy.sqlite"
    database.write_bytes(hub.files[NAME])
    assert sqlite3.connect(database).execute("SELECT title FROM entries").fetchall() == [("Once",)]
    add(history, "Twice")  # and its writer goes on
    assert history.search(MINE).total == 2


def test_what_is_deleted_goes_from_the_copy_and_from_its_past(hub, folder, said):
    history = History(folder)
    gone = add(history, "Secret wish", PICTURE)
    add(history, "Once")
    copied(folder, said)
    assert any(path.startswith("files/") for path in hub.files)
    history.delete(MINE, gone)
    copied(folder, said)
    assert not any(path.startswith("files/") for path in hub.files)
    assert b"Secret wish" not in hub.files[NAME] and hub.commits == 1
    assert said == []


def test_nothing_is_sent_where_nothing_is_new(hub, folder, said):
    add(History(folder), "Once")
    copied(folder, said)
    hub.files.pop(NAME)
    copied(folder, said)
    assert NAME not in hub.files and said == []


def test_a_history_that_is_there_is_not_restored_over(hub, folder, said):
    add(History(folder), "Once")
    copied(folder, said)
    other = folder.parent / "other"
    add(History(other), "Mine")
    assert not Backup(REPO, other, said.append).restore()
    assert [entry.title for entry in History(other).search(MINE).entries] == ["Mine"]
    copied(other, said)
    assert len(said) == 1 and "holds the history of another place" in said[0]
    assert b"Mine" not in hub.files[NAME]


def test_a_copy_that_could_not_be_restored_is_left_alone(hub, folder, said):
    add(History(folder), "Once")
    copied(folder, said)
    before = dict(hub.files)
    shutil.rmtree(folder)
    hub.status = 500
    backup = Backup(REPO, folder, said.append)
    assert not backup.restore()
    assert said == [f"The history could not be restored from {REPO}, and is not copied there: the Hub answers 500."]
    hub.status = 200
    add(History(folder), "New")
    backup.start()
    backup.close()
    assert hub.files == before and backup._scheduler is None


def test_what_is_no_history_is_not_restored(hub, folder, said):
    hub.files = {NAME: b"no database", "files/../../escape": b"x", "files/" + "0" * 64: b"y"}
    assert not Backup(REPO, folder, said.append).restore()
    assert len(said) == 1 and said[0].endswith(".") and not (folder / NAME).exists()
    hub.files[NAME] = b""
    assert not Backup(REPO, folder, said.append).restore()
    assert "no history" in said[1] and add(History(folder), "Once")


def test_a_data_set_that_anybody_can_read_gets_nothing(hub, folder, said):
    hub.files, hub.private = {}, False
    add(History(folder), "Once")
    copied(folder, said)
    assert hub.files == {}
    assert said == [
        f"The history could not be copied to {REPO}: anybody can read it, and the history is not for everybody: "
        "make it private."
    ]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_is_one_sentence_and_the_history_goes_on(hub, folder, said, status):
    history = History(folder)
    add(history, "Once")
    hub.status = status
    copied(folder, said)
    assert len(said) == 1 and said[0].endswith(".") and f"the Hub answers {status}" in said[0]
    assert TOKEN not in said[0] and hub.url not in said[0]
    assert add(history, "Twice")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HF_TOKEN", "", NO_TOKEN),
        ("HF_ENDPOINT", "http://127.0.0.1:1", "the Hub can't be reached, or the connection broke."),
    ],
)
def test_without_token_or_network_there_is_one_line_in_the_log(
    hub, folder, monkeypatch, caplog, tmp_path, name, value, sentence
):
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    add(History(folder), "Once")
    with caplog.at_level(logging.WARNING):
        backup = Backup(REPO, folder)
        assert not backup.restore()
        for _ in range(3):
            backup.start(every=1e-4)
        while not caplog.records:
            threading.Event().wait(0.01)
        backup.close()
    told = [record.getMessage() for record in caplog.records if record.name == "playground"]
    assert told and set(told) == {f"The history can't be copied to {REPO}: {sentence}"}
    assert hub.files is None and TOKEN not in caplog.text


def test_the_setting_names_a_data_set(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_BACKUP", "ada/memory")
    assert Settings.read().backup == "ada/memory"
    monkeypatch.setenv("PLAYGROUND_BACKUP", "https://x/../y")
    with pytest.raises(Exception, match="PLAYGROUND_BACKUP is .*: that can't be one."):
        Settings.read()
