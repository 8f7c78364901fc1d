"""Search by meaning: the samples nearest to a text or to another sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Float,
    and_,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.embeddings import indexing, service, storing
from app.embeddings.models import EmbeddingModel, Part, SampleEmbedding
from app.embeddings.storing import Vectors
from app.errors import ConflictError, InvalidError, NotFoundError
from app.providers.embedders import Tier
from app.samples import columns as held
from app.samples.models import Sample
from app.samples.search import compiled, parsed, schema_of
from app.samples.truth import columns_for, evaluate

# Candidates that a search of the graph holds. Measured recall at ten: 0.99 at 52,000 vectors with
# 100; at 1,000,000 it is 0.95 with 100 and 0.98 with 800, which take 3 and 15 ms.
_LEAST_EF, _VECTORS_PER_EF = 100, 1250
_MOST_EF = 1000  # what Postgres takes
_MOST_LOOKED_AT = 200_000  # vectors, before a search gives up on finding more


@dataclass(frozen=True, slots=True)
class Like:
    """What to look for: a text, or a sample of the dataset."""

    text: str = ""
    sample_id: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A sample and the cosine of its vector with what was looked for."""

    sample: Sample
    similarity: float


def search(
    session: Session,
    dataset: Dataset,
    like: Like,
    *,
    where: str = "",
    limit: int = 20,
    tier: Tier = Tier.STATIC,
) -> list[Found]:
    """The nearest samples that match a filter, nearest first; the sample itself is left out."""
    if bool(like.text.strip()) == (like.sample_id is not None):
        raise InvalidError("Give either a text to look for (like) or a sample (like_sample).")
    model, vector = _wanted(session, dataset, like, tier)
    schema = schema_of(session, dataset.id)
    node = parsed(schema, where)
    columns = held.read(session, schema, columns_for(schema, node))
    ids = columns.ids[evaluate(session, schema, columns, node).yes]
    base = and_(service.fresh(model, Part.FULL), SampleEmbedding.vector.is_not(None))
    if like.sample_id is not None:
        base = and_(base, Sample.id != like.sample_id)
    if len(ids) <= indexing.LARGE:
        chosen = Sample.id == func.any(cast(ids.tolist(), ARRAY(BigInteger)))
        return _run(session, and_(base, chosen), _distance(vector), limit)
    session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    session.execute(text(f"SET LOCAL hnsw.max_scan_tuples = {_MOST_LOOKED_AT}"))
    wide = max(4 * limit, len(columns.ids) // _VECTORS_PER_EF, _LEAST_EF)
    session.execute(text(f"SET LOCAL hnsw.ef_search = {min(wide, _MOST_EF)}"))
    covered = literal_column(indexing.covered(dataset.id, model), Boolean)
    matching = and_(base, covered, Sample.dataset_id == dataset.id, compiled(schema, node))
    return _run(session, matching, _distance(vector, model.width), limit)


def _wanted(
    session: Session, dataset: Dataset, like: Like, tier: Tier
) -> tuple[EmbeddingModel, Vectors]:
    """The vector to look for, and its model; refuses where there is nothing to compare with."""
    model = service.known(session, tier)
    if model is None or not _any(session, dataset.id, model):
        raise ConflictError(
            f"The samples of {dataset.name} are not embedded yet. `winnow embed {dataset.name} "
            "--wait` does it."
        )
    if like.sample_id is None:
        model, vector = service.of_text(session, tier, like.text)
    else:
        vector = _of_sample(session, dataset, model, like.sample_id)
    if not vector.any():
        raise InvalidError("There is no word in it, so nothing can be like it.")
    return model, vector


def _any(session: Session, dataset_id: int, model: EmbeddingModel) -> bool:
    query = select(SampleEmbedding.sample_id).where(
        SampleEmbedding.dataset_id == dataset_id,
        SampleEmbedding.model_id == model.id,
        SampleEmbedding.part == Part.FULL,
    )
    return session.scalar(query.limit(1)) is not None


def _of_sample(
    session: Session, dataset: Dataset, model: EmbeddingModel, sample_id: int
) -> Vectors:
    sample = session.get(Sample, sample_id)
    if sample is None or sample.dataset_id != dataset.id:
        raise NotFoundError(f"There is no sample {sample_id} in {dataset.name}.")
    stored = select(SampleEmbedding.sample_id).where(
        Sample.id == sample_id, service.fresh(model, Part.FULL)
    )
    if session.scalar(stored) is None:
        raise ConflictError(
            f"Sample {sample_id} is not embedded yet, or was edited since. "
            f"`winnow embed {dataset.name} --wait` does it."
        )
    found = storing.read(session, model, Part.FULL, [sample_id], [sample.revision])
    return np.asarray(found[0])


def _distance(vector: Vectors, width: int | None = None) -> ColumnElement[float]:
    """The cosine distance; only with the width of the index does Postgres follow the index."""
    numbers = ",".join(f"{one:.6g}" for one in vector.tolist())
    kind = f"halfvec({width})" if width is not None else "halfvec"
    column = f"(sample_embeddings.vector::{kind})" if width else "sample_embeddings.vector"
    return literal_column(f"{column} <=> '[{numbers}]'::{kind}", Float)


def _run(
    session: Session, matching: ColumnElement[bool], distance: ColumnElement[Any], limit: int
) -> list[Found]:
    query = (
        select(Sample, distance)
        .join(SampleEmbedding, SampleEmbedding.sample_id == Sample.id)
        .where(matching)
        .order_by(distance)
        .limit(limit)
    )
    return [Found(sample, round(1 - far, 6)) for sample, far in session.execute(query)]
