"""Clusters of embeddings."""

import numpy as np

from app.curation.selectors.clusters import NONE, centres, nearest


def unit(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_texts_of_a_kind_share_a_cluster_and_texts_without_words_have_none() -> None:
    rng = np.random.default_rng(0)
    around = np.concatenate([rng.normal(at, 3, 100) for at in (0, 120, 240)])
    vectors = np.vstack([unit(around.tolist()), np.zeros((2, 2), np.float32)])

    found = nearest(vectors, centres(vectors, 3))

    kinds = [set(found[start : start + 100].tolist()) for start in (0, 100, 200)]
    assert [len(kind) for kind in kinds] == [1, 1, 1]
    assert len(set.union(*kinds)) == 3
    assert found[300:].tolist() == [NONE, NONE]


def test_fewer_kinds_of_texts_make_fewer_clusters() -> None:
    vectors = unit([0, 0, 90])

    assert len(centres(vectors, 5)) == 2
    assert nearest(vectors, centres(vectors, 5)).tolist() == [1, 1, 0]
    assert nearest(vectors, centres(np.zeros((3, 2), np.float32), 5)).tolist() == [NONE] * 3
