"""The frozen rows of a release as records, streamed in the order of their ids."""

from collections.abc import Iterator, Sequence
from itertools import chain

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Kind, Origin, Record
from app.releases.models import Release

_BATCH = 5000
# All of it as text: what a driver and an ORM make of it takes twice as long as writing does.
_PAGE = """
SELECT i.sample_id, s.kind::text, b.body::text, s.external_id, i.language, i.domain,
       s.origin::text, b.metadata::text, i.tags, i.scores::text
FROM release_items i
JOIN samples s ON s.id = i.sample_id
JOIN sample_bodies b ON b.sample_id = i.sample_id AND b.revision = i.revision
WHERE i.release_id = :release AND i.sample_id > :last
ORDER BY i.sample_id LIMIT :wanted
"""
_KINDS = {kind.value: kind for kind in Kind}
_ORIGINS = {origin.value: origin for origin in Origin}


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
        params = {"release": release.id, "last": last, "wanted": wanted}
        rows = session.execute(text(_PAGE), params).all()
        if rows:
            yield [_record(slots, *row) for row in rows]
        if len(rows) < wanted:
            return
        left -= len(rows)
        last = rows[-1].sample_id


def _record(
    slots: Sequence[tuple[str, int]],
    sample_id: int,
    kind: str,
    body: str,
    external_id: str | None,
    language: str | None,
    domain: str | None,
    origin: str,
    metadata: str,
    tags: Sequence[str] | None,
    scores: str | None,
) -> Record:
    return Record(
        kind=_KINDS[kind],
        body=orjson.loads(body),
        external_id=external_id or str(sample_id),
        language=language,
        domain=domain,
        origin=_ORIGINS[origin],
        metadata=orjson.loads(metadata) if metadata != "{}" else {},
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
