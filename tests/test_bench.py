"""Benchmarks run and count right; how fast anything is, no test says."""

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch

from bench import _beside, _exact, _floor, _worker, text
from bench._streams import Told, agreement
from bench._transformers import endless
from playground.recipes import TextRecipe

ROOT = Path(__file__).resolve().parent.parent
TINY = {"repeats": 2, "tokens": 6, "streams": (1, 3), "starts": 1, "recipes": 12, "far_bytes": 2**22}


@pytest.fixture(scope="module")
def figures(checkpoints):
    return text.run(checkpoints, **TINY)


def ways() -> set[str]:
    extra = {"llama.cpp"} if all(find_spec(module) for module in text.EXTRAS) else set()
    return {"playground", "generate, in turn", "generate, batched"} | extra


def test_every_way_is_measured_at_every_setting(figures):
    rows = {(row["setting"], row["streams"], row["way"]) for row in figures["rows"]}
    expected = {(s, n, w) for s in text.SETTINGS for n in TINY["streams"] for w in ways()}
    assert rows == {row for row in expected if row[1:] != (1, "generate, batched")}
    for row in figures["rows"]:
        assert row["tokens_per_second"] > 0 and len(row["speeds"]) == 2
        assert 0 < row["first_token_s"]["p50"] <= row["first_token_s"]["p95"]
        assert row["threads"] >= 1
        assert set(row["ratios"]) == {w for s, n, w in rows if (s, n) == (row["setting"], row["streams"])} - {
            row["way"]
        }
    assert all(row["to_one"] == 1 for row in figures["rows"] if row["streams"] == 1)


def test_the_figures_are_json_and_a_table(figures):
    assert json.loads(json.dumps(figures)) == figures
    assert figures["markdown"].startswith("| tokens/s, default settings | 1 stream | 3 streams |")
    assert figures["fingerprint"] in figures["markdown"]
    assert set(figures["start"]) == {"import_s", "load_s", "first_text_s", "rss_mib"}
    assert set(figures["memory_mib"]) == ways()
    assert all(mib > 10 for mib in figures["memory_mib"].values())


def test_all_tell_the_same_greedy_tokens(figures):
    assert set(figures["agree"]) == ways() - {"playground"}
    assert all(share > 0.5 for share in figures["agree"].values())


def test_alone_and_together_come_out_alike(figures):
    exact = figures["exact"]
    assert exact["recipes"] == 12 and exact["left"] > 0 and exact["tokens"] > 100
    assert exact["differ"] == 0


def test_a_difference_would_be_seen(engine):
    recipe = TextRecipe.make({"prompt": "Once", "max_new_tokens": 5})
    one, other = (list(engine.generate(recipe.with_seed(seed))) for seed in (1, 2))
    assert _exact._alike(one, one) and _exact._alike(one, one[:3])
    assert not _exact._alike(one, other)
    assert not _exact._alike(one, [replace(e, logprob=0.0) if hasattr(e, "logprob") else e for e in one])


def test_agreement_is_what_comes_before_the_first_difference():
    told = Told([[1, 2, 3, 4], [5, 6, 7, 8]], 1.0, [0.1, 0.1], 1)
    assert agreement(told, told) == 1
    assert agreement(told, replace(told, ids=[[1, 2, 9, 4], [9, 6, 7, 8]])) == 0.25
    assert told.speed == 8


def test_the_environment_is_that_of_the_app(monkeypatch):
    app = (ROOT / "app.py").read_text(encoding="utf-8")
    found = dict(re.findall(r'setdefault\("((?:OMP|GOMP)_\w+)", "(\w+)"\)', app))
    assert found == _worker.APP
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not {name for name in _worker.environment() if "OMP_" in name}
    assert _worker.environment(_worker.APP).items() >= _worker.APP.items()


def test_a_runner_that_breaks_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="(?s)A runner broke.*No module named"):
        _worker.Worker("bench._nobody", tmp_path)


def test_a_busy_process_ends_with_the_measuring(figures):
    assert [row["runner"] for row in figures["beside"]] == ["playground", "generate, in turn"]
    assert all(row["alone"] > 0 and row["beside"] > 0 and row["ratio"] > 0 for row in figures["beside"])
    with _beside.busy() as neighbour:
        neighbour.suspend()
    assert not psutil.pid_exists(neighbour.pid)


def test_the_floor_is_counted_from_what_was_measured():
    threads = torch.get_num_threads()
    floor = _floor.measure(1_000_000, (1, 8), 2**22)
    assert torch.get_num_threads() == threads
    one, eight = floor["rows"]
    assert eight["memory"] == pytest.approx(8 * one["memory"])
    assert one["memory"] == pytest.approx(floor["memory_gb_s"] * 1e9 / 2e6)
    assert one["peak"] == eight["peak"] == pytest.approx(floor["peak_gflop_s"] * 1e9 / 2e6)


def test_a_gguf_file_holds_the_weights(checkpoints, tmp_path):
    gguf = pytest.importorskip("gguf")
    from bench import _gguf

    model = endless(checkpoints / "tales")
    _gguf.export(model, tmp_path / "model.gguf")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    tensors = {tensor.name: torch.tensor(tensor.data.astype("float32")) for tensor in reader.tensors}
    weights = model.state_dict()
    assert torch.equal(tensors["token_embd.weight"], weights["model.embed_tokens.weight"])
    assert torch.equal(tensors["blk.1.ffn_down.weight"], weights["model.layers.1.mlp.down_proj.weight"])
    assert torch.equal(tensors["blk.0.attn_norm.weight"], weights["model.layers.0.input_layernorm.weight"])
    turned, plain = tensors["blk.0.attn_q.weight"], weights["model.layers.0.self_attn.q_proj.weight"]
    half = model.config.head_dim // 2
    assert torch.equal(turned[:4], plain[[0, half, 1, half + 1]])
    assert len(tensors) == len(weights) - model.config.tie_word_embeddings
    model.model.norm.weight.data += 1e-7
    weights["model.layers.0.mlp.up_proj.weight"] += 1e-7
    with pytest.raises(ValueError, match=r"does not hold model\.layers\.0\.mlp\.up_proj\.weight exactly"):
        _gguf.export(model, tmp_path / "other.gguf")
