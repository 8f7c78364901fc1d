"""Topics: vectors that are missing, then centres, then the topic of every sample; or titles."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.jobs import claiming
from app.jobs.models import Job
from app.samples import places
from app.samples.models import Sample
from app.samples.places import TopicModel
from app.topics import fitting, service, titling
from app.topics.service import Mode
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges
from workers.vectors import embed, following, missing_vectors

_ROWS = 5000


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """Ranges to embed, and a chunk behind them that finds centres and adds those that assign."""
    dataset_id, mode = job.params["dataset_id"], Mode(job.params["mode"])
    present = places.topic_model(session, dataset_id)
    if mode is not Mode.ALL and present is not None:
        job.result = {"model": present.id}
        if mode is Mode.TITLES:
            job.total = titling.open_topics(session, present)
            return [{"titles": True}]
    missing = missing_vectors(session, dataset_id)
    job.total = missing + _to_assign(session, present, dataset_id, mode)
    ranges = id_ranges(session, dataset_id, _ROWS)
    embedded = [{"embed": True, **one} for one in ranges] if missing else []
    return [*embedded, {"waits": True}]


def _to_assign(session: Session, present: TopicModel | None, dataset_id: int, mode: Mode) -> int:
    query = select(func.count()).select_from(Sample)
    if mode is Mode.NEW and present is not None:
        query = query.where(service.to_assign(session, present, mode))
    return session.scalar(query.where(Sample.dataset_id == dataset_id)) or 0


def work(chunk: Chunk) -> None:
    """Do one part; each can be done twice."""
    if "titles" in chunk.params:
        chunk.restart()
        titling.ask(chunk.session, chunk.job, lambda: chunk.checkpoint(1))
    elif "embed" in chunk.params:
        embed(chunk)
    elif "waits" in chunk.params:
        _centres(chunk)
    else:
        _assign(chunk)


def _centres(chunk: Chunk) -> None:
    """Find centres where topics are found anew; then cut the rows that get a topic."""
    session, job = chunk.session, chunk.job
    if Mode(job.params["mode"]) is Mode.ALL:
        chunk.phase("finds the centres of the topics and their words")
        fitting.fit(session, job)
    parts = id_ranges(session, job.params["dataset_id"], _ROWS)
    claiming.add_chunks(session, job, parts, first=following(session, job))


def _assign(chunk: Chunk) -> None:
    session, params = chunk.session, chunk.params
    model = service.model_of(session, chunk.job)
    wanted = service.to_assign(session, model, Mode(chunk.job.params["mode"]))
    low = chunk.state.get("last", params["low"] - 1) + 1
    for count, last in service.assign(session, model, wanted, (low, params["high"])):
        chunk.checkpoint(count, last=last)


HANDLER = Handler(plan=plan, work=work, finish=service.finish)
