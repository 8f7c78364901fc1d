"""What a cut keeps and what it is worth, from labels that the scores were not learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.curation.learners.base import Floats
from app.curation.learners.metrics import Interval, wilson

Mask = NDArray[np.bool_]

_STEPS = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """Keeping scores from `at` on: the share kept, precision and recall, each with its interval."""

    at: float
    kept: Interval
    precision: Interval
    recall: Interval


def bench(labels: Floats, scores: Floats) -> list[Cut]:
    """Cuts that keep 5 % more rows each, the lowest first."""
    good = labels > 0
    shares = np.arange(1, _STEPS) / _STEPS
    ends = np.unique(np.quantile(scores, shares, method="higher"))
    return [_cut(float(end), good, scores >= end) for end in ends]


def _cut(at: float, good: Mask, kept: Mask) -> Cut:
    hits, count = int((good & kept).sum()), int(kept.sum())
    return Cut(at, wilson(count, len(kept)), wilson(hits, count), wilson(hits, int(good.sum())))


def lowest_with(cuts: Sequence[Cut], precision: float) -> Cut | None:
    """The cut that keeps most at this precision; one that dips below it further up is passed by."""
    found = None
    for cut in reversed(cuts):
        if cut.precision[0] < precision:
            break
        found = cut
    return found
