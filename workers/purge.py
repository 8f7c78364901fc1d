"""Removing the rows of a dataset that was deleted."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.jobs.models import Job
from workers.jobs import Chunk, Handler

_ROWS = 5000
_DELETE = """
DELETE FROM samples WHERE id IN (
  SELECT id FROM samples WHERE dataset_id = :dataset_id ORDER BY id LIMIT :rows
)
"""


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk that takes some thousand rows at a time."""
    dataset_id = job.params["dataset_id"]
    job.total = session.execute(
        text("SELECT count(*) FROM samples WHERE dataset_id = :id"), {"id": dataset_id}
    ).scalar_one()
    return [{"dataset_id": dataset_id}]


def work(chunk: Chunk) -> None:
    """Delete until nothing is left, then the dataset itself."""
    dataset_id = chunk.params["dataset_id"]
    chunk.session.execute(text("DELETE FROM releases WHERE dataset_id = :id"), {"id": dataset_id})
    while True:
        gone = chunk.session.execute(text(_DELETE), {"dataset_id": dataset_id, "rows": _ROWS})
        count = int(gone.rowcount)  # type: ignore[attr-defined]
        if not count:
            break
        chunk.checkpoint(count)
    dataset = chunk.session.get(Dataset, dataset_id)
    if dataset is not None:
        chunk.session.delete(dataset)


HANDLER = Handler(plan=plan, work=work)
