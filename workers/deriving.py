"""Making signals of other signals: ranks are of the whole dataset, so one chunk does all of it."""

from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.curation.signals.base import Scores
from app.jobs.models import Job
from app.samples import registry
from app.scoring.writing import write_values
from app.selection import service
from workers.chunks import Chunk, Handler

_BATCH = 10_000


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk; the slot is claimed before anything is written into it."""
    service.prepare(session, job)
    return [{}]


def work(chunk: Chunk) -> None:
    """Compute all values, and write them by the batch; after a crash all of it is done anew."""
    chunk.restart()
    session, job = chunk.session, chunk.job
    columns, values = service.values(session, job)
    job.total = len(columns)
    name = job.params["recipe"]["signal"]
    signals = registry.signals(session, job.params["dataset_id"])
    slot = next(one for one in signals if one.name == name)
    for start in range(0, len(columns), _BATCH):
        rows = slice(start, start + _BATCH)
        ids, revisions = columns.ids[rows].tolist(), columns["revision"][rows].tolist()
        scores = Scores(np.ascontiguousarray(values[rows]).reshape(-1, 1))
        write_values(session, ids, revisions, [([slot], scores)])
        chunk.checkpoint(len(ids))


HANDLER = Handler(plan=plan, work=work, finish=service.made)
