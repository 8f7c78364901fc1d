"""The samples that a verifying job covers, with what is known about them beside their text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.jobs.models import Job
from app.samples import registry
from app.samples.models import DatasetSignal, Sample, SampleBody
from app.samples.search import condition
from app.scoring.models import ScoreNote


@dataclass(frozen=True, slots=True)
class Page:
    """Samples to verify: the revisions that were read, and their records."""

    records: Sequence[Record]
    revisions: Sequence[int]

    @property
    def ids(self) -> list[int]:
        return [one.id for one in self.records]


def wanted(session: Session, job: Job, signal: DatasetSignal) -> ColumnElement[bool]:
    """Samples that match and have no verdict on the text they have now."""
    judged = select(ScoreNote.sample_id).where(
        ScoreNote.signal_id == signal.id,
        ScoreNote.sample_id == Sample.id,
        ScoreNote.revision == Sample.revision,
    )
    return condition(session, job.params["dataset_id"], job.params["where"]) & ~judged.exists()


def count(session: Session, job: Job, signal: DatasetSignal, *, model: str = "") -> int:
    """How many there are; where a model is named, of those that it wrote."""
    query = select(func.count()).select_from(Sample).where(wanted(session, job, signal))
    if model:
        written = SampleBody.sample_metadata["model"].as_string() == model
        query = query.join(SampleBody, _BODY).where(written)
    return session.scalar(query) or 0


def pages(
    session: Session,
    job: Job,
    signal: DatasetSignal,
    reads: Sequence[str],
    low: int,
    high: int,
    size: int,
) -> Iterator[Page]:
    """Samples of an id range, so many at a time, with the values of the signals that are read."""
    slots = {one.name: one.slot for one in registry.signals(session, job.params["dataset_id"])}
    slots = {name: slots[name] for name in reads if name in slots}
    query = (
        select(*_READ, *(Sample.scores[slot + 1].label(f"s{slot}") for slot in slots.values()))
        .join(SampleBody, _BODY)
        .where(wanted(session, job, signal), Sample.id <= high)
        .order_by(Sample.id)
        .limit(size)
    )
    last = low - 1
    while rows := session.execute(query.where(Sample.id > last)).all():
        last = rows[-1].id
        records = [
            Record(
                kind=row.kind,
                body=row.body,
                external_id=row.external_id,
                language=row.language,
                metadata=row.sample_metadata,
                scores={
                    name: found
                    for name, slot in slots.items()
                    if (found := getattr(row, f"s{slot}")) is not None
                },
                id=row.id,
            )
            for row in rows
        ]
        yield Page(records, [row.revision for row in rows])


_READ = (
    *(Sample.id, Sample.revision, Sample.kind, Sample.external_id, Sample.language),
    *(SampleBody.body, SampleBody.sample_metadata),
)
_BODY = (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision)
