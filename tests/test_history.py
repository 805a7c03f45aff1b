"""The history: what is kept, found, shown to its browser alone, thrown out in order, and what trouble does to it."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from playground import documents
from playground.errors import PlaygroundError
from playground.history import MISSING, NO_KEY, History, is_owner, new_owner
from playground.history_entries import MAX_DOCUMENT, MAX_EXCERPT, MAX_TITLE, File
from playground.history_limits import NO_ROOM, NO_ROOM_AT_ALL

MINE, THEIRS = new_owner(), new_owner()


def told(prompt: str = "Once", text: str = "upon a time", kind: str = "text", **knobs) -> dict:
    return {"recipe": {"v": 1, "kind": kind, "prompt": prompt, **knobs}, "result": {"seed": 7, "text": text}}


def files_in(folder: Path) -> list[Path]:
    return sorted((folder / "files").glob("*"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def history(folder) -> History:
    return History(folder)


def titles(history: History, owner: str = MINE, **search) -> list[str]:
    return [entry.title for entry in history.search(owner, **search).entries]


# what is kept


def test_a_text_is_there_after_a_restart_with_all_that_makes_it_again(history, folder, engine):
    done = list(engine.generate(engine.recipe("text", {"prompt": "The dragon", "seed": 3, "max_new_tokens": 8})))[-1]
    history.keep(MINE, done)
    history.close()
    (entry,) = History(folder).search(MINE).entries
    assert (entry.kind, entry.title, entry.files, entry.thumbnail) == ("text", "The dragon", (), b"")
    assert entry.excerpt.split() == done.results[0].text.split()
    kept = History(folder).get(MINE, entry.id)
    assert kept.entry == entry and documents.compare(kept.document, done).verdict == "identical"


def test_a_picture_is_there_with_its_file_and_a_small_one(history, done):
    entry = history.keep(MINE, done)
    assert entry == history.search(MINE).entries[0] and entry.files == ("image-7.png",) and entry.excerpt == ""
    with Image.open(io.BytesIO(entry.thumbnail)) as small:
        assert small.format == "WEBP" and max(small.size) <= 192
    link, content = documents.read(history.file(MINE, entry.id).data)
    assert link.kind == "image" and documents.compare(content, done).verdict == "identical"


def test_kinds_that_are_not_known_here_are_kept_alike(history):
    entry = history.add(MINE, told("a waltz", text=None, kind="hum"), [File("hum.wav", b"RIFF....WAVE")])
    assert (entry.title, entry.excerpt, entry.thumbnail) == ("a waltz", "", b"")
    assert history.file(MINE, entry.id) == File("hum.wav", b"RIFF....WAVE")


def test_the_title_is_what_was_asked_for_and_no_default_no_model_and_no_data(history):
    recipe = {
        "model": "tales",
        "about": "keys",
        "scheduler": "x",
        "top_k": 3,
        "start": "data:image/png;base64," + "A" * 99,
    }
    assert history.add(MINE, told("a\n b", **recipe)).title == "a b · keys · x"
    assert history.add(MINE, told("a cat", kind="image", scheduler="dpmpp_2m")).title == "a cat"


def test_texts_are_bounded_and_cleaned(history):
    entry = history.add(MINE, told("word " * 50_000 + "\0\ud800", text="line\n\n" * 50_000 + "\0\ud800"))
    assert len(entry.title) == MAX_TITLE and entry.excerpt == "line\nline\nline\nline"
    assert len(history.add(MINE, told(text="x" * 99_999)).excerpt) == MAX_EXCERPT
    assert history.search(MINE, text="line").total == 0 and history.search(MINE, text="word").total == 1
    assert history.add(MINE, told("nul \0 and half \ud800 a pair")).title == "nul \ufffd and half ? a pair"
    with pytest.raises(PlaygroundError, match="description has 33 MB; at most 32 MB are kept"):
        history.add(MINE, told(text="x" * (MAX_DOCUMENT + 2**20)))


@pytest.mark.parametrize(
    ("kind", "names"),
    [("text", ["../a"]), ("text", ["a", "a"]), ("text", ["result.json"]), ("text", [".x"]), ("a/b", []), ("", [])],
)
def test_names_that_are_none_are_the_callers_mistake(history, kind, names):
    with pytest.raises(ValueError, match="name|kind"):
        history.add(MINE, told(kind=kind), [File(name, b"") for name in names])
    assert history.search(MINE).total == 0


# what is found


def test_all_words_must_be_found_whatever_their_case_and_accents(history):
    history.add(MINE, told("A Café at NIGHT", text="the Dragon came"))
    for text in ("cafe", "CAFÉ", "nig", "cafe dragon", " dragon  night "):
        assert history.search(MINE, text=text).total == 1, text
    assert history.search(MINE, text="cafe sea").total == 0


@pytest.mark.parametrize(
    "text",
    ["%", "_", "*", '"', "' OR 1=1 --", "NEAR(a b)", "title:a", "-a", "a%z", "\0", "\ud800", "(", "\\", "%" * 10**6],
)
def test_no_character_of_a_search_has_a_meaning_of_its_own(history, text):
    history.add(MINE, told("plain and abz"))
    assert history.search(MINE, text=text).total == 0
    entry = history.add(MINE, told(f"x{text[:50]}x"))
    found = history.search(MINE, text=text[:50]).entries
    assert [one.id for one in found] == [entry.id] and history.search(MINE).total == 2


def test_kind_star_and_pages_narrow_the_list_newest_first(history):
    ids = [history.add(MINE, told(f"n{n}", kind=("text", "image")[n % 2])).id for n in range(6)]
    history.star(MINE, ids[1])
    history.star(MINE, ids[2])
    history.star(MINE, ids[2], False)
    assert titles(history) == ["n5", "n4", "n3", "n2", "n1", "n0"]
    assert titles(history, kind="image") == ["n5", "n3", "n1"] and titles(history, kind="hum") == []
    assert titles(history, starred=True) == ["n1"] and titles(history, starred=True, kind="text") == []
    assert titles(history, offset=2, limit=3) == ["n3", "n2", "n1"] and titles(history, offset=99) == []
    assert history.search(MINE, offset=2, limit=1).total == 6


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"limit": 0}, "limit is 0; a whole number from 1 to 100 is allowed."),
        ({"limit": 10**30}, "limit is "),
        ({"offset": -1}, "offset is -1"),
        ({"offset": "x"}, "offset is 'x'"),
        ({"offset": 1.5}, "offset is 1.5"),
        ({"text": ["a"]}, "text is ['a']; a text is allowed."),
        ({"kind": 5}, "kind is 5; a text is allowed."),
    ],
)
def test_a_search_that_is_none_is_told_in_one_sentence(history, search, sentence):
    with pytest.raises(PlaygroundError) as error:
        history.search(MINE, **search)
    assert str(error.value).startswith(sentence)


# whose it is


def attempts(history: History, owner: str, id) -> list[str]:
    """What every way to an entry says."""
    sentences = []
    for attempt in (history.get, history.file, history.star, history.delete):
        with pytest.raises(PlaygroundError) as error:
            attempt(owner, id)
        sentences.append(str(error.value))
    return sentences


def test_what_is_anothers_is_told_as_what_is_nowhere(history):
    entry = history.add(MINE, told(), [File("a.bin", b"a")])
    assert attempts(history, THEIRS, entry.id) == attempts(history, THEIRS, "0" * 32) == [MISSING] * 4
    for id in ("", "%", entry.id[:-1] + "%", entry.id.upper() + "x", "' OR 1=1 --", None, 1, {}, "\0", "\ud800"):
        assert attempts(history, MINE, id) == [MISSING] * 4
    assert history.search(THEIRS).total == history.usage(THEIRS).entries == history.clear(THEIRS) == 0
    assert zipfile.ZipFile(io.BytesIO(b"".join(history.export(THEIRS)))).namelist() == ["index.json"]
    assert history.get(MINE, entry.id).entry == entry


@pytest.mark.parametrize(
    "key", ["", "1", "a" * 31, "a" * 33, "a" * 31 + "\n", "' OR '1'='1" + "a" * 21, None, 7, ["a"]]
)
def test_a_key_that_could_be_guessed_opens_nothing(history, key):
    assert not is_owner(key)
    for attempt in (history.search, history.usage, history.clear, history.export, lambda k: history.add(k, told())):
        with pytest.raises(PlaygroundError) as error:
            attempt(key)
        assert str(error.value) == NO_KEY


def test_keys_and_ids_are_long_and_random(history):
    assert is_owner(MINE) and len({new_owner() for _ in range(100)}) == 100
    ids = {history.add(MINE, told()).id for _ in range(20)}
    assert len(ids) == 20 and all(len(bytes.fromhex(id)) == 16 for id in ids)


def test_whoever_reads_the_disk_finds_no_key_and_other_users_of_the_machine_find_nothing(history, folder):
    history.add(MINE, told(), [File("a.bin", b"a")])
    assert not any(MINE.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert folder.stat().st_mode & 0o077 == 0


# what goes


def test_deleting_takes_the_file_unless_another_entry_has_the_same(history, folder):
    first = history.add(MINE, told(), [File("a.bin", b"shared"), File("b.bin", b"own"), File("c.bin", b"own")])
    second = history.add(THEIRS, told(), [File("z.bin", b"shared")])
    assert len(files_in(folder)) == 2
    history.delete(MINE, first.id)
    assert history.search(MINE).total == 0 and len(files_in(folder)) == 1
    assert history.file(THEIRS, second.id).data == b"shared"
    assert history.clear(THEIRS) == 1 and files_in(folder) == []


def test_what_was_deleted_is_on_the_disk_no_more(history, folder):
    entries = [history.add(MINE, told(f"a secret wish {n}", text="mysterious")) for n in range(3)]

    def secret() -> bool:
        return any(b"secret wish" in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert secret()
    history.delete(MINE, entries[0].id)
    history.star(MINE, entries[1].id)
    assert history.clear(MINE) == 2 and not secret()


def test_the_oldest_that_are_not_starred_make_room_for_the_newest(folder):
    history = History(folder, per_browser=4)
    ids = [history.add(MINE, told(f"n{n}"), [File("a.bin", b"%d" % n)]).id for n in range(4)]
    history.star(MINE, ids[0])
    history.add(THEIRS, told("theirs"))
    for n in range(4, 7):
        history.add(MINE, told(f"n{n}"), [File("a.bin", b"%d" % n)])
    assert titles(history) == ["n6", "n5", "n4", "n0"] and titles(history, THEIRS) == ["theirs"]
    assert len(files_in(folder)) == 4 and history.usage(MINE).entries == 4 and history.usage(MINE).starred == 1


def test_bytes_of_one_browser_and_of_all_are_limited(folder):
    history = History(folder, browser_bytes=50_000, total_bytes=70_000)
    for n in range(6):
        history.add(MINE, told(f"n{n}"), [File("a.bin", os.urandom(10_000))])
    assert titles(history) == ["n5", "n4", "n3"] and history.usage(MINE).bytes <= 50_000
    for n in range(3):
        history.add(THEIRS, told(f"t{n}"), [File("a.bin", os.urandom(10_000))])
    assert titles(history) == ["n5", "n4"] and len(titles(history, THEIRS)) == 3
    with pytest.raises(PlaygroundError, match="The result has 0.1 MB, too many for the history"):
        history.add(MINE, told(), [File("a.bin", os.urandom(60_000))])
    assert len(files_in(folder)) == 5 and not list((folder / "parts").glob("*"))


def test_only_so_much_can_be_starred_that_there_is_room_for_what_is_new(folder):
    history = History(folder, per_browser=4, browser_bytes=40_000, total_bytes=60_000)
    large, *small = (history.add(MINE, told(), [File("a.bin", os.urandom(n))]).id for n in (14_000, 9, 9, 9))
    for id in small[:2]:
        history.star(MINE, id)
    with pytest.raises(PlaygroundError, match="At most 2 entries can be starred"):
        history.star(MINE, small[2])
    history.star(MINE, small[0], False)
    with pytest.raises(PlaygroundError, match="take all the room that they may: unstar or delete some"):
        history.star(MINE, large)
    assert history.usage(MINE).starred == 1
    history.delete(MINE, small[1])
    for owner in (MINE, THEIRS):
        history.star(owner, history.add(owner, told(), [File("a.bin", os.urandom(12_000))]).id)
    third = new_owner()
    with pytest.raises(PlaygroundError, match="starred entries of this server"):
        history.star(third, history.add(third, told(), [File("a.bin", os.urandom(12_000))]).id)


def test_what_is_starred_is_never_dropped_where_an_operator_lowers_the_limits(folder):
    history = History(folder)
    for n in range(3):
        history.star(MINE, history.add(MINE, told(f"n{n}"), [File("a.bin", os.urandom(9_000))]).id)
    for lowered, sentence in (({"per_browser": 3}, NO_ROOM), ({"total_bytes": 30_000}, NO_ROOM_AT_ALL)):
        with pytest.raises(PlaygroundError) as error:
            History(folder, **lowered).add(MINE, told("new"), [File("a.bin", b"new")])
        assert str(error.value) == sentence
    assert titles(history) == ["n2", "n1", "n0"] and len(files_in(folder)) == 3


def test_what_a_dead_process_left_is_collected(history, folder):
    entry = history.add(MINE, told(), [File("a.bin", b"a")])
    (folder / "files" / ("0" * 64)).write_bytes(b"orphan")
    old, new = folder / "parts" / "old", folder / "parts" / "new"
    old.write_bytes(b""), new.write_bytes(b"")
    os.utime(old, (0, 0))
    again = History(folder)
    assert len(files_in(folder)) == 1 and again.file(MINE, entry.id).data == b"a"
    assert not old.exists() and new.exists(), "a new one may belong to a process that lives"


# what is taken along


def test_the_zip_has_every_entry_as_replay_takes_it(history, folder, tmp_path, done):
    history.keep(MINE, done)
    second = history.add(MINE, told("a dragon"), [File("a.bin", b"a"), File("b.bin", b"b")])
    history.star(MINE, second.id)
    next(path for path in files_in(folder) if path.read_bytes() == b"b").unlink()
    pieces = list(history.export(MINE))
    assert len(pieces) > 4
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [(row["title"], row["starred"], row["missing"]) for row in index] == [
        ("a dragon", True, ["b.bin"]),
        (history.search(MINE, kind="image").entries[0].title, False, []),
    ]
    picture = tmp_path / "out" / index[1]["folder"]
    _, content = documents.read((picture / "result.json").read_bytes(), picture)
    assert documents.compare(content, done).verdict == "identical"
    assert len(list(zipfile.ZipFile(io.BytesIO(b"".join(history.export(MINE, starred=True)))).namelist())) == 3


def test_what_is_deleted_while_it_is_exported_is_left_out(history):
    ids = [history.add(MINE, told(f"n{n}")).id for n in range(3)]
    pieces = history.export(MINE)
    first = next(pieces)
    history.delete(MINE, ids[0])
    index = json.loads(zipfile.ZipFile(io.BytesIO(first + b"".join(pieces))).read("index.json"))
    assert [row["title"] for row in index] == ["n2", "n1"]
