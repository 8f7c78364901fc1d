"""Clusters of embeddings: so that a sample of samples holds every kind of text there is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

NONE = -1  # the cluster of a text without words


def centres(vectors: Floats, count: int, seed: int = 0) -> Floats:
    """Centres of at most `count` clusters of unit vectors, shape (clusters, width), by k-means.

    Zeros (texts without words) are left out; fewer distinct vectors make fewer clusters.
    """
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - a second that few jobs need

    told = np.unique(vectors[vectors.any(1)], axis=0)
    if len(told) <= count:
        return told
    shuffled = np.random.default_rng(seed).permutation(told)
    model = MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=2048)
    found: Floats = model.fit(shuffled).cluster_centers_
    return found


def nearest(vectors: Floats, centres_: Floats) -> NDArray[np.int64]:
    """The cluster of each vector, NONE for zeros; the centre at the least distance counts."""
    if not len(centres_):
        return np.full(len(vectors), NONE)
    # The length of the vector is the same for all centres, so it is left out.
    distances = (centres_**2).sum(1) - 2 * vectors @ centres_.T
    return np.where(vectors.any(1), distances.argmin(1), NONE)
