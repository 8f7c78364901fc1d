"""Static vectors that a job needs of every sample: made in ranges, before what waits for them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.jobs.models import Job, JobChunk
from app.providers.embedders import Tier
from workers.chunks import Chunk


def missing_vectors(session: Session, dataset_id: int) -> int:
    """How many samples have no static vector yet."""
    model = embeddings.model_of(session, Tier.STATIC)
    return embeddings.count_missing(session, dataset_id, model, Part.FULL)


def embed(chunk: Chunk) -> None:
    """Embed what is missing in one range."""
    params = chunk.params
    model = embeddings.model_of(chunk.session, Tier.STATIC)
    span = chunk.job.params["dataset_id"], params["low"], params["high"]
    for count in embeddings.embed_range(chunk.session, model, Tier.STATIC, Part.FULL, span):
        chunk.checkpoint(count)


def following(session: Session, job: Job) -> int:
    """The position behind all chunks that a job has."""
    last = select(func.max(JobChunk.position)).where(JobChunk.job_id == job.id)
    return (session.scalar(last) or 0) + 1
