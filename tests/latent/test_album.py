"""The pictures that training keeps: what would be drawn, whole entries only, and of this version of the world."""

import numpy as np
import pytest

from playground.latent import album
from playground.latent.album import Album, draw, shrink, world_version


def test_it_holds_what_would_be_drawn_in_any_order_and_begins_again(tmp_path):
    kept = Album(tmp_path, seed=3, count=5)
    pixels = kept.read(np.array([4, 0, 4, 9]))
    assert pixels.shape == (4, 128, 128, 3) and pixels.dtype == np.uint8
    assert (pixels[0] == draw(3, 4)).all() and (pixels[1] == draw(3, 0)).all()
    assert (pixels[0] == pixels[2]).all() and (pixels[0] == pixels[3]).all()


def test_what_is_there_is_not_drawn_again(tmp_path, monkeypatch):
    first = Album(tmp_path, seed=0, count=5).read(np.arange(3))
    grown = Album(tmp_path, seed=0, count=8)
    monkeypatch.setattr(album, "draw", lambda *_: pytest.fail("drawn again"))
    assert (grown.read(np.arange(3)) == first).all()


def test_another_series_and_another_world_keep_to_themselves(tmp_path, monkeypatch):
    Album(tmp_path, seed=0, count=2)
    Album(tmp_path, seed=1, count=2)
    monkeypatch.setattr(album, "world_version", lambda: "01234567")
    Album(tmp_path, seed=0, count=2)
    version = world_version()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["01234567-0", f"{version}-0", f"{version}-1"])


def test_smaller_pictures_are_means_of_pixels(tmp_path):
    picture = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)
    assert shrink(picture, 2)[0, 0, 0].tolist() == [8, 9, 10]  # of 0, 3, 12 and 15 it is 7.5
    assert shrink(picture, 4) is picture
    kept = Album(tmp_path, seed=0, count=2)
    assert (kept.read(np.array([1]), 64) == shrink(draw(0, 1)[None], 64)).all()
