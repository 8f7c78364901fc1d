"""Whether the pool looks like the rows that were labelled."""

import numpy as np

from app.curation.learners.base import Floats

ALARM = 0.2
_MOST_BINS = 10
_ROWS_PER_BIN = 20


def psi(labelled: Floats, pool: Floats) -> float:
    """Population stability index of scores: 0 for the same histogram, above 0.2 for another one.

    Bins hold the same number of labelled rows; few labels get few bins, so that chance alone does
    not raise the alarm.
    """
    bins = int(np.clip(len(labelled) // _ROWS_PER_BIN, 2, _MOST_BINS))
    ends = np.unique(np.quantile(labelled, np.arange(1, bins) / bins))
    one, other = (_shares(values, ends) for values in (labelled, pool))
    return round(float(((one - other) * np.log(one / other)).sum()), 4)


def _shares(values: Floats, ends: Floats) -> Floats:
    """The share of values per bin; half a row stands in for none."""
    counts = np.bincount(np.searchsorted(ends, values, side="right"), minlength=len(ends) + 1)
    found: Floats = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return found
