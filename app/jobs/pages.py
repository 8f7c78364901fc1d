"""A job in the browser: its row while it runs, cancelling, retrying, what failed in it."""

import csv
import io
import uuid
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.jobs import queries, service
from app.jobs.models import DeadLetter, Job
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/jobs/{job_id}/row", name="jobs:row")
def job_row(
    request: Request, job_id: uuid.UUID, session: SessionDep, _user: CurrentUser
) -> HTMLResponse:
    """The row of one job; it asks again by itself while the job is open."""
    return _row(request, session, service.get(session, job_id))


@router.post("/jobs/{job_id}/cancel", name="jobs:cancel")
def cancel(
    request: Request, job_id: uuid.UUID, session: SessionDep, user: CurrentUser
) -> HTMLResponse:
    """Ask the job to stop."""
    return _row(request, session, service.cancel(session, job_id, by=user))


@router.post("/jobs/{job_id}/retry", name="jobs:retry")
def retry(
    request: Request, job_id: uuid.UUID, session: SessionDep, user: CurrentUser
) -> HTMLResponse:
    """Run again what failed."""
    return _row(request, session, service.retry(session, job_id, by=user))


@router.get("/jobs/{job_id}/dead-letters.csv", name="jobs:dead_letters")
def dead_letters(job_id: uuid.UUID, session: SessionDep, _user: CurrentUser) -> StreamingResponse:
    """What failed, for a spreadsheet."""
    rows = session.scalars(queries.dead_letters(service.get(session, job_id).id)).all()
    return StreamingResponse(
        _csv(rows),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="failed-{job_id}.csv"'},
    )


def _csv(rows: Sequence[DeadLetter]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["place", "line", "sample", "reason", "row"])
    for row in rows:
        writer.writerow([row.place, row.line, row.sample_id, row.reason, row.raw])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _row(request: Request, session: Session, job: Job) -> HTMLResponse:
    progress = service.progress(session, [job])
    response = render(request, "jobs/_row.html", job=job, progress=progress)
    if job.finished_at is not None:
        response.headers["HX-Trigger"] = "refresh-nav, job-finished"
    return response
