"""Modalities can be asked for by several threads at once, though the libraries under them can't be imported so."""

import sys
import textwrap
import threading

import playground
from playground.modalities import part_of

SWAPPED = """
    import sys, time, types
    time.sleep(0.3)  # long enough for another thread to come and wait for the module that is about to go
    sys.modules[__name__] = types.SimpleNamespace(thing=5)
"""  # as diffusers and transformers do it


def test_two_threads_at_once_find_a_library_that_swaps_itself_whole(tmp_path, monkeypatch):
    (tmp_path / "swapped.py").write_text(textwrap.dedent(SWAPPED))
    for kind in ("first", "second"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "__init__.py").touch()
        (tmp_path / kind / "generate.py").write_text("from swapped import thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(playground, "__path__", [*playground.__path__, str(tmp_path)])
    found, together = {}, threading.Barrier(2)

    def ask(kind):
        together.wait()
        found[kind] = part_of(kind, "generate").thing

    threads = [threading.Thread(target=ask, args=(kind,)) for kind in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in (
        "swapped",
        *(f"playground.{kind}{rest}" for kind in ("first", "second") for rest in ("", ".generate")),
    ):
        sys.modules.pop(name, None)
    assert found == {"first": 5, "second": 5}
