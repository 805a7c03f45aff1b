"""Where journeys begin and end: every kind of end is read exactly, and what can't be read is one sentence."""

import numpy as np
import pytest

from playground.errors import PlaygroundError
from playground.latent.ends import MOST_TERMS, corners, point, stops
from playground.latent.points import FARTHEST, packed, to_text, unpacked
from playground.recipes import MAX_END, MAX_SEED, LatentRecipe, limits


def test_a_seed_is_the_point_that_the_model_draws(model):
    assert (point(model, "seed:7", 0.5) == model.draw(7, 0.5)).all()
    assert (point(model, f" seed: {MAX_SEED} ", 1.0) == model.draw(MAX_SEED, 1.0)).all()


def test_a_preset_is_the_mean_of_its_faces(model):
    assert (point(model, "preset:old smiling man", 1.0) == model.atlas.presets["old smiling man"]).all()


def test_a_face_is_chosen_by_its_factors(model):
    found = point(model, "face: kind = cat , smile=-0.5,glasses=yes", 1.0)
    assert (found == model.atlas.chosen({"kind": "cat", "smile": -0.5, "glasses": True})).all()


def test_a_place_on_either_plane_is_the_atlas_s(model):
    assert (point(model, "at:0.3,-1.2", 1.0) == model.atlas.at(0.3, -1.2)).all()
    assert (point(model, "near: 1., -.5", 1.0) == model.atlas.near(1, -0.5)).all()


def test_a_point_travels_bit_for_bit(model):
    drawn = model.draw(3, 1.0)
    assert (point(model, to_text(drawn), 1.0) == drawn).all()
    assert (
        unpacked(packed(np.float32([-0.0, 1e-40, FARTHEST])), 3, "It").tobytes()
        == np.float32([-0.0, 1e-40, FARTHEST]).tobytes()
    )


@pytest.mark.parametrize(
    "expression", ["seed:1 - seed:2 + seed:3", "seed:1−seed:2+seed:3", "1*seed:1 -1 * seed:2 + seed:3"]
)
def test_points_are_added_and_taken_away(vae, expression):
    a, b, c = (vae.draw(seed, 1.0) for seed in (1, 2, 3))
    assert np.allclose(point(vae, expression, 1.0), a - b + c, atol=1e-5)


def test_a_sum_can_weigh_and_begin_with_a_sign(vae):
    a, b = (vae.draw(seed, 1.0) for seed in (1, 2))
    assert np.allclose(
        point(vae, "-0.5*seed:1 + .25*preset:cat + 2*seed:2", 1.0),
        -a / 2 + vae.atlas.presets["cat"] / 4 + 2 * b,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("bare", "whole"),
    [
        ("cat", "preset:cat"),
        ("old woman − person + cat", "preset:old woman - preset:person + preset:cat"),
        ("-cat with a hat + 2*seed:3 - 0.5 * dog", "-preset:cat with a hat + 2*seed:3 - 0.5*preset:dog"),
        ("face:smile=-1 - cat", "face:smile=-1 - preset:cat"),
    ],
)
def test_a_preset_s_bare_name_will_do(vae, bare, whole):
    assert (point(vae, bare, 1.0) == point(vae, whole, 1.0)).all()


def test_a_name_within_a_point_is_the_point_s(vae):
    text = to_text(vae.draw(3, 1.0))
    for name in ("-cat", "-dog", "+cat"):
        with pytest.raises(PlaygroundError, match="the point:"):
            point(vae, text + name, 1.0, "A")


@pytest.mark.parametrize("seed", range(30))
def test_a_point_s_own_marks_are_no_operators(vae, seed):
    """Base64 holds - and _, also in front of a sign."""
    drawn = vae.draw(seed, 1.0)
    drawn[-1] = np.frombuffer(b"\xfb\xef\xbe\x3e", "<f4")[0]  # ends in "--" and the like
    text = to_text(drawn)
    assert (point(vae, text, 1.0) == drawn).all()
    assert np.allclose(point(vae, f"{text}-seed:5 + {text}", 1.0), 2 * drawn - vae.draw(5, 1.0), atol=1e-5)


def test_a_minus_within_a_term_is_the_term_s(vae):
    expected = vae.atlas.at(-1, -2) - vae.atlas.chosen({"smile": -1.0})
    assert np.allclose(point(vae, "at:-1,-2 - face:smile=-1", 1.0), expected, atol=1e-5)


