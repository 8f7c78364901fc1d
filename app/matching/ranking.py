"""Which sample of a cluster stays: the order of all that a run looks at."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    Uuid,
    case,
    column,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.curation.records import Origin
from app.errors import InvalidError
from app.matching.models import MatchRun
from app.samples.models import Sample, Status
from app.samples.search import Schema, compiled, parsed, schema_of

SIGNAL, LOWEST = "signal:", "lowest:"
_ORIGIN = case((Sample.origin == Origin.HUMAN, 0), (Sample.origin == Origin.WEB, 1), else_=2)
POLICIES: Mapping[str, ColumnElement[Any]] = {
    "human": _ORIGIN,
    "oldest": Sample.id.asc(),
    "newest": Sample.id.desc(),
    "longest": Sample.chars.desc(),
    "shortest": Sample.chars.asc(),
}
DEFAULT = ("human", "oldest")
# What people decided comes before any policy: an approved sample stays, a rejected one does not.
_DECIDED = case(
    (Sample.status == Status.APPROVED, 0),
    (Sample.kept.is_(True), 1),
    (Sample.status == Status.REJECTED, 3),
    else_=2,
)
_ROW = np.dtype([("id", ">i8"), ("revision", ">i4"), ("source", ">i4")])


def checked(session: Session, dataset_id: int, keep: Sequence[str]) -> list[str]:
    """The policies in the order given, or the usual ones; refuses what is none."""
    signals = {one.name for one in schema_of(session, dataset_id).signals}
    for one in keep:
        kind, _, name = one.partition(":")
        if f"{kind}:" in {SIGNAL, LOWEST}:
            if name not in signals:
                raise InvalidError(f"There is no signal `{name}` here to keep samples by.")
        elif one not in POLICIES:
            raise InvalidError(
                f"`{one}` says nothing about which sample stays. There are "
                f"{', '.join(POLICIES)}, {SIGNAL}NAME and {LOWEST}NAME."
            )
    return list(keep) or list(DEFAULT)


def ranked(session: Session, run: MatchRun) -> NDArray[np.void]:
    """The samples that a run looks through (id, revision, source), the best first.

    Of a release of the same dataset they are those that are not in it.
    """
    schema = schema_of(session, run.dataset_id)
    wanted = compiled(schema, parsed(schema, run.where)) & (Sample.status != Status.DROPPED)
    if run.release_id is not None:
        wanted &= Sample.id.not_in(_released(run.release_id))
    return _rows(session, schema, run.keep, wanted)


def reference(session: Session, run: MatchRun) -> NDArray[np.void]:
    """The samples that it holds them against, as they are now, without what was dropped since."""
    schema = schema_of(session, run.against_id or run.dataset_id)
    wanted = Sample.status != Status.DROPPED
    if run.release_id is not None:
        wanted &= Sample.id.in_(_released(run.release_id))
    return _rows(session, schema, run.keep, wanted)


def _released(release_id: uuid.UUID) -> Select[int]:
    items = table("release_items", column("release_id", Uuid()), column("sample_id", BigInteger()))
    return select(items.c.sample_id).where(items.c.release_id == release_id)


def _rows(
    session: Session, schema: Schema, keep: Sequence[str], wanted: ColumnElement[bool]
) -> NDArray[np.void]:
    row = func.int8send(Sample.id).op("||")(func.int4send(Sample.revision))
    row = row.op("||")(func.int4send(Sample.source_id))
    place = func.row_number().over(order_by=(_DECIDED, *_orders(schema, keep), Sample.id))
    rows = (
        select(row.label("row"), place.label("place"))
        .where(Sample.dataset_id == schema.dataset_id, wanted)
        .subquery()
    )
    ordered = aggregate_order_by(literal(b"", LargeBinary), rows.c.place)
    sent = func.string_agg(rows.c.row, ordered)
    return np.frombuffer(session.scalar(select(sent)) or b"", _ROW)


def _orders(schema: Schema, keep: Sequence[str]) -> list[ColumnElement[Any]]:
    orders: list[ColumnElement[Any]] = []
    for one in keep:
        kind, _, name = one.partition(":")
        column = schema.columns.get(name)
        if not name:
            orders.append(POLICIES[one])
        elif column is not None:  # another dataset may not have measured it
            falling = column.desc() if f"{kind}:" == SIGNAL else column.asc()
            orders.append(falling.nulls_last())
    return orders
