"""Finding topics: starting the job, centres and titles, the topic of each sample."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.selectors.clusters import NONE, nearest
from app.curation.signals.base import Scores
from app.datasets.models import Dataset
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.errors import AppError, ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.llm import policies as llm_policies
from app.llm import service as llm
from app.providers.embedders import Tier
from app.samples import places, registry
from app.samples.models import DatasetSignal, Sample
from app.samples.places import MOST_TOPICS, TOPIC, TopicModel
from app.samples.search import compiled, parsed, schema_of
from app.scoring.writing import write_values
from app.validation import Money

BATCH = 5000
_USUAL_MOST = 100


class Mode(StrEnum):
    """What a run does."""

    ALL = "all"
    NEW = "new"
    TITLES = "titles"


class Order(BaseModel):
    """How topics are found, and whether a model gives them titles."""

    mode: Mode = Field(
        Mode.ALL,
        description="`all` finds topics anew; `new` gives samples without one their topic among "
        "those that are there; `titles` only asks a model for titles",
    )
    topics: int | None = Field(
        None, ge=2, le=MOST_TOPICS, description="How many; left out: by the size of the dataset"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed begins elsewhere")
    provider: str = Field("", max_length=100, description="Gives titles; else keywords are titles")
    budget: Money | None = Field(None, description="Titles stop before they cost more")

    @model_validator(mode="after")
    def _has_a_provider(self) -> "Order":
        if self.mode is Mode.TITLES and not self.provider:
            raise ValueError("titles need the provider that is asked for them")
        return self


def usual(count: int) -> int:
    """How many topics a dataset of this size has where nobody says: 11 of 1,000, 45 of 52,000."""
    return int(np.clip(round(count**0.35), 2, _USUAL_MOST))


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Find topics, assign new samples to them, or ask for titles."""
    require_role(by, Role.LEAD, "find topics")
    if order.provider:
        llm_policies.may_spend(by)
        llm.get(session, order.provider)
    if order.mode is Mode.ALL:
        _must_be_findable(session, dataset)
    else:
        present(session, dataset)
    if order.mode is Mode.NEW:
        _must_compare(session, dataset)
    if jobs.open_jobs(session, dataset.id, JobKind.TOPICS):
        raise ConflictError("Topics are being worked on here right now. Wait until that is done.")
    if order.mode is Mode.TITLES:
        return start_titles(session, dataset.id, order.provider, order.budget, by=by)
    title = "Find topics" if order.mode is Mode.ALL else "Assign new samples to topics"
    params = {"dataset_id": dataset.id, **order.model_dump(mode="json")}
    params["budget"] = str(order.budget) if order.budget is not None else None
    return jobs.start(session, JobKind.TOPICS, title, by=by, dataset_id=dataset.id, params=params)


def start_titles(
    session: Session, dataset_id: int, provider: str, budget: object, *, by: Principal
) -> Job:
    """Ask a model for titles of the present topics, in a job on its queue."""
    found = llm.get(session, provider)
    params = {
        "dataset_id": dataset_id,
        "mode": Mode.TITLES.value,
        "provider": provider,
        "budget": str(budget) if budget is not None else None,
    }
    return jobs.start(
        session,
        JobKind.TOPICS,
        f"Titles of topics by {provider}",
        by=by,
        dataset_id=dataset_id,
        queue_name=llm.queue_of(found),
        params=params,
    )


def present(session: Session, dataset: Dataset) -> TopicModel:
    """The topics that are there."""
    model = places.topic_model(session, dataset.id)
    if model is None:
        raise ConflictError(
            f"{dataset.name} has no topics yet: find them first (`winnow topics {dataset.name}`)."
        )
    return model


def _must_be_findable(session: Session, dataset: Dataset) -> None:
    there = select(Sample.id).where(Sample.dataset_id == dataset.id).limit(1)
    if session.scalar(there) is None:
        raise InvalidError(f"{dataset.name} has no samples: import some, then find their topics.")
    if any(one.name == TOPIC for one in registry.signals(session, dataset.id)):
        raise ConflictError(
            f"`{TOPIC}` is a signal of {dataset.name} already, and filters could not tell the two "
            "apart. Import that column under another name."
        )


def _must_compare(session: Session, dataset: Dataset) -> None:
    made_by, known = present(session, dataset).embedded_by, embeddings.known(session, Tier.STATIC)
    if known is None or known.fingerprint != made_by:
        raise ConflictError(
            "The embedding model was changed since these topics were found, and vectors of two "
            "models do not compare. Find topics anew."
        )