MISTAKES = [
    ("", "A is ''; seed:7, preset:cat, cat, face:"),
    ("a cat", "A is 'a cat'; seed:7, preset:cat, cat,"),
    ("seed", "A is 'seed'; seed:7"),
    ("picture:me.png", "A is 'picture:me.png'; seed:7"),
    ("seed:", "A has the seed ''; a whole number from 0 to 2147483647 is allowed."),
    ("seed:-1", "A has the seed '-1'; a whole number"),
    ("seed:2147483648", "A has the seed '2147483648'; a whole number"),
    ("seed:1.5", "A has the seed '1.5'; a whole number"),
    ("seed:" + "9" * 3000, "A has the seed '999"),
    ("seed:٣", "A has the seed "),
    ("seed:1 + seed:x", "A has the seed 'x'"),
    ("seed:1 + unicorn", "A has the seed '1 + unicorn'"),
    ("seed:1 + catfish", "A has the seed '1 + catfish'"),
    ("seed:1 +", "A has the seed '1 +'"),
    ("preset:unicorn", "A has the preset 'unicorn'; there is: person, cat, dog"),
    ("preset:" + "x" * 3000, "A has the preset 'xxx"),
    ("face:", "A has the factor ''; there is, each with =VALUE: kind, glasses, hat"),
    ("face:smile", "A has the factor 'smile'; there is"),
    ("face:mood=1", "A has the factor 'mood=1'; there is"),
    ("face:smile=2", "A has smile = '2'; a number from -1 to 1 is allowed."),
    ("face:smile=nan", "A has smile = 'nan'; a number"),
    ("face:age=-0.01", "A has age = '-0.01'; a number from 0 to 1"),
    ("face:kind=unicorn", "A has kind = 'unicorn'; one of person, cat"),
    ("face:glasses=maybe", "A has glasses = 'maybe'; one of false, true is allowed."),
    ("at:1", "A has the place '1'; two numbers from -100 to 100 are allowed."),
    ("at:1,2,3", "A has the place '1,2,3'; two numbers"),
    ("at:1,x", "A has the place '1,x'; two numbers"),
    ("at:1e3,0", "A has the place '1e3,0'; two numbers"),
    ("near:101,0", "A has the place '101,0'; two numbers"),
    ("point:", "A: the point: has 0 numbers; this model's points have 8."),
    ("point:%%%", "A: the point: '%%%' is damaged: it is not url-safe base64."),
    ("point:AAA+", "A: the point: 'AAA+' is damaged"),
    ("point:A", "A: the point: 'A' is damaged"),
    ("point:é", "A: the point: '\\xe9' is damaged"),
    ("point:AAAA", "A: the point: has 0.75 numbers; this model's points have 8."),
    ("point:" + packed(np.full(8, np.nan)), "A: the point: is damaged: it holds numbers that are not finite."),
    ("point:" + packed(np.full(8, 1e30)), "A: the point: is too far out: its numbers are at most 1000."),
    ("10.5*seed:1", "A takes '10.5' times a point; at most 10 is allowed."),
    ("+".join(["10*point:" + packed(np.full(8, 999))] * 3), "A is too far out"),
    (" + ".join(["seed:1"] * (MOST_TERMS + 1)), "A has 17 terms; at most 16 are allowed."),
    ("<script>alert(1)</script>\n", "A is '<script>alert(1)</script>'; seed:7"),
    ("seed:1;seed:2", "A has the seed '1;seed:2'"),
]


@pytest.mark.parametrize(("expression", "sentence"), MISTAKES, ids=range(len(MISTAKES)))
def test_what_can_not_be_read_is_one_sentence(vae, expression, sentence):
    with pytest.raises(PlaygroundError) as error:
        point(vae, expression, 1.0, "A")
    told = str(error.value)
    assert told.startswith(sentence) and told.isprintable() and len(told) < 400


def test_noise_is_read_or_refused(vae):
    random = np.random.default_rng(0)
    marks = list("seed:presetfaceatnearpoint0123456789.,=*+- −AB_é\u202e")
    for _ in range(500):
        text = "".join(random.choice(marks, random.integers(0, 40)))
        try:
            assert np.isfinite(point(vae, text, 1.0)).all()
        except PlaygroundError as error:
            assert str(error).isprintable()


def test_the_longest_end_is_read_at_once(vae):
    text = ("-" * MAX_END, "seed:" * (MAX_END // 5), " " * MAX_END, "1" * MAX_END + "*", "+ " * (MAX_END // 2))
    for one in text:
        with pytest.raises(PlaygroundError):
            point(vae, one, 1.0)
    assert limits(LatentRecipe.model_fields["a"])["max_length"] == MAX_END


# recipes -------------------------------------------------------------------------------------------------------


def test_ends_that_are_left_out_are_the_seeds_from_the_recipe_s_on(vae):
    recipe = LatentRecipe.make({"seed": MAX_SEED - 1, "spread": 0.7})
    seeds = [MAX_SEED - 1, MAX_SEED, 0, 1]
    assert all((found == vae.draw(seed, 0.7)).all() for found, seed in zip(corners(vae, recipe), seeds, strict=True))
    assert len(stops(vae, recipe)) == 2


def test_way_points_stand_between_a_and_b(vae):
    found = stops(vae, LatentRecipe.make({"a": "seed:1", "b": "seed:2", "via": "; seed:5 ;preset:cat;"}))
    expected = [vae.draw(1, 1.0), vae.draw(5, 1.0), vae.atlas.presets["cat"], vae.draw(2, 1.0)]
    assert (np.stack(found) == np.stack(expected)).all()


@pytest.mark.parametrize(("values", "what"), [({"b": "x"}, "b is 'x'"), ({"via": "seed:1;x"}, "via 2 is 'x'")])
def test_a_mistake_tells_which_end_it_is(vae, values, what):
    with pytest.raises(PlaygroundError, match=f"^{what}; seed:7"):
        stops(vae, LatentRecipe.make(values))


def test_a_corner_that_is_wrong_is_told(vae):
    with pytest.raises(PlaygroundError, match="^d is 'x'"):
        corners(vae, LatentRecipe.make({"d": "x"}))
