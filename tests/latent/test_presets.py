"""Presets: each is of faces that are as its name says, and not of a mean over all that could be."""

import numpy as np
import pytest

from playground.latent.factors import KINDS
from playground.latent.presets import PRESETS, faces_of, pictures_of
from playground.latent.world import labels


def test_every_kind_has_one():
    assert set(KINDS) <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_its_faces_are_as_it_says_and_alike_in_all_labels(name):
    first, *others = map(labels, faces_of(name))
    assert PRESETS[name].items() <= first.items()
    assert others and all(other == first for other in others)


def test_nothing_is_worn_that_the_name_does_not_say():
    assert not any(face.glasses or face.beard or face.hat != "none" for face in faces_of("cat"))


def test_pictures_differ_in_what_no_label_tells():
    pictures = pictures_of("fox")
    assert pictures.shape[1:] == (128, 128, 3) and pictures.dtype == np.uint8
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
