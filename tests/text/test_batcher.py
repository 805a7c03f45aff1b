"""Shared decoding: everybody gets what they get alone; fair, bounded, and nobody is disturbed by another."""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Progress, Token
from playground.recipes import TextRecipe
from playground.registry import Registry
from playground.text.batcher import Batcher, Vocabulary
from playground.text.decoder import PIECE, HalfDecoder
from tests.conftest import write_tiny_model

WORDS = ["the", "dragon", "sang", "to", "the", "king", "and", "he", "gave", "her", "a", "golden", "key"]


@pytest.fixture(scope="module")
def endless(tmp_path_factory) -> Engine:
    """An engine over a slow model that never ends a tale and has room for 1,024 tokens."""
    root = tmp_path_factory.mktemp("endless")
    write_tiny_model(root / "tales", endless=True)
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> Engine:
    """As `endless`, but fast."""
    root = tmp_path_factory.mktemp("quick")
    write_tiny_model(root / "tales", endless=True, layers=4)
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def model(endless):
    with endless.registry.use("tales", "text") as loaded:
        yield loaded.model


@pytest.fixture(scope="module")
def quick_model(quick):
    with quick.registry.use("tales", "text") as loaded:
        yield loaded.model


def some_recipes(count: int, seed: int) -> list[TextRecipe]:
    """Recipes of all kinds: short and long prompts, cold and hot, penalised, branched, scored, several samples."""
    chance = random.Random(seed)
    made = []
    for n in range(count):
        prompt = " ".join(chance.choices(WORDS, k=chance.choice([0, 1, 5, 60, 150])))
        knobs = {
            "temperature": chance.choice([0, 0.5, 0.8, 1, 2]),
            "top_k": chance.choice([0, 3, 40, 64, 100, 200]),
            "top_p": chance.choice([0.5, 0.95, 1]),
            "min_p": chance.choice([0, 0, 0.1]),
            "repetition_penalty": chance.choice([1, 1, 1.2]),
            "max_new_tokens": chance.choice([0, 1, 12, 30]),
            "samples": chance.choice([1, 1, 1, 3]),
            "stop": chance.choice(["", "", "e", "the"]),
        }
        if knobs["max_new_tokens"] >= 12 and chance.random() < 0.3:
            knobs["forced"] = " ".join(str(chance.randrange(20, 300)) for _ in range(chance.randrange(1, 8)))
        made.append(TextRecipe.make({"prompt": prompt, "seed": n, **knobs}))
    return made


def told(engine: Engine, recipe: TextRecipe) -> Done:
    return list(engine.generate(recipe))[-1]


def content(done: Done):
    return [(r.text, r.ended, [(t.id, t.logprob, t.alternatives) for t in r.tokens]) for r in done.results]


def test_64_recipes_come_out_alike_alone_together_and_among_the_cancelled(quick):
    recipes = some_recipes(64, seed=4)
    alone = [content(told(quick, recipe)) for recipe in recipes]
    with ThreadPoolExecutor(64) as pool:
        together = list(pool.map(lambda recipe: content(told(quick, recipe)), recipes))
    assert together == alone

    chance = random.Random(5)
    order = list(range(64))
    chance.shuffle(order)
    leave_after = {n: chance.randrange(20) for n in order[::3]}  # a third of them walks away in the middle
    pauses = {n: chance.random() * 0.2 for n in order}
    clock = threading.Event()

    def arrive(n: int):
        clock.wait(pauses[n])
        events = quick.generate(recipes[n])
        if n in leave_after:
            for _ in itertools.islice((e for e in events if isinstance(e, Token)), leave_after[n]):
                pass
            events.close()
            return alone[n]
        return content(list(events)[-1])

    with ThreadPoolExecutor(64) as pool:
        found = dict(zip(order, pool.map(arrive, order), strict=True))
    assert [found[n] for n in range(64)] == alone


def test_a_ninth_waits_is_told_its_place_and_gets_its_turn(endless):
    long = TextRecipe.make({"prompt": "Once", "max_new_tokens": 512})
    holders = [endless.generate(long.with_seed(seed)) for seed in range(8)]
    for run in holders:
        next(event for event in run if isinstance(event, Token))
    ninth, tenth = (endless.generate(long.with_seed(seed)) for seed in (50, 51))
    for place, run in enumerate((ninth, tenth), 1):
        message = next(event.message for event in run if isinstance(event, Progress))
        assert message.startswith("Next in line, about " if place == 1 else "2nd in line, about ")
    holders[3].close()
    assert next(event for event in ninth if isinstance(event, Token)).index == 0
    message = next(event.message for event in tenth if isinstance(event, Progress))
    assert message.startswith("Next in line, about ")
    for run in (*holders, ninth, tenth):
        run.close()


