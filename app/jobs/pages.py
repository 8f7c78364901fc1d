"""A job in the browser: its row while it runs, cancelling, retrying, what failed in it."""

import csv
import io
import uuid
from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.jobs import download, service
from app.jobs.models import DeadLetter, Job
from app.validation import Money
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
    request: Request,
    job_id: uuid.UUID,
    session: SessionDep,
    user: CurrentUser,
    budget: Annotated[Money | None, Form()] = None,
) -> HTMLResponse:
    """Run again what failed; a paused job goes on, with a new budget if given."""
    return _row(request, session, service.retry(session, job_id, by=user, budget=budget))


@router.get("/jobs/{job_id}/dead-letters.jsonl", name="jobs:dead_letters_jsonl")
def dead_letters_jsonl(
    job_id: uuid.UUID, session: SessionDep, _user: CurrentUser
) -> StreamingResponse:
    """What failed, for programs: the rows can be mended and sent again."""
    letters = download.letters(service.get(session, job_id).id)
    name = f"failed-{job_id}.jsonl"
    return download.answer(download.json_lines(letters), "application/x-ndjson", name)


@router.get("/jobs/{job_id}/dead-letters.csv", name="jobs:dead_letters")
def dead_letters(job_id: uuid.UUID, session: SessionDep, _user: CurrentUser) -> StreamingResponse:
    """What failed, for a spreadsheet."""
    letters = download.letters(service.get(session, job_id).id)
    return download.answer(_csv(letters), "text/csv", f"failed-{job_id}.csv")


def _csv(rows: Iterable[DeadLetter]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["place", "line", "column", "sample", "reason", "row"])
    for row in rows:
        cells = [row.place, row.line, row.column, row.sample_id, row.reason, row.raw]
        writer.writerow(cells)
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
