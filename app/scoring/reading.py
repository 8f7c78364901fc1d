"""The samples that a measuring job covers, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, cast, func, null, select
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.jobs.models import Job
from app.samples.models import Sample, SampleBody
from app.samples.search import condition

BATCH = 2500


@dataclass(frozen=True, slots=True)
class Page:
    """Samples to measure: ids, the revisions that were read, and their records."""

    ids: Sequence[int]
    revisions: Sequence[int]
    records: Sequence[Record]


def pages(
    session: Session,
    job: Job,
    low: int,
    high: int,
    *,
    ids: Sequence[int] | None = None,
    size: int = BATCH,
) -> Iterator[Page]:
    """Samples of an id range that the job covers (of `ids` alone, if given), so many at a time."""
    wanted = condition(session, job.params["dataset_id"], job.params["where"])
    if ids is not None:
        wanted &= Sample.id == any_(cast(list(ids), ARRAY(BigInteger)))
    return _pages(session, wanted & (Sample.id <= high), low, size)


def matching(
    session: Session, dataset_id: int, where: str, *, every: int = 1, metadata: bool = False
) -> Iterator[Page]:
    """All samples of a dataset that match, or one of so many of them; with metadata if wanted."""
    wanted = condition(session, dataset_id, where)
    if every > 1:
        wanted &= Sample.id % every == 0
    return _pages(session, wanted, 0, BATCH, metadata=metadata)


def between(session: Session, dataset_id: int, low: int, high: int) -> Iterator[Page]:
    """All samples of an id range."""
    mine = (Sample.dataset_id == dataset_id) & (Sample.id <= high)
    return _pages(session, mine, low, BATCH)


def _pages(
    session: Session,
    wanted: ColumnElement[bool],
    low: int,
    size: int,
    *,
    metadata: bool = False,
) -> Iterator[Page]:
    query = (
        select(*_READ, SampleBody.sample_metadata if metadata else null().label("sample_metadata"))
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(wanted)
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
                domain=row.domain,
                origin=row.origin,
                id=row.id,
                metadata=row.sample_metadata or {},
            )
            for row in rows
        ]
        yield Page([row.id for row in rows], [row.revision for row in rows], records)


_READ = (
    *(Sample.id, Sample.revision, Sample.kind, Sample.external_id, Sample.language, Sample.domain),
    *(Sample.origin, SampleBody.body),
)


def count(session: Session, dataset_id: int, where: str) -> int:
    """How many samples a job over this filter covers."""
    query = select(func.count()).select_from(Sample).where(condition(session, dataset_id, where))
    return session.scalar(query) or 0
