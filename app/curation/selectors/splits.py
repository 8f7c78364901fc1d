"""Splits that keep together what belongs together: no near-duplicate crosses from train to dev."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Ints
from app.curation.text.jit import njit


def groups(rows: int, first: Ints, second: Ints) -> Ints:
    """The smallest row of each row's group, where these pairs belong together, over any chain."""
    return _groups(rows, first, second)


@njit
def _groups(rows: int, first: Ints, second: Ints) -> Ints:
    root = np.arange(rows)
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        root[max(a, b)] = min(a, b)
    for row in range(rows):
        root[row] = root[root[row]]
    return root


def split(group: Ints, shares: Sequence[float], seed: int) -> NDArray[np.int8]:
    """The number of the split of each row; rows of one group go together.

    Larger groups are placed first, each where most is missing; single rows, in an order drawn by
    the seed, fill the splits up. The same rows, groups and seed give the same splits.
    """
    names, place, sizes = np.unique(group, return_inverse=True, return_counts=True)
    drawn = np.random.Generator(np.random.PCG64(seed)).permutation(len(names))
    order = drawn[np.argsort(-sizes[drawn], kind="stable")]
    missing = np.array(shares, float) / sum(shares) * len(group)
    chosen = np.zeros(len(names), np.int8)
    large = int(np.count_nonzero(sizes > 1))
    for one in order[:large].tolist():
        chosen[one] = np.argmax(missing)
        missing[chosen[one]] -= sizes[one]
    single = order[large:]
    room = np.maximum(missing, 0)
    ends = np.round(np.cumsum(room) / max(room.sum(), 1e-9) * len(single)).astype(np.int64)
    chosen[single] = np.searchsorted(ends, np.arange(len(single)), side="right").clip(
        0, len(shares) - 1
    )
    found: NDArray[np.int8] = chosen[place]
    return found
