"""Measuring signals."""

from typing import Any

from sqlalchemy.orm import Session

from app.jobs.models import Job
from app.scoring import reading, service
from workers.chunks import Chunk, Handler
from workers.ranges import tapered_ranges

_ROWS = 5000


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """Chunks of at most 5,000 samples; slots are claimed before any worker writes into them."""
    service.prepare(session, job)
    job.total = reading.count(session, job.params["dataset_id"], job.params["where"])
    return tapered_ranges(session, job.params["dataset_id"], _ROWS)


def work(chunk: Chunk) -> None:
    """Measure the samples of one range, by the batch."""
    signals = service.signals_of(chunk.job)
    slots = service.slots_of(chunk.session, chunk.job)
    low = chunk.state.get("last", chunk.params["low"] - 1) + 1
    for page in reading.pages(chunk.session, chunk.job, low, chunk.params["high"]):
        service.score(chunk.session, signals, slots, page)
        chunk.checkpoint(len(page.ids), last=page.ids[-1])


HANDLER = Handler(plan=plan, work=work, finish=service.measured)
