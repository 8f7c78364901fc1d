"""How a field spreads over a dataset: histograms, samples at the ends and at a cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Row,
    SmallInteger,
    SQLColumnExpression,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    select,
    true,
)
from sqlalchemy.orm import Session

from app.curation.rules.nodes import And, Compare, Node, Not, Or, Range, conditions
from app.samples.models import Sample, SampleBody, Status
from app.samples.search import Schema, compiled, parsed

KEPT, UNMEASURED = 0, -1


def parts_of(schema: Schema, where: str) -> list[Node]:
    """The conditions of an expression, in order; none for the empty one."""
    return [part for part in conditions(parsed(schema, where)) if part != And(())]


def failing(schema: Schema, parts: Sequence[Node]) -> ColumnElement[int]:
    """The 1-based number of the first condition that is false; 0 for none, -1 where unknown.

    Most rows of a good filter meet all conditions: asked for first, those cost one look at each.
    """
    if not parts:
        return literal(KEPT)
    tests = [compiled(schema, part) for part in parts]
    whens = [(test.is_(False), literal(number)) for number, test in enumerate(tests, start=1)]
    return case((and_(true(), *tests), KEPT), *whens, else_=UNMEASURED)


def _passing(schema: Schema, parts: Sequence[Node]) -> ColumnElement[bool]:
    """Whether a row fails none of the conditions; what was not measured does not fail."""
    return and_(true(), *(compiled(schema, part).is_not(False) for part in parts))


def grouped(
    session: Session, schema: Schema, *columns: SQLColumnExpression[Any]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """All rows of the dataset counted per combination of these expressions, the count last.

    Finding the group of a row costs more for every column: pack what is computed into one. The
    fence makes the planner guess the number of groups instead of multiplying the values of every
    column in an expression, so that it lets several processes count.
    """
    named: list[ColumnElement[Any]] = [
        column.label(f"c{place}") for place, column in enumerate(columns)
    ]
    fenced = select(*named).where(Sample.dataset_id == schema.dataset_id).offset(_FENCE).subquery()
    return session.execute(select(*fenced.c, func.count()).group_by(*fenced.c)).all()


# A constant of its own type: Postgres takes any other expression for a limit that has to be kept.
_FENCE: ColumnElement[int] = literal_column("'0'::bigint")


@dataclass(frozen=True, slots=True)
class Cut:
    """A condition with one movable bound: the field, the side that stays, where the bound is."""

    field: str
    keeps_above: bool
    value: float


def cut_of(part: Node) -> Cut | None:
    """The movable bound of a condition, if it has one: `x>=2.4`, `x<=0.1`, `x:2.4..`, `x:..3`."""
    match part:
        case Compare(name, ">=" | ">", (value,)):
            return Cut(name, True, float(value))
        case Compare(name, "<=" | "<", (value,)):
            return Cut(name, False, float(value))
        case Range(name, str(low), None):
            return Cut(name, True, float(low))
        case Range(name, None, str(high)):
            return Cut(name, False, float(high))
        case _:
            return None


def field_of(part: Node) -> str | None:
    """The field whose value is told as the reason of a drop: the first one of the condition."""
    match part:
        case Compare(name) | Range(name):
            return name
        case Not(inner):
            return field_of(inner)
        case And(parts) | Or(parts):
            return next(filter(None, map(field_of, parts)), None)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows per bin of a signal, from `low` to `high`; `earlier` were lost by other conditions."""

    signal: str
    low: float
    high: float
    counts: Sequence[int]
    earlier: Sequence[int]
    missing: int

    def merged(self, every: int) -> "Histogram":
        """The same with so many bins made one."""
        parts = range(0, len(self.counts), every)
        counts = [sum(self.counts[at : at + every]) for at in parts]
        earlier = [sum(self.earlier[at : at + every]) for at in parts]
        return replace(self, counts=counts, earlier=earlier)

    @property
    def edges(self) -> list[float]:
        """The bins' borders, one more than bins."""
        width = (self.high - self.low) / len(self.counts)
        return [self.low + width * number for number in range(len(self.counts) + 1)]


def histogram(
    session: Session, schema: Schema, field: str, *, where: str = "", bins: int = 50
) -> Histogram:
    """The distribution of a field over the rows that match `where`, the others beside it."""
    return histogram_among(session, schema, field, parts_of(schema, where), bins)


