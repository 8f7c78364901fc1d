"""Maps: neighbours stay neighbours, whatever the vectors are like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.shape import layout
from app.curation.shape.layout import SIDE, Layout
from app.curation.shape.measures import kept_neighbours, purity, trustworthiness


def planted(groups: int, each: int, width: int = 32, seed: int = 0) -> np.ndarray:
    """Unit vectors around so many centres, group by group."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(groups, width))
    around = np.repeat(middles, each, 0) + 0.25 * rng.normal(size=(groups * each, width))
    lengths = np.linalg.norm(around, axis=1, keepdims=True)
    return np.asarray(around / lengths, np.float32)


def test_neighbours_are_kept_better_than_by_components() -> None:
    vectors = planted(12, 40)

    found = Layout.fit(vectors)
    places = found.place(vectors)

    groups = np.repeat(np.arange(12), 40)
    centres = np.stack([places[groups == one].mean(0) for one in range(12)])
    nearest = ((places[:, np.newaxis] - centres) ** 2).sum(2).argmin(1)
    assert purity(nearest, groups) > 0.95
    centred = vectors - vectors.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    components = centred @ axes[:, -2:]
    assert kept_neighbours(vectors, places) > 1.5 * kept_neighbours(vectors, components)
    assert trustworthiness(vectors, places) > trustworthiness(vectors, components)


def test_what_was_not_laid_out_stands_among_its_own() -> None:
    vectors = planted(6, 60)
    fitted, rest = np.arange(0, 360, 2), np.arange(1, 360, 2)

    found = Layout.fit(vectors[fitted])
    places = found.place(vectors)

    groups = np.repeat(np.arange(6), 60)
    middles = np.stack([places[fitted][groups[fitted] == one].mean(0) for one in range(6)])
    nearest = ((places[rest][:, np.newaxis] - middles) ** 2).sum(2).argmin(1)
    assert (nearest == groups[rest]).mean() > 0.95


def test_a_map_is_the_same_again_after_it_was_stored() -> None:
    vectors = planted(4, 20)

    found = Layout.fit(vectors)
    again = Layout.from_bytes(found.to_bytes())

    assert np.array_equal(again.place(vectors), again.place(vectors))
    assert np.abs(found.place(vectors) - again.place(vectors)).mean() < SIDE / 100
    own = again.places[np.argsort(again.places[:, 0])]
    assert np.array_equal(own, found.places[np.argsort(found.places[:, 0])])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 11, 12])
def test_few_vectors_have_a_map_too(count: int) -> None:
    vectors = planted(1, 12)[:count].reshape(count, 32)

    places = Layout.fit(vectors).place(vectors)

    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= SIDE)).all()


def test_texts_without_words_are_not_on_the_map_and_the_same_text_is_one_point() -> None:
    vectors = np.vstack([np.tile(planted(1, 1), (500, 1)), np.zeros((2, 32), np.float32)])

    places = Layout.fit(vectors).place(vectors)

    assert len(np.unique(places[:500], axis=0)) == 1
    assert np.isnan(places[500:]).all()
    nothing = Layout.fit(np.zeros((3, 32), np.float32))
    assert np.isnan(nothing.place(vectors)).all()
    assert np.isnan(Layout.from_bytes(nothing.to_bytes()).place(vectors)).all()


def test_no_more_are_laid_out_than_take_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MOST", 50)
    monkeypatch.setattr(layout, "_ALONE", 10)

    found = Layout.fit(planted(4, 40))

    assert len(found.places) == 50


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1, width=16), min_size=3, max_size=3), max_size=10))
def test_every_vector_has_a_place_on_the_sheet(rows: list[list[float]]) -> None:
    raw = np.array(rows, np.float32).reshape(len(rows), 3)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    vectors = np.where(lengths > 1e-3, raw / np.where(lengths > 0, lengths, 1), 0)
    vectors = vectors.astype(np.float32)

    places = Layout.fit(vectors).place(vectors)

    told = vectors.any(1)
    assert np.isfinite(places[told]).all()
    assert np.isnan(places[~told]).all()
    assert ((places[told] >= 0) & (places[told] <= SIDE)).all()


def test_purity_is_the_share_of_the_most_frequent_group() -> None:
    assert purity(np.array([0, 0, 0, 1]), np.array([5, 5, 7, 7])) == 0.75
    assert np.isnan(purity(np.array([], int), np.array([], int)))


def test_a_map_without_errors_is_trusted_wholly() -> None:
    line = np.stack([np.arange(30.0) ** 1.5, np.zeros(30)], 1)

    assert kept_neighbours(line, line) == 1.0
    assert trustworthiness(line, line) == 1.0
    assert trustworthiness(line, np.random.default_rng(0).normal(size=(30, 2))) < 0.7
