"""Cutting a dataset into ranges of sample ids, one per chunk."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.samples.models import Sample

_LEAST = 250
_SHARE = 8
_RANGES = """
SELECT min(id) AS low, max(id) AS high FROM (
  SELECT id, (row_number() OVER (ORDER BY id) - 1) / :size AS part
  FROM samples WHERE dataset_id = :dataset_id
) AS numbered GROUP BY part ORDER BY part
"""

# The same, cut before the given rows.
_TAPERED = """
SELECT min(id) AS low, max(id) AS high FROM (
  SELECT id, width_bucket(row_number() OVER (ORDER BY id), CAST(:starts AS bigint[])) AS part
  FROM samples WHERE dataset_id = :dataset_id
) AS numbered GROUP BY part ORDER BY part
"""


def id_ranges(session: Session, dataset_id: int, size: int) -> list[dict[str, Any]]:
    """Ranges {low, high}, both included, of `size` samples each."""
    rows = session.execute(text(_RANGES), {"dataset_id": dataset_id, "size": size})
    return [{"low": low, "high": high} for low, high in rows]


def tapered_ranges(session: Session, dataset_id: int, most: int) -> list[dict[str, Any]]:
    """Ranges of an eighth of the samples that are left, at most so many: they grow smaller.

    Thus workers come to the end of slow work together. With ranges of one size, one of them may
    begin a whole range when nothing is left for the others.
    """
    query = select(func.count()).where(Sample.dataset_id == dataset_id)
    starts = list(_starts(session.scalar(query) or 0, most))
    rows = session.execute(text(_TAPERED), {"dataset_id": dataset_id, "starts": starts})
    return [{"low": low, "high": high} for low, high in rows]


def _starts(count: int, most: int) -> Iterator[int]:
    """Where each range begins, counted from 1."""
    done = 0
    while done < count:
        yield done + 1
        done += min(max((count - done) // _SHARE, _LEAST), most)
