"""Splitting a dataset: groups are of the whole of it, so one chunk does all."""

from typing import Any

from sqlalchemy.orm import Session

from app.jobs.models import Job, JobChunk
from app.matching import splitting
from workers.chunks import Chunk, Handler


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk; the slot is claimed before anything is written into it."""
    splitting.prepare(session, job)
    return [{}]


def work(chunk: Chunk) -> None:
    """Split all rows in one transaction; after a crash it is done anew."""
    chunk.restart()
    found = splitting.carry_out(chunk.session, chunk.job)
    rows = sum(found[name] for name in splitting.NAMES)
    chunk.job.total = rows
    chunk.checkpoint(rows, found=found)


def finish(session: Session, job: Job) -> None:
    """Note the sizes."""
    state = session.query(JobChunk.state).filter_by(job_id=job.id).scalar()
    job.result = state["found"]


HANDLER = Handler(plan=plan, work=work, finish=finish)
