"""Running a job: claim, plan, work through its chunks, finish; beside checkpoints all commits.

Every step is safe to be killed in: a plan is written with its chunks or not at all, a checkpoint
moves the chunk and its rows together, and a worker that lost its chunk can write nothing more.
When the database goes away, the worker gives its chunk back as soon as it returns.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import db
from app.accounts.service import now
from app.db import session_factory, session_scope
from app.errors import AppError
from app.jobs import claiming, service
from app.jobs.models import DeadLetter, Job, JobChunk, JobStatus
from app.settings import settings
from workers.chunks import CancelledError, Chunk, Handler, LostChunkError, PausedError

_log = structlog.get_logger("winnow.jobs")
_PAUSE_S = 0.5


def run(job_id: uuid.UUID, handlers: Callable[[Job], Handler]) -> None:
    """Do what is to do of a job, until no chunk of it is free."""
    with (
        structlog.contextvars.bound_contextvars(job_id=str(job_id)),
        db.outages_pass("a step of a job, which upkeep rings for again"),
    ):
        _plan(job_id, handlers)
        while _work_one(job_id, handlers):
            pass
        _close(job_id, handlers)


def _plan(job_id: uuid.UUID, handlers: Callable[[Job], Handler]) -> None:
    with session_scope() as session:
        job = claiming.claim_job(session, job_id)
        if job is None:
            return
        with structlog.contextvars.bound_contextvars(request_id=job.request_id):
            if session.query(JobChunk.id).filter_by(job_id=job.id).first() is not None:
                return  # a retry: its chunks are there
            try:
                with session.begin_nested():
                    claiming.add_chunks(session, job, handlers(job).plan(session, job))
            except Exception as error:  # noqa: BLE001 - recorded, logged and shown, not swallowed
                _record_failure(session, job, error, handlers)


def _work_one(job_id: uuid.UUID, handlers: Callable[[Job], Handler]) -> bool:
    """Claim one chunk and do it; False when there is none."""
    session = session_factory()()
    held: tuple[int, int] | None = None
    try:
        row = claiming.claim_chunk(session, job_id, f"{socket.gethostname()}:{os.getpid()}")
        if row is None:
            session.commit()
            return False
        held = row.id, row.attempt
        session.commit()
        job = service.get(session, job_id)
        with (
            structlog.contextvars.bound_contextvars(request_id=job.request_id, chunk=row.position),
            _heartbeat(*held),
        ):
            _do(session, job, row, handlers)
    except db.ERRORS as error:
        if held is None or not db.is_away(error):
            raise
        _log.warning("database away", error=str(error))
        session.close()
        _give_back(*held)
    finally:
        session.close()
    return True


def _give_back(chunk_id: int, attempt: int) -> None:
    """Free the chunk once the database is there again; upkeep does it if that takes long."""
    deadline = time.monotonic() + settings().stale_after_s
    held = (JobChunk.id == chunk_id) & (JobChunk.attempt == attempt)
    while time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        with db.outages_pass("giving a chunk back"):
            with session_scope() as session:
                claiming.give_back(session, held)
            return


def _do(session: Session, job: Job, row: JobChunk, handlers: Callable[[Job], Handler]) -> None:
    ours = (JobChunk.id == row.id) & (JobChunk.attempt == row.attempt)
    if not row.state.keys() - {"saved_by"}:  # else it resumes, and keeps what failed before
        session.query(DeadLetter).filter_by(chunk_id=row.id).delete()
    chunk = Chunk(session, job, row)
    try:
        handlers(job).work(chunk)
        chunk.checkpoint(0)
        outcome: dict[str, Any] = {"status": JobStatus.SUCCEEDED}
    except LostChunkError:
        session.rollback()
        _log.warning("chunk lost", chunk_id=row.id)
        return
    except CancelledError:
        session.rollback()
        outcome = {"status": JobStatus.CANCELLED}
    except PausedError as error:
        session.rollback()
        service.pause(session, job.id, str(error))
        outcome = {"status": JobStatus.QUEUED, "worker": None}
    except Exception as error:  # noqa: BLE001 - recorded, logged and shown, not swallowed
        _pass_on(error)
        session.rollback()
        outcome = {"status": JobStatus.FAILED, "error": _sentence(error)}
        _log.error("chunk failed", exc_info=error)
    session.execute(update(JobChunk).where(ours).values(**outcome, **chunk.taken()))
    session.commit()


def _close(job_id: uuid.UUID, handlers: Callable[[Job], Handler]) -> None:
    """Finish the job if this worker did its last chunk."""
    with session_scope() as session:
        job = claiming.close_if_done(session, job_id)
        if job is None:
            return
        handler = handlers(job)
        failures = session.query(JobChunk.error).filter_by(job_id=job.id, status=JobStatus.FAILED)
        error = failures.order_by(JobChunk.position).limit(1).scalar()
        try:
            with session.begin_nested():
                if error is not None:
                    job.status, job.error = JobStatus.FAILED, error
                    handler.failed(session, job)
                elif job.cancel_requested:
                    job.status = JobStatus.CANCELLED
                    handler.failed(session, job)
                else:
                    handler.finish(session, job)
                    job.status = JobStatus.SUCCEEDED
                job.finished_at = now()
        except Exception as problem:  # noqa: BLE001 - recorded, logged and shown
            _record_failure(session, job, problem, handlers)
        _log.info("job closed", kind=job.kind, status=job.status)


def _record_failure(
    session: Session, job: Job, error: Exception, handlers: Callable[[Job], Handler]
) -> None:
    _pass_on(error)
    _log.error("job failed", exc_info=error)
    job.status = JobStatus.FAILED
    job.error = _sentence(error)
    job.finished_at = now()
    handlers(job).failed(session, job)


def _pass_on(error: Exception) -> None:
    """Raise what is no fault of the job: the database is away, or this worker was told to end.

    The interpreter calls it a SystemError when that came in the middle of compiled code.
    """
    if db.is_away(error):
        raise error
    if isinstance(error, SystemError) and isinstance(error.__cause__, SystemExit):
        raise error.__cause__


def _sentence(error: Exception) -> str:
    """What people read: a refusal's own words, else the kind of fault and where to look."""
    if isinstance(error, AppError):
        return str(error)
    return f"A fault in Winnow: {type(error).__name__}: {error}. The log of the worker tells more."


@contextmanager
def _heartbeat(chunk_id: int, attempt: int) -> Iterator[None]:
    """Signs of life from a thread of their own, so that a slow step does not look dead."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(settings().heartbeat_s):
            try:
                with session_scope() as session:
                    claiming.beat(session, chunk_id, attempt)
            except SQLAlchemyError as error:  # the database is away for a moment: try again
                _log.warning("heartbeat", error=str(error))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
