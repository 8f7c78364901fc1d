"""Dropping duplicates, or saying that some are none, over a whole dataset; and its undo."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.service import now
from app.jobs import service as jobs
from app.jobs.models import Job
from app.matching import deciding, marking
from app.matching.deciding import Chosen
from app.samples import bulk
from app.samples.models import BulkAction
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 20_000


def _action(session: Session, job: Job) -> BulkAction:
    return bulk.get(session, uuid.UUID(job.params["action"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 20,000 samples of the dataset."""
    action = _action(session, job)
    job.total = action.affected if job.params["undo"] else job.params["size"]
    return id_ranges(session, action.dataset_id, _ROWS)


def work(chunk: Chunk) -> None:
    """Do, or undo, one range."""
    if "rows" in chunk.state:
        return
    session, params = chunk.session, chunk.job.params
    action, by = _action(session, chunk.job), jobs.owner(session, chunk.job)
    low, high = chunk.params["low"], chunk.params["high"]
    if params["undo"]:
        rows = deciding.undo_range(session, action, by, low, high)
    else:
        rows = deciding.apply_range(session, action, Chosen(**params["chosen"]), by, low, high)
    chunk.checkpoint(rows, rows=rows)


def finish(session: Session, job: Job) -> None:
    """Note how many samples changed, and bring the signals up to date."""
    action = _action(session, job)
    if job.params["undo"]:
        action.undone_at = now()
        changed = jobs.progress(session, [job])[job.id].done
    else:
        changed = action.affected = deciding.affected(session, action)
    session.flush()
    marking.mark(session, action.dataset_id)
    job.result = {"changed": changed, "action": str(action.id)}


def stopped(session: Session, job: Job) -> None:
    """What was done until then can be undone; a half undo can be gone on with."""
    if not job.params["undo"]:
        finish(session, job)


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=stopped)
