"""A pair side by side: both texts, cut where layers found them alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.contamination.models import ContaminationHit
from app.curation.records import Kind, Record
from app.curation.text.code import code_of
from app.curation.text.parts import full_text, response_text
from app.datasets.models import Dataset
from app.errors import NotFoundError
from app.samples import service as samples
from app.samples.models import Sample


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text; `found` where the other side has it too."""

    text: str
    found: bool


@dataclass(frozen=True, slots=True)
class Side:
    """A sample or an item: its text in segments, whether it was edited since, and is a program."""

    id: int
    segments: list[Segment]
    edited: bool
    code: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What layers found of an item in a sample."""

    item: Side
    sample: Side
    hits: Sequence[ContaminationHit]


def evidence(session: Session, dataset: Dataset, item_id: int, sample_id: int) -> Evidence:
    """Both sides of a pair, refused where it was never found."""
    query = select(ContaminationHit).where(
        ContaminationHit.dataset_id == dataset.id,
        ContaminationHit.item_id == item_id,
        ContaminationHit.sample_id == sample_id,
    )
    hits = session.scalars(query.order_by(ContaminationHit.likely.desc())).all()
    if not hits:
        raise NotFoundError(f"Item {item_id} was not found in sample {sample_id}.")
    item = samples.get(session, item_id)
    sample = samples.get(session, sample_id)
    return Evidence(
        item=_side(session, item, hits[0].item_revision, [one.item_spans for one in hits]),
        sample=_side(session, sample, hits[0].revision, [one.sample_spans for one in hits]),
        hits=hits,
    )


def _side(
    session: Session, sample: Sample, revision: int, spans: Iterable[list[list[int]]]
) -> Side:
    body = samples.body(session, sample, revision)
    text = full_text(sample.kind, body.body)
    ranges = [(start, end) for one in spans for start, end in one]
    read = Record(sample.kind, body.body, domain=sample.domain)
    code = sample.kind is Kind.COMPLETION or code_of(read, response_text(read.kind, read.body))
    return Side(sample.id, segments(text, ranges), sample.revision != revision, bool(code))


def segments(text: str, ranges: Iterable[tuple[int, int]]) -> list[Segment]:
    """The text cut at the ends of ranges; those that overlap or touch are one."""
    found: list[Segment] = []
    last = 0
    for start, end in _merged(ranges):
        if start > last:
            found.append(Segment(text[last:start], found=False))
        found.append(Segment(text[start:end], found=True))
        last = end
    if last < len(text):
        found.append(Segment(text[last:], found=False))
    return found


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged
