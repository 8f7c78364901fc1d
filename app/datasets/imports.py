"""Imports: begun with files and a mapping, read by a job."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.datasets import policies
from app.datasets.looking import Options, UnreadableImportError, look
from app.datasets.models import Dataset, Import
from app.errors import InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.sources.models import Source


def create(
    session: Session,
    dataset: Dataset,
    source: Source,
    files: Sequence[Mapping[str, Any]],
    *,
    by: Principal,
    import_id: uuid.UUID | None = None,
) -> Import:
    """An import that waits for its mapping."""
    policies.may_import(by)
    if not files:
        raise InvalidError("There is no file to import.")
    batch = Import(
        id=import_id or uuid.uuid4(),
        dataset_id=dataset.id,
        source_id=source.id,
        created_by=by.id,
        files=[dict(file) for file in files],
    )
    session.add(batch)
    session.flush()
    return batch


def get(session: Session, import_id: uuid.UUID) -> Import:
    """The import with this id."""
    batch = session.get(Import, import_id)
    if batch is None:
        raise NotFoundError(f"There is no import {import_id}.")
    return batch


def start(
    session: Session, dataset: Dataset, batch: Import, options: Options, *, by: Principal
) -> Job:
    """Read the files in a job. Refuses at once what the first file makes impossible."""
    policies.may_import(by)
    _refuse_impossible(batch.files, options)
    batch.mapping = options.as_json()
    names = batch.files[0]["name"] if len(batch.files) == 1 else f"{len(batch.files)} files"
    job = jobs.start(
        session,
        JobKind.IMPORT,
        f"Import {names}",
        by=by,
        dataset_id=dataset.id,
        params={"import": str(batch.id)},
    )
    batch.job_id = job.id
    audit.record(
        session,
        by,
        "import.start",
        ("import", batch.id),
        dataset_id=dataset.id,
        after={"files": [file["name"] for file in batch.files][:100], "mapping": batch.mapping},
    )
    return job


def _refuse_impossible(files: Sequence[Mapping[str, Any]], options: Options) -> None:
    """Look at the first file that can be read; where none can, say what is wrong with the last."""
    for file in files:
        try:
            first = look(file, options)
        except UnreadableImportError:
            if file is files[-1]:
                raise
            continue
        if first.mapping is None and first.rows:
            raise InvalidError(f"{file['name']}: {first.proposal.sentence}")
        return


def history(session: Session, dataset_id: int) -> Sequence[Import]:
    """Imports into a dataset, newest first."""
    query = select(Import).where(Import.dataset_id == dataset_id)
    return session.scalars(query.order_by(Import.created_at.desc()).limit(50)).all()
