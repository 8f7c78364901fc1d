"""Starting, watching, cancelling and retrying jobs; claiming their chunks."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role, User
from app.accounts.policies import SYSTEM, Principal, require
from app.accounts.service import as_principal, now
from app.db import on_commit
from app.errors import ConflictError, NotFoundError
from app.jobs import energy, queries, queue
from app.jobs.energy import Energy
from app.jobs.models import (
    OPEN_STATUSES,
    DeadLetter,
    Job,
    JobChunk,
    JobKind,
    JobStatus,
    Queue,
)

BELLS = 16
_PURGED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: rows done of all, rows per second, seconds left; failed rows; energy.

    `phase` says what it does where that counts no rows.
    """

    done: int
    total: int | None
    rate: float
    seconds_left: float | None
    failed: int
    energy: Energy
    phase: str = ""


def start(
    session: Session,
    kind: JobKind,
    title: str,
    *,
    by: Principal,
    params: dict[str, Any],
    dataset_id: int | None = None,
    queue_name: Queue = Queue.CPU,
) -> Job:
    """Write the job in the caller's transaction; workers are woken after its commit."""
    job = Job(
        kind=kind,
        title=title,
        queue=queue_name,
        params=params,
        dataset_id=dataset_id,
        created_by=by.id,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    session.add(job)
    session.flush()
    on_commit(session, lambda: queue.ring(job.queue, job.id))
    after = {"kind": kind, "title": title, "params": params}
    audit.record(session, by, "job.start", ("job", job.id), dataset_id=dataset_id, after=after)
    return job


def get(session: Session, job_id: uuid.UUID) -> Job:
    """The job, or a refusal."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return job


def owner(session: Session, job: Job) -> Principal:
    """On whose behalf the job runs."""
    user = session.get(User, job.created_by) if job.created_by is not None else None
    return as_principal(user) if user is not None else SYSTEM


def progress(session: Session, jobs: Sequence[Job]) -> dict[uuid.UUID, Progress]:
    """Progress of several jobs, counted from their chunks."""
    ids = [job.id for job in jobs]
    done = dict(
        session.execute(
            select(JobChunk.job_id, func.sum(JobChunk.done))
            .where(JobChunk.job_id.in_(ids))
            .group_by(JobChunk.job_id)
        ).all()
    )
    failed = dict(
        session.execute(
            select(DeadLetter.job_id, func.count())
            .where(DeadLetter.job_id.in_(ids))
            .group_by(DeadLetter.job_id)
        ).all()
    )
    phase = JobChunk.state["phase"].as_string()
    phases: dict[uuid.UUID, str] = dict(
        session.execute(
            select(JobChunk.job_id, phase).where(
                JobChunk.job_id.in_(ids), JobChunk.status == JobStatus.RUNNING, phase.is_not(None)
            )
        ).all()
    )
    took = energy.of_jobs(session, ids)
    return {
        job.id: _progress(
            job,
            int(done.get(job.id) or 0),
            failed.get(job.id, 0),
            took.get(job.id, Energy()),
            phases.get(job.id, ""),
        )
        for job in jobs
    }


def _progress(job: Job, done: int, failed: int, took: Energy, phase: str) -> Progress:
    if job.started_at is None:
        return Progress(done, job.total, 0.0, None, failed, took)
    seconds = ((job.finished_at or now()) - job.started_at).total_seconds()
    rate = done / seconds if seconds > 0 else 0.0
    running = job.status is JobStatus.RUNNING and job.total is not None and rate > 0
    left = max(job.total - done, 0) / rate if running and job.total is not None else None
    # While it counts no rows, rows done by the time say nothing of the time that is left.
    return Progress(done, job.total, rate, None if phase else left, failed, took, phase)


def may_steer(who: Principal, job: Job, verb: str) -> None:
    """Jobs are steered by who started them and by leads."""
    require(not who.read_only, f"This key may only read, so it can't {verb} jobs.")
    require(
        who.has(Role.LEAD) or who.id == job.created_by,
        f"To {verb} somebody else's job takes the role lead.",
    )


def cancel(session: Session, job_id: uuid.UUID, *, by: Principal) -> Job:
    """Stop a job: what waits never starts, what runs stops at its next checkpoint."""
    job = locked(session, job_id)
    may_steer(by, job, "cancel")
    if job.status not in OPEN_STATUSES:
        raise ConflictError(f"The job is {job.status} already.")
    job.cancel_requested = True
    session.execute(
        update(JobChunk)
        .where(JobChunk.job_id == job.id, JobChunk.status == JobStatus.QUEUED)
        .values(status=JobStatus.CANCELLED)
    )
    # A worker closes the job: it knows what must not stay half done.
    job.status = JobStatus.RUNNING
    on_commit(session, lambda: queue.ring(job.queue, job.id))
    audit.record(session, by, "job.cancel", ("job", job.id), dataset_id=job.dataset_id)
    return job


def retry(
    session: Session, job_id: uuid.UUID, *, by: Principal, budget: Decimal | None = None
) -> Job:
    """Run again what failed or was cancelled: its chunks, and nothing that is done.

    A paused job goes on where it stopped, with another budget if one is given.
    A release is cut and built anew, whatever came of it: of one that ended no parts are left.
    Of another job that succeeded with dead letters, the chunks that hold them run again from their
    start: what landed is found there and not written twice.
    """
    job = locked(session, job_id)
    may_steer(by, job, "retry")
    if job.status in {JobStatus.QUEUED, JobStatus.RUNNING}:
        raise ConflictError("The job is still running.")
    if budget is not None:
        job.params = {**job.params, "budget": str(budget)}
    if job.kind is JobKind.RELEASE:
        session.execute(delete(JobChunk).where(JobChunk.job_id == job.id))
    elif job.status is JobStatus.SUCCEEDED:
        _must_have_letters(session, job)
    letters = select(DeadLetter.chunk_id).where(DeadLetter.job_id == job.id)
    session.execute(
        update(JobChunk)
        .where(JobChunk.id.in_(letters), JobChunk.status == JobStatus.SUCCEEDED)
        .values(state={}, done=0)
    )
    # Attempts go on counting: a worker that lost its chunk and still lives is told by its number.
    tried = func.jsonb_build_object("saved_by", JobChunk.attempt)
    session.execute(
        update(JobChunk)
        .where(
            JobChunk.job_id == job.id,
            JobChunk.status != JobStatus.RUNNING,
            (JobChunk.status != JobStatus.SUCCEEDED) | JobChunk.id.in_(letters),
        )
        .values(
            status=JobStatus.QUEUED,
            error=None,
            worker=None,
            state=JobChunk.state.op("||")(tried),
        )
    )
    job.status, job.error, job.finished_at = JobStatus.QUEUED, None, None
    job.cancel_requested = False
    on_commit(session, lambda: queue.ring(job.queue, job.id, BELLS))
    audit.record(session, by, "job.retry", ("job", job.id), dataset_id=job.dataset_id)
    return job


def _must_have_letters(session: Session, job: Job) -> None:
    if session.scalar(select(DeadLetter.id).where(DeadLetter.job_id == job.id).limit(1)) is None:
        raise ConflictError("Nothing failed in this job, so there is nothing to try again.")


def pause(session: Session, job_id: uuid.UUID, reason: str) -> None:
    """Let the job wait for a person, who reads why."""
    job = locked(session, job_id)
    if job.status is JobStatus.RUNNING:
        job.status, job.error = JobStatus.PAUSED, reason


def open_jobs(session: Session, dataset_id: int, kind: JobKind) -> Sequence[Job]:
    """Jobs of this kind that are not finished."""
    query = select(Job).where(
        Job.dataset_id == dataset_id, Job.kind == kind, Job.status.in_(OPEN_STATUSES)
    )
    return session.scalars(query).all()


def newest(session: Session, dataset_id: int, count: int) -> Sequence[Job]:
    """The newest jobs of a dataset."""
    return session.scalars(queries.newest(dataset_id).limit(count)).all()


def clean_up(session: Session) -> None:
    """Forget how datasets were removed, a month after; other jobs go with their dataset."""
    session.execute(
        delete(Job).where(
            Job.kind == JobKind.PURGE,
            Job.status == JobStatus.SUCCEEDED,
            Job.finished_at < now() - _PURGED,
        )
    )


def letters(session: Session, job_id: uuid.UUID, count: int) -> Sequence[DeadLetter]:
    """The first records that failed in a job."""
    return session.scalars(queries.dead_letters(job_id).limit(count)).all()


def locked(session: Session, job_id: uuid.UUID) -> Job:
    """The job, held until the end of the transaction."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return job
