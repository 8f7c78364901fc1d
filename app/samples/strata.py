"""A sample of samples in proportion: so many of each stratum, drawn by a seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.samples import columns as held
from app.samples.arrays import Columns
from app.samples.search import Schema, parsed
from app.samples.truth import columns_for, evaluate

STRATA = ("source", "domain")

Codes = NDArray[np.integer[Any]]
Rows = NDArray[np.intp]


def drawn(
    session: Session, schema: Schema, where: str, count: int, *, seed: int = 0
) -> NDArray[np.int64]:
    """Ids of `count` samples that match, in order, in proportion to sources and domains."""
    columns, rows = pool(session, schema, where)
    places = in_proportion([columns[name][rows] for name in STRATA], count, seed)
    return columns.ids[rows[places]]


def pool(session: Session, schema: Schema, where: str) -> tuple[Columns, Rows]:
    """The columns of the dataset with what strata are made of, and the rows that match."""
    node = parsed(schema, where)
    columns = held.read(session, schema, {*STRATA, "revision", *columns_for(schema, node)})
    return columns, np.flatnonzero(evaluate(session, schema, columns, node).yes)


def in_proportion(codes: Sequence[Codes], count: int, seed: int = 0) -> Rows:
    """Places of `count` rows in order; of all where there are not more.

    Rows with the same codes are a stratum. Each gets its share by the largest remainders
    (Hamilton): off by less than one row.
    """
    total = len(codes[0])
    if total <= count:
        return np.arange(total)
    _, strata = np.unique(np.stack(codes), axis=1, return_inverse=True)
    strata = strata.reshape(-1)
    sizes = np.bincount(strata)
    rng = np.random.default_rng(seed)
    quotas = _seats(sizes, count, rng)
    shuffled = rng.permutation(total)
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    place = np.arange(total) - np.repeat(starts, sizes)
    return np.sort(order[place < np.repeat(quotas, sizes)])


def _seats(sizes: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Seats per stratum by the largest remainders; between equal ones a lot decides."""
    exact = sizes * (count / sizes.sum())
    seats: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = count - int(seats.sum())
    lots = np.lexsort((rng.random(len(sizes)), np.round(seats - exact, 9)))
    seats[lots[:left]] += 1
    return seats
