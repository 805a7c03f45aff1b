"""Atlases: what they learn from points whose making is known, maps there and back, and damaged files."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from playground.errors import PlaygroundError
from playground.latent.atlas import ARRAYS, RECORD, Atlas, distances, read_atlas, write_atlas
from playground.latent.charting import make_atlas
from playground.latent.coding import code, code_names
from playground.latent.correction import STRETCH
from playground.latent.embedding import embed
from playground.latent.factors import CONTINUOUS
from playground.latent.world import draw_face, labels

DIMS, COUNT = 12, 600
NAMED = {"cat": np.arange(12.0), "dog": np.zeros(12)}
BLIND = np.zeros_like  # an encoder that sees nothing, so that directions stay as they are learnt
MAKING = np.random.default_rng(0).standard_normal((len(code_names()), DIMS))


def known(index: int) -> dict:
    return labels(draw_face(0, index))


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """A linear map of the faces' factors and a little noise."""
    noise = np.random.default_rng(1).standard_normal((COUNT + 20, DIMS))
    return np.stack([code(known(index)) for index in range(COUNT + 20)]) @ MAKING + 0.01 * noise + 2


@pytest.fixture(scope="module")
def atlas(points) -> Atlas:
    samples = np.stack([np.zeros(COUNT, int), np.arange(COUNT)], axis=1)
    return make_atlas(points[:COUNT], samples, points[COUNT:], np.arange(20.0), NAMED, BLIND)


def test_a_code_tells_ranges_hues_and_choices():
    names = code_names()
    row = dict(zip(names, code({"smile": -1, "age": 0.5, "hue": 0.25, "kind": "cat", "glasses": True}), strict=True))
    assert (row["smile"], row["age"], row["kind cat"], row["kind dog"], row["glasses True"]) == (-1, 0, 1, 0, 1)
    assert (row["hue cos"], row["hue sin"]) == pytest.approx((0, 1), abs=1e-9)
    assert not code({}).any() and "kind person" not in names, "what is left open counts as the middle"
    assert np.allclose(code({"hue": 0.0}), code({"hue": 1.0}))


def test_directions_are_a_standard_deviation_of_a_factor_and_of_no_other(atlas):
    found = atlas.directions["smile"]
    spread = np.std([known(index)["smile"] for index in range(COUNT)])
    assert np.allclose(found, MAKING[code_names().index("smile")] * spread, atol=0.02)
    glasses = np.std([known(index)["glasses"] for index in range(COUNT)])
    wanted = MAKING[code_names().index("glasses True")] * glasses * STRETCH
    assert np.allclose(atlas.directions["glasses"], wanted, atol=0.02)
    assert not {"hue", "background", "kind"} & set(atlas.directions)
    assert {name for name, factor in CONTINUOUS.items() if not factor.cyclic} <= set(atlas.directions)


def test_the_direction_of_age_is_that_of_people_where_animals_age_in_another_way(points):
    faces = [known(index) for index in range(COUNT)]
    pale = np.random.default_rng(2).standard_normal(DIMS)
    moved = points[:COUNT] + np.array([face["age"] * (face["kind"] != "person") for face in faces])[:, None] * pale
    samples = np.stack([np.zeros(COUNT, int), np.arange(COUNT)], axis=1)
    found = make_atlas(moved, samples, points[COUNT:], np.arange(20.0), NAMED, BLIND).directions["age"]
    spread = np.std([face["age"] for face in faces if face["kind"] == "person"])
    assert np.allclose(found, MAKING[code_names().index("age")] * 2 * spread, atol=0.05)


def test_a_choice_has_a_direction_against_all_others(atlas):
    assert {"hat", "crown", "curly"} <= set(atlas.directions)
    hats = np.array([known(index)["hat"] != "none" for index in range(COUNT)])
    effects = {name: MAKING[code_names().index(f"hat {name}")] for name in ("beanie", "top hat", "party hat", "crown")}
    shares = {name: np.mean([known(index)["hat"] == name for index in range(COUNT)]) for name in effects}
    wanted = sum(shares[name] * effects[name] for name in effects) / hats.mean() * hats.std()
    assert np.allclose(atlas.directions["hat"], wanted * STRETCH, atol=0.02)


def test_presets_are_kept_by_name(atlas, tmp_path):
    write_atlas(atlas, tmp_path)
    found = read_atlas(tmp_path, DIMS).presets
    assert list(found) == list(NAMED) and all(np.array_equal(found[name], NAMED[name]) for name in NAMED)


def test_factors_choose_a_point(atlas):
    wanted = {"kind": "fox", "smile": 0.8, "hue": 0.1}
    assert np.allclose(atlas.chosen(wanted), code(wanted) @ MAKING + 2, atol=0.05)
    assert atlas.chosen({}).dtype == np.float32


def test_places_on_the_plane_lead_back_to_their_points(atlas):
    assert atlas.place(atlas.mean) == pytest.approx((0, 0), abs=1e-4)
    assert atlas.place(atlas.at(0.5, -2)) == pytest.approx((0.5, -2), abs=1e-4)
    places = np.array([atlas.place(point) for point in atlas.points])
    assert np.allclose(places.std(axis=0), 1, atol=1e-2)


