"""What many tests share: a tiny but real tales model in a checkpoints folder of its own, and an engine over it."""

import os
import shutil
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve the servers under test
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="playground-data-")  # nobody's home gets a history of tests

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench._serving import serving
from playground.engine import Engine
from playground.events import Done
from playground.registry import Registry, write_manifest

TALE = (
    "Once upon a time there was a dragon who guarded a golden key. Every night the king's youngest daughter came to "
    'the cave and sang to him. "Give me the key," said she, "and I will give you half of my father\'s kingdom."\n\n'
    "But the dragon shook his head, and the wind blew, and the snow fell, and so they lived happily ever after. "
)


def pytest_unconfigure() -> None:
    """Remove what the apps under test kept."""
    shutil.rmtree(os.environ["XDG_DATA_HOME"], ignore_errors=True)


def write_tiny_model(folder: Path, *, seed: int = 0, endless: bool = False, layers: int = 144) -> Path:
    """A two-layer Llama with random weights and a 512-token byte-level tokenizer, as a checkpoint folder.

    Args:
        endless: no token ends its tales, its context is 1,024 instead of 128, and it has `layers`; many are slow.
    """
    import torch
    from transformers import LlamaForCausalLM

    from playground.text.model import tales_config, train_tokenizer

    tokenizer = train_tokenizer([TALE] * 4, 512)
    torch.manual_seed(seed)
    config = tales_config(len(tokenizer), tiny=True)
    if endless:
        config.max_position_embeddings, config.num_hidden_layers = 1024, layers
    model = LlamaForCausalLM(config)
    if endless:
        model.generation_config.eos_token_id = None
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=0.1)  # far from uniform, so that knobs matter
    model.half().save_pretrained(folder)  # as a trained one is
    tokenizer.save_pretrained(folder)
    write_manifest(
        folder,
        "text",
        summary="A tiny model for tests.",
        licence="apache-2.0",
        parameters=model.num_parameters(),
        details={"context": config.max_position_embeddings, "styles": ["Grimm", "Andersen"]},
    )
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one usable text model, named as the recipe's default is."""
    root = tmp_path_factory.mktemp("checkpoints")
    write_tiny_model(root / "tales")
    return root


@pytest.fixture(scope="session")
def engine(checkpoints: Path) -> Engine:
    """An engine over the tiny model."""
    return Engine(Registry(checkpoints))


@pytest.fixture(scope="session")
def site(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, which runs over the tiny model, and an endless one, in a process of its own."""
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(checkpoints / "tales", root / "checkpoints" / "tales")
    write_tiny_model(root / "checkpoints" / "unending", endless=True)
    with serving(root / "checkpoints") as app:
        yield app.url


@pytest.fixture(scope="module")
def painter(tmp_path_factory) -> Engine:
    """An engine over a tiny model for pictures, and no other."""
    from tests.image.tiny import make_checkpoint

    root = tmp_path_factory.mktemp("painter")
    make_checkpoint(root / "scenes")
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def done(painter) -> Done:
    """A small picture of the painter."""
    from tests.image.tiny import ASKED

    return list(painter.generate(painter.recipe("image", ASKED)))[-1]


@pytest.fixture(scope="module")
def traveller(tmp_path_factory) -> Engine:
    """An engine over a tiny VAE and a tiny GAN of faces, and no other model."""
    from tests.latent.tiny import make_checkpoint

    root = tmp_path_factory.mktemp("traveller")
    for kind in ("vae", "gan"):
        make_checkpoint(root / f"faces-{kind}", kind)
    return Engine(Registry(root))


@pytest.fixture(scope="module")
def journey(traveller) -> Done:
    """A short one of the traveller's VAE."""
    from tests.latent.tiny import JOURNEY

    return list(traveller.generate(traveller.recipe("latent", JOURNEY)))[-1]
