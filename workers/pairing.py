"""Building preference pairs; answers to a question may stand anywhere, so one chunk does all."""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from app.jobs import service as jobs
from app.jobs.models import Job
from app.preferences import service, storing
from app.preferences.drafting import draft
from app.sources.models import Source
from workers.chunks import Chunk, Handler


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk, for a run and for its undo."""
    if job.params["undo"]:
        job.total = service.action_of(session, job).affected
    return [{}]


def work(chunk: Chunk) -> None:
    """Build, or take back; after a crash all of it is done anew and finds what it wrote."""
    session, job = chunk.session, chunk.job
    by, action = jobs.owner(session, job), service.action_of(session, job)
    chunk.restart()
    if job.params["undo"]:
        chunk.checkpoint(storing.take_back(session, action, by))
        return
    order, source = service.order_of(job), session.get_one(Source, job.params["source"])
    found, name, margin = service.find(session, job)
    job.total = len(found)
    refused = Counter(found.refused)
    for part in service.batches(found):
        drafted = draft(session, part, name, order.rules, margin)
        refused.update(drafted.refused)
        refused.update(storing.store(session, action, source, drafted.drafts, by))
        chunk.checkpoint(len(part))
    job.result = service.result_of(refused, margin, len(found))


HANDLER = Handler(plan=plan, work=work, finish=service.finish, failed=service.stopped)
