"""The frozen rows of a release as records, streamed in the order of their ids."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.releases.models import Release, ReleaseItem
from app.samples.models import Sample, SampleBody

_BATCH = 1000


def records(
    session: Session, release: Release, *, after: int = 0, limit: int | None = None
) -> Iterator[tuple[int, Record]]:
    """Ids and records from an id on, in batches, so that memory does not grow with the release."""
    left = limit if limit is not None else 2**62
    last = after
    while left > 0:
        rows = session.execute(_page(release, last).limit(min(_BATCH, left))).all()
        for row in rows:
            yield row.ReleaseItem.sample_id, _record(release, row)
        if len(rows) < min(_BATCH, left):
            return
        left -= len(rows)
        last = rows[-1].ReleaseItem.sample_id


def _page(release: Release, after: int) -> Any:
    return (
        select(
            ReleaseItem,
            Sample.kind,
            Sample.origin,
            Sample.external_id,
            SampleBody.body,
            SampleBody.sample_metadata,
        )
        .join(Sample, Sample.id == ReleaseItem.sample_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == ReleaseItem.sample_id)
            & (SampleBody.revision == ReleaseItem.revision),
        )
        .where(ReleaseItem.release_id == release.id, ReleaseItem.sample_id > after)
        .order_by(ReleaseItem.sample_id)
    )


def _record(release: Release, row: Any) -> Record:
    item: ReleaseItem = row.ReleaseItem
    values = item.scores or []
    return Record(
        kind=row.kind,
        body=row.body,
        external_id=row.external_id or str(item.sample_id),
        language=item.language,
        domain=item.domain,
        origin=row.origin,
        metadata=row.sample_metadata,
        scores={
            name: value
            for name, slot in release.slots.items()
            if slot < len(values) and (value := values[slot]) is not None
        },
        tags=tuple(item.tags or ()),
        id=item.sample_id,
    )
