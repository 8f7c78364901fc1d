"""What the pairs of a dataset are like: margins, lengths, sources, what people say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, Row, and_, case, cast, func, select
from sqlalchemy.orm import Session

from app.curation.pairs.sides import CHOSEN, REJECTED, Side
from app.curation.records import Kind
from app.datasets.models import Dataset
from app.review.models import Decision
from app.samples.models import OPEN, Sample, SampleBody, Status
from app.samples.search import condition

BINS = 20
MOST = 50_000  # pairs that are looked at: a page waits a second for them
LONGER_WARNS = 0.7  # from this share on, a model may learn that longer is better
_KEPT = (*OPEN, Status.APPROVED)
_LISTED = 12
_NUMBER = r"^-?\d{1,15}(\.\d{1,20})?([eE][-+]?\d{1,2})?$"
UNTOLD = "not told"


@dataclass(frozen=True, slots=True)
class Margins:
    """Pairs by how much better the chosen one scored; below 0 people preferred the other one."""

    signal: str
    low: float
    high: float
    counts: Sequence[int]
    median: float | None
    missing: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Characters of both sides, and the share of pairs whose chosen answer is the longer one."""

    chosen: float | None
    rejected: float | None
    longer: float

    @property
    def warns(self) -> bool:
        return self.longer > LONGER_WARNS


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs that have something in common."""

    chosen: str
    rejected: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Wayward:
    """Pairs by the way they were built."""

    by: str
    pairs: int
    margin: float | None
    longer: float


@dataclass(frozen=True, slots=True)
class People:
    """What people preferred, not knowing which was built as the chosen one.

    `first` is how often the answer that stood first was preferred, ties left out: far from half of
    them, the place decides.
    """

    agreed: int
    disagreed: int
    tied: int
    first: int

    @property
    def decided(self) -> int:
        return self.agreed + self.disagreed + self.tied


@dataclass(frozen=True, slots=True)
class Report:
    """All of it, over pairs that are open or approved; of very many over a draw of `drawn`."""

    pairs: int
    drawn: int
    margins: Margins
    lengths: Lengths
    ways: Sequence[Wayward]
    sources: Sequence[Group]
    models: Sequence[Group]
    people: People


def report(session: Session, dataset: Dataset, where: str = "") -> Report:
    """Look at the pairs of a dataset that match."""
    wanted = and_(
        condition(session, dataset.id, where),
        Sample.kind == Kind.PREFERENCE,
        Sample.status.in_(_KEPT),
    )
    pairs = session.scalar(select(func.count()).select_from(Sample).where(wanted)) or 0
    if pairs > MOST:  # as good as by chance, and the same ones each time
        part = func.abs(func.mod(func.hashint8(Sample.id), -(-pairs // MOST)))
        wanted = and_(wanted, part == 0)
    totals = _totals(session, wanted)
    return Report(
        pairs=pairs,
        drawn=totals.pairs,
        margins=_margins(session, wanted, totals),
        lengths=Lengths(totals.chosen, totals.rejected, totals.longer or 0.0),
        ways=_ways(session, wanted),
        sources=_both(session, wanted, "source"),
        models=_both(session, wanted, "model"),
        people=_people(session, dataset),
    )


def _metadata(name: str) -> ColumnElement[str]:
    value: ColumnElement[str] = SampleBody.sample_metadata[name].astext
    return value


def _chars(side: str) -> ColumnElement[int]:
    return func.char_length(SampleBody.body[side].astext)


def _margin() -> ColumnElement[float]:
    """The margin, where it is a number: files of others may hold anything under this name."""
    value = _metadata("margin")
    return case((value.regexp_match(_NUMBER), cast(value, Double)))


def _median(of: ColumnElement[Any]) -> ColumnElement[float]:
    return func.percentile_cont(0.5).within_group(of)


def _longer() -> ColumnElement[float]:
    return func.avg(case((_chars(CHOSEN) > _chars(REJECTED), 1.0), else_=0.0))


def _bodies() -> ColumnElement[bool]:
    return (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision)


def _totals(session: Session, wanted: ColumnElement[bool]) -> Row[Any]:
    columns: dict[str, ColumnElement[Any]] = {
        "pairs": func.count(),
        "chosen": _median(_chars(CHOSEN)),
        "rejected": _median(_chars(REJECTED)),
        "longer": cast(_longer(), Double),
        "measured": func.count(_margin()),
        "low": func.min(_margin()),
        "high": func.max(_margin()),
        "middle": _median(_margin()),
    }
    named = [column.label(name) for name, column in columns.items()]
    query = select(*named).select_from(Sample).join(SampleBody, _bodies()).where(wanted)
    return session.execute(query).one()


def _margins(session: Session, wanted: ColumnElement[bool], totals: Row[Any]) -> Margins:
    if not totals.measured:
        return Margins("margin", 0.0, 1.0, [0] * BINS, None, totals.pairs)
    low = min(totals.low, 0.0)
    high = totals.high if totals.high > low else low + 1.0
    place = func.least(func.width_bucket(_margin(), low, high, BINS), BINS)
    query = (
        select(place, func.count())
        .select_from(Sample)
        .join(SampleBody, _bodies())
        .where(wanted, _margin().is_not(None))
        .group_by(place)
    )
    counts = [0] * BINS
    for bin_, count in session.execute(query):
        counts[bin_ - 1] = count
    missing = totals.pairs - totals.measured
    return Margins("margin", low, high, counts, totals.middle, missing)


def _ways(session: Session, wanted: ColumnElement[bool]) -> list[Wayward]:
    by = func.coalesce(_metadata("pair_by"), UNTOLD)
    query = (
        select(by, func.count(), _median(_margin()), cast(_longer(), Double))
        .select_from(Sample)
        .join(SampleBody, _bodies())
        .where(wanted)
        .group_by(by)
        .order_by(func.count().desc(), by)
        .limit(_LISTED)
    )
    return [Wayward(*row) for row in session.execute(query)]


def _both(session: Session, wanted: ColumnElement[bool], what: str) -> list[Group]:
    """The commonest sources, or models, of both sides."""
    sides = [
        func.coalesce(func.left(_metadata(f"{side}_{what}"), 200), UNTOLD)
        for side in (CHOSEN, REJECTED)
    ]
    query = (
        select(*sides, func.count())
        .select_from(Sample)
        .join(SampleBody, _bodies())
        .where(wanted)
        .group_by(*sides)
        .order_by(func.count().desc(), *sides)
        .limit(_LISTED)
    )
    return [Group(row[0], row[1], row[2]) for row in session.execute(query)]


def _people(session: Session, dataset: Dataset) -> People:
    said = Decision.preferred
    counts = [
        func.count().filter(said == CHOSEN),
        func.count().filter(said == REJECTED),
        func.count().filter(said == Side.TIE),
        func.count().filter(Decision.place == Side.A),
    ]
    query = select(*counts).where(
        Decision.dataset_id == dataset.id, said.is_not(None), Decision.undone_at.is_(None)
    )
    agreed, disagreed, tied, first = tuple(session.execute(query).one())
    return People(agreed, disagreed, tied, first)
