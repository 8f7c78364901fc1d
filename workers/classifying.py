"""Reading samples by a classifier, a range per chunk."""

from typing import Any

from sqlalchemy.orm import Session

from app.classification import service
from app.jobs.models import Job
from app.scoring import reading
from app.scoring.writing import write_values
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000
_FORWARD = 64  # rows between two checkpoints


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per range; the slot is claimed before anybody writes there."""
    service.prepare(session, job)
    job.total = reading.count(session, job.params["dataset_id"], job.params["where"])
    return id_ranges(session, job.params["dataset_id"], _ROWS)


def work(chunk: Chunk) -> None:
    """Read one range."""
    session, order = chunk.session, service.order_of(chunk.job)
    slot = service.slot(session, chunk.job)
    low = chunk.state.get("last", chunk.params["low"] - 1) + 1
    for page in reading.pages(session, chunk.job, low, chunk.params["high"], size=_FORWARD):
        scores = service.read(order, page.records)
        write_values(session, page.ids, page.revisions, [([slot], scores)])
        chunk.checkpoint(len(page.ids), last=page.ids[-1])


HANDLER = Handler(plan=plan, work=work, finish=service.finish)
