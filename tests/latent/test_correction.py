"""Directions are freed of what a model draws beside their factor, and of nothing else."""

import numpy as np
import pytest

from playground.latent.correction import MOST, SPARED, STRETCH, correct
from playground.latent.readings import FACTORS, NUMBERS, PLACES, applying, truth
from playground.latent.world import draw_face, labels

COUNT, DIMS = 500, 10
KNOWN = [labels(draw_face(0, index)) for index in range(COUNT)]
PLAIN = np.eye(DIMS, dtype=np.float32)
GLASSES = PLAIN[DIMS - 1]
AGE, FEMININITY = NUMBERS.index("age"), NUMBERS.index("femininity")


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """A coordinate for each range, in standard deviations, and three more that say nothing."""
    noise = np.random.default_rng(0).standard_normal((COUNT, DIMS))
    noise[:, : len(NUMBERS)] = truth(KNOWN)[:, [PLACES[name].start for name in NUMBERS]]
    return noise + 0.01 * np.random.default_rng(1).standard_normal(noise.shape)


@pytest.fixture(scope="module")
def directions() -> dict[str, np.ndarray]:
    return {name: PLAIN[place] for place, name in enumerate(NUMBERS)} | {"glasses": GLASSES}


def test_what_looks_changed_beside_a_range_is_taken_off(points, directions):
    def again(rows: np.ndarray) -> np.ndarray:
        """As if old faces were drawn less feminine."""
        seen = rows.copy()
        seen[:, FEMININITY] -= 0.3 * rows[:, AGE]
        return seen

    found = correct(directions, points, KNOWN, again)
    assert np.allclose(found["age"], PLAIN[AGE] + 0.3 * PLAIN[FEMININITY], atol=0.03)
    assert np.allclose(found["smile"], directions["smile"], atol=0.03)


@pytest.mark.parametrize(("along", "left"), [(0.3, SPARED), (-0.3, -SPARED), (0.05, 0.05 * STRETCH)])
def test_a_choice_may_take_a_little_along(points, directions, along, left):
    def again(rows: np.ndarray) -> np.ndarray:
        """As if glasses made older."""
        seen = rows.copy()
        seen[:, AGE] += along * rows[:, DIMS - 1]
        return seen

    found = correct(directions, points, KNOWN, again)["glasses"]
    assert np.allclose(found, STRETCH * GLASSES + (left - along * STRETCH) * PLAIN[AGE], atol=0.02)


def test_directions_that_change_nothing_else_stay(points, directions):
    found = correct(directions, points, KNOWN, lambda rows: rows)
    assert list(found) == list(directions)
    wanted = directions | {"glasses": STRETCH * GLASSES}
    assert all(np.allclose(found[name], row, atol=0.03) for name, row in wanted.items())
    assert {row.dtype for row in found.values()} == {np.dtype(np.float32)}


def test_a_direction_is_not_drowned_by_others(points, directions):
    """What hardly answers would take thirty steps along femininity to make up for what age changes."""

    def again(rows: np.ndarray) -> np.ndarray:
        seen = rows.copy()
        seen[:, FEMININITY] = 0.01 * rows[:, FEMININITY] - 0.3 * rows[:, AGE]
        return seen

    found = correct(directions, points, KNOWN, again)
    assert 0 < found["age"] @ PLAIN[FEMININITY] <= np.float32(MOST)


def test_only_faces_that_have_a_factor_say_what_becomes_of_it(points, directions):
    """Animals have no femininity; what happens to that coordinate of theirs does not count."""
    people = applying([face["kind"] for face in KNOWN])[:, FACTORS.index("femininity")]
    assert 0 < people.sum() < COUNT

    def again(rows: np.ndarray) -> np.ndarray:
        seen = rows.copy()
        mine = [np.flatnonzero(np.isclose(points[:, DIMS - 2], row[DIMS - 2]))[0] for row in rows]
        seen[~people[mine], FEMININITY] -= 5 * rows[~people[mine], AGE]
        return seen

    assert np.allclose(correct(directions, points, KNOWN, again)["age"], PLAIN[AGE], atol=0.05)


def test_few_faces_and_no_ranges_are_no_trouble(points, directions):
    assert set(correct(directions, points[:3], KNOWN[:3], lambda rows: rows)) == set(directions)
    alone = correct({"glasses": PLAIN[0]}, points, KNOWN, lambda rows: rows)
    assert np.allclose(alone["glasses"], STRETCH * PLAIN[0])
    assert correct({}, points, KNOWN, lambda rows: rows) == {}
