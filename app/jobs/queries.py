"""SELECTs over jobs."""

import uuid
from datetime import datetime

from sqlalchemy import Select, select, tuple_

from app.jobs.models import DeadLetter, Job


def newest(
    dataset_id: int | None = None, before: tuple[datetime, uuid.UUID] | None = None
) -> Select[Job]:
    """Jobs, newest first, of one dataset or of all, from a keyset on."""
    query = select(Job)
    if dataset_id is not None:
        query = query.where(Job.dataset_id == dataset_id)
    if before is not None:
        query = query.where(tuple_(Job.created_at, Job.id) < before)
    return query.order_by(Job.created_at.desc(), Job.id.desc())


def dead_letters(job_id: uuid.UUID, after_id: int = 0) -> Select[DeadLetter]:
    """Records that failed in a job, in the order they failed."""
    return (
        select(DeadLetter)
        .where(DeadLetter.job_id == job_id, DeadLetter.id > after_id)
        .order_by(DeadLetter.id)
    )
