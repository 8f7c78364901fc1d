"""How a field spreads over a dataset: histograms, samples at the ends and at a cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.rules.nodes import And, Compare, Node, Not, Or, Range, conditions
from app.samples import columns as held
from app.samples.arrays import Columns
from app.samples.models import Sample, Status
from app.samples.ranking import Rows, first
from app.samples.search import Schema, parsed
from app.samples.texts import beginnings
from app.samples.truth import Mask, columns_for, evaluate, ordered, unknown


def parts_of(schema: Schema, where: str) -> list[Node]:
    """The conditions of an expression, in order; none for the empty one."""
    return [part for part in conditions(parsed(schema, where)) if part != And(())]


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
    columns = held.read(session, schema, {field, *columns_for(schema, *others)})
    passes = passing(session, schema, columns, others)
    measured = ~unknown(columns[field])
    column = columns[field][measured].astype(np.float64)
    low, high = _range(column)
    place = (column - low) * (bins / (high - low))
    # What lies on the upper end belongs to the last bin.
    code = np.minimum(place.astype(np.int64), bins - 1) * 2 + passes[measured]
    rows = np.bincount(code, minlength=2 * bins).reshape(bins, 2)
    missing = int(np.count_nonzero(passes & ~measured))
    return Histogram(field, low, high, rows[:, 1].tolist(), rows[:, 0].tolist(), missing)


def passing(session: Session, schema: Schema, columns: Columns, parts: Sequence[Node]) -> Mask:
    """Whether a row fails none of the conditions; what was not measured does not fail."""
    passes = np.ones(len(columns), bool)
    for part in parts:
        passes &= ~evaluate(session, schema, columns, part).no
    return passes


def _range(column: NDArray[np.float64]) -> tuple[float, float]:
    """Ends that are not equal, so that there are bins."""
    low, high = (float(column.min()), float(column.max())) if len(column) else (0.0, 0.0)
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
    columns = held.read(session, schema, {cut.field, *columns_for(schema, *others)})
    passes = passing(session, schema, columns, others)
    side = ordered(columns[cut.field], ">=" if cut.keeps_above else ">", cut.value)
    above = first(columns, passes & side.yes, cut.field, count)
    below = first(columns, passes & side.no, cut.field, count, descending=True)
    stays, goes = (above, below) if cut.keeps_above else (below, above)
    return _shown(session, columns, cut.field, stays[::-1]), _shown(
        session, columns, cut.field, goes
    )


def ends(
    session: Session, schema: Schema, field: str, count: int = 6
) -> tuple[list[Near], list[Near]]:
    """Samples with the lowest and with the highest values."""
    columns = held.read(session, schema, {field})
    there = ~unknown(columns[field])
    lowest = first(columns, there, field, count)
    highest = first(columns, there, field, count, descending=True)
    return _shown(session, columns, field, lowest), _shown(session, columns, field, highest)


def _shown(session: Session, columns: Columns, field: str, rows: Rows) -> list[Near]:
    """The samples of these rows; one that was deleted meanwhile is left out."""
    ids, values = columns.ids[rows].tolist(), columns[field][rows].astype(str)
    statuses = dict(
        session.execute(select(Sample.id, Sample.status).where(Sample.id.in_(ids))).all()
    )
    texts = beginnings(session, ids)
    # As text first: 0.1 is shown as what was measured, not as the float32 nearest to it.
    pairs = zip(ids, values, strict=True)
    return [
        Near(one, float(value), statuses[one], texts.get(one, ""))
        for one, value in pairs
        if one in statuses
    ]
