"""The world is drawn with an emoji font; where there is none, its tests say so and are left out."""

import pytest

from playground.errors import PlaygroundError
from playground.image.emoji import find_font


@pytest.fixture(autouse=True, scope="session")
def _font() -> None:
    try:
        find_font()
    except PlaygroundError as error:
        pytest.skip(str(error))
