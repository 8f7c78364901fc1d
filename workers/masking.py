"""Masking personal data, and taking it back."""

import uuid
from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.service import now
from app.jobs import service as jobs
from app.jobs.models import Job, JobChunk
from app.masking import applying, measuring
from app.samples import bulk
from app.samples.models import BulkAction, BulkItem
from app.scoring import reading
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000
_BATCH = 1000


def _action(session: Session, job: Job) -> BulkAction:
    return bulk.get(session, uuid.UUID(job.params["action"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 5,000 samples; the signal's slots are claimed before anybody writes there."""
    action = _action(session, job)
    measuring.claim_slots(session, action.dataset_id, job.id)
    counted = reading.count(session, action.dataset_id, job.params["where"])
    job.total = action.affected if job.params["undo"] else counted
    return id_ranges(session, action.dataset_id, _ROWS)


def work(chunk: Chunk) -> None:
    """Mask, or bring back, one range."""
    if chunk.job.params["undo"]:
        _undo(chunk)
        return
    low, high = chunk.state.get("last", chunk.params["low"] - 1) + 1, chunk.params["high"]
    action = _action(chunk.session, chunk.job)
    by = jobs.owner(chunk.session, chunk.job)
    for page in reading.pages(chunk.session, chunk.job, low, high, size=_BATCH):
        kinds = chunk.job.params["kinds"]
        found = applying.mask_page(chunk.session, action, kinds, by, page)
        counts = Counter(chunk.state.get("masked", {})) + found.counts
        changed = chunk.state.get("changed", 0) + found.samples
        alike = chunk.state.get("alike", 0) + len(found.twins)
        last = page.ids[-1]
        chunk.checkpoint(
            len(page.ids), last=last, masked=dict(counts), changed=changed, alike=alike
        )


def _undo(chunk: Chunk) -> None:
    if "changed" in chunk.state:
        return
    action = _action(chunk.session, chunk.job)
    by = jobs.owner(chunk.session, chunk.job)
    low, high = chunk.params["low"], chunk.params["high"]
    found = applying.unmask_range(chunk.session, action, by, low, high)
    for sample_id, twin in found.twins.items():
        reason = (
            f"With its old text it would say the same as sample {twin}, so it stays as it is. "
            "Edit or drop one of them."
        )
        chunk.reject(f"sample {sample_id}", reason, sample_id=sample_id)
    chunk.checkpoint(found.samples, changed=found.samples)


def finish(session: Session, job: Job) -> None:
    """Note what was masked, or brought back."""
    action = _action(session, job)
    counts: Counter[str] = Counter()
    changed = alike = 0
    for state in session.scalars(select(JobChunk.state).where(JobChunk.job_id == job.id)):
        counts.update(state.get("masked", {}))
        changed += state.get("changed", 0)
        alike += state.get("alike", 0)
    if job.params["undo"]:
        action.undone_at = now()
    else:
        # Counted anew: chunks that run again know only of their last run.
        items = select(func.count()).select_from(BulkItem).where(BulkItem.action_id == action.id)
        action.affected = session.scalar(items) or 0
    for slot in measuring.slots(session, action.dataset_id):
        slot.measured_at = now()
    job.result = {
        "changed": changed,
        "alike": alike,
        "masked": dict(counts),
        "action": str(action.id),
    }


def stopped(session: Session, job: Job) -> None:
    """What was masked until then can be taken back; a half undo can be gone on with."""
    if not job.params["undo"]:
        finish(session, job)


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=stopped)
