"""Maps: vectors that are missing, then landmarks, then the place of every sample."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.jobs import claiming
from app.jobs.models import Job
from app.maps import service
from app.maps.service import Mode
from app.samples import places
from app.samples.models import Sample
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges
from workers.vectors import embed, following, missing_vectors

_ROWS = 5000


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """Ranges to embed, and a chunk behind them that lays landmarks out and adds the others."""
    dataset_id, mode = job.params["dataset_id"], Mode(job.params["mode"])
    present = places.layout(session, dataset_id)
    query = select(func.count()).select_from(Sample).where(Sample.dataset_id == dataset_id)
    if mode is Mode.NEW and present is not None:
        query = query.where(service.to_place(session, present, mode))
        job.result = {"layout": present.id}
    missing = missing_vectors(session, dataset_id)
    job.total = missing + (session.scalar(query) or 0)
    ranges = id_ranges(session, dataset_id, _ROWS)
    embedded = [{"embed": True, **one} for one in ranges] if missing else []
    return [*embedded, {"waits": True}]


def work(chunk: Chunk) -> None:
    """Do one part; each can be done twice."""
    if "embed" in chunk.params:
        embed(chunk)
    elif "waits" in chunk.params:
        _landmarks(chunk)
    else:
        _place(chunk)


def _landmarks(chunk: Chunk) -> None:
    session, job = chunk.session, chunk.job
    if Mode(job.params["mode"]) is Mode.ALL:
        chunk.phase(f"lays out {job.params['landmarks']:,} samples at most")
        service.fit(session, job)
    parts = id_ranges(session, job.params["dataset_id"], _ROWS)
    claiming.add_chunks(session, job, parts, first=following(session, job))


def _place(chunk: Chunk) -> None:
    session, params = chunk.session, chunk.params
    found = service.layout_of(session, chunk.job)
    wanted = service.to_place(session, found, Mode(chunk.job.params["mode"]))
    low = chunk.state.get("last", params["low"] - 1) + 1
    for count, last in service.place(session, found, wanted, (low, params["high"])):
        chunk.checkpoint(count, last=last)


HANDLER = Handler(plan=plan, work=work, finish=service.finish)
