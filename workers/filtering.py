"""Applying rules and undoing it."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.service import now
from app.errors import ConflictError
from app.filtering import applying, service
from app.filtering.models import RuleApplication
from app.jobs import service as jobs
from app.jobs.models import Job
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 20_000


def _application(session: Session, job: Job) -> RuleApplication:
    return service.get_application(session, uuid.UUID(job.params["application"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 20,000 samples."""
    ranges = id_ranges(session, job.dataset_id or 0, _ROWS)
    job.total = service.count_samples(session, job.dataset_id or 0)
    return ranges


def apply(chunk: Chunk) -> None:
    """Drop and bring back the rows of one range."""
    _over_range(chunk, applying.apply_range)


def undo(chunk: Chunk) -> None:
    """Take back what the application did in one range."""
    _over_range(chunk, applying.undo_range)


def _over_range(chunk: Chunk, step: Any) -> None:
    if "rows" in chunk.state:
        return
    low, high = chunk.params["low"], chunk.params["high"]
    application = _application(chunk.session, chunk.job)
    if application.undone_at is not None:
        raise ConflictError("This application was undone. Apply the version anew.")
    step(chunk.session, application, jobs.owner(chunk.session, chunk.job), low, high)
    rows = service.count_samples(chunk.session, chunk.job.dataset_id or 0, low, high)
    chunk.checkpoint(rows, rows=rows)


def applied(session: Session, job: Job) -> None:
    """Note when it was applied, and what it did."""
    application = _application(session, job)
    application.applied_at = now()
    job.result = {"dropped": application.dropped, "restored": application.restored}


def undone(session: Session, job: Job) -> None:
    """Note when it was undone."""
    application = _application(session, job)
    application.undone_at = now()
    job.result = {"restored": application.dropped, "dropped": application.restored}


APPLY = Handler(plan=plan, work=apply, finish=applied, failed=applied)
UNDO = Handler(plan=plan, work=undo, finish=undone)
