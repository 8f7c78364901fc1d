"""Looking for benchmarks: the items are indexed once per process, rows are read by ranges."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.service import now
from app.contamination import searching, service, storing
from app.contamination.models import ContaminationRun
from app.curation.contamination.base import Text
from app.curation.contamination.fusing import ranked
from app.jobs.models import Job
from app.samples.models import Sample, SampleBody
from app.scoring import reading
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000
_BATCH = 2500


def _run(session: Session, job: Job) -> ContaminationRun:
    return service.get(session, uuid.UUID(job.params["run"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 5,000 rows; rows that come later are not covered."""
    run = _run(session, job)
    storing.mark_read(session, run)
    job.total = run.rows
    return id_ranges(session, run.dataset_id, _ROWS)


def work(chunk: Chunk) -> None:
    """Look through one range; of a run that goes on from another, through what is new in it."""
    run = _run(chunk.session, chunk.job)
    low, high = chunk.state.get("last", chunk.params["low"] - 1) + 1, chunk.params["high"]
    new = _new(chunk.session, run, low, high)
    if new == []:
        chunk.checkpoint(0, last=high)
        return
    items, search = searching.search_of(chunk.session, run)
    for page in reading.pages(chunk.session, chunk.job, low, high, ids=new, size=_BATCH):
        hits = ranked(search.find([Text(one) for one in page.records]), storing.MOST)
        storing.write(chunk.session, run, items, hits, page.ids, page.revisions)
        chunk.checkpoint(len(page.ids), last=page.ids[-1])


def _new(session: Session, run: ContaminationRun, low: int, high: int) -> list[int] | None:
    """Samples of a range with a text that the earlier run has not read; None means all."""
    if run.since is None:
        return None
    query = (
        select(Sample.id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(
            Sample.dataset_id == run.dataset_id,
            Sample.id.between(low, high),
            SampleBody.created_at > run.since,
        )
    )
    return list(session.scalars(query))


def finish(session: Session, job: Job) -> None:
    """Keep the likeliest candidates of each item, and say what was found."""
    run = _run(session, job)
    storing.prune(session, run)
    run.finished_at = now()
    job.result = {**storing.found(session, run), "run": str(run.id)}


HANDLER = Handler(plan=plan, work=work, finish=finish)