def histogram_among(
    session: Session, schema: Schema, field: str, others: Sequence[Node], bins: int
) -> Histogram:
    """The distribution over all rows, split into those that pass the other conditions or not."""
    column = schema.columns[field]
    low, high = _range(session, schema, field)
    passes = cast(_passing(schema, others), Integer)
    bucket = func.coalesce(func.width_bucket(column, low, high, bins) + 1, _UNKNOWN)
    found = np.bincount(_each(session, schema, bucket * 2 + passes), minlength=2 * (bins + 3))
    rows = found.reshape(-1, 2)  # by place, then whether the other conditions pass
    inner = rows[_FIRST : _FIRST + bins]
    # The upper end, and what lies beyond the ends, belongs to the outermost bins.
    inner[0] += rows[_BELOW]
    inner[-1] += rows[_FIRST + bins]
    counts, earlier = inner[:, 1].tolist(), inner[:, 0].tolist()
    return Histogram(field, low, high, counts, earlier, missing=int(rows[_UNKNOWN, 1]))


# Places of a value: not measured, below all bins, the first bin; behind the last bin one more.
_UNKNOWN, _BELOW, _FIRST = 0, 1, 2


def _each(session: Session, schema: Schema, value: ColumnElement[int]) -> NDArray[np.int16]:
    """A small number of every row of the dataset, in no order.

    Two bytes per row in one string, counted here, are half the time of a GROUP BY.
    """
    joined = func.string_agg(func.int2send(cast(value, SmallInteger)), literal(b"", LargeBinary))
    found = session.scalar(select(joined).where(Sample.dataset_id == schema.dataset_id))
    return np.frombuffer(found or b"", ">i2").astype(np.int16)


def _range(session: Session, schema: Schema, field: str) -> tuple[float, float]:
    """Ends that are not equal, so that there are bins; those of a signal are known."""
    low, high = schema.ends.get(field, (None, None))
    if low is None or high is None:
        column = schema.columns[field]
        ends = select(func.min(column), func.max(column))
        low, high = session.execute(ends.where(Sample.dataset_id == schema.dataset_id)).one()
    low, high = float(low or 0), float(high or 0)
    return (low, high) if low < high else (low, low + max(1.0, abs(low) * 1e-6))


@dataclass(frozen=True, slots=True)
class Near:
    """A sample near the cut: its value, its beginning, where it stands."""

    id: int
    value: float
    status: Status
    text: str


def at_the_cut(
    session: Session, schema: Schema, cut: Cut, others: Sequence[Node], count: int = 6
) -> tuple[list[Near], list[Near]]:
    """Samples just inside and just outside, nearest to the cut last and first."""
    column = schema.columns[cut.field]
    above = column >= cut.value if cut.keeps_above else column > cut.value
    upper = _nearest(session, schema, others, above, column.asc(), column, count)
    lower = _nearest(session, schema, others, not_(above), column.desc(), column, count)
    stays, goes = (upper, lower) if cut.keeps_above else (lower, upper)
    return list(reversed(stays)), goes


def ends(
    session: Session, schema: Schema, field: str, count: int = 6
) -> tuple[list[Near], list[Near]]:
    """Samples with the lowest and with the highest values."""
    column = schema.columns[field]
    there = column.is_not(None)
    lowest = _nearest(session, schema, (), there, column.asc(), column, count)
    highest = _nearest(session, schema, (), there, column.desc(), column, count)
    return lowest, highest


def _nearest(
    session: Session,
    schema: Schema,
    others: Sequence[Node],
    side: ColumnElement[bool],
    order: ColumnElement[Any],
    column: ColumnElement[Any],
    count: int,
) -> list[Near]:
    query = (
        select(Sample.id, column, Sample.status, func.left(SampleBody.text, 240))
        .join(
            SampleBody,
            and_(SampleBody.sample_id == Sample.id, SampleBody.revision == Sample.revision),
        )
        .where(Sample.dataset_id == schema.dataset_id, side, _passing(schema, others))
        .order_by(order, Sample.id)
        .limit(count)
    )
    return [Near(*row) for row in session.execute(query)]
