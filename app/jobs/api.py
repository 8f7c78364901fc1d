"""Jobs over REST."""

import uuid
from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.jobs import download, energy, queries, service
from app.jobs.models import Job
from app.jobs.schemas import DeadLetterOut, JobOut, KindEnergyOut, RetryIn, job_out
from app.web.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    moment,
    row_id,
    unique_id,
)

router = APIRouter(tags=["jobs"])


@router.get("/jobs", name="api:list_jobs")
def list_jobs(
    session: SessionDep, _user: CurrentUser, cursor: Cursor = None, limit: Limit = 50
) -> Page[JobOut]:
    """Jobs, newest first."""
    key = decode_cursor(cursor, moment, unique_id)
    before = (key[0], key[1]) if key else None
    jobs = session.scalars(queries.newest(before=before).limit(limit + 1)).all()
    shown = jobs[:limit]
    progress = service.progress(session, shown)
    last = shown[-1] if len(jobs) > limit else None
    return Page(
        items=[job_out(job, progress[job.id]) for job in shown],
        next=encode_cursor(last.created_at.isoformat(), last.id) if last else None,
    )


@router.get("/energy", name="api:energy")
def energy_by_kind(session: SessionDep, _user: CurrentUser) -> Page[KindEnergyOut]:
    """What all jobs took, by their kind: seconds, tokens, and an estimate in kWh."""
    found = energy.by_kind(session)
    items = [KindEnergyOut(kind=kind, **asdict(one)) for kind, one in found.items()]
    return Page(items=items, total=len(items))


@router.get("/jobs/{job_id}", name="api:get_job")
def get_job(job_id: uuid.UUID, session: SessionDep, _user: CurrentUser) -> JobOut:
    """One job with its progress."""
    return _out(session, service.get(session, job_id))


@router.get("/jobs/{job_id}/dead-letters", name="api:dead_letters")
def dead_letters(
    job_id: uuid.UUID,
    session: SessionDep,
    _user: CurrentUser,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DeadLetterOut]:
    """Records that failed in this job: where they stood and why."""
    service.get(session, job_id)
    key = decode_cursor(cursor, row_id)
    after = key[0] if key else 0
    rows = session.scalars(queries.dead_letters(job_id, after).limit(limit + 1)).all()
    items = [DeadLetterOut.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=encode_cursor(items[-1].id) if len(rows) > limit else None)


@router.get(
    "/jobs/{job_id}/dead-letters.jsonl",
    name="api:dead_letters_file",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def dead_letters_file(
    job_id: uuid.UUID, session: SessionDep, _user: CurrentUser
) -> StreamingResponse:
    """All records that failed in this job as one JSON object per line, to mend and send again."""
    letters = download.letters(service.get(session, job_id).id)
    name = f"failed-{job_id}.jsonl"
    return download.answer(download.json_lines(letters), "application/x-ndjson", name)


@router.post("/jobs/{job_id}/cancel", name="api:cancel_job")
def cancel(job_id: uuid.UUID, session: SessionDep, user: CurrentUser) -> JobOut:
    """Ask a job to stop; what it has written stays, and it can be retried from there."""
    return _out(session, service.cancel(session, job_id, by=user))


@router.post("/jobs/{job_id}/retry", name="api:retry_job")
def retry(
    job_id: uuid.UUID, session: SessionDep, user: CurrentUser, body: RetryIn | None = None
) -> JobOut:
    """Run again what failed or was cancelled; a paused job goes on, with a new budget if given."""
    budget = body.budget if body is not None else None
    return _out(session, service.retry(session, job_id, by=user, budget=budget))


def _out(session: Session, job: Job) -> JobOut:
    return job_out(job, service.progress(session, [job])[job.id])
