"""Figures of `text.py` → what a person reads: tables, sentences, and what it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playground import machine
from playground.cards import table

OURS, TURN, BATCHED, LLAMA = "playground", "generate, in turn", "generate, batched", "llama.cpp"


def markdown(figures: Mapping[str, Any]) -> str:
    """All figures as Markdown."""
    parts = [
        _setting(figures, setting, "tokens/s", lambda row: f"{row['tokens_per_second']:.0f}")
        for setting in dict.fromkeys(row["setting"] for row in figures["rows"])
    ]
    parts += [
        _setting(figures, figures["rows"][0]["setting"], "first token, ms, p50 / p95", _first),
        _ratios(figures),
        _how(figures),
        _floor(figures),
        _beside(figures),
        _exact(figures["exact"]),
        _memory(figures),
        machine.sentence(figures["machine"]),
    ]
    return "\n\n".join(parts)


def _setting(figures: Mapping[str, Any], setting: str, what: str, cell: Callable[[Mapping[str, Any]], str]) -> str:
    """A table of one setting: a way per row, a number of streams per column."""
    rows = [row for row in figures["rows"] if row["setting"] == setting]
    streams, ways = (list(dict.fromkeys(row[name] for row in rows)) for name in ("streams", "way"))
    cells = {(row["way"], row["streams"]): cell(row) for row in rows}
    heads = [f"{count} stream{'s' * (count > 1)}" for count in sorted(streams)]
    lines = [[way, *(cells.get((way, count), "–") for count in sorted(streams))] for way in sorted(ways, key=_order)]
    return table([f"{what}, {setting}", *heads], lines)


def _order(way: str) -> int:
    return [OURS, TURN, BATCHED, LLAMA].index(way)


def _first(row: Mapping[str, Any]) -> str:
    return " / ".join(f"{1000 * row['first_token_s'][p]:.0f}" for p in ("p50", "p95"))


def _ratios(figures: Mapping[str, Any]) -> str:
    lines = []
    for row in figures["rows"]:
        if row["way"] != OURS:
            continue
        ratios = {f"{way}": row["ratios"].get(way) for way in (TURN, BATCHED, LLAMA)} | {"one of ours": row["to_one"]}
        shown = ["–" if ratio is None else f"{ratio:.2f} ×" for ratio in ratios.values()]
        lines.append([f"{row['setting']}, {row['streams']}", *shown])
    return table(["speed of ours, streams", "to in turn", "to batched", "to llama.cpp", "to one of ours"], lines)


def _how(figures: Mapping[str, Any]) -> str:
    rows = [row for row in figures["rows"] if row["setting"] == figures["rows"][0]["setting"]]
    used = {way: [row["threads"] for row in rows if row["way"] == way] for way in {row["way"] for row in rows}}
    threads = "; ".join(
        f"{way} {', '.join(map(str, used[way] if len(set(used[way])) > 1 else used[way][:1]))}"
        for way in sorted(used, key=_order)
    )
    shares = ", ".join(f"{way} {share:.0%}" for way, share in figures["agree"].items())
    return (
        f"Model `{figures['model']}` ({figures['fingerprint']}), {figures['tokens']} new tokens a stream; no token "
        "ends a text here, so that all tell equally many. All streams are asked for at one moment, from which the "
        "time to the first token counts; the playground decodes eight at once, others wait. Medians of "
        f"{figures['repeats']} repetitions, by turns; ratios are within a repetition. Each library has a process of "
        f"its own. Threads, by streams where they differ: {threads}; those of the others are the best of 1, 2 and all "
        "cores in a short trial. Ours computes in float32 with half-precision weights, and tells the log-probability "
        "and ten alternatives of every token; `generate` has float32; llama.cpp half-precision weights and cache. "
        f"Greedy tokens before the first that differs from ours: {shares}. The machine's load before all this was "
        f"{figures['load']:.1f}."
    )


def _floor(figures: Mapping[str, Any]) -> str:
    floor, rows = figures["floor"], []
    for row in floor["rows"]:
        best = [one for one in figures["rows"] if one["way"] == OURS and one["streams"] == row["streams"]]
        reached = max((one["tokens_per_second"] for one in best), default=None)
        share = "–" if reached is None else f"{reached / min(row['weights'], row['peak']):.0%}"
        rows.append([row["streams"], *(f"{row[name]:,.0f}" for name in ("memory", "weights", "peak")), share])
    return (
        f"The floor, one thread: {floor['weight_bytes'] / 1e6:.1f} MB of weights a step, read at "
        f"{floor['memory_gb_s']:.1f} GB/s from memory or {floor['weights_gb_s']:.1f} GB/s where an array of their size "
        f"stays in the cache; {floor['operations_per_token'] / 1e6:.1f} million operations a token, at "
        f"{floor['peak_gflop_s']:.0f} GFLOP/s in float32. It allows, in tokens/s:\n\n"
        + table(["streams", "memory", "cache", "arithmetic", "ours reaches"], rows)
        + "\n\nWhat ours reaches is its best speed over the lesser of the last two."
    )


def _beside(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{row['runner']}, threads: {row['threads']}",
            f"{row['alone']:.0f}",
            f"{row['beside']:.0f}",
            f"{row['ratio']:.2f}",
        ]
        for row in figures["beside"]
    ]
    head = ["one stream, tokens/s", "alone", "beside a busy process", "ratio"]
    return (
        f"{table(head, rows)}\n\nThe neighbour multiplies matrices on all cores. Ours has the environment that the app "
        "sets, `generate` what torch does by default."
    )


def _exact(exact: Mapping[str, int]) -> str:
    return (
        f"Alone and together: {exact['recipes']} recipes of all kinds, told one by one, then from many threads at "
        f"once, {exact['left']} of them left in the middle; of {exact['tokens']:,} tokens compared to the bit, those "
        f"of {exact['differ']} recipes differ."
    )


def _memory(figures: Mapping[str, Any]) -> str:
    start = figures["start"]
    processes = {way: mib for way, mib in figures["memory_mib"].items() if way != BATCHED}
    names = {TURN: "transformers"}
    most = max(row["streams"] for row in figures["rows"])
    shown = ", ".join(f"{names.get(way, way)} {mib:.0f}" for way, mib in processes.items())
    return (
        f"A fresh process imports for {start['import_s']:.1f} s, loads the model in {start['load_s']:.1f} s, has a "
        f"first token after {start['first_text_s']:.1f} s, and then takes {start['rss_mib']:.0f} MiB of memory (RSS). "
        f"After {most} streams, in MiB: {shown}."
    )
