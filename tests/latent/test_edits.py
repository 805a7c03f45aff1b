"""Edits along learnt directions and along one's own, which are built from faces and travel as JSON."""

import json

import numpy as np
import pytest

from playground.errors import PlaygroundError
from playground.latent.directions import (
    check_name,
    join_directions,
    make_direction,
    read_direction,
    write_directions,
)
from playground.latent.edits import edited, read_edits, shift
from playground.latent.points import packed, to_text

PLUS, MINUS = ["seed:1", "seed:2"], ["seed:3", "preset:cat"]


@pytest.fixture(scope="module")
def own(vae) -> str:
    return make_direction(vae, "wild", PLUS, MINUS)


def test_an_edit_moves_so_many_sigma_along_its_direction(model):
    moved = shift(model, " smile = 1.5 ,glasses=-0.5,", "")
    learnt = model.atlas.directions
    assert np.allclose(moved, 1.5 * learnt["smile"] - 0.5 * learnt["glasses"])
    point = model.draw(1, 1.0)
    assert edited(point, moved).dtype == np.float32
    assert np.allclose(edited(point, moved), point + moved, atol=1e-5)


def test_every_learnt_direction_can_be_named(model):
    for name in model.atlas.directions:
        assert np.allclose(shift(model, f"{name}=-5", ""), -5 * model.atlas.directions[name].astype(float))


def test_without_edits_points_stay_bit_for_bit(vae, own):
    point = vae.draw(1, 1.0)
    assert shift(vae, " , ", own) is None and edited(point, None) is point


