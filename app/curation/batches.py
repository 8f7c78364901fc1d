"""Whether a batch is good by a part of it that people looked at: Wilson's interval."""

from dataclasses import dataclass
from typing import Literal

from app.curation.learners.metrics import wilson

Standing = Literal["none", "open", "passed", "blocked"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is known of a batch: how many were made, drawn, decided and rejected, and what follows.

    `more` is how many more to look at until it can pass, if none of them is rejected.
    """

    made: int
    drawn: int
    decided: int
    rejected: int
    limit: float
    low: float
    high: float
    standing: Standing
    more: int


def judged(made: int, drawn: int, decided: int, rejected: int, limit: float) -> Batch:
    """Whether the batch passes: surely not more than `limit` of it would be rejected.

    It is blocked when that is surely exceeded, or when all that was drawn is decided and more than
    the limit of it was rejected. Where all of the batch is decided, its own share counts.
    """
    _, low, high = wilson(rejected, decided)
    if decided >= made > 0:
        low = high = rejected / made
    standing: Standing = "open"
    if not made:
        standing = "none"
    elif low > limit or (decided >= drawn > 0 and rejected > limit * decided):
        standing = "blocked"
    elif high <= limit:
        standing = "passed"
    more = _more(made, decided, rejected, limit) if standing == "open" else 0
    return Batch(made, drawn, decided, rejected, limit, low, high, standing, more)


def _more(made: int, decided: int, rejected: int, limit: float) -> int:
    """How many more, all approved, bring the upper end under the limit; all, if none does."""
    low, high = 0, made - decided
    while low < high:
        middle = (low + high) // 2
        if wilson(rejected, decided + middle)[2] <= limit:
            high = middle
        else:
            low = middle + 1
    return low
