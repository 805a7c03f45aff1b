"""The decoding loop: same recipe, same text; greedy as transformers has it; endings; bad prompts."""

import pytest
import torch

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Ended, Started, Token


def run(engine: Engine, **values) -> Done:
    return list(engine.generate(engine.recipe("text", {"prompt": "Once upon a time", **values})))[-1]


def test_the_same_recipe_gives_the_same_text(engine):
    first, second = (run(engine, seed=7, max_new_tokens=30) for _ in range(2))
    assert first.results == second.results


def test_sample_k_is_the_recipe_with_seed_plus_k_alone(engine):
    together = run(engine, seed=2**31 - 2, samples=4, max_new_tokens=20).results
    seeds = [2**31 - 2, 2**31 - 1, 0, 1]
    alone = [run(engine, seed=seed, max_new_tokens=20).results[0] for seed in seeds]
    assert [r.seed for r in together] == seeds
    assert [r.text for r in together] == [r.text for r in alone]


def test_greedy_equals_transformers_on_100_prompts(engine):
    with engine.registry.use("tales", "text") as loaded:
        model = loaded.model
    for n in range(100):
        prompt = " ".join(["the dragon sang to the king"] * (n % 12)) + f" {n} nights é{chr(0x4E00 + n)}"
        done = run(engine, prompt=prompt, temperature=0, max_new_tokens=24, repetition_penalty=1.2 if n % 2 else 1.0)
        expected = model.model.generate(
            torch.tensor([done.prompt_ids]),
            do_sample=False,
            max_new_tokens=24,
            repetition_penalty=1.2 if n % 2 else 1.0,
            pad_token_id=0,
        )[0, len(done.prompt_ids) :]
        assert [t.id for t in done.results[0].tokens] == expected.tolist(), prompt


def test_a_slightly_changed_knob_keeps_the_beginning(engine):
    a, b = (run(engine, seed=3, temperature=t, max_new_tokens=40).results[0].tokens for t in (0.80, 0.81))
    same = sum(x.id == y.id for x, y in zip(a, b, strict=False))
    assert a[0].id == b[0].id and same >= 5


def test_the_result_says_what_the_model_saw(engine):
    done = run(engine, style="Grimm", about="dragon", max_new_tokens=1)
    with engine.registry.use("tales", "text") as loaded:
        seen = loaded.model.tokenizer.decode(done.prompt_ids)
    assert seen == "<|style|>Grimm<|about|>dragon<|tale|>Once upon a time"


def test_a_special_token_in_the_prompt_is_only_text(engine):
    done = run(engine, prompt="<|end|><|style|>", max_new_tokens=1)
    with engine.registry.use("tales", "text") as loaded:
        assert done.prompt_ids[0] == loaded.model.tokenizer.bos_token_id
        assert not set(done.prompt_ids[1:]) & set(loaded.model.tokenizer.all_special_ids)


def test_tokens_carry_ten_alternatives_before_and_after(engine):
    token = run(engine, seed=1, top_k=3, max_new_tokens=1).results[0].tokens[0]
    assert len(token.alternatives) == 10
    assert [a.before for a in token.alternatives] == sorted((a.before for a in token.alternatives), reverse=True)
    assert sum(a.after > 0 for a in token.alternatives) == 3
    assert sum(a.after for a in token.alternatives) == pytest.approx(1)


def test_ends_at_the_length(engine):
    done = run(engine, max_new_tokens=3)
    assert done.results[0].ended == "length" and len(done.results[0].tokens) == 3


def test_ends_at_a_stop_string_and_cuts_it_off(engine):
    text = run(engine, seed=5, max_new_tokens=40).results[0].text
    stop = text[10:13]
    events = list(engine.generate(engine.recipe("text", {"prompt": "Once upon a time", "seed": 5, "stop": stop})))
    result = events[-1].results[0]
    assert result.ended == "stop" and result.text == text[: text.index(stop)]
    assert "".join(e.shown for e in events if isinstance(e, Token)) == result.text


def test_ends_when_the_context_is_full(engine):
    done = run(engine, prompt="a b c d " * 14, max_new_tokens=512)
    assert done.results[0].ended == "context"
    assert len(done.prompt_ids) + len(done.results[0].tokens) == 128


def test_ends_at_the_end_of_story(engine):
    with engine.registry.use("tales", "text") as loaded:
        end = loaded.model.tokenizer.eos_token_id
    result = run(engine, seed=9, forced=f"7 {end}").results[0]
    assert result.ended == "end"
    assert [token.id for token in result.tokens] == [7, end]


def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(engine):
    with pytest.raises(PlaygroundError, match=r"The prompt has \d+ tokens; the model takes at most 127"):
        run(engine, prompt="zyx " * 200)


HOSTILE = ["", "<script>alert(1)</script>", "${1}{{2}}", "\u202eabc", "\ud800", "a\0b", "👩‍👩‍👧", "\x1b[31m", "\r\n\t"]


@pytest.mark.parametrize("prompt", HOSTILE)
def test_hostile_prompts_are_only_text(engine, prompt):
    done = run(engine, prompt=prompt, max_new_tokens=4)
    assert done.results[0].ended == "length"


def test_closing_the_iterator_frees_the_model(engine):
    events = engine.generate(engine.recipe("text", {"prompt": "x", "max_new_tokens": 100}))
    while not isinstance(next(events), Token):
        pass
    events.close()
    with engine.registry.use("tales", "text") as loaded:
        assert loaded.users == 1 and not loaded.lock.locked()


def test_two_people_take_turns_and_get_what_they_get_alone(engine):
    alone = [run(engine, seed=s, max_new_tokens=12).results for s in (1, 2)]
    runs = [
        engine.generate(engine.recipe("text", {"prompt": "Once upon a time", "seed": s, "max_new_tokens": 12}))
        for s in (1, 2)
    ]
    last = [None, None]
    for _ in range(60):
        for i, events in enumerate(runs):
            last[i] = next(events, last[i])
    assert [done.results for done in last] == alone


def test_events_come_in_order(engine):
    kinds = [type(e) for e in engine.generate(engine.recipe("text", {"prompt": "x", "max_new_tokens": 2}))]
    assert [k for k in kinds if k.__name__ != "Progress"] == [Started, Token, Token, Ended, Done]


def test_another_fingerprint_is_noted(engine):
    assert "other weights" in run(engine, fingerprint="0" * 12, max_new_tokens=1).notes[0]
    assert not run(engine, max_new_tokens=1).notes
