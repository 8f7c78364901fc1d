"""Embedding samples."""

from typing import Any

from sqlalchemy.orm import Session

from app.embeddings import service
from app.embeddings.models import Part
from app.jobs.models import Job
from app.providers.embedders import Tier
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk per 5,000 samples, and one that makes the index when all others are done."""
    dataset_id, tier = job.params["dataset_id"], Tier(job.params["tier"])
    model = service.model_of(session, tier)
    job.total = service.count_missing(session, dataset_id, model, Part.FULL)
    job.result = {"model": model.fingerprint, "width": model.width}
    if not job.total:
        return []
    return [*id_ranges(session, dataset_id, _ROWS), {"waits": True}]


def work(chunk: Chunk) -> None:
    """Embed what is missing in one range; what was embedded before is not done again."""
    session, params = chunk.session, chunk.job.params
    tier = Tier(params["tier"])
    model = service.model_of(session, tier)
    if "waits" in chunk.params:
        chunk.phase("builds the index for search by meaning")
        service.build_index(session, params["dataset_id"], model)
        return
    span = params["dataset_id"], chunk.params["low"], chunk.params["high"]
    for count in service.embed_range(session, model, tier, Part.FULL, span):
        chunk.checkpoint(count)


HANDLER = Handler(plan=plan, work=work)
