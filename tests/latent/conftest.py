"""A folder with a tiny VAE and a tiny GAN, and what opens them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.engine import Engine
from playground.latent.loaded import LatentModel
from playground.registry import Registry
from tests.latent.tiny import make_checkpoint


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints: `faces-vae` and `faces-gan`, as the recipe's default and the other one are named."""
    root = tmp_path_factory.mktemp("faces")
    for kind in ("vae", "gan"):
        make_checkpoint(root / f"faces-{kind}", kind)
    return root


@pytest.fixture(scope="session")
def guide(faces: Path) -> Engine:
    """An engine over both."""
    return Engine(Registry(faces))


@pytest.fixture(scope="session")
def vae(guide: Engine) -> Iterator[LatentModel]:
    """The VAE, which nobody changes."""
    with guide.registry.use("faces-vae", "latent") as loaded:
        yield loaded.model


@pytest.fixture(scope="session")
def gan(guide: Engine) -> Iterator[LatentModel]:
    """The GAN, which nobody changes."""
    with guide.registry.use("faces-gan", "latent") as loaded:
        yield loaded.model


@pytest.fixture(scope="session", params=["vae", "gan"])
def model(request: pytest.FixtureRequest) -> LatentModel:
    """Each of the two."""
    return request.getfixturevalue(request.param)