def test_a_free_slot_goes_to_whoever_has_the_fewest(model):
    spy = Spy(model)
    batcher = spy.batcher(slots=2)
    greedy = batcher.run(TextRecipe.make({"samples": 6, "max_new_tokens": 5}), [5])
    modest = batcher.run(TextRecipe.make({"samples": 1, "max_new_tokens": 5, "seed": 9}), [7])
    with spy.held:
        starters = [threading.Thread(target=drain, args=(run,)) for run in (greedy, modest)]
        starters[0].start()
        spy.until(lambda: len(batcher.waiting) >= 5)
        starters[1].start()
        spy.until(lambda: any(sample.prompt == (7,) for sample in batcher.waiting))
    for thread in starters:
        thread.join()
    assert (7,) in spy.prompts[:3]  # not behind the six


def test_a_long_prompt_is_read_in_pieces_between_the_steps_of_others(model):
    spy = Spy(model)
    batcher = spy.batcher()
    short = batcher.run(TextRecipe.make({"max_new_tokens": 60}), [5])
    next(event for _, event in short if isinstance(event, Token))
    with spy.held:
        long = threading.Thread(target=drain, args=(batcher.run(TextRecipe.make({"max_new_tokens": 2}), [6] * 900),))
        long.start()
        spy.until(lambda: batcher.waiting or batcher.lanes[0].reading)
        mark = len(spy.calls)
    drain(short)
    long.join()
    calls = "".join(spy.calls[mark:])
    assert calls.count("r") >= 900 // PIECE
    assert "rr" not in calls[: calls.index("s", 60)]


def test_leaving_frees_the_slot_at_the_next_step(model):
    spy = Spy(model)
    batcher = spy.batcher()
    runs = [batcher.run(TextRecipe.make({"max_new_tokens": 512, "seed": s}), [5, 6]) for s in range(4)]
    for run in runs:
        next(event for _, event in run if isinstance(event, Token))
    for run in runs[:3]:
        run.close()
    widths = len(spy.widths)
    spy.until(lambda: len(spy.widths) > widths + 3)
    assert 1 in spy.widths[-2:]  # a decoder whose steps have one shape here calls itself with the rows filled up
    runs[3].close()
    spy.until(lambda: not batcher.busy)


def test_a_prompt_that_was_read_before_is_not_read_again_and_nothing_changes(model):
    spy = Spy(model)
    batcher = spy.batcher()
    ids = [9] * (2 * PIECE + 10)
    recipe = TextRecipe.make({"max_new_tokens": 6, "seed": 3})
    first = tokens_of(batcher.run(recipe, ids))
    reads = spy.calls.count("r")
    assert tokens_of(batcher.run(recipe, ids)) == first
    assert spy.calls.count("r") == reads
    longer = [*ids, 8, 8]
    cold = tokens_of(Spy(model).batcher().run(recipe, longer))
    assert tokens_of(batcher.run(recipe, longer)) == cold
    assert spy.calls.count("r") == reads + 1


def test_a_prompt_that_was_scored_before_goes_on_as_any_other(quick_model):
    ids, recipe = [5, 6], TextRecipe.make({"max_new_tokens": 3, "seed": 3})
    fresh = tokens_of(Spy(quick_model).batcher().run(recipe, ids))
    batcher = Spy(quick_model).batcher()
    drain(batcher.run(TextRecipe.make({"max_new_tokens": 0}), ids, 1))
    assert tokens_of(batcher.run(recipe, ids)) == fresh


def test_numbers_that_overflow_end_one_run_and_no_other(quick_model):
    spy = Spy(quick_model)
    batcher = spy.batcher()
    good = TextRecipe.make({"max_new_tokens": 30, "seed": 1})
    expected = tokens_of(batcher.run(good, [5]))
    spy.poisoned = 13
    bad = batcher.run(TextRecipe.make({"max_new_tokens": 30, "forced": "13 14"}), [6])
    with ThreadPoolExecutor(2) as pool:
        fails, fine = pool.submit(tokens_of, bad), pool.submit(tokens_of, batcher.run(good, [5]))
        with pytest.raises(PlaygroundError, match="overflowed"):
            fails.result()
        assert fine.result() == expected


def test_a_scored_text_whose_numbers_overflow_disturbs_nobody(model):
    spy = Spy(model)
    batcher = spy.batcher()
    good = TextRecipe.make({"max_new_tokens": 60, "seed": 1})
    expected = tokens_of(batcher.run(good, [5]))
    fine = batcher.run(good, [5])
    first = next(event for _, event in fine if isinstance(event, Token))
    spy.poisoned = 13
    with pytest.raises(PlaygroundError, match="overflowed"):
        tokens_of(batcher.run(TextRecipe.make({"max_new_tokens": 0}), [6, 13, 7], 2))
    assert [first, *tokens_of(fine)] == expected


def test_a_scored_text_is_scored_to_its_end_whatever_the_stop_text(quick):
    done = told(quick, TextRecipe.make({"prompt": "the dragon sang", "max_new_tokens": 0, "stop": "a"}))
    assert "".join(token.shown for token in done.results[0].tokens) == "the dragon sang"


