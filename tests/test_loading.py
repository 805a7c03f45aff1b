"""Several models are loaded at once: each comes out whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

from playground.registry import Registry
from tests.conftest import write_tiny_model

MODELS, ROUNDS = ("one", "two", "three", "four"), 3


def test_models_that_are_loaded_at_once_come_out_whole(tmp_path):
    for seed, name in enumerate(MODELS):
        write_tiny_model(tmp_path / name, seed=seed)
    begin = threading.Barrier(len(MODELS))

    def load(registry: Registry, name: str) -> str:
        begin.wait()
        with registry.use(name, "text") as loaded:
            return loaded.manifest.name

    with ThreadPoolExecutor(len(MODELS)) as pool:
        for _ in range(ROUNDS):
            registry = Registry(tmp_path)
            assert tuple(pool.map(load, [registry] * len(MODELS), MODELS)) == MODELS
