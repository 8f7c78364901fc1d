"""Cutting a dataset into ranges of sample ids, one per chunk."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_RANGES = """
SELECT min(id) AS low, max(id) AS high FROM (
  SELECT id, (row_number() OVER (ORDER BY id) - 1) / :size AS part
  FROM samples WHERE dataset_id = :dataset_id
) AS numbered GROUP BY part ORDER BY part
"""


def id_ranges(session: Session, dataset_id: int, size: int) -> list[dict[str, Any]]:
    """Ranges {low, high}, both included, of `size` samples each."""
    rows = session.execute(text(_RANGES), {"dataset_id": dataset_id, "size": size})
    return [{"low": low, "high": high} for low, high in rows]
