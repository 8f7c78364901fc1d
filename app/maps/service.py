"""Maps of datasets: starting one, laying a part of it out, the place of each sample."""

from collections.abc import Iterator
from enum import StrEnum

import numpy as np
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.curation.shape.layout import MOST, Layout
from app.curation.signals.base import Scores
from app.datasets.models import Dataset
from app.embeddings import service as embeddings
from app.embeddings.models import Part
from app.errors import ConflictError, InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.providers.embedders import Tier
from app.samples import columns as held
from app.samples import places, registry
from app.samples.models import DatasetSignal, Sample
from app.samples.places import MAP, SIDES, MapLayout
from app.samples.registry import PLACE, SignalSpec
from app.samples.search import schema_of
from app.scoring.writing import write_values

BATCH = 5000
_AXES = ("map_x", "map_y")


class Mode(StrEnum):
    """What a run does."""

    ALL = "all"
    NEW = "new"


class Order(BaseModel):
    """How a map is made."""

    mode: Mode = Field(
        Mode.ALL,
        description="`all` draws a new map; `new` puts samples that are not on the map there",
    )
    landmarks: int = Field(
        MOST, ge=100, le=MOST, description="Samples that are laid out; the others go beside these"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed lays other samples out")


def start(session: Session, dataset: Dataset, order: Order, *, by: Principal) -> Job:
    """Draw a map of a dataset, or put on it what came since."""
    require_role(by, Role.LEAD, "draw a map")
    if order.mode is Mode.NEW:
        _must_compare(session, dataset)
    elif session.scalar(select(Sample.id).where(Sample.dataset_id == dataset.id).limit(1)) is None:
        raise InvalidError(f"{dataset.name} has no samples: import some, then draw their map.")
    elif any(one.name == MAP for one in registry.signals(session, dataset.id)):
        raise ConflictError(
            f"`{MAP}` is a signal of {dataset.name} already, and filters could not tell the two "
            "apart. Import that column under another name."
        )
    if jobs.open_jobs(session, dataset.id, JobKind.MAP):
        raise ConflictError("A map is being drawn here right now. Wait until that is done.")
    title = "Draw a map" if order.mode is Mode.ALL else "Put new samples on the map"
    params = {"dataset_id": dataset.id, **order.model_dump(mode="json")}
    return jobs.start(session, JobKind.MAP, title, by=by, dataset_id=dataset.id, params=params)


def present(session: Session, dataset: Dataset) -> MapLayout:
    """The map that is there."""
    found = places.layout(session, dataset.id)
    if found is None:
        raise ConflictError(
            f"{dataset.name} has no map yet: draw one first (`winnow map {dataset.name}`)."
        )
    return found


def _must_compare(session: Session, dataset: Dataset) -> None:
    made_by, known = present(session, dataset).embedded_by, embeddings.known(session, Tier.STATIC)
    if known is None or known.fingerprint != made_by:
        raise ConflictError(
            "The embedding model was changed since this map was drawn, and vectors of two models "
            "do not compare. Draw a new map."
        )


def fit(session: Session, job: Job) -> MapLayout:
    """Lay a part of the dataset out: a new map, not yet in use."""
    dataset_id, params = job.params["dataset_id"], job.params
    columns = held.read(session, schema_of(session, dataset_id), {"revision"})
    some = np.random.default_rng(params["seed"]).permutation(len(columns))[: params["landmarks"]]
    embedding = embeddings.model_of(session, Tier.STATIC)
    vectors = embeddings.vectors(
        session,
        embedding,
        Part.FULL,
        columns.ids[some].tolist(),
        columns["revision"][some].tolist(),
    )
    layout = Layout.fit(vectors, params["seed"])
    if not len(layout.places):
        raise InvalidError("No sample has words that could be compared: there is nothing to map.")
    found = _row(session, job, layout, embedding.fingerprint)
    job.result = {**job.result, "layout": found.id}
    return found


def _row(session: Session, job: Job, layout: Layout, embedded_by: str) -> MapLayout:
    dataset_id = job.params["dataset_id"]
    unfinished = delete(MapLayout).where(MapLayout.dataset_id == dataset_id, ~MapLayout.current)
    session.execute(unfinished)
    last = places.layout(session, dataset_id)
    side = SIDES[0] if last is None or last.side == SIDES[1] else SIDES[1]
    names = [places.slot_name(axis, side) for axis in _AXES]
    specs = [SignalSpec(one, "Place on the map", PLACE, one) for one in names]
    registry.claim_slots(session, dataset_id, specs, job.id)
    found = MapLayout(
        dataset_id=dataset_id,
        version=last.version + 1 if last is not None else 1,
        side=side,
        landmarks=layout.to_bytes(),
        embedded_by=embedded_by,
        params={name: job.params[name] for name in ("landmarks", "seed")},
        found={"landmarks": len(layout.places)},
        job_id=job.id,
    )
    session.add(found)
    session.flush()
    return found


def layout_of(session: Session, job: Job) -> MapLayout:
    """The map that a job works on; a later run may have put another in its place."""
    found = session.get(MapLayout, job.result["layout"])
    if found is None:
        raise ConflictError("This map was replaced by a later one. Start anew.")
    return found


def slots(session: Session, found: MapLayout) -> list[DatasetSignal]:
    """Where the two coordinates are written."""
    known = {one.name: one for one in registry.slots(session, found.dataset_id)}
    return [known[places.slot_name(axis, found.side)] for axis in _AXES]


def to_place(session: Session, found: MapLayout, mode: Mode) -> ColumnElement[bool]:
    """The samples that a run places: all, or those not on the map and those edited since."""
    mine = Sample.dataset_id == found.dataset_id
    if mode is Mode.ALL:
        return mine
    x = Sample.scores[slots(session, found)[0].slot + 1]
    edited = and_(Sample.revision > 1, Sample.changed_at > func.coalesce(found.read_at, now()))
    return and_(mine, or_(x.is_(None), edited))


def place(
    session: Session, found: MapLayout, wanted: ColumnElement[bool], span: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Write the places of the wanted samples between two ids; (rows, last id) after each batch."""
    embedding = embeddings.model_of(session, Tier.STATIC)
    if embedding.fingerprint != found.embedded_by:
        raise ConflictError("The embedding model was changed meanwhile. Draw a new map.")
    layout = Layout.from_bytes(found.landmarks)
    target = slots(session, found)
    low, high = span
    query = select(Sample.id, Sample.revision).where(wanted, Sample.id <= high).order_by(Sample.id)
    while rows := session.execute(query.where(Sample.id >= low).limit(BATCH)).all():
        ids, revisions = [row.id for row in rows], [row.revision for row in rows]
        vectors = embeddings.vectors(session, embedding, Part.FULL, ids, revisions)
        write_values(session, ids, revisions, [(target, Scores(layout.place(vectors)))])
        yield len(ids), ids[-1]
        low = ids[-1] + 1


def finish(session: Session, job: Job) -> None:
    """Turn the dataset to the new map; the one before and its areas are gone in that moment."""
    found = layout_of(session, job)
    if Mode(job.params["mode"]) is Mode.ALL:
        others = delete(MapLayout).where(
            MapLayout.dataset_id == found.dataset_id, MapLayout.id != found.id
        )
        session.execute(others)
        found.current = True
    found.read_at, found.job_id = job.started_at, job.id
    session.flush()
    x = Sample.scores[slots(session, found)[0].slot + 1]
    query = select(func.count(), func.count(x)).where(Sample.dataset_id == found.dataset_id)
    total, placed = session.execute(query).one()
    job.result = {**job.result, "placed": placed, "without": total - placed}