def test_a_decoder_that_breaks_tells_everybody_and_works_again(quick_model):
    spy = Spy(quick_model)
    batcher = spy.batcher()
    spy.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        tokens_of(batcher.run(TextRecipe.make({"max_new_tokens": 3}), [5]))
    spy.broken = False
    assert len(tokens_of(batcher.run(TextRecipe.make({"max_new_tokens": 3}), [5]))) == 3


def test_nothing_runs_when_nobody_asks(quick_model):
    batcher = Spy(quick_model).batcher()
    tokens_of(batcher.run(TextRecipe.make({"max_new_tokens": 2}), [5]))
    assert not batcher.busy
    (lane,) = batcher.lanes
    lane.thread and lane.thread.join(10)
    assert lane.thread is None


def drain(run) -> None:
    for _ in run:
        pass


def tokens_of(run) -> list[Token]:
    return [event for _, event in run if isinstance(event, Token)]


class Spy:
    """A real decoder that notes what it is asked, and can be held, poisoned or broken."""

    def __init__(self, model) -> None:
        self._model = model
        self.calls: list[str] = []
        self.widths: list[int] = []
        self.prompts: list[tuple[int, ...]] = []
        self.held = threading.RLock()
        self.poisoned, self.broken = -1, False

    def batcher(self, slots: int = 8) -> Batcher:
        spy = self

        class Watched(HalfDecoder):
            def read(self, ids, start, *, every):
                with spy.held:
                    spy.calls.append("r")
                    spy.prompts.append(tuple(ids))
                    logits = super().read(ids, start, every=every).clone()
                    logits[[n for n, token in enumerate(ids) if every and token == spy.poisoned]] = torch.nan
                    return logits

            def step(self, tokens, lengths):
                with spy.held:
                    spy.calls.append("s")
                    spy.widths.append(len(tokens))
                    if spy.broken:
                        raise RuntimeError("broken")
                    logits = super().step(tokens, lengths).clone()
                    logits[[n for n, token in enumerate(tokens) if token == spy.poisoned]] = torch.nan
                    return logits

        model = self._model
        vocabulary = Vocabulary(model.bytes, model.texts, frozenset())
        return Batcher([Watched(model.model, model.context, slots)], vocabulary)

    def until(self, holds) -> None:
        """Wait until something is so."""
        for _ in range(3000):
            if holds():
                return
            threading.Event().wait(0.01)
        raise AssertionError("it never came to that")


def test_a_scored_prompt_has_the_likelihoods_of_transformers(quick, quick_model):
    done = told(quick, TextRecipe.make({"prompt": " ".join(WORDS * 12), "max_new_tokens": 0}))
    ids = torch.tensor([done.prompt_ids])
    with torch.inference_mode():
        expected = quick_model.model(ids).logits[0].double().log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])[:, 0]
    (result,) = done.results
    assert (result.text, result.ended) == ("", "scored")
    assert [token.id for token in result.tokens] == list(done.prompt_ids[1:])
    assert [token.logprob for token in result.tokens] == pytest.approx(expected.tolist(), abs=1e-4)
    assert "".join(token.shown for token in result.tokens) == " ".join(WORDS * 12)


def test_nothing_to_score_is_no_mistake(quick):
    done = told(quick, TextRecipe.make({"prompt": "", "max_new_tokens": 0}))
    assert done.results[0].tokens == ()


def test_a_forced_prefix_is_kept_and_its_own_tokens_change_nothing(quick):
    recipe = TextRecipe.make({"prompt": "Once", "max_new_tokens": 20, "seed": 5})
    whole = told(quick, recipe).results[0]
    for count in (1, 7, 20):
        forced = " ".join(str(token.id) for token in whole.tokens[:count])
        assert told(quick, recipe.model_copy(update={"forced": forced})).results[0] == whole
    other = whole.tokens[7].alternatives[3].id
    forced = " ".join(str(i) for i in [*(token.id for token in whole.tokens[:7]), other])
    branch = told(quick, recipe.model_copy(update={"forced": forced})).results[0]
    assert [token.id for token in branch.tokens[:8]] == [int(i) for i in forced.split()]
    assert len(branch.tokens) == 20


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"forced": "408"}, "no token 408; its tokens are 0 to 407"),
        ({"forced": "5 9999999"}, "no token 9999999"),
        ({"forced": "5 6 7", "max_new_tokens": 2}, "3 tokens are fixed, but the length is 2"),
        ({"forced": "5", "max_new_tokens": 0}, "1 tokens are fixed"),
    ],
)
def test_a_forced_prefix_that_can_not_be_is_told(quick, values, message):
    with pytest.raises(PlaygroundError, match=message):
        told(quick, TextRecipe.make({"prompt": "Once", **values}))


def test_half_a_character_can_be_forced(quick, quick_model):
    half = next(n for n, piece in enumerate(quick_model.bytes) if piece == b"\xe2")
    result = told(quick, TextRecipe.make({"forced": f"{half}", "max_new_tokens": 1, "seed": 1})).results[0]
    assert result.text == "\ufffd"
