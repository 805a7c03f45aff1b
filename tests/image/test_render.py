"""Pictures: masks lie where things are, colours are the named ones, things are worn, and a font is asked for."""

import numpy as np
import pytest

from playground.errors import PlaygroundError
from playground.image.colours import RAMPS
from playground.image.emoji import FONT_VARIABLE, Sprites, find_font
from playground.image.nouns import read_nouns, wearers
from playground.image.places import background
from playground.image.render import Renderer, render
from playground.image.world import WORN, draw_scene

SCENES = [draw_scene(1, index) for index in range(200)]


@pytest.fixture(scope="module")
def sprites() -> Sprites:
    return Sprites()


def test_a_picture_and_its_mask_have_their_shapes():
    picture, mask = render(SCENES[0])
    assert (picture.shape, picture.dtype) == ((128, 128, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((128, 128), np.uint8)


def test_masks_match_things():
    for scene in SCENES:
        _, mask = render(scene)
        assert set(np.unique(mask)) - {0} == set(range(1, len(scene.things) + 1))
        for number, thing in enumerate(scene.things, 1):
            left, top, side = thing.box
            rows, columns = np.nonzero(mask == number)
            assert left <= columns.min() and columns.max() < left + side
            assert top <= rows.min() and rows.max() < top + side


def test_outside_the_masks_there_is_only_the_place():
    """But for soft edges and glows, and shadows, which lie on the ground alone."""
    floating = [scene for scene in SCENES if not any(thing.grounded for thing in scene.things)]
    assert len(floating) > 20
    for scene in floating:
        picture, mask = render(scene)
        ground = background(scene.place, scene.time, scene.variant)
        ground = ground[:, ::-1] if scene.mirrored else ground
        near = np.zeros_like(mask, dtype=bool)
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                near |= np.roll(mask > 0, (dy, dx), (0, 1))
        change = np.abs(picture.astype(int) - ground).max(-1)
        assert (change[~near] > 8).mean() < 0.03
        assert np.median(change[mask > 0]) > 8


def test_colour_words_recolour(sprites):
    """The body of every drawing that may be recoloured comes out nearest to the colour that was asked for."""
    middles = {colour: np.array(ramp[1]) for colour, ramp in RAMPS.items()}
    wrong = total = 0
    for noun in (n for n in read_nouns().values() if n.recolour):
        cut = sprites._cut(noun.drawings[0], None, 48, True, 0)
        weight = cut.body / 255 * cut.alpha
        assert weight.sum() / cut.alpha.sum() > 0.3, f"too little of {noun.name} takes a colour"
        for colour in RAMPS:
            rgb, _, _ = sprites.sprite(noun.drawings[0], side=48, grounded=True, colour=colour)
            mean = (rgb * cut.body / 255).sum((0, 1)) / weight.sum()
            wrong += min(middles, key=lambda name: np.abs(middles[name] - mean).sum()) != colour
            total += 1
    assert wrong / total < 0.01


def test_shades_flips_and_tilts_change_a_drawing_but_not_its_box(sprites):
    plain = sprites.sprite("🐈", side=64, grounded=True)[0]
    for change in ({"shade": 1}, {"flip": True}, {"tilt": 8}, {"colour": "blue"}, {"worn": "👑"}):
        other = sprites.sprite("🐈", side=64, grounded=True, **change)[0]
        assert other.shape == plain.shape and not np.array_equal(other, plain)
    assert np.array_equal(sprites.sprite("🐈", side=64, grounded=True, flip=True)[0], plain[:, ::-1])


@pytest.mark.parametrize("worn", WORN)
def test_worn_things_are_seen_on_every_head(sprites, worn):
    for drawings in wearers(worn).values():
        for drawing in drawings:
            bare = sprites._dress(sprites._master(drawing), drawing, WORN["bow"][0])
            for item in WORN[worn]:
                dressed = sprites._dress(sprites._master(drawing), drawing, item)
                assert dressed.image.size == bare.image.size
                under = np.asarray(dressed.body)[np.asarray(dressed.image)[..., 3] > 0]
                assert (under < 128).any(), "what is worn keeps its own colour"


def test_every_noun_has_its_drawings_in_the_font(sprites):
    for noun in read_nouns().values():
        for drawing in noun.drawings:
            assert sprites.sprite(drawing, side=48, grounded=True)[2].any()


def test_a_missing_font_is_said(tmp_path, monkeypatch):
    with pytest.raises(PlaygroundError, match="There is no emoji font at"):
        Renderer(tmp_path / "none.ttf")
    monkeypatch.setenv(FONT_VARIABLE, str(tmp_path / "other.ttf"))
    with pytest.raises(PlaygroundError, match="other.ttf"):
        find_font()
    monkeypatch.delenv(FONT_VARIABLE)
    monkeypatch.setattr("playground.image.emoji.FONT_FOLDERS", (str(tmp_path),))
    with pytest.raises(PlaygroundError, match="install the package"):
        find_font()


def test_a_file_that_is_no_emoji_font_is_said(tmp_path):
    wrong = tmp_path / "wrong.ttf"
    wrong.write_bytes(b"no font")
    with pytest.raises(PlaygroundError, match="can't be used"):
        Renderer(wrong)


def test_the_font_may_be_named_by_the_environment(monkeypatch, tmp_path):
    link = tmp_path / "NotoColorEmoji.ttf"
    link.symlink_to(find_font())
    monkeypatch.setenv(FONT_VARIABLE, str(link))
    assert find_font() == link
    assert find_font(tmp_path) == link
