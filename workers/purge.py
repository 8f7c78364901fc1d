"""Removing the rows of a dataset that was deleted."""

import shutil
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.datasets.models import Dataset, Import
from app.embeddings import indexing
from app.jobs.models import Job
from app.releases import service as releases
from app.releases.models import Release
from app.settings import settings
from workers.chunks import Chunk, Handler

_ROWS = 5000
_RELEASES = (
    "DELETE FROM release_items WHERE release_id IN "
    "(SELECT id FROM releases WHERE dataset_id = :id)",
    "DELETE FROM releases WHERE dataset_id = :id",
)
_LOG = "DELETE FROM sample_changes WHERE dataset_id = :id"
# Rows of a release that was frozen at the same moment go with their samples.
_DELETE = """
WITH next AS (
  SELECT id FROM samples WHERE dataset_id = :dataset_id ORDER BY id LIMIT :rows
), released AS (
  DELETE FROM release_items WHERE sample_id IN (SELECT id FROM next)
)
DELETE FROM samples WHERE id IN (SELECT id FROM next)
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
    _remove_files(chunk.session, dataset_id)
    for statement in _RELEASES:
        chunk.session.execute(text(statement), {"id": dataset_id})
    while True:
        gone = chunk.session.execute(text(_DELETE), {"dataset_id": dataset_id, "rows": _ROWS})
        count = int(gone.rowcount)  # type: ignore[attr-defined]
        if not count:
            break
        chunk.checkpoint(count)
    chunk.session.execute(text(_LOG), {"id": dataset_id})
    indexing.drop_all(chunk.session, dataset_id)
    dataset = chunk.session.get(Dataset, dataset_id)
    if dataset is not None:
        chunk.session.delete(dataset)


def _remove_files(session: Session, dataset_id: int) -> None:
    """The files of its releases and its uploads; what was imported by path is not ours."""
    for release in session.scalars(select(Release).where(Release.dataset_id == dataset_id)):
        shutil.rmtree(releases.parts_folder(release), ignore_errors=True)
        shutil.rmtree(releases.folder(release), ignore_errors=True)
    for batch in session.scalars(select(Import).where(Import.dataset_id == dataset_id)):
        shutil.rmtree(settings().uploads / str(batch.id), ignore_errors=True)


HANDLER = Handler(plan=plan, work=work)
