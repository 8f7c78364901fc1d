"""The first rows of an order, found in columns: a page of the catalog, samples nearest a cut."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.samples.arrays import Columns, Values
from app.samples.truth import Mask, unknown

Rows = NDArray[np.intp]


def first(
    columns: Columns,
    among: Mask,
    name: str,
    count: int,
    *,
    descending: bool = False,
    after: tuple[Any, int] | None = None,
) -> Rows:
    """Places of the first `count` rows by a column, as `order_columns` says it in SQL.

    Ties go by id, what was not measured comes last; `after` is the (value, id) of the row before.
    """
    if name == "id":
        return _by_id(columns, among, count, descending, after)
    rows = np.flatnonzero(among)
    column = columns[name][rows]
    missing = unknown(column)
    measured, values = rows[~missing], column[~missing].astype(np.float64)
    values = -values if descending else values
    rest = rows[missing]
    if after is not None:
        value, last_id = after
        if value is None:
            measured, values = measured[:0], values[:0]
            rest = rest[columns.ids[rest] > last_id]
        else:
            bound = _as_stored(columns[name], value) * (-1 if descending else 1)
            behind = (values > bound) | ((values == bound) & (columns.ids[measured] > last_id))
            measured, values = measured[behind], values[behind]
    return np.concatenate([_smallest(measured, values, count), rest])[:count]


def _by_id(
    columns: Columns, among: Mask, count: int, descending: bool, after: tuple[Any, int] | None
) -> Rows:
    if after is None:
        rows = np.flatnonzero(among)
    elif descending:
        rows = np.flatnonzero(among[: np.searchsorted(columns.ids, after[1])])
    else:
        start = int(np.searchsorted(columns.ids, after[1], side="right"))
        rows = np.flatnonzero(among[start:]) + start
    return rows[::-1][:count] if descending else rows[:count]


def _smallest(rows: Rows, values: NDArray[np.float64], count: int) -> Rows:
    """The rows of the smallest values in order; `rows` are in the order of ids, so ties are too.

    Only what lies below the last of them is sorted: there may be a million equal values.
    """
    if len(rows) <= count:
        return rows[np.argsort(values, kind="stable")]
    last = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < last)
    below = below[np.argsort(values[below], kind="stable")]
    equal = np.flatnonzero(values == last)[: count - len(below)]
    chosen: Rows = rows[np.concatenate([below, equal])]
    return chosen


def _as_stored(column: Values, value: float) -> float:
    return float(np.float32(value)) if column.dtype == np.float32 else float(value)
