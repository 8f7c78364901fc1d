"""Embedding the samples of a dataset: starting the job, doing a part of it, reading vectors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.ports import Embedder
from app.curation.text.parts import prompt_text, response_text
from app.datasets.models import Dataset
from app.embeddings import indexing, storing
from app.embeddings.models import EmbeddingModel, Part, SampleEmbedding
from app.embeddings.storing import Vectors
from app.errors import ConflictError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind, Queue
from app.providers import embedders
from app.providers.embedders import Tier
from app.samples.models import Sample, SampleBody
from app.settings import settings

BATCH = 2500
_TEXT = {Part.PROMPT: prompt_text, Part.RESPONSE: response_text}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many samples of a dataset have a vector of their present revision."""

    tier: Tier
    model: str
    embedded: int
    total: int


def start(session: Session, dataset: Dataset, tier: Tier, *, by: Principal) -> Job:
    """Embed every sample that has no vector of its present revision by the model that is set."""
    require_role(by, Role.LEAD, "embed samples")
    for job in jobs.open_jobs(session, dataset.id, JobKind.EMBED):
        if job.params["tier"] == tier:
            raise ConflictError("The samples are being embedded right now.")
    return jobs.start(
        session,
        JobKind.EMBED,
        f"Embed by {embedders.name_of(settings().embedding_model)} ({tier})",
        by=by,
        dataset_id=dataset.id,
        queue_name=Queue.CPU if tier is Tier.STATIC else Queue.GPU,
        params={"dataset_id": dataset.id, "tier": tier},
    )


def embedder(tier: Tier) -> Embedder:
    """The embedder of this process for the model that is set."""
    return embedders.load(settings().embedding_model, tier, settings().distilled)


def model_of(session: Session, tier: Tier) -> EmbeddingModel:
    """The row of the model that is set, made with its first use."""
    found = known(session, tier)
    if found is not None:
        return found
    loaded = embedder(tier)
    values = {"fingerprint": loaded.fingerprint, "tier": tier.value, "width": loaded.width}
    session.execute(insert(EmbeddingModel).values(**values).on_conflict_do_nothing())
    query = select(EmbeddingModel).where(EmbeddingModel.fingerprint == loaded.fingerprint)
    return session.scalars(query).one()


def known(session: Session, tier: Tier) -> EmbeddingModel | None:
    """The row of the model that is set, if it was ever used; nothing is loaded."""
    named = embedders.fingerprint(settings().embedding_model, tier)
    return session.scalar(select(EmbeddingModel).where(EmbeddingModel.fingerprint == named))


def fresh(model: EmbeddingModel, part: Part) -> ColumnElement[bool]:
    """The vectors of a part that are those of the sample's present revision."""
    return and_(
        SampleEmbedding.sample_id == Sample.id,
        SampleEmbedding.model_id == model.id,
        SampleEmbedding.part == part,
        SampleEmbedding.revision == Sample.revision,
    )


def _missing(model: EmbeddingModel, part: Part) -> ColumnElement[bool]:
    return ~select(SampleEmbedding.sample_id).where(fresh(model, part)).correlate(Sample).exists()


def count_missing(session: Session, dataset_id: int, model: EmbeddingModel, part: Part) -> int:
    """How many samples of a dataset have no vector of their present revision."""
    query = select(func.count()).select_from(Sample).where(Sample.dataset_id == dataset_id)
    return session.scalar(query.where(_missing(model, part))) or 0


def coverage(session: Session, dataset: Dataset, tier: Tier) -> Coverage:
    """How far a dataset is embedded by the model that is set."""
    mine = select(func.count()).select_from(Sample).where(Sample.dataset_id == dataset.id)
    total = session.scalar(mine) or 0
    model = known(session, tier)
    missing = count_missing(session, dataset.id, model, Part.FULL) if model is not None else total
    named = embedders.fingerprint(settings().embedding_model, tier)
    return Coverage(tier, named, total - missing, total)


def embed_range(
    session: Session, model: EmbeddingModel, tier: Tier, part: Part, span: tuple[int, int, int]
) -> Iterator[int]:
    """Embed what is missing of a dataset between two ids; the count after each batch.

    `span` is (dataset, lowest id, highest id).
    """
    dataset_id, low, high = span
    query = _texts(part).where(
        Sample.dataset_id == dataset_id, Sample.id.between(low, high), _missing(model, part)
    )
    while rows := session.execute(query.limit(BATCH)).all():
        _embed(session, model, tier, part, rows)
        yield len(rows)


def vectors(
    session: Session,
    model: EmbeddingModel,
    part: Part,
    ids: Sequence[int],
    revisions: Sequence[int],
) -> Vectors:
    """Vectors of these revisions, those made that are missing."""
    found = storing.read(session, model, part, ids, revisions)
    bare = np.flatnonzero(~found.any(1)).tolist()  # missing, or without a word
    made = 0
    for start_at in range(0, len(bare), BATCH):
        some = [ids[row] for row in bare[start_at : start_at + BATCH]]
        query = _texts(part).where(Sample.id.in_(some), _missing(model, part))
        rows = session.execute(query).all()
        if rows:
            _embed(session, model, Tier(model.tier), part, rows)
            made += len(rows)
    if made:
        again = [ids[row] for row in bare], [revisions[row] for row in bare]
        found[bare] = storing.read(session, model, part, *again)
    return found


def _texts(part: Part) -> Select[Any]:
    content = SampleBody.text if part is Part.FULL else SampleBody.body
    return (
        select(Sample.id, Sample.revision, Sample.kind, content.label("content"))
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .order_by(Sample.id)
    )


def _embed(
    session: Session, model: EmbeddingModel, tier: Tier, part: Part, rows: Sequence[Row[Any]]
) -> None:
    loaded = embedder(tier)
    if loaded.fingerprint != model.fingerprint:
        raise ConflictError(
            "The embedding model was changed meanwhile: vectors of two models are never mixed. "
            "Start anew."
        )
    texts = [
        row.content if part is Part.FULL else _TEXT[part](row.kind, row.content) for row in rows
    ]
    ids, revisions = [row.id for row in rows], [row.revision for row in rows]
    storing.write(session, model, part, ids, revisions, loaded.embed(texts))


def build_index(session: Session, dataset_id: int, model: EmbeddingModel) -> bool:
    """Make the index for search by meaning where one by one would be slow."""
    query = select(func.count()).where(
        SampleEmbedding.dataset_id == dataset_id,
        SampleEmbedding.model_id == model.id,
        SampleEmbedding.part == Part.FULL,
    )
    count = session.scalar(query) or 0
    if count > indexing.LARGE:
        indexing.build(session, dataset_id, model, count)
    return count > indexing.LARGE


def of_text(session: Session, tier: Tier, text: str) -> tuple[EmbeddingModel, Vectors]:
    """The vector of a text that is no sample."""
    model = model_of(session, tier)
    return model, np.asarray(embedder(tier).embed([text])[0])
