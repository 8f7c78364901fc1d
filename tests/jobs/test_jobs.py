"""Jobs: claimed once, resumed after a crash, cancelled, retried, their failures kept."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.errors import AdminShutdown, DeadlockDetected
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError, PendingRollbackError
from sqlalchemy.orm import Session

from app import db
from app.accounts.policies import Principal
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.jobs import claiming, service
from app.jobs.models import DeadLetter, Job, JobChunk, JobKind, JobStatus
from tests.factories import make_dataset
from workers import jobs as runner
from workers.chunks import Chunk, Handler, LostChunkError
from workers.registry import HANDLERS, load_all


@pytest.fixture
def job(session: Session, lead: Principal, bells: list[str]) -> Job:
    dataset = make_dataset(session, lead)
    made = service.start(session, JobKind.SCORE, "Test", by=lead, params={}, dataset_id=dataset.id)
    session.commit()
    return made


def handler(work: object, chunks: int = 3, **more: object) -> Handler:
    def plan(_session: Session, job: Job) -> list[dict[str, int]]:
        job.total = chunks
        return [{"n": n} for n in range(chunks)]

    return Handler(plan=plan, work=work, **more)  # type: ignore[arg-type]


def run(session: Session, job: Job, made: Handler) -> Job:
    runner.run(job.id, lambda _job: made)
    session.expire_all()
    return session.get_one(Job, job.id)


def test_every_kind_of_job_has_a_handler() -> None:
    assert set(HANDLERS) == set(JobKind)
    load_all()  # refuses what is no handler


def test_workers_are_woken_after_the_commit_alone(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    with session.begin_nested():
        made = service.start(session, JobKind.BULK, "Test", by=lead, params={})
    assert bells == []

    session.commit()

    assert bells == [str(made.id)]


def test_nobody_is_woken_for_a_job_that_was_rolled_back(
    session: Session, lead: Principal, bells: list[str]
) -> None:
    service.start(session, JobKind.BULK, "Test", by=lead, params={})

    session.rollback()
    session.commit()

    assert bells == []


def test_every_chunk_is_done_once_and_the_job_is_closed(session: Session, job: Job) -> None:
    done: list[int] = []
    finished: list[uuid.UUID] = []

    def work(chunk: Chunk) -> None:
        done.append(chunk.params["n"])
        chunk.checkpoint(1)

    closed = run(session, job, handler(work, finish=lambda _session, job: finished.append(job.id)))

    assert done == [0, 1, 2]
    assert finished == [job.id]
    assert closed.status is JobStatus.SUCCEEDED
    progress = service.progress(session, [closed])[job.id]
    assert (progress.done, progress.total, progress.failed) == (3, 3, 0)


def test_what_a_step_does_is_told_while_it_is_done(session: Session, job: Job) -> None:
    told: list[tuple[str, float | None]] = []

    def work(chunk: Chunk) -> None:
        chunk.checkpoint(1)
        chunk.phase("builds an index")
        session.expire_all()
        found = service.progress(session, [session.get_one(Job, job.id)])[job.id]
        told.append((found.phase, found.seconds_left))
        session.rollback()
        chunk.checkpoint(1, last=7)
        assert chunk.state["phase"] == "builds an index"

    done = run(session, job, handler(work, chunks=1))

    assert told == [("builds an index", None)]
    assert done.status is JobStatus.SUCCEEDED
    assert service.progress(session, [done])[job.id].phase == ""


def test_a_second_delivery_of_the_message_does_nothing(session: Session, job: Job) -> None:
    done: list[int] = []
    made = handler(lambda chunk: done.append(chunk.params["n"]))
    run(session, job, made)

    run(session, job, made)

    assert done == [0, 1, 2]


def test_a_fault_fails_the_job_loudly_and_the_other_chunks_are_done(
    session: Session, job: Job
) -> None:
    def work(chunk: Chunk) -> None:
        if chunk.params["n"] == 1:
            raise ZeroDivisionError("by zero")
        chunk.checkpoint(1)

    failed = run(session, job, handler(work))

    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert "ZeroDivisionError: by zero" in failed.error
    assert service.progress(session, [failed])[job.id].done == 2


def test_a_fault_while_planning_fails_the_job(session: Session, job: Job) -> None:
    def plan(_session: Session, _job: Job) -> list[dict[str, int]]:
        raise ConflictError("There is nothing to plan.")

    failed = run(session, job, Handler(plan=plan, work=lambda _chunk: None))

    assert (failed.status, failed.error) == (JobStatus.FAILED, "There is nothing to plan.")


def test_a_fault_while_finishing_fails_the_job(session: Session, job: Job) -> None:
    def finish(_session: Session, _job: Job) -> None:
        raise ConflictError("It can't be finished.")

    failed = run(session, job, handler(lambda _chunk: None, finish=finish))

    assert (failed.status, failed.error) == (JobStatus.FAILED, "It can't be finished.")


def test_retry_does_what_failed_and_nothing_that_is_done(
    session: Session, job: Job, lead: Principal
) -> None:
    tries: list[int] = []

    def work(chunk: Chunk) -> None:
        tries.append(chunk.params["n"])
        if tries.count(1) == 1 and chunk.params["n"] == 1:
            raise ZeroDivisionError
        chunk.checkpoint(1)

    run(session, job, handler(work))
    service.retry(session, job.id, by=lead)
    session.commit()

    again = run(session, job, handler(work))

    assert tries == [0, 1, 2, 1]
    assert again.status is JobStatus.SUCCEEDED
    assert again.error is None


def test_a_job_goes_on_from_its_checkpoint_after_its_worker_died(
    session: Session, job: Job
) -> None:
    seen: list[int] = []

    def work(chunk: Chunk) -> None:
        for row in range(chunk.state.get("next", 0), 5):
            seen.append(row)
            if row == 3 and seen.count(3) == 1:
                raise KeyboardInterrupt  # what kill does to the process, here to its thread
            chunk.checkpoint(1, next=row + 1)

    with pytest.raises(KeyboardInterrupt):
        run(session, job, handler(work, chunks=1))
    session.rollback()
    old = datetime.now(UTC) - timedelta(minutes=5)
    session.execute(update(JobChunk).values(heartbeat_at=old))
    waiting = claiming.requeue_stale(session, after_seconds=60)
    session.commit()

    assert [one.id for one in waiting] == [job.id]
    assert run(session, job, handler(work, chunks=1)).status is JobStatus.SUCCEEDED
    assert seen == [0, 1, 2, 3, 3, 4]
    assert service.progress(session, [job])[job.id].done == 5


def test_a_chunk_that_kills_five_workers_fails(session: Session, job: Job) -> None:
    run_once = handler(lambda _chunk: None, chunks=1)
    runner._plan(job.id, lambda _job: run_once)  # noqa: SLF001 - the step before a worker dies
    old = datetime.now(UTC) - timedelta(minutes=5)
    session.execute(update(JobChunk).values(status=JobStatus.RUNNING, attempt=5, heartbeat_at=old))
    claiming.requeue_stale(session, after_seconds=60)
    session.commit()

    failed = run(session, job, run_once)

    assert failed.status is JobStatus.FAILED
    assert failed.error == "The worker or the database died 5 times over this chunk."


def test_tries_before_a_checkpoint_count_no_more(session: Session, job: Job) -> None:
    runner._plan(job.id, lambda _job: handler(lambda _chunk: None, chunks=1))  # noqa: SLF001
    died = {"status": JobStatus.RUNNING, "attempt": 7, "state": {"rows": 9, "saved_by": 4}}
    session.execute(update(JobChunk).values(**died, heartbeat_at=datetime.now(UTC)))

    claiming.give_back(session, JobChunk.job_id == job.id)

    assert session.scalars(select(JobChunk.status)).all() == [JobStatus.QUEUED]


def _outage() -> OperationalError:
    return OperationalError("SELECT 1", {}, AdminShutdown("terminating connection"))


def test_a_chunk_goes_on_when_the_database_is_back(
    session: Session, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_PAUSE_S", 0)
    tries: list[int] = []

    def work(chunk: Chunk) -> None:
        tries.append(chunk.attempt)
        if len(tries) == 1:
            raise _outage()
        chunk.checkpoint(1)

    closed = run(session, job, handler(work, chunks=1))

    assert tries == [1, 2]
    assert (closed.status, closed.error) == (JobStatus.SUCCEEDED, None)


@pytest.mark.parametrize("step", ["plan", "finish"])
def test_an_outage_fails_no_job(session: Session, job: Job, step: str) -> None:
    away = [_outage()]

    def once(*_: object) -> list[dict[str, int]]:
        if away:
            raise away.pop()
        return [{"n": 0}]

    made = replace(handler(lambda _chunk: None, chunks=1), **{step: once})  # type: ignore[arg-type]
    run(session, job, made)
    session.rollback()

    assert [one.id for one in claiming.requeue_stale(session, 60)] == [job.id]
    assert run(session, job, made).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("step", ["plan", "work", "finish"])
def test_the_end_of_a_worker_within_compiled_code_fails_no_job(
    session: Session, job: Job, step: str
) -> None:
    def ended(*_: object) -> None:
        raise SystemError("returned a result with an exception set") from SystemExit(-241)

    made = handler(lambda chunk: chunk.checkpoint(1), chunks=1)
    with pytest.raises(SystemExit):
        run(session, job, replace(made, **{step: ended}))  # type: ignore[arg-type]
    session.rollback()
    claiming.free_all(session)
    session.commit()

    closed = run(session, job, made)
    assert (closed.status, closed.error) == (JobStatus.SUCCEEDED, None)


def test_only_outages_pass() -> None:
    broken = OperationalError("SELECT 1", {}, DeadlockDetected("deadlock detected"))

    with db.outages_pass("this"):
        raise _outage()
    with pytest.raises(OperationalError), db.outages_pass("this"):
        raise broken
    assert db.is_away(psycopg.OperationalError("connection refused"))
    assert not db.is_away(PendingRollbackError("flush failed", code="7s2a"))


def test_a_worker_that_lost_its_chunk_writes_nothing_more(session: Session, job: Job) -> None:
    def work(chunk: Chunk) -> None:
        session.execute(update(JobChunk).values(attempt=JobChunk.attempt + 1))
        session.commit()
        chunk.reject("here", "must not stay")
        with pytest.raises(LostChunkError):
            chunk.checkpoint(1)
        raise LostChunkError

    runner.run(job.id, lambda _job: handler(work, chunks=1))

    assert session.scalars(select(DeadLetter)).all() == []
    assert session.scalars(select(JobChunk.done)).all() == [0]


def test_cancelling_stops_at_the_next_checkpoint(
    session: Session, job: Job, lead: Principal
) -> None:
    done: list[int] = []

    def work(chunk: Chunk) -> None:
        for row in range(10):
            if row == 2:
                service.cancel(session, job.id, by=lead)
                session.commit()
            done.append(row)
            chunk.checkpoint(1)

    closed = run(session, job, handler(work))

    assert done == [0, 1, 2]
    assert closed.status is JobStatus.CANCELLED
    assert service.progress(session, [closed])[job.id].done == 2


def test_a_job_that_waits_is_cancelled_at_once_and_can_be_retried(
    session: Session, job: Job, lead: Principal
) -> None:
    service.cancel(session, job.id, by=lead)
    session.commit()
    done: list[int] = []
    made = handler(lambda chunk: done.append(chunk.params["n"]))

    assert run(session, job, made).status is JobStatus.CANCELLED
    assert done == []

    service.retry(session, job.id, by=lead)
    session.commit()
    assert run(session, job, made).status is JobStatus.SUCCEEDED


def test_records_that_failed_are_kept_and_retried_alone(
    session: Session, job: Job, lead: Principal
) -> None:
    broken = {2}

    def work(chunk: Chunk) -> None:
        if chunk.params["n"] in broken:
            chunk.reject("row", "It was broken.", sample_id=chunk.params["n"], raw="...")
        chunk.checkpoint(1)

    closed = run(session, job, handler(work))
    assert closed.status is JobStatus.SUCCEEDED
    assert [one.reason for one in service.letters(session, job.id, 10)] == ["It was broken."]

    broken.clear()
    service.retry(session, job.id, by=lead)
    session.commit()
    run(session, job, handler(work))

    assert service.letters(session, job.id, 10) == []


def test_only_leads_and_the_owner_steer_a_job(
    session: Session, job: Job, annotator: Principal
) -> None:
    with pytest.raises(ForbiddenError, match="takes the role lead"):
        service.cancel(session, job.id, by=annotator)
    reading = Principal(annotator.id, annotator.email, annotator.role, read_only=True)
    with pytest.raises(ForbiddenError, match="may only read"):
        service.retry(session, job.id, by=reading)


def test_open_jobs_are_not_retried_and_closed_ones_not_cancelled(
    session: Session, job: Job, lead: Principal
) -> None:
    with pytest.raises(ConflictError, match="still running"):
        service.retry(session, job.id, by=lead)
    run(session, job, handler(lambda _chunk: None))
    with pytest.raises(ConflictError, match="succeeded already"):
        service.cancel(session, job.id, by=lead)
    with pytest.raises(NotFoundError):
        service.cancel(session, uuid.uuid4(), by=lead)
