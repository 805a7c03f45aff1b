"""The history in trouble: full and read-only disks, damage, other versions, several processes, and switched off."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest

from playground import history_database
from playground.errors import PlaygroundError
from playground.history import MISSING, OFF, History, new_owner
from playground.history_database import DAMAGED, FAILED, FULL, LATER, MIGRATIONS, NAME, READ_ONLY, migrate
from playground.history_entries import File
from playground.history_files import GONE

ROOT = Path(__file__).resolve().parent.parent
MINE = new_owner()
NOBODY = 65534


def told(prompt: str) -> dict:
    return {"recipe": {"v": 1, "kind": "text", "prompt": prompt}, "result": {"seed": 7, "text": "upon a time"}}


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def history(folder) -> History:
    return History(folder)


def titles(history: History) -> list[str]:
    return [entry.title for entry in history.search(MINE).entries]


def sentence(do, *arguments) -> str:
    with pytest.raises(PlaygroundError) as error:
        do(*arguments)
    return str(error.value)


def in_a_fork(work) -> list[str]:
    """What `work` returns in a process of its own, which it may spoil."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            told_back = work()
        except BaseException:
            told_back = [traceback.format_exc()]
        os.write(theirs, json.dumps(told_back).encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with open(ours) as pipe:  # noqa: PTH123
        return json.loads(pipe.read() or '["it died"]')


def as_a_guest() -> None:
    if os.getuid() == 0:
        os.setuid(NOBODY)  # the owner of the machine may write anywhere


# disks


@pytest.mark.parametrize("limit", [4096, 100_000])
def test_a_full_disk_is_told_and_what_was_there_stays(history, folder, limit):
    entry = history.add(MINE, told("before"), [File("a.bin", b"a")])
    history.close()

    def fill() -> list[str]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        full = History(folder)
        said = []
        for n in range(40):
            try:
                full.add(
                    MINE, told(f"n{n} " + os.urandom(9_000).hex()), [File("a.bin", os.urandom(limit // 2 + n * 200))]
                )
            except PlaygroundError as error:
                said.append(str(error))
        return said

    said = in_a_fork(fill)
    assert said and set(said) <= {FULL, FAILED}
    with sqlite3.connect(folder / NAME) as database:
        named = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM files")}
    database.close()
    assert named == {path.name for path in (folder / "files").glob("*")}, "what failed leaves nothing behind"
    again = History(folder)
    assert again.get(MINE, entry.id).entry == entry and again.file(MINE, entry.id).data == b"a"
    assert not list((folder / "parts").glob("*")) and not again.notices
    assert again.add(MINE, told("after")) and titles(again)[0] == "after"
    assert all(again.file(MINE, one.id) for one in again.search(MINE, limit=100).entries if one.files)


def test_a_folder_that_can_only_be_read_is_told(tmp_path):
    tmp_path.chmod(0o755)
    folder = tmp_path / "history"
    History(folder).add(MINE, told("before"))

    def visit() -> list[str]:
        as_a_guest()
        return [
            sentence(do, MINE, *more) for do, *more in ((History(folder).add, told("x")), (History(folder).search,))
        ]

    assert in_a_fork(visit) == [READ_ONLY] * 2
    folder.chmod(0o555)
    assert in_a_fork(visit) == [READ_ONLY] * 2
    folder.chmod(0o700)
    assert titles(History(folder)) == ["before"]


def test_a_folder_that_can_not_be_made_is_told_each_time(tmp_path):
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file" / "history")
    assert sentence(history.add, MINE, told("x")) == sentence(history.search, MINE) == READ_ONLY


def test_a_folder_that_vanished_is_made_again(history, folder):
    history.add(MINE, told("before"), [File("a.bin", b"a")])
    folder.rename(folder.with_name("elsewhere"))
    history.add(MINE, told("after"), [File("a.bin", b"a")])
    assert titles(history) == ["after"] and history.notices == ()


def test_a_file_that_is_gone_or_spoilt_is_told_and_comes_back_with_the_same_result(history, folder):
    entry = history.add(MINE, told("x"), [File("a.bin", b"content")])
    (path,) = (folder / "files").glob("*")
    path.write_bytes(b"c0ntent")
    assert sentence(history.file, MINE, entry.id) == GONE
    path.unlink()
    assert sentence(history.file, MINE, entry.id) == GONE and sentence(history.file, MINE, entry.id, 1) == MISSING
    history.add(MINE, told("y"), [File("b.bin", b"content")])
    assert history.file(MINE, entry.id).data == b"content"


# damage


def spoil_header(path: Path) -> None:
    path.write_bytes(b"no database at all, but so long that it could be one" * 100)


def spoil_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name)")
        other.execute("PRAGMA user_version = 1")
    other.close()


@pytest.mark.parametrize("spoil", [spoil_header, spoil_middle, empty, replace, Path.unlink])
def test_a_damaged_database_is_set_aside_with_its_files_and_a_new_one_begun(history, folder, spoil):
    for n in range(30):
        history.add(MINE, told(f"n{n} " + os.urandom(999).hex()), [File("a.bin", b"kept")])
    history.close()
    spoil(folder / NAME)
    again = History(folder)
    assert again.notices == (DAMAGED,) and titles(again) == []
    (aside,) = folder.glob("damaged-*")
    assert [path.read_bytes() for path in (aside / "files").glob("*")] == [b"kept"]
    again.add(MINE, told("new"), [File("a.bin", b"kept")])
    other = History(folder)
    assert titles(again) == titles(other) == ["new"] and other.notices == ()
    again.close()
    other.close()
    spoil_header(folder / NAME)
    assert History(folder).notices == (DAMAGED,) and len(list(folder.glob("damaged-*"))) == 1, "only the last is kept"


def test_damage_while_it_runs_is_told_once_and_all_go_on_with_the_new_one(history, folder):
    other = History(folder)
    for n in range(30):
        history.add(MINE, told(f"n{n} " + os.urandom(9_999).hex()))
    with sqlite3.connect(folder / NAME) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    spoil_middle(folder / NAME)
    assert sentence(history.search, MINE) == DAMAGED and history.notices == (DAMAGED,)
    history.add(MINE, told("new"))
    assert titles(other) == titles(history) == ["new"] and len(list(folder.glob("damaged-*"))) == 1


def test_a_mistake_of_the_program_sets_nothing_aside(history, folder):
    history.add(MINE, told("x"))
    with pytest.raises(sqlite3.Error), history._database.writing() as database:
        database.execute("DELETE FROM entries")
        database.execute("SELECT nothing")
    assert titles(history) == ["x"] and not list(folder.glob("damaged-*"))


# versions


def test_a_later_step_of_the_schema_keeps_what_is_there(history, folder):
    history.add(MINE, told("old"))
    history.close()
    later = (*MIGRATIONS, ("ALTER TABLE entries ADD COLUMN note TEXT", "UPDATE entries SET note = title"))
    database = sqlite3.connect(folder / NAME, isolation_level=None)
    with pytest.raises(sqlite3.Error):
        migrate(database, (*MIGRATIONS, (later[-1][0], "no statement")))
    assert [row[1] for row in database.execute("PRAGMA table_info(entries)")].count("note") == 0, "whole or not at all"
    migrate(database, later)
    migrate(database, later)
    assert database.execute("SELECT note FROM entries").fetchall() == [("old",)]
    database.close()
    again = History(folder)
    assert sentence(again.search, MINE) == sentence(again.add, MINE, told("x")) == LATER
    assert again.notices == () and not list(folder.glob("damaged-*"))


# several at once


def test_threads_and_processes_share_a_folder(history, folder):
    def add(mine: History, name: str) -> None:
        for n in range(5):
            mine.add(MINE, told(f"{name}{n}"), files())

    def files() -> list[File]:
        return [File("a.bin", os.urandom(100)), File("b.bin", b"the same for all")]

    def process() -> list[str]:
        add(history, "inherited")  # its connection is not taken along
        add(History(folder), "own")
        return []

    history.add(MINE, told("before"), files())  # no thread imports anything while the process forks
    threads = [
        threading.Thread(target=add, args=(one, f"thread{k} ")) for k, one in enumerate((history, History(folder)))
    ]
    for thread in threads:
        thread.start()
    assert in_a_fork(process) == []
    for thread in threads:
        thread.join()
    assert len(set(titles(history))) == 21
    assert all(history.file(MINE, entry.id, 1).data == b"the same for all" for entry in history.search(MINE).entries)
    assert len(list((folder / "files").glob("*"))) == 22 and not list((folder / "parts").glob("*"))


def test_who_has_to_wait_too_long_is_told(history, folder, monkeypatch):
    monkeypatch.setattr(history_database, "WAIT_S", 0.05)
    history.close()
    history.search(MINE)
    other = sqlite3.connect(folder / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert sentence(history.add, MINE, told("x"), [File("a.bin", b"a")]) == history_database.BUSY
    other.execute("ROLLBACK")
    other.close()
    assert history.add(MINE, told("x"))


# switched off, and light


def test_switched_off_it_keeps_and_finds_nothing(done):
    history = History(None)
    assert history.add(MINE, told("x")) is history.keep(MINE, done) is None and not history.enabled
    assert history.search(MINE).total == history.clear(MINE) == history.usage(MINE).entries == 0
    assert sentence(history.get, MINE, "0" * 32) == sentence(history.star, MINE, "0" * 32) == MISSING
    assert sentence(history.export, MINE) == OFF and history.notices == (OFF,)
    history.collect()
    history.close()


def test_it_is_light_to_import():
    program = (
        "import sys, playground.history; print([m for m in ('torch', 'gradio', 'numpy', 'PIL') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