def model_of(session: Session, job: Job) -> TopicModel:
    """The topics that a job works on; a later run may have put others in their place."""
    model = session.get(TopicModel, job.result["model"])
    if model is None:
        raise ConflictError("These topics were replaced by a later run. Start anew.")
    return model


def slot(session: Session, model: TopicModel) -> DatasetSignal:
    """Where the numbers of a model's topics are written."""
    name = places.slot_name(TOPIC, model.side)
    return next(one for one in registry.slots(session, model.dataset_id) if one.name == name)


def to_assign(session: Session, model: TopicModel, mode: Mode) -> ColumnElement[bool]:
    """The samples that a run gives a topic: all, or those without one and those edited since."""
    mine = Sample.dataset_id == model.dataset_id
    if mode is Mode.ALL:
        return mine
    schema = schema_of(session, model.dataset_id)
    without = compiled(schema, parsed(schema, f"missing:{TOPIC}"))
    edited = and_(Sample.revision > 1, Sample.changed_at > func.coalesce(model.read_at, now()))
    return and_(mine, or_(without, edited))


def assign(
    session: Session, model: TopicModel, wanted: ColumnElement[bool], span: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Write the topic of the wanted samples between two ids; (rows, last id) after each batch."""
    embedding = embeddings.model_of(session, Tier.STATIC)
    if embedding.fingerprint != model.embedded_by:
        raise ConflictError("The embedding model was changed meanwhile. Find topics anew.")
    centres = centres_of(model, embedding.width)
    target = [slot(session, model)]
    low, high = span
    query = select(Sample.id, Sample.revision).where(wanted, Sample.id <= high).order_by(Sample.id)
    while rows := session.execute(query.where(Sample.id >= low).limit(BATCH)).all():
        ids, revisions = [row.id for row in rows], [row.revision for row in rows]
        vectors = embeddings.vectors(session, embedding, Part.FULL, ids, revisions)
        values = numbers(model, nearest(vectors, centres))
        write_values(session, ids, revisions, [(target, Scores(values.reshape(-1, 1)))])
        yield len(ids), ids[-1]
        low = ids[-1] + 1


def numbers(model: TopicModel, clusters: NDArray[np.int64]) -> NDArray[np.float32]:
    """What is stored for clusters; NaN for texts without words."""
    found = np.where(clusters == NONE, np.nan, clusters + model.first)
    return found.astype(np.float32)


def centres_of(model: TopicModel, width: int) -> NDArray[np.float32]:
    """The centres of a model, a row each."""
    return np.frombuffer(model.centres, np.float32).reshape(model.count, width)


def finish(session: Session, job: Job) -> None:
    """Turn the dataset to the topics that were found; those before are gone in the same moment."""
    mode = Mode(job.params["mode"])
    model = model_of(session, job)
    if mode is Mode.ALL:
        others = delete(TopicModel).where(
            TopicModel.dataset_id == model.dataset_id, TopicModel.id != model.id
        )
        session.execute(others)
        model.current = True
    if mode is not Mode.TITLES:
        model.read_at, model.job_id = job.started_at, job.id
        session.flush()
        job.result = {**job.result, **_counts(session, model)}
    if mode is Mode.ALL and job.params["provider"]:
        _then_titles(session, job)
    if mode is Mode.TITLES:
        job.result = {**job.result, **llm.spent(session, job.id)}


def _counts(session: Session, model: TopicModel) -> dict[str, int]:
    schema = schema_of(session, model.dataset_id)
    mine = Sample.dataset_id == model.dataset_id
    without = compiled(schema, parsed(schema, f"missing:{TOPIC}"))
    total, left = session.execute(
        select(func.count(), func.count().filter(without)).where(mine)
    ).one()
    return {"topics": len(schema.places.titles), "rows": total - left, "without": left}


def _then_titles(session: Session, job: Job) -> None:
    """Titles come in a job of their own, where the provider is asked; keywords stand till then."""
    params = job.params
    by = jobs.owner(session, job)
    try:
        with session.begin_nested():
            started = start_titles(
                session, params["dataset_id"], params["provider"], params["budget"], by=by
            )
    except AppError as error:  # the topics stand; why they keep their keywords is said
        job.result = {**job.result, "problem": str(error)}
        return
    job.result = {**job.result, "titles_job": str(started.id)}


def running(session: Session, dataset_id: int) -> Sequence[Job]:
    """Jobs on the topics of a dataset."""
    return jobs.open_jobs(session, dataset_id, JobKind.TOPICS)
