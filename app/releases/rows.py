"""The frozen rows of a release as records, streamed in the order of their ids."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import Session

from app.curation.records import Kind, Origin, Record
from app.releases.models import Release, ReleaseItem
from app.samples.models import Sample, SampleBody

_BATCH = 5000
_COLUMNS = (
    *(ReleaseItem.sample_id, Sample.kind, SampleBody.body, Sample.external_id),
    *(ReleaseItem.language, ReleaseItem.domain, Sample.origin, SampleBody.sample_metadata),
    # As text: drivers take six times as long to make lists of numbers.
    *(ReleaseItem.tags, cast(ReleaseItem.scores, Text)),
)


def records(
    session: Session, release: Release, *, after: int = 0, limit: int | None = None
) -> Iterator[Record]:
    """Records from an id on, one by one."""
    return chain.from_iterable(pages(session, release, after=after, limit=limit))


def pages(
    session: Session, release: Release, *, after: int = 0, limit: int | None = None
) -> Iterator[list[Record]]:
    """Records from an id on, some thousands at a time: memory does not grow with the release."""
    # In the order of their names, as they are written: so nothing is left to sort.
    slots = sorted(release.slots.items())
    left, last = limit if limit is not None else 2**62, after
    while left > 0:
        wanted = min(_BATCH, left)
        rows = session.execute(_page(release, last).limit(wanted)).all()
        if rows:
            yield [_record(slots, *row) for row in rows]
        if len(rows) < wanted:
            return
        left -= len(rows)
        last = rows[-1].sample_id


def _record(
    slots: Sequence[tuple[str, int]],
    sample_id: int,
    kind: Kind,
    body: dict[str, Any],
    external_id: str | None,
    language: str | None,
    domain: str | None,
    origin: Origin,
    metadata: dict[str, Any],
    tags: Sequence[str] | None,
    scores: str | None,
) -> Record:
    return Record(
        kind=kind,
        body=body,
        external_id=external_id or str(sample_id),
        language=language,
        domain=domain,
        origin=origin,
        metadata=metadata,
        scores=_named(slots, scores) if scores else {},
        tags=tuple(tags or ()),
        id=sample_id,
    )


def _named(slots: Sequence[tuple[str, int]], array: str) -> dict[str, float]:
    """The measured values of an array as Postgres writes it: `{0.5,NULL,3}`."""
    values = array[1:-1].split(",")
    width = len(values)
    return {
        name: float(value)
        for name, slot in slots
        if slot < width and (value := values[slot]) != "NULL"
    }


def _page(release: Release, after: int) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .join(Sample, Sample.id == ReleaseItem.sample_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == ReleaseItem.sample_id)
            & (SampleBody.revision == ReleaseItem.revision),
        )
        .where(ReleaseItem.release_id == release.id, ReleaseItem.sample_id > after)
        .order_by(ReleaseItem.sample_id)
    )