BAD_EDITS = [
    ("smile", "edits has 'smile'; NAME=NUMBER is allowed, of -5 to 5 σ."),
    ("smile=", "edits has 'smile='; NAME"),
    ("=1", "edits has '=1'; NAME"),
    ("smile=x", "edits has 'smile=x'; NAME"),
    ("smile=5.01", "edits has 'smile=5.01'; NAME"),
    ("smile=-6", "edits has 'smile=-6'; NAME"),
    ("smile=nan", "edits has 'smile=nan'; NAME"),
    ("smile=inf", "edits has 'smile=inf'; NAME"),
    ("smile=1e0", "edits has 'smile=1e0'; NAME"),
    ("smile=1=2", "edits has 'smile=1=2'; NAME"),
    ("smile=1,smile=2", "edits names 'smile' twice."),
    ("mood=1", "edits names 'mood'; there is: smile, age"),
    ("<b>\x1b=1", "edits names '<b>\\x1b'; there is"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_EDITS, ids=range(len(BAD_EDITS)))
def test_what_is_no_edit_is_one_sentence(vae, text, sentence):
    with pytest.raises(PlaygroundError) as error:
        shift(vae, text, "")
    assert str(error.value).startswith(sentence) and str(error.value).isprintable()


def test_numbers_are_read_as_people_write_them():
    assert read_edits("a=+1, b=.5, c=-2., d=0") == {"a": 1, "b": 0.5, "c": -2, "d": 0}


# one's own -----------------------------------------------------------------------------------------------------


def test_a_direction_leads_from_the_one_mean_to_the_other_by_one_sigma(vae, own):
    found = read_direction(vae, own)["wild"]
    way = (vae.draw(1, 1.0) + vae.draw(2, 1.0) - vae.draw(3, 1.0) - vae.atlas.presets["cat"]).astype(float)
    unit = way / np.linalg.norm(way)
    assert np.allclose(found / np.linalg.norm(found), unit, atol=1e-5)
    assert np.linalg.norm(found) == pytest.approx((vae.atlas.points @ unit).std(), rel=1e-4)
    assert np.allclose(shift(vae, "wild=2", own), 2 * found)


def test_one_side_alone_is_held_against_the_mean_of_all(vae):
    found = read_direction(vae, make_direction(vae, "mine", [], ["seed:4"]))["mine"]
    way = vae.atlas.mean - vae.draw(4, 1.0)
    assert np.allclose(found / np.linalg.norm(found), way / np.linalg.norm(way), atol=1e-5)


def test_the_json_names_the_model_and_its_weights(vae, own):
    entry = json.loads(own)["wild"]
    assert (entry["fingerprint"], entry["model"]) == (vae.fingerprint, "faces-vae")


def test_directions_are_joined_and_the_later_one_counts(vae, own):
    others = [make_direction(vae, name, ["seed:9"], []) for name in ("calm", "wild")]
    joined = read_direction(vae, join_directions(vae, [own, "", *others]))
    assert list(joined) == ["wild", "calm"]
    assert (joined["wild"] == read_direction(vae, others[1])["wild"]).all()
    assert join_directions(vae, []) == join_directions(vae, ["", " "]) == ""


def test_too_many_directions_are_not_joined(vae):
    many = [write_directions(vae, {f"{mark}{place}": np.ones(8) for place in range(33)}) for mark in "ab"]
    with pytest.raises(PlaygroundError, match="^directions holds 66 of them; at most 64 are allowed.$"):
        join_directions(vae, many)


def test_a_direction_of_another_model_is_refused(gan, own):
    with pytest.raises(PlaygroundError, match="'wild' was made with other weights \\('faces-vae', .*build it anew"):
        read_direction(gan, own)


def entry(vae, **changes) -> str:
    own = {"vector": packed(np.ones(8)), "fingerprint": vae.fingerprint, "model": vae.name}
    return json.dumps({"wild": {**own, **changes}})


DAMAGED = [
    ({"vector": "AAAA"}, "The direction 'wild' has 0.75 numbers; this model's points have 8."),
    ({"vector": "%"}, "The direction 'wild' '%' is damaged"),
    ({"vector": packed(np.full(8, np.inf))}, "The direction 'wild' is damaged: it holds numbers that are not finite."),
    ({"vector": [1, 2]}, "The direction 'wild' is damaged: it has no vector and fingerprint."),
    ({"fingerprint": None}, "The direction 'wild' is damaged: it has no vector and fingerprint."),
    ({"fingerprint": "0" * 12}, "The direction 'wild' was made with other weights ('faces-vae', '000000000000')"),
    (
        {"fingerprint": "\n<b>", "model": 5},
        "The direction 'wild' was made with other weights (another model, '\\n<b>')",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_direction_is_one_sentence(vae, changes, sentence):
    with pytest.raises(PlaygroundError) as error:
        read_direction(vae, entry(vae, **changes))
    assert str(error.value).startswith(sentence) and str(error.value).isprintable()


NO_DIRECTIONS = [
    ("x", "directions is not JSON."),
    ("[" * 100_000, "directions is not JSON."),
    ("[]", "directions is not a JSON object of directions by name."),
    ('{"a": 5}', "The direction 'a' is damaged"),
    ('{"": {}}', "A direction can't be named ''; 1 to 40 letters"),
    ('{"a=b": {}}', "A direction can't be named 'a=b'"),
    ('{"smile": {}}', "The model has learnt a direction 'smile' itself"),
    (json.dumps(dict.fromkeys(map(str, range(65)), {})), "directions holds 65 of them; at most 64 are allowed."),
]


@pytest.mark.parametrize(("text", "sentence"), NO_DIRECTIONS, ids=range(len(NO_DIRECTIONS)))
def test_what_holds_no_directions_is_one_sentence(vae, text, sentence):
    with pytest.raises(PlaygroundError) as error:
        shift(vae, "", text)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a,b", "a=b", "<b>", "a\nb", "\u202e", "age", " smile "])
def test_names_that_edits_could_not_tell_apart_are_refused(vae, name):
    with pytest.raises(PlaygroundError):
        make_direction(vae, name, PLUS, MINUS)


def test_names_are_trimmed_and_may_be_of_any_language(vae):
    assert check_name(vae, " grüße 2_x ") == "grüße 2_x"


@pytest.mark.parametrize(
    ("plus", "minus", "sentence"),
    [
        ([], [], "A direction needs faces"),
        (PLUS, PLUS[::-1], "The faces of both sides are the same in the mean"),
        (["seed:x"], [], "plus 1 has the seed 'x'"),
        ([], ["seed:1", "x"], "minus 2 is 'x'"),
        (["seed:1"] * 65, [], "There are 65 faces in plus; at most 64 are allowed."),
    ],
)
def test_faces_that_make_no_direction_are_told(vae, plus, minus, sentence):
    with pytest.raises(PlaygroundError, match=f"^{sentence}"):
        make_direction(vae, "mine", plus, minus)


def test_a_point_of_a_journey_can_build_a_direction(vae):
    assert "mine" in make_direction(vae, "mine", [to_text(vae.draw(1, 1.0))], [])
