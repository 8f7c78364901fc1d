"""How good topics and maps are: purity against known groups, neighbours that a map keeps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]


def purity(topics: Codes, groups: Codes) -> float:
    """The share of rows whose group is the most frequent one of their topic."""
    if not len(topics):
        return float("nan")
    _, topic = np.unique(topics, return_inverse=True)
    _, group = np.unique(groups, return_inverse=True)
    table = np.zeros((topic.max() + 1, group.max() + 1), np.int64)
    np.add.at(table, (topic, group), 1)
    return float(table.max(1).sum() / len(topics))


def kept_neighbours(vectors: Floats, places: Floats, count: int = 10) -> float:
    """The mean share of the `count` nearest vectors that are among the nearest on the map."""
    near, shown = _nearest(vectors, count), _nearest(places, count)
    both = (near[:, :, np.newaxis] == shown[:, np.newaxis, :]).any(2)
    return float(both.mean())


def trustworthiness(vectors: Floats, places: Floats, count: int = 10) -> float:
    """From 0 to 1: how seldom the map shows rows as neighbours that are none (Venna, 2001)."""
    size = len(vectors)
    order = np.argsort(_distances(vectors), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(size)[np.newaxis, :], 1)  # itself has rank 0
    ranks = np.take_along_axis(rank, _nearest(places, count), 1)
    worst = size * count * (2 * size - 3 * count - 1) / 2
    return float(1 - np.maximum(ranks - count, 0).sum() / worst)


def _distances(points: Floats) -> Floats:
    squares = (points**2).sum(1)
    found: Floats = squares[:, np.newaxis] + squares[np.newaxis, :] - 2 * points @ points.T
    np.fill_diagonal(found, -np.inf)
    return found


def _nearest(points: Floats, count: int) -> NDArray[np.intp]:
    """The nearest others of each row."""
    distances = _distances(points)
    np.fill_diagonal(distances, np.inf)
    return np.argpartition(distances, count, axis=1)[:, :count]
