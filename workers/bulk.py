"""One action on all matches of a filter, and its undo."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.service import now
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import Job
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
    job.total = action.affected if job.params["undo"] else _matches(session, action)
    return id_ranges(session, action.dataset_id, _ROWS)


def _matches(session: Session, action: BulkAction) -> int:
    return bulk.count(
        session,
        datasets.by_id(session, action.dataset_id),
        bulk.Action(action.action),
        where=action.where,
        argument=action.argument,
    ).changes


def work(chunk: Chunk) -> None:
    """Do, or undo, one range."""
    if "rows" in chunk.state:
        return
    action = _action(chunk.session, chunk.job)
    step = bulk.undo_range if chunk.job.params["undo"] else bulk.apply_range
    by = jobs.owner(chunk.session, chunk.job)
    rows = step(chunk.session, action, by, chunk.params["low"], chunk.params["high"])
    chunk.checkpoint(rows, rows=rows)


def finish(session: Session, job: Job) -> None:
    """Note how many samples changed."""
    done = jobs.progress(session, [job])[job.id].done
    action = _action(session, job)
    if job.params["undo"]:
        action.undone_at = now()
    else:
        action.affected = done
    job.result = {"changed": done, "action": str(action.id)}


def stopped(session: Session, job: Job) -> None:
    """What was done until then can be undone; a half undo can be gone on with."""
    if not job.params["undo"]:
        finish(session, job)


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=stopped)
