"""Perplexity: first what rows are read by, then all of them, a range per chunk."""

from typing import Any

from sqlalchemy.orm import Session

from app.jobs import claiming
from app.jobs.models import Job
from app.perplexity import service
from app.perplexity.models import PerplexityModel
from app.scoring import reading
from app.scoring.writing import write_values
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000
_COUNTED, _FORWARD = 2500, 64  # rows between two checkpoints: of n-grams, of a transformer


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk that makes the model ready; it adds those that read."""
    job.total = reading.count(session, job.params["dataset_id"], job.params["where"])
    return [{"prepare": True}]


def work(chunk: Chunk) -> None:
    """Count n-grams, or read one range."""
    if "prepare" not in chunk.params:
        _read(chunk)
        return
    row = service.prepare(chunk.session, chunk.job)
    chunk.job.result = {**chunk.job.result, "model": row.id}
    parts = id_ranges(chunk.session, row.dataset_id, _ROWS)
    parts = [{**part, "model": row.id} for part in parts]
    claiming.add_chunks(chunk.session, chunk.job, parts, first=1)


def _read(chunk: Chunk) -> None:
    session, params = chunk.session, chunk.params
    row = session.get_one(PerplexityModel, params["model"])
    slots = service.slots(session, row)
    low = chunk.state.get("last", params["low"] - 1) + 1
    size = _FORWARD if row.model else _COUNTED
    for page in reading.pages(session, chunk.job, low, params["high"], size=size):
        scores = service.read(row, page.records)
        write_values(session, page.ids, page.revisions, [(slots, scores)])
        chunk.checkpoint(len(page.ids), last=page.ids[-1])


HANDLER = Handler(plan=plan, work=work, finish=service.finish)
