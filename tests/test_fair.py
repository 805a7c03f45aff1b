"""Visitors of one engine, with real models and threads: turns, limits, leaving at any point, and the same results."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done, Preview, Progress, Started, Token
from playground.grid import Asked, Filled, plan, run
from playground.line import Limits, LineFullError
from playground.registry import Registry
from tests.conftest import write_tiny_model
from tests.image.tiny import ASKED

WIDE = Limits(running=32, waiting=64, running_per_client=16, waiting_per_client=16)
USUAL = Limits(running=32, waiting=64, running_per_client=4, waiting_per_client=8)
NARROW = Limits(running=1, waiting=3, running_per_client=1, waiting_per_client=2)
LONG = {"prompt": "Once", "max_new_tokens": 512}


@pytest.fixture(scope="module")
def endless(tmp_path_factory) -> Engine:
    """An engine over a model that never ends a tale by itself."""
    root = tmp_path_factory.mktemp("endless")
    write_tiny_model(root / "tales", endless=True)
    return Engine(Registry(root))


def is_idle(engine: Engine, name: str, kind: str) -> bool:
    """Whether nobody has a place, a turn or the model."""
    house = engine.line._house
    with engine.registry.use(name, kind) as loaded:
        free = loaded.users == 1 and not loaded.lock.locked() and not loaded.lock._takers
    return free and not (house.inside or house.waiting or house.rota._served)


@pytest.mark.parametrize("limits", [WIDE, USUAL], ids=["all run at once", "four run at once"])
def test_a_single_picture_is_done_before_a_greedy_clients_fourth(painter, limits):
    painter.limit(limits)
    all_here = threading.Barrier(1 + min(12, limits.running_per_client))
    begun, done = [], []

    def draw(client: str, seed: int) -> Done:
        for event in painter.generate(painter.recipe("image", ASKED | {"seed": seed}), client):
            if isinstance(event, Started):
                begun.append(client)
                if len(begun) <= all_here.parties:
                    all_here.wait()  # nobody is ahead when it begins
        done.append(client)
        return event

    with ThreadPoolExecutor(13) as pool:
        greedy = [pool.submit(draw, "a/greedy", seed) for seed in range(12)]
        other = pool.submit(draw, "b/other", 99)
        results = [future.result() for future in (*greedy, other)]
    assert done.index("b/other") < 3
    assert is_idle(painter, "scenes", "image")
    alone = [list(painter.generate(result.recipe))[-1] for result in (results[0], results[-1])]
    assert [one.results for one in alone] == [results[0].results, results[-1].results]


def test_a_free_slot_of_a_shared_batch_goes_to_the_client_that_has_the_fewest(endless):
    endless.limit(USUAL)
    order: list[str] = []

    def tell(client: str, name: str, **values) -> None:
        recipe = endless.recipe("text", LONG | values)
        with closing(endless.generate(recipe, client)) as events:
            for event in events:
                if isinstance(event, Token) and name not in order:
                    order.append(name)
                if "other" in order:  # till then slots are kept: a thread that is slow to wake is not overtaken
                    return

    holder = endless.generate(endless.recipe("text", LONG | {"samples": 8}), "a/greedy")
    next(event for event in holder if isinstance(event, Token))
    batcher_of(endless, lambda batcher: sum(len(lane.rows) for lane in batcher.lanes) == 8)  # every slot is theirs
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(tell, "a/greedy", f"greedy {k}", samples=8, seed=k) for k in range(3)]
        batcher_of(endless, lambda batcher: len(batcher.waiting) >= 24)
        futures.append(pool.submit(tell, "b/other", "other", seed=50))
        batcher_of(endless, lambda batcher: any(sample.run.client == "b/other" for sample in batcher.waiting))
        holder.close()
        for future in futures:
            future.result()
    assert "other" in order[:2]  # beside the first of the greedy ones, whose samples got all other slots
    assert is_idle(endless, "tales", "text")


def batcher_of(engine: Engine, reached) -> None:
    """Wait until its batcher has come so far."""
    with engine.registry.use("tales", "text") as loaded:
        while not reached(loaded.model.batcher):
            threading.Event().wait(0.002)


def test_who_waits_is_told_where_and_how_long(endless):
    endless.limit(NARROW)
    recipe = endless.recipe("text", LONG)
    endless.pace.add(recipe, 8.0)
    first = endless.generate(recipe, "a/1")
    next(event for event in first if isinstance(event, Token))
    waiting = [endless.generate(recipe, client) for client in ("b/1", "c/1")]
    told = [next(events) for events in waiting]
    assert all(isinstance(event, Progress) for event in told)
    assert told[0].message.startswith("Next in line, about ")
    assert told[1].message.startswith("2nd in line, about ")
    first.close()
    assert any(isinstance(event, Started) for event in itertools.islice(waiting[0], 50))
    assert next(waiting[1]).message.startswith("Next in line, about ")
    for events in waiting:
        events.close()
    assert is_idle(endless, "tales", "text")


def test_too_many_of_one_client_and_of_all_are_refused_at_once_in_a_sentence(endless):
    endless.limit(NARROW)
    recipe = endless.recipe("text", LONG)
    held = [endless.generate(recipe, "a/1") for _ in range(3)]
    for events in held:
        next(events)
    with pytest.raises(LineFullError, match="You already have 2 waiting here: let one of them go on, or stop one"):
        next(endless.generate(recipe, "a/1"))
    held.append(endless.generate(recipe, "b/1"))
    next(held[-1])
    with pytest.raises(LineFullError, match="The line is full: 3 are waiting here already"):
        next(endless.generate(recipe, "c/1"))
    assert isinstance(next(endless.generate(recipe)), Started)  # nobody in particular, as the command line
    for events in held:
        events.close()
    assert is_idle(endless, "tales", "text")


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "while others take turns"])
def test_a_run_that_is_closed_at_any_point_holds_nothing(painter, busy):
    painter.limit(NARROW if not busy else WIDE)
    recipe = painter.recipe("image", ASKED | {"steps": 2})
    stop = threading.Event()

    def crowd(k: int) -> None:
        while not stop.is_set():
            list(painter.generate(recipe, f"a/{k}"))

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(crowd, k) for k in range(3)] if busy else []
        try:
            for count in range(8):
                with closing(painter.generate(recipe, "b/1")) as events:
                    for _ in itertools.islice(events, count):
                        pass
        finally:
            stop.set()
        for future in futures:
            future.result()
    assert is_idle(painter, "scenes", "image")


def test_a_run_that_is_closed_while_it_waits_in_line_lets_the_next_one_move_up(painter):
    painter.limit(NARROW)
    recipe = painter.recipe("image", ASKED)
    first, second, third = (painter.generate(recipe, client) for client in ("a", "b", "c"))
    next(event for event in first if isinstance(event, Preview))
    assert next(second).message.startswith("Next") and next(third).message.startswith("2nd")
    second.close()
    first.close()
    assert isinstance(list(third)[-1], Done)
    assert is_idle(painter, "scenes", "image")


def test_a_run_that_was_never_begun_holds_nothing(painter):
    painter.limit(NARROW)
    for _ in range(3):
        painter.generate(painter.recipe("image", ASKED), "a").close()
    assert isinstance(list(painter.generate(painter.recipe("image", ASKED), "a"))[-1], Done)


def test_who_waits_for_a_turn_is_told_and_can_leave(painter):
    painter.limit(WIDE)
    recipe = painter.recipe("image", ASKED)
    list(painter.generate(recipe))
    with painter.model("scenes", "image"):  # a turn that lasts
        events = painter.generate(recipe, "a")
        assert next(events).message == "Taking turns with 1 other run …"
        events.close()
    assert is_idle(painter, "scenes", "image")


def test_who_is_done_waits_for_no_other_turn(painter):
    events = painter.generate(painter.recipe("image", ASKED), "a")
    while not isinstance(next(events), Done):
        pass
    with painter.registry.use("scenes", "image") as loaded, loaded.lock:
        assert next(events, None) is None
    assert is_idle(painter, "scenes", "image")


def test_a_mistake_frees_place_and_turn(painter):
    painter.limit(NARROW)
    for values in ({"start": "data:image/png;base64,AAAA"}, {"model": "nobody"}):
        recipe = painter.recipe("image", ASKED).model_copy(update=values)
        with pytest.raises(PlaygroundError):
            list(painter.generate(recipe, "a"))
        assert is_idle(painter, "scenes", "image")


def test_recipes_that_run_together_wait_for_each_other_where_one_may_run(painter):
    painter.limit(NARROW)
    recipes = [painter.recipe("image", ASKED | {"seed": seed}) for seed in (1, 2, 3)]
    done = {k: event for k, event in painter.together(recipes, "a") if isinstance(event, Done)}
    assert [done[k].results for k in range(3)] == [list(painter.generate(one))[-1].results for one in recipes]
    with pytest.raises(LineFullError):
        list(painter.together([*recipes, *recipes], "a"))


def test_a_grid_waits_between_its_cells_and_is_never_refused_in_the_middle(painter):
    painter.limit(NARROW)
    grid = plan(painter, "image", ASKED, Asked("seed", "1, 2, 3"))
    filled, waiting = [], []
    for _, event in run(painter, grid, "a"):
        if isinstance(event, Filled):
            filled.append(event.problem)
            if not waiting:  # others come: all room to wait is taken
                waiting = [painter.generate(painter.recipe("image", ASKED), client) for client in "bcde"[:3]]
                threads = [threading.Thread(target=list, args=(events,)) for events in waiting]
                for thread in threads:
                    thread.start()
    for thread in threads:
        thread.join()
    assert filled == ["", "", ""]
    assert is_idle(painter, "scenes", "image")


def test_a_grid_for_which_there_is_no_room_is_refused_as_a_whole(painter):
    painter.limit(Limits(1, 1, 1, 0))
    held = painter.generate(painter.recipe("image", ASKED), "a")
    next(held)
    with pytest.raises(LineFullError):
        list(run(painter, plan(painter, "image", ASKED, Asked("seed", "1, 2, 3")), "a"))
    held.close()


def test_asking_a_model_itself_waits_for_a_place_too(traveller):
    traveller.limit(Limits(1, 1, 1, 0))
    held = traveller.generate(traveller.recipe("latent", {"frames": 2}), "a")
    next(held)
    with pytest.raises(LineFullError), traveller.model("faces-vae", "latent", "a"):
        pass
    held.close()
    with traveller.model("faces-vae", "latent", "a") as model:
        assert model.kind == "vae"
    assert not traveller.line._house.inside


def test_a_crowd_that_comes_goes_and_gives_up_leaves_an_idle_engine_and_the_same_results(painter):
    painter.limit(Limits(running=3, waiting=64, running_per_client=2, waiting_per_client=64))
    recipes = [painter.recipe("image", ASKED | {"seed": seed, "steps": 2}) for seed in range(4)]
    alone = [list(painter.generate(recipe))[-1].results for recipe in recipes]

    def visit(k: int):
        with closing(painter.generate(recipes[k % 4], f"{k % 2}/{k % 5}")) as events:
            if k % 3:
                return list(itertools.islice(events, k % 7)) and alone[k % 4]
            return list(events)[-1].results

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(visit, range(24)))
    assert all(not results or results == alone[k % 4] for k, results in enumerate(found))
    assert is_idle(painter, "scenes", "image")


def test_a_journey_of_many_pictures_has_one_place(painter):
    painter.limit(Limits(1, 1, 1, 0))
    asked = {"model": "scenes", "a": "prompt:a cat", "b": "prompt:a dog", "frames": 3, "steps": 2}
    assert isinstance(list(painter.generate(painter.recipe("latent", asked), "a"))[-1], Done)
    assert is_idle(painter, "scenes", "image")
