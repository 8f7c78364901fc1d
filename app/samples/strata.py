"""A sample of samples in proportion: so many of each source and domain, drawn by a seed."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.samples import columns as held
from app.samples.search import Schema, parsed
from app.samples.truth import columns_for, evaluate

_STRATA = ("source", "domain")


def drawn(
    session: Session, schema: Schema, where: str, count: int, *, seed: int = 0
) -> NDArray[np.int64]:
    """Ids of `count` samples that match, in order; all of them where there are not more.

    Every stratum gets its share by the largest remainders (Hamilton): off by less than one row.
    """
    node = parsed(schema, where)
    columns = held.read(session, schema, {*_STRATA, *columns_for(schema, node)})
    rows = np.flatnonzero(evaluate(session, schema, columns, node).yes)
    if len(rows) <= count:
        return columns.ids[rows]
    codes = np.ravel_multi_index(
        [columns[name][rows] for name in _STRATA],
        [int(columns[name].max(initial=0)) + 1 for name in _STRATA],
    )
    _, strata, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    quotas = shares(sizes, count)
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    chosen = order[place < np.repeat(quotas, sizes)]
    return np.sort(columns.ids[rows[chosen]])


def shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """`count` seats among strata in proportion to their sizes, by the largest remainders."""
    exact = sizes * (count / sizes.sum())
    seats: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = count - int(seats.sum())
    seats[np.argsort(seats - exact, kind="stable")[:left]] += 1
    return seats
