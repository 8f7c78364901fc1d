"""Pairs of rows that share a key, without the square of many equal ones."""

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes
from app.curation.text.jit import njit

# Up to so many rows with one key all pairs are looked at, of more those with the best ranked.
SMALL = 16


def pairs(keys: Hashes, reference: NDArray[np.bool_], *, small: int = SMALL) -> tuple[Ints, Ints]:
    """Pairs (first * rows + second) of rows with equal keys; the best rows of large buckets.

    All pairs of up to `small` rows, of more those with the best one. Rows stand by rank.
    With references, only a reference and another row make a pair.
    """
    order = np.argsort(keys, kind="stable")
    given = keys[order], order, reference[order], bool(reference.any()), small
    nothing = np.empty(0, np.int64)
    count, large = _pairs(*given, nothing, nothing)
    found, hubs = np.empty(count, np.int64), np.empty(large, np.int64)
    _pairs(*given, found, hubs)
    return found, hubs


@njit
def _pairs(
    keys: Hashes,
    rows: Ints,
    sides: NDArray[np.bool_],
    across: bool,
    small: int,
    found: Ints,
    hubs: Ints,
) -> tuple[int, int]:
    """Write pairs and hubs where there is room for them; how many there are."""
    count, large, start, total = 0, 0, 0, len(rows)
    while start < total:
        end = start + 1
        while end < total and keys[end] == keys[start]:
            end += 1
        last_hub = end - 1
        if end - start > small:
            last_hub = min(start + 1, last_hub)
            if large < len(hubs):
                hubs[large] = rows[start]
            large += 1
        for hub in range(start, last_hub):
            for other in range(hub + 1, end):
                if across and sides[hub] == sides[other]:
                    continue
                if count < len(found):
                    found[count] = rows[hub] * total + rows[other]
                count += 1
        start = end
    return count, large


def stars(
    rows: int, first: Ints, second: Ints, similarity: NDArray[np.float32]
) -> tuple[Ints, NDArray[np.float32]]:
    """For every row the one it goes with, and how alike they are; its own number for the others.

    Rows are taken by rank: each that goes with none yet takes all its pairs that go with none.
    So everybody was compared with its own best, and chains of look-alikes are no cluster.
    """
    order = np.lexsort((second, first))
    starts = np.searchsorted(first[order], np.arange(rows + 1))
    return _stars(rows, starts, second[order], similarity[order])


@njit
def _stars(
    rows: int, starts: Ints, others: Ints, similarity: NDArray[np.float32]
) -> tuple[Ints, NDArray[np.float32]]:
    leader = np.full(rows, -1, np.int64)
    near = np.ones(rows, np.float32)
    for row in range(rows):
        if leader[row] >= 0:
            continue
        leader[row] = row
        for at in range(starts[row], starts[row + 1]):
            if leader[others[at]] < 0:
                leader[others[at]], near[others[at]] = row, similarity[at]
    return leader, near
