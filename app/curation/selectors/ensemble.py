"""Several scores as one: percentile buckets, their highest or their mean."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

BUCKETS = 20


def buckets(scores: Floats, count: int = BUCKETS) -> Floats:
    """The bucket of each row, 0 for the lowest; all are of the same size, give or take a row.

    Equal scores are parted in the order of their rows; what has no score has no bucket (NaN).
    """
    found = np.full(len(scores), np.nan)
    scored = np.flatnonzero(np.isfinite(scores))
    order = scored[np.argsort(scores[scored], kind="stable")]
    found[order] = np.arange(len(order)) * count // max(len(order), 1)
    return found


def ensemble(scores: Sequence[Floats], by: Literal["max", "mean"] = "max") -> Floats:
    """One score from several on different scales: the highest or the mean bucket of each row.

    Nemotron-CC (arXiv 2412.02595) takes the highest: what any one classifier calls good is good.
    A row that one score lacks goes by the others.
    """
    stacked = np.vstack([buckets(one) for one in scores])
    known = np.isfinite(stacked)
    count = known.sum(0)
    if by == "max":
        joined = np.where(known, stacked, -np.inf).max(0)
    else:
        joined = np.where(known, stacked, 0).sum(0) / np.maximum(count, 1)
    result: Floats = np.where(count > 0, joined, np.nan)
    return result