def test_places_on_the_other_map_lead_back_to_its_faces(atlas):
    for index in (0, 17):
        x, y = atlas.place_by_neighbours(atlas.points[index])
        assert (x, y) == pytest.approx(tuple(atlas.embedding[index]), abs=1e-3)
        assert np.allclose(atlas.near(*map(float, atlas.embedding[index])), atlas.points[index], atol=1e-2)
    assert np.isfinite(atlas.near(1e6, 0)).all() and np.isfinite(atlas.place_by_neighbours(atlas.mean + 1e6)).all()


def test_the_nearest_faces_come_first(atlas):
    order, distances = atlas.nearest(atlas.points[5], 4)
    assert order[0] == 5 and distances[0] == 0 and list(distances) == sorted(distances) and len(order) == 4
    assert len(atlas.nearest(atlas.mean, 10_000)[0]) == COUNT


def test_what_is_usual_is_told_of_held_out_faces(atlas, points):
    gaps = [distances(points[:COUNT], point, atlas.std).min() for point in points[COUNT:]]
    assert atlas.usual.distance == pytest.approx(np.median(gaps), rel=1e-3)
    assert 0 < atlas.usual.distance <= atlas.usual.far_distance <= max(gaps) + 1e-6
    assert (atlas.usual.error, atlas.usual.far_error) == pytest.approx((9.5, 18.05))


def test_dimensions_in_which_faces_hardly_differ_hardly_count():
    points, std = np.array([[3.0, 0.0], [0.0, 100.0]]), np.array([2.0, 0.0])
    assert distances(points, np.zeros(2), std).tolist() == [3, 0]
    assert distances(points, np.zeros(2), np.array([5.0, 5.0])).tolist() == [3, 100], "the largest counts as 1"
    assert np.isfinite(distances(points, np.zeros(2), np.zeros(2))).all()


def test_labels_are_those_of_the_world(atlas):
    assert len(atlas.labels) == COUNT and atlas.labels[3] == known(3)


def test_neighbours_stay_together_on_the_map_and_groups_apart():
    dice = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 60)
    points = 6 * np.eye(4)[groups] @ dice.standard_normal((4, 10)) + dice.standard_normal((240, 10))
    places = embed(points.astype(np.float32))
    assert places.shape == (240, 2) and places.dtype == np.float32 and np.allclose(places.mean(axis=0), 0, atol=1e-4)
    gaps = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(240)
    assert (groups[gaps.argsort(axis=1)[:, :10]] == groups[:, None]).mean() > 0.97
    assert (embed(points.astype(np.float32)) == places).all()


@pytest.mark.parametrize("points", [np.zeros((8, 3)), np.eye(5), np.repeat(np.eye(3), 4, axis=0)])
def test_equal_or_few_points_have_a_map_all_the_same(points):
    assert np.isfinite(embed(points.astype(np.float32))).all()


def test_an_atlas_is_read_as_it_was_written(atlas, tmp_path):
    write_atlas(atlas, tmp_path)
    again = read_atlas(tmp_path, DIMS)
    for name, value in vars(again).items():
        mine = getattr(atlas, name)
        if isinstance(value, dict):
            assert list(value) == list(mine) and all((value[key] == mine[key]).all() for key in value)
        else:
            assert np.array_equal(value, mine) if isinstance(value, np.ndarray) else value == mine


def spoil(folder, change):
    arrays, record = load_file(folder / ARRAYS), json.loads((folder / RECORD).read_text())
    change(arrays, record)
    save_file(arrays, folder / ARRAYS)
    (folder / RECORD).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda arrays, record: arrays.pop("embedding"), "has no embedding of the shape"),
        (lambda arrays, record: arrays.update(mean=arrays["mean"][:3]), "has no mean of the shape"),
        (lambda arrays, record: arrays["presets"].fill(np.nan), "presets that are no numbers"),
        (lambda arrays, record: record["directions"].pop(), "has no directions of the shape"),
        (lambda arrays, record: record.pop("usual"), "atlas is damaged"),
        (lambda arrays, record: record["usual"].update(distance="far"), "atlas is damaged"),
        (lambda arrays, record: record.update(code=["smile"]), "a world with other factors"),
    ],
)
def test_a_damaged_atlas_is_refused_in_a_sentence(atlas, tmp_path, change, sentence):
    write_atlas(atlas, tmp_path)
    spoil(tmp_path, change)
    with pytest.raises(PlaygroundError, match=sentence):
        read_atlas(tmp_path, DIMS)


@pytest.mark.parametrize("name", [ARRAYS, RECORD])
def test_missing_and_cut_files_are_told_by_name(atlas, tmp_path, name):
    write_atlas(atlas, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:50])
    with pytest.raises(PlaygroundError, match="atlas is damaged"):
        read_atlas(tmp_path, DIMS)
    (tmp_path / name).unlink()
    with pytest.raises(PlaygroundError, match=f"its {name} is missing"):
        read_atlas(tmp_path, DIMS)


def test_an_atlas_of_another_model_is_refused(atlas, tmp_path):
    write_atlas(atlas, tmp_path)
    with pytest.raises(PlaygroundError, match="has no points of the shape"):
        read_atlas(tmp_path, DIMS + 1)
