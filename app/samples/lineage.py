"""Families of samples: what one was made from, and verdicts on all that was made from it."""

from bisect import bisect_left
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from app.accounts.policies import Principal
from app.curation.records import Origin
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError
from app.jobs.models import Job
from app.samples import bulk
from app.samples.bulk import Action
from app.samples.models import OPEN, Sample, SampleBody, SampleParent, Status
from app.samples.service import body, get
from app.samples.texts import SHOWN
from app.sources import service as sources
from app.sources.models import Source

_SHOWN = 3
_ALIKE = 0.6  # share of the words of both that both have
_MOST = 10_000
_COMPARED = 20_000  # characters in which is looked for where a child differs
_BEFORE = 30


@dataclass(frozen=True, slots=True)
class Parent:
    """What a sample was made from, how, and how many of its children nobody decided on.

    `alike` tells whether both have most of their words in common, so that what changed says more
    than both texts.
    """

    id: int
    relation: str
    text: str
    open_children: int
    alike: bool


def parents_of(session: Session, sample: Sample) -> list[Parent]:
    """The first parents with their text."""
    query = (
        select(SampleParent, SampleBody.text)
        .join(Sample, Sample.id == SampleParent.parent_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(SampleParent.child_id == sample.id)
        .order_by(SampleParent.parent_id)
        .limit(_SHOWN)
    )
    found = session.execute(query).all()
    mine = set(body(session, sample).text.lower().split()) if found else set()
    return [
        Parent(
            one.parent_id,
            one.relation,
            text,
            open_children(session, one.parent_id),
            _alike(mine, set(text.lower().split())),
        )
        for one, text in found
    ]


def _alike(one: set[str], other: set[str]) -> bool:
    return 2 * len(one & other) >= _ALIKE * (len(one) + len(other))


def source_of_made(
    session: Session, made_by: str, wanted: ColumnElement[bool] | None, by: Principal
) -> Source:
    """Where samples are said to come from that were made of others, or of none.

    Under the licence that all of those share, if they share one.
    """
    licences: list[str | None] = []
    if wanted is not None:
        query = select(Source.license).distinct().join(Sample, Sample.source_id == Source.id)
        licences = list(session.scalars(query.where(wanted)))
    shared = licences[0] if len(licences) == 1 else None
    name = made_by + (f" from {shared}" if shared else "")
    return sources.find_or_add(
        session, name=name, origin=Origin.SYNTHETIC, license_=shared, by=by, terms="made by Winnow"
    )


@dataclass(frozen=True, slots=True)
class Child:
    """What was made from a sample, with its text from where it differs from that of the sample.

    `elsewhere`: it lies in another dataset, as pairs may, and is decided on there.
    """

    id: int
    relation: str
    status: Status
    text: str
    elsewhere: bool


def children_of(session: Session, sample_id: int, limit: int = 1000) -> list[Child]:
    """The first samples that were made from it, those that are open before the others."""
    parent = aliased(Sample)
    query = (
        select(
            Sample.id,
            SampleParent.relation,
            Sample.status,
            func.left(SampleBody.text, _COMPARED),
            Sample.dataset_id != parent.dataset_id,
        )
        .join(SampleParent, SampleParent.child_id == Sample.id)
        .join(parent, parent.id == SampleParent.parent_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(SampleParent.parent_id == sample_id)
        .order_by(Sample.status.not_in(OPEN), Sample.dataset_id != parent.dataset_id, Sample.id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    mine = body(session, get(session, sample_id)).text[:_COMPARED] if rows else ""
    return [
        Child(id_, relation, status, differing(mine, text), elsewhere)
        for id_, relation, status, text, elsewhere in rows
    ]


def differing(one: str, other: str) -> str:
    """The beginning of the other text; where both begin alike, from shortly before they differ.

    Children of a question begin with it: what people decide on comes behind.
    """
    most = min(len(one), len(other))
    same = bisect_left(range(1, most + 1), 1, key=lambda at: one[:at] != other[:at])
    if same <= SHOWN // 4 or same == len(other):
        return other[:SHOWN]
    start = other.rfind(" ", 0, max(same - _BEFORE, 0)) + 1
    return f"… {other[start : start + SHOWN]}" if start else other[:SHOWN]


def open_children(session: Session, sample_id: int) -> int:
    """How many samples of its dataset were made from it that nobody decided on."""
    query = select(func.count()).select_from(_open(sample_id).subquery())
    return session.scalar(query) or 0


def decide_children(
    session: Session, dataset: Dataset, sample: Sample, action: Action, *, by: Principal
) -> Job:
    """Approve or reject all that was made from a sample and is open, in a job; can be undone."""
    if action not in (Action.APPROVE, Action.REJECT):
        raise InvalidError("Children are approved or rejected together.")
    ids = session.scalars(_open(sample.id).order_by(Sample.id).limit(_MOST)).all()
    if not ids:
        raise ConflictError(f"Nothing that was made from sample {sample.id} is open.")
    where = bulk.matching_or("", list(ids))
    return bulk.start(session, dataset, action, where=where, confirmed=None, by=by)


def _open(sample_id: int) -> Select[int]:
    """Those in its own dataset: pairs of it may lie in another one, and are decided on there."""
    parent = aliased(Sample)
    return (
        select(Sample.id)
        .join(SampleParent, SampleParent.child_id == Sample.id)
        .join(parent, parent.id == SampleParent.parent_id)
        .where(
            SampleParent.parent_id == sample_id,
            Sample.dataset_id == parent.dataset_id,
            Sample.status.in_(OPEN),
        )
    )
