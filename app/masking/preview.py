"""What masking would change: rows and places by kind as measured, and some examples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from app.curation.pii.finding import find_in
from app.curation.pii.kinds import KINDS
from app.curation.pii.masking import masked
from app.datasets.models import Dataset
from app.masking.measuring import slots
from app.samples.models import DatasetSignal, Sample, SampleBody
from app.samples.search import condition

EXAMPLES = 10
# Where nothing is measured, examples are looked for in so many samples: about a second's work.
_LOOKED_AT = 2_000
_BEFORE, _LENGTH = 60, 240  # characters of an example


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many of the samples have places of a kind, and how many places."""

    kind: str
    title: str
    mask: str
    rows: int
    places: int


@dataclass(frozen=True, slots=True)
class Example:
    """A part of a sample before and after."""

    sample_id: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Samples that match, how many of them are measured, and what masking would change of them."""

    matches: int
    measured: int
    rows: int
    kinds: list[KindCount]
    examples: list[Example]


def preview(session: Session, dataset: Dataset, *, kinds: Sequence[str], where: str) -> Preview:
    """Count what is measured, and show the first samples that would change."""
    wanted = condition(session, dataset.id, where)
    known = slots(session, dataset.id)
    measured, rows, counted = _counts(session, wanted, known, kinds)
    query = select(func.count()).select_from(Sample).where(wanted)
    return Preview(
        matches=session.scalar(query) or 0,
        measured=measured,
        rows=rows,
        kinds=counted,
        examples=list(_examples(session, wanted, known, kinds)),
    )


def _columns(known: Sequence[DatasetSignal]) -> dict[str, ColumnElement[float]]:
    """The stored counts by kind; a dataset measured by an earlier version has some of them."""
    places = {one.name: Sample.scores[one.slot + 1] for one in known}
    return {key: places[kind.measure] for key, kind in KINDS.items() if kind.measure in places}


def _counts(
    session: Session,
    wanted: ColumnElement[bool],
    known: Sequence[DatasetSignal],
    kinds: Sequence[str],
) -> tuple[int, int, list[KindCount]]:
    columns = _columns(known)
    total = next((Sample.scores[one.slot + 1] for one in known if one.name == "pii"), None)
    if total is None:
        none = [KindCount(key, one.title, one.mask, 0, 0) for key, one in KINDS.items()]
        return 0, 0, none
    chosen = or_(*(columns[kind] > 0 for kind in kinds))
    cells = [func.count(total), func.count().filter(chosen)]
    for column in columns.values():
        cells += [func.count().filter(column > 0), func.coalesce(func.sum(column), 0)]
    measured, rows, *numbers = session.execute(select(*cells).where(wanted)).one()
    pairs = zip(columns, zip(numbers[::2], numbers[1::2], strict=True), strict=True)
    counted = [
        KindCount(key, KINDS[key].title, KINDS[key].mask, found, round(places))
        for key, (found, places) in pairs
    ]
    return measured, rows, counted


def _examples(
    session: Session,
    wanted: ColumnElement[bool],
    known: Sequence[DatasetSignal],
    kinds: Sequence[str],
) -> Iterator[Example]:
    query = (
        select(Sample.id, SampleBody.text)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(wanted)
        .order_by(Sample.id)
    )
    left = EXAMPLES
    for sample_id, text in session.execute(_likely(query, known, kinds)):
        hits = [hit for hit in find_in(text) if hit.kind in kinds]
        if hits:
            start = _word_at(text, hits[0].start - _BEFORE)
            # No value is cut in two: half of one might be left to read in the second text.
            end = max([start + _LENGTH, *(one.end for one in hits if one.start < start + _LENGTH)])
            part = text[start:end]
            yield Example(sample_id, part, masked(part, kinds)[0])
            left -= 1
        if not left:
            return


def _word_at(text: str, place: int) -> int:
    """Where a word begins, from a place on; the start of the text for one before it."""
    if place <= 0:
        return 0
    return next((at + 1 for at in range(place, place + _BEFORE) if text[at].isspace()), place)


def _likely(
    query: Select[int, str], known: Sequence[DatasetSignal], kinds: Sequence[str]
) -> Select[int, str]:
    columns = _columns(known)
    found = [columns[kind] > 0 for kind in kinds if kind in columns]
    if any(one.name == "pii" for one in known):
        return query.where(or_(*found)).limit(EXAMPLES)
    return query.limit(_LOOKED_AT)
