"""Learning: first the scorer, then the scores of all samples, a range per chunk."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curation.signals.base import Scores
from app.embeddings.models import EmbeddingModel
from app.jobs import claiming
from app.jobs.models import Job
from app.learning import grading, service, training
from app.learning.labels import LADDER
from app.learning.models import LearnedScorer
from app.samples.models import Sample
from app.scoring import reading
from app.scoring.writing import write_values
from workers.chunks import Chunk, Handler
from workers.ranges import id_ranges

_ROWS = 5000
_BATCH = 2500


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk that learns; it adds those that score, which need what it learned."""
    mine = Sample.dataset_id == job.params["dataset_id"]
    job.total = session.scalar(select(func.count()).select_from(Sample).where(mine))
    return [{"learn": True}]


def work(chunk: Chunk) -> None:
    """Learn, or score one range."""
    if "learn" not in chunk.params:
        _score(chunk)
        return
    chunk.phase("learns from the labels")
    row = training.train(chunk.session, chunk.job)
    parts = id_ranges(chunk.session, row.dataset_id, _ROWS)
    parts = [{**part, "scorer": row.id} for part in parts]
    claiming.add_chunks(chunk.session, chunk.job, parts, first=1)


def _score(chunk: Chunk) -> None:
    session = chunk.session
    row = session.get_one(LearnedScorer, chunk.params["scorer"])
    model = session.get_one(EmbeddingModel, row.model_id)
    if row.labels == LADDER:
        _grade(chunk, row, model)
        return
    learned, slot = service.load(row), service.slot(session, row)
    last = chunk.state.get("last", chunk.params["low"] - 1)
    query = select(Sample.id, Sample.revision).where(
        Sample.dataset_id == row.dataset_id, Sample.id <= chunk.params["high"]
    )
    while found := session.execute(
        query.where(Sample.id > last).order_by(Sample.id).limit(_BATCH)
    ).all():
        ids, revisions = [one.id for one in found], [one.revision for one in found]
        seen = training.features(session, row, model, ids, revisions)
        values = learned.score(seen).astype("float32").reshape(-1, 1)
        write_values(session, ids, revisions, [([slot], Scores(values))])
        last = ids[-1]
        chunk.checkpoint(len(ids), last=last)


def _grade(chunk: Chunk, row: LearnedScorer, model: EmbeddingModel) -> None:
    """Grade the answers of one range."""
    session, params = chunk.session, chunk.params
    grader, slot = grading.load(row), service.slot(session, row)
    low = chunk.state.get("last", params["low"] - 1) + 1
    for page in reading.between(session, row.dataset_id, low, params["high"]):
        values = grading.grades(session, grader, model, page).astype("float32").reshape(-1, 1)
        write_values(session, page.ids, page.revisions, [([slot], Scores(values))])
        chunk.checkpoint(len(page.ids), last=page.ids[-1])


HANDLER = Handler(plan=plan, work=work, finish=service.finish)
