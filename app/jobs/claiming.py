"""What workers ask of the job tables: claim, cut, beat, close, give back what died."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, aliased

from app.accounts.service import now
from app.db import on_commit
from app.jobs import queue
from app.jobs.models import OPEN_STATUSES, Job, JobChunk, JobStatus
from app.jobs.service import BELLS, locked

_MAX_ATTEMPTS = 5
WAITS = "waits"  # in the params of a chunk that is done after all others


def claim_job(session: Session, job_id: uuid.UUID) -> Job | None:
    """Take a queued job to plan it; None when another worker did, or it was cancelled."""
    return session.scalars(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.QUEUED)
        .values(status=JobStatus.RUNNING, started_at=func.coalesce(Job.started_at, func.now()))
        .returning(Job)
    ).one_or_none()


def add_chunks(
    session: Session, job: Job, params: Sequence[dict[str, Any]], *, first: int = 0
) -> None:
    """Cut the job, or add to it from position `first` on; workers are woken after the commit."""
    session.add_all(
        JobChunk(job_id=job.id, position=position, params=part)
        for position, part in enumerate(params, start=first)
    )
    session.flush()
    on_commit(session, lambda: queue.ring(job.queue, job.id, min(len(params) - 1, BELLS)))


def claim_chunk(session: Session, job_id: uuid.UUID, worker: str) -> JobChunk | None:
    """Take the next chunk that nobody holds; one that waits only when all others are done."""
    other = aliased(JobChunk)
    others_open = (
        select(other.id)
        .where(other.job_id == job_id, other.id != JobChunk.id, other.status.in_(OPEN_STATUSES))
        .exists()
    )
    free = (
        select(JobChunk.id)
        .join(Job, Job.id == JobChunk.job_id)
        .where(
            JobChunk.job_id == job_id,
            JobChunk.status == JobStatus.QUEUED,
            Job.status == JobStatus.RUNNING,
            ~JobChunk.params.has_key(WAITS) | ~others_open,
        )
        .order_by(JobChunk.position)
        .limit(1)
        .with_for_update(of=JobChunk, skip_locked=True)
        .scalar_subquery()
    )
    return session.scalars(
        update(JobChunk)
        .where(JobChunk.id == free)
        .values(
            status=JobStatus.RUNNING,
            attempt=JobChunk.attempt + 1,
            worker=worker,
            heartbeat_at=func.now(),
        )
        .returning(JobChunk),
        execution_options={"populate_existing": True},
    ).one_or_none()


def beat(session: Session, chunk_id: int, attempt: int) -> None:
    """Say that the chunk is still worked on."""
    session.execute(
        update(JobChunk)
        .where(
            JobChunk.id == chunk_id,
            JobChunk.attempt == attempt,
            JobChunk.status == JobStatus.RUNNING,
        )
        .values(heartbeat_at=func.now())
    )


def close_if_done(session: Session, job_id: uuid.UUID) -> Job | None:
    """The job, locked, when none of its chunks is open any more and nobody closed it yet."""
    job = locked(session, job_id)
    left = select(JobChunk.id).where(JobChunk.job_id == job_id, JobChunk.status.in_(OPEN_STATUSES))
    if job.status is not JobStatus.RUNNING or session.scalar(left.limit(1)) is not None:
        return None
    return job


def give_back(session: Session, held: ColumnElement[bool]) -> None:
    """Free running chunks that nobody works on any more; one that ends all who try it fails.

    What counts is tries since the last checkpoint that a restart goes on from.
    """
    running = held & (JobChunk.status == JobStatus.RUNNING)
    saved_by = func.coalesce(JobChunk.state["saved_by"].as_integer(), 0)
    session.execute(
        update(JobChunk)
        .where(running, JobChunk.attempt - saved_by >= _MAX_ATTEMPTS)
        .values(
            status=JobStatus.FAILED,
            error=f"The worker or the database died {_MAX_ATTEMPTS} times over this chunk.",
        )
    )
    session.execute(update(JobChunk).where(running).values(status=JobStatus.QUEUED, worker=None))


def free_all(session: Session) -> None:
    """Give back every chunk, for who knows that no worker lives; their tries count anew."""
    tried = func.jsonb_build_object("saved_by", JobChunk.attempt)
    session.execute(
        update(JobChunk)
        .where(JobChunk.status == JobStatus.RUNNING)
        .values(status=JobStatus.QUEUED, worker=None, state=JobChunk.state.op("||")(tried))
    )


def requeue_stale(session: Session, after_seconds: float) -> list[Job]:
    """Give back chunks whose worker died.

    Also finds jobs whose message was lost or whose planner died: all that should be rung for.
    """
    give_back(session, JobChunk.heartbeat_at < now() - timedelta(seconds=after_seconds))
    waiting = select(JobChunk.job_id).where(JobChunk.status == JobStatus.QUEUED)
    none_open = ~(
        select(JobChunk.id)
        .where(JobChunk.job_id == Job.id, JobChunk.status == JobStatus.RUNNING)
        .exists()
    )
    jobs = session.scalars(
        select(Job).where(
            (Job.status == JobStatus.QUEUED)
            | ((Job.status == JobStatus.RUNNING) & (Job.id.in_(waiting) | none_open))
        )
    ).all()
    return list(jobs)
