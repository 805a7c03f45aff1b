"""The history under `kill -9`: no committed entry is lost, and none is half there.

All of it runs in a process of its own, which is light to fork: `python tests/test_history_kill.py LOAD|STEPS FOLDER`.
"""

import hashlib
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")  # a killed process leaves there what it leaves on a disk, and nobody waits for flushes
sys.path.insert(0, str(ROOT))  # as a script it has but its own folder there

from playground.history import History, new_owner  # noqa: E402
from playground.history_database import NAME  # noqa: E402
from playground.history_entries import Entry, File, thumbnail  # noqa: E402

KILLS = 50
FEW = 4  # entries that the history of a small one holds
WRITERS = (300, FEW)  # entries that each of them may have
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}


@pytest.fixture
def place(tmp_path):
    """A folder in memory, where there is such."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def run(mode: str, folder: Path) -> dict:
    command = [sys.executable, __file__, mode, str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_killing_writers_at_any_time_loses_nothing_that_was_committed(place):
    told = run("LOAD", place)
    assert told["kills"] == KILLS * len(WRITERS) and told["added"] > 2 * KILLS and told["deleted"] and told["starred"]


def test_killing_between_any_two_writes_leaves_all_as_it_was_or_as_it_should_be(place):
    told = run("STEPS", place)
    assert set(told) == {"open", "add", "star", "delete", "clear"} and min(told.values()) >= 3 and told["add"] > 20


# what runs in the other process


def make(rng: random.Random, shared: bytes) -> tuple[dict, list[File]]:
    """A document that tells the checksums of its files, one of which other entries have too."""
    contents = [rng.randbytes(rng.choice((100, 5_000, 60_000))) for _ in range(rng.randint(1, 2))] + [shared]
    files = [File(f"{k}.bin", content) for k, content in enumerate(contents)]
    checksums = [hashlib.sha256(content).hexdigest() for content in contents]
    recipe = {"v": 1, "kind": "text", "prompt": f"number {rng.random()}"}
    return {"recipe": recipe, "result": {"text": "told " * 200, "files": checksums}}, files


def check_whole(history: History, owner: str) -> dict[str, bool]:
    """The entries of an owner: id → starred, newest first. Each has its document and all files that it tells of."""
    found = {}
    while len(found) < (page := history.search(owner, offset=len(found), limit=100)).total:
        check_page(history, owner, page.entries, found)
    return found


def check_page(history: History, owner: str, entries: tuple[Entry, ...], found: dict[str, bool]) -> None:
    assert entries
    for entry in entries:
        document = history.get(owner, entry.id).document
        files = [history.file(owner, entry.id, k).data for k in range(len(entry.files))]
        assert [hashlib.sha256(data).hexdigest() for data in files] == document["result"]["files"]
        found[entry.id] = entry.starred


def check_tidy(history: History, folder: Path) -> None:
    """The database is sound, and nothing else is left of those who died."""
    history.collect(parts_older_than=0)
    with sqlite3.connect(folder / NAME) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        named = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM files")}
    assert named == {path.name for path in (folder / "files").glob("*")}
    assert list((folder / "parts").glob("*")) == list(folder.glob("damaged-*")) == []


def fork(work) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def write(folder: Path, owner: str, most: int, pipe: int, seed: int) -> None:
    """Add, star and delete for ever; tell before and after what is done."""
    history, rng, mine = History(folder, per_browser=most), random.Random(seed), []

    def say(*words) -> None:
        os.write(pipe, (json.dumps(words) + "\n").encode())

    while True:
        entry = history.add(owner, *make(rng, b"the same for all"))
        say("added", entry.id)
        mine.append(entry.id)
        if most > FEW and rng.random() < 0.3:
            say("starring", mine[-1])
            history.star(owner, mine[-1])
            say("starred", mine[-1])
        if most > FEW and rng.random() < 0.3:
            gone = mine.pop(rng.randrange(len(mine)))
            say("deleting", gone)
            history.delete(owner, gone)
            say("deleted", gone)


def check_told(told: list[list[str]], found: dict[str, bool], most: int) -> None:
    """What a writer told, against what is there."""
    said = {word: [id for what, id in told if what == word] for word in ("added", "starring", "starred", "deleting")}
    said["deleted"] = [id for what, id in told if what == "deleted"]
    if most == FEW:
        kept = said["added"][-(FEW - 1) :]  # one more may have come, and pushed the oldest out
        assert set(kept) <= set(found) and len(found) <= FEW
    else:
        assert set(said["added"]) - set(said["deleting"]) <= set(found), "a committed entry is lost"
        assert not set(said["deleted"]) & set(found)
    assert len(set(found) - set(said["added"])) <= 1, "only the last one can be unannounced"
    for id, starred in found.items():
        assert not starred or id in said["starring"]
        assert starred or id not in said["starred"]


def load(folder: Path) -> dict:
    """Kill the writers fifty times, while all of them write."""
    rng, counts, kept = random.Random(1), dict.fromkeys(("kills", "added", "starred", "deleted"), 0), {}
    for _ in range(KILLS):
        writers = []
        for most in WRITERS:
            owner, (ours, theirs), seed = new_owner(), os.pipe(), rng.random()
            child = fork(lambda o=owner, m=most, t=theirs, s=seed: write(folder, o, m, t, s))
            os.close(theirs)
            writers.append((child, owner, ours, most))
        told = {ours: b"" for _, _, ours, _ in writers}
        while not all(told.values()):
            for pipe in select.select(list(told), [], [], 30)[0]:
                told[pipe] += (piece := os.read(pipe, 65_536))
                assert piece, "a writer has ended by itself"
        time.sleep(rng.uniform(0, 0.03))
        for child, *_ in writers:
            os.kill(child, signal.SIGKILL)
        history = History(folder)
        for child, owner, pipe, most in writers:
            assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
            while piece := os.read(pipe, 65_536):
                told[pipe] += piece
            os.close(pipe)
            words = [json.loads(line) for line in told[pipe].splitlines()]
            kept[owner] = check_whole(history, owner)
            check_told(words, kept[owner], most)
            counts["kills"] += 1
            for what, _ in words:
                if what in counts:
                    counts[what] += 1
        history.close()
    history = History(folder)
    assert all(check_whole(history, owner) == found for owner, found in kept.items()), "a later kill took it"
    check_tidy(history, folder)
    return counts


def kill_at(step: int) -> None:
    """End this process before the given statement of SQLite or change to the file system, counted from now."""
    left = step

    def count(*_) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(*arguments, **named) -> sqlite3.Connection:
        connection = connect(*arguments, **named)
        connection.set_trace_callback(count)
        return connection

    connect, sqlite3.connect = sqlite3.connect, traced
    sys.addaudithook(lambda event, _: count() if event in EVENTS else None)


def steps(folder: Path) -> dict:
    """Kill each operation before each of its steps; what is there then is what was before or what should be after."""
    rng, owner, template = random.Random(2), new_owner(), folder / "template"
    history = History(template, per_browser=FEW)
    ids = [history.add(owner, *make(rng, b"the same for all")).id for _ in range(FEW)][::-1]  # newest first
    history.close()
    operations = {
        "open": (lambda history: history.search(owner), lambda found: list(found) == ids),
        "add": (
            lambda history: history.add(owner, *make(rng, b"the same for all")),
            lambda found: list(found)[1:] == ids[:-1] and len(found) == FEW,
        ),
        "star": (lambda history: history.star(owner, ids[1]), lambda found: found[ids[1]]),
        "delete": (lambda history: history.delete(owner, ids[1]), lambda found: list(found) == [ids[0], *ids[2:]]),
        "clear": (lambda history: history.clear(owner), lambda found: not found),
    }
    return {name: steps_of(name, folder, template, owner, *operations[name], ids) for name in operations}


def steps_of(name, folder, template, owner, operation, is_after, ids) -> int:
    """How many steps an operation has at which it was killed."""
    for step in range(1, 500):
        place = folder / f"{name}-{step}"
        shutil.copytree(template, place)

        def work(place=place, step=step) -> None:
            history = History(place, per_browser=FEW)
            history.close()  # so that the connection of the operation is counted, with its opening
            kill_at(step)
            operation(history)

        status = os.waitpid(fork(work), 0)[1]
        history = History(place, per_browser=FEW)
        found = check_whole(history, owner)
        before = list(found) == ids and not any(found.values())
        assert before or is_after(found), (name, step, found)
        history.collect(parts_older_than=0)
        check_tidy(history, place)
        assert len(check_whole(history, owner)) == len(found)
        history.add(owner, *make(random.Random(step), b"and on it goes"))
        history.close()
        shutil.rmtree(place)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0 and is_after(found), (name, step)
            return step - 1
    raise AssertionError(f"{name} has no end")


if __name__ == "__main__":
    thumbnail([File("a.bin", b"no picture")])  # loads Pillow, once for all
    print(json.dumps({"LOAD": load, "STEPS": steps}[sys.argv[1]](Path(sys.argv[2]))))
