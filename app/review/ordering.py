"""In which order samples come to reviewers: by a field, or by what they would teach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.curation.selectors.active import disagreement, novel, uncertainty
from app.embeddings import service as embeddings
from app.embeddings import storing
from app.embeddings.models import Part
from app.errors import InvalidError
from app.providers.embedders import Tier
from app.review.models import Decision, ReviewItem, ReviewQueue, Verdict
from app.samples import columns as held
from app.samples import naming
from app.samples.arrays import Columns
from app.samples.models import DatasetSignal, Sample, Status
from app.samples.order import order_columns, sort_of
from app.samples.search import Schema, parsed, schema_of
from app.samples.truth import columns_for, evaluate
from app.scoring.trust import JUDGING, cuts

REVIEWABLE = (Status.IN_REVIEW, Status.PENDING)
UNCERTAIN, DISAGREEMENT, NOVEL = "uncertain", "disagreement", "novel"
_CANDIDATES = 4000  # samples among which the farthest are looked for: a fifth of a second
_COMPARED = 2000  # labelled samples that they are compared with, the newest

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Order:
    """A way to order by what teaches most, and the signals it looks at."""

    way: str
    signals: tuple[str, ...] = ()


def active(order_by: str) -> Order | None:
    """`uncertain:SIGNAL`, `disagreement`, `disagreement:A,B` or `novel`; None for a field."""
    way, _, names = order_by.partition(":")
    if way not in {UNCERTAIN, DISAGREEMENT, NOVEL}:
        return None
    return Order(way, tuple(name.strip() for name in names.split(",") if name.strip()))


def check(session: Session, dataset_id: int, order_by: str) -> None:
    """Refuse an order that there can't be, with what is missing for it."""
    schema = schema_of(session, dataset_id)
    order = active(order_by)
    if order is None:
        sort_of(schema, order_by or "id")
    elif order.way == NOVEL:
        if embeddings.known(session, Tier.STATIC) is None:
            raise InvalidError("What is new is known by vectors: embed the samples first.")
    else:
        _signals(schema, order)


def _signals(schema: Schema, order: Order) -> list[str]:
    """The signals an order looks at: those named, or all that judge."""
    known = {one.name: one for one in schema.signals}
    unknown = [name for name in order.signals if name not in known]
    if unknown:
        raise InvalidError(naming.unknown(unknown[0], list(known)))
    if order.way == UNCERTAIN:
        if len(order.signals) != 1:
            raise InvalidError("Uncertain about which signal? Write `uncertain:SIGNAL`.")
        return [_newest(known[order.signals[0]], schema.signals)]
    names = order.signals or tuple(name for name, one in known.items() if one.key in JUDGING)
    if len(names) < 2:
        raise InvalidError(
            "Disagreement takes two scores at least: judge or learn another, or name them as "
            "`disagreement:A,B`."
        )
    return list(names)


def _newest(signal: DatasetSignal, known: Sequence[DatasetSignal]) -> str:
    """The newest version of a learned signal: doubt is that of the model as it is now."""
    family = signal.params.get("name")
    same = [one for one in known if family and one.params.get("name") == family]
    return max(same, key=lambda one: one.version).name if same else signal.name


def next_ids(
    session: Session, queue: ReviewQueue, fresh: ColumnElement[bool], count: int
) -> list[int]:
    """The next samples for the queue; those sent to review by hand come first."""
    order = active(queue.order_by)
    if order is None:
        return _by_field(session, queue, fresh, count)
    schema = schema_of(session, queue.dataset_id)
    node = parsed(schema, queue.where)
    names = _signals(schema, order) if order.way != NOVEL else []
    needed = {"status", "revision", *names, *columns_for(schema, node)}
    columns = held.read(session, schema, needed)
    open_ = evaluate(session, schema, columns, node).yes & ~_queued(session, queue, columns)
    found: list[int] = []
    for status in REVIEWABLE:
        words = columns.words["status"]
        of_status = columns["status"] == (words.index(status) if status in words else -1)
        rows = np.flatnonzero(open_ & of_status)
        if order.way == NOVEL:
            chosen = _novel(session, queue, columns, rows, count - len(found))
        else:
            chosen = _highest(_worth(session, schema, columns, order, names), rows, count)
        found += columns.ids[chosen].tolist()[: count - len(found)]
    return found


def _by_field(
    session: Session, queue: ReviewQueue, fresh: ColumnElement[bool], count: int
) -> list[int]:
    """In the order of a field; one status after the other, as the index has them."""
    order = order_columns(sort_of(schema_of(session, queue.dataset_id), queue.order_by or "id"))
    found: list[int] = []
    for status in REVIEWABLE:
        query = select(Sample.id).where(fresh, Sample.status == status).order_by(*order)
        found += session.scalars(query.limit(count - len(found)))
    return found


def _queued(session: Session, queue: ReviewQueue, columns: Columns) -> NDArray[np.bool_]:
    query = select(ReviewItem.sample_id).where(ReviewItem.dataset_id == queue.dataset_id)
    return np.isin(columns.ids, np.array(session.scalars(query).all(), np.int64))


def _worth(
    session: Session, schema: Schema, columns: Columns, order: Order, names: Sequence[str]
) -> NDArray[np.floating]:
    if order.way == DISAGREEMENT:
        return disagreement([columns[name] for name in names])
    scores = columns[names[0]]
    cut = cuts(session, schema.dataset_id).get(names[0])
    if cut is None:
        known = scores[np.isfinite(scores)]
        is_probability = len(known) and known.min() >= 0 and known.max() <= 1
        cut = 0.5 if is_probability else float(np.median(known)) if len(known) else 0.0
    return uncertainty(scores, cut)


def _highest(worth: NDArray[np.floating], rows: Rows, count: int) -> Rows:
    """The rows that are worth most, what has no score last."""
    keys = np.where(np.isfinite(worth[rows]), -worth[rows], np.inf)
    return rows[np.argsort(keys, kind="stable")[:count]]


def _novel(session: Session, queue: ReviewQueue, columns: Columns, rows: Rows, count: int) -> Rows:
    """The rows farthest from what was decided, among some thousand drawn by chance."""
    model = embeddings.known(session, Tier.STATIC)
    if model is None or not len(rows) or not count:
        return rows[:count]
    rng = np.random.default_rng()
    some = rows if len(rows) <= _CANDIDATES else rng.choice(rows, _CANDIDATES, replace=False)
    newest = (
        select(Sample.id, Sample.revision)
        .join(Decision, Decision.sample_id == Sample.id)
        .where(
            Decision.dataset_id == queue.dataset_id,
            Decision.undone_at.is_(None),
            Decision.verdict != Verdict.SKIP,
        )
        .order_by(Decision.id.desc())
        .limit(_COMPARED)
    )
    decided = session.execute(newest).all()
    labelled, vectors = (
        storing.read(session, model, Part.FULL, ids, revisions)
        for ids, revisions in (
            ([one.id for one in decided], [one.revision for one in decided]),
            (columns.ids[some].tolist(), columns["revision"][some].tolist()),
        )
    )
    return some[novel(vectors, labelled, count)]
