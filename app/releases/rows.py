"""The frozen rows of a release as records, streamed in the order of their ids."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Kind, Origin, Record
from app.releases.models import Release

_BATCH = 5000
# All of it as text: what a driver and an ORM make of it takes twice as long as writing does.
# The limit stands inside: else the planner may look for each sample among the rows of all releases.
_PAGE = text("""
SELECT i.sample_id, s.kind::text, b.body::text, s.external_id, i.language, i.domain,
       s.origin::text, b.metadata::text, i.tags, i.scores::text,
       i.revision, encode(i.content_hash, 'hex'), s.source_id
FROM (
  SELECT * FROM release_items
  WHERE release_id = :release AND sample_id > :last AND sample_id <= :until
  ORDER BY sample_id LIMIT :wanted
) i
JOIN samples s ON s.id = i.sample_id
JOIN sample_bodies b ON b.sample_id = i.sample_id AND b.revision = i.revision
ORDER BY i.sample_id
""")
_END = 2**63 - 1
_KINDS = {kind.value: kind for kind in Kind}
_ORIGINS = {origin.value: origin for origin in Origin}
_Scores = Callable[[str], dict[str, float]]


class Row(NamedTuple):
    """A row of a release as the database has it, JSON and arrays as text."""

    id: int
    kind: str
    body: str
    external_id: str | None
    language: str | None
    domain: str | None
    origin: str
    metadata: str
    tags: list[str] | None
    scores: str | None
    revision: int
    digest: str
    source_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in the order of their ids."""

    rows: Sequence[Row]
    named: _Scores

    def records(self) -> Iterator[Record]:
        """One after the other: thousands of records at once keep the garbage collector busy."""
        return map(self._record, self.rows)

    def _record(self, row: Row) -> Record:
        return Record(
            kind=_KINDS[row.kind],
            body=orjson.loads(row.body),
            external_id=row.external_id or str(row.id),
            language=row.language,
            domain=row.domain,
            origin=_ORIGINS[row.origin],
            metadata=orjson.loads(row.metadata) if row.metadata != "{}" else {},
            scores=self.named(row.scores) if row.scores else {},
            tags=tuple(row.tags or ()),
            id=row.id,
        )


def records(session: Session, release: Release, *, after: int = 0, limit: int) -> Iterator[Record]:
    """So many records from an id on, one by one."""
    found = pages(session, release, after=after, limit=limit)
    return chain.from_iterable(page.records() for page in found)


def pages(
    session: Session,
    release: Release,
    *,
    after: int = 0,
    until: int = _END,
    limit: int | None = None,
) -> Iterator[Page]:
    """Rows behind an id, some thousands at a time: memory does not grow with the release."""
    named = _reader(release.slots)
    left, last = limit if limit is not None else 2**62, after
    while left > 0:
        wanted = min(_BATCH, left)
        params = {"release": release.id, "last": last, "until": until, "wanted": wanted}
        rows = [Row(*row) for row in session.execute(_PAGE, params)]
        if rows:
            yield Page(rows, named)
        if len(rows) < wanted:
            return
        left -= len(rows)
        last = rows[-1].id


def _reader(slots: Mapping[str, int]) -> _Scores:
    """What names the measured values of an array as Postgres writes it: `{0.5,NULL,3}`."""
    # In the order of their names, as they are written: so nothing is left to sort.
    names = sorted(slots)
    width = max(slots.values(), default=-1) + 1
    pick = itemgetter(*(slots[name] for name in names)) if len(names) > 1 else None

    def read(array: str) -> dict[str, float]:
        values = array[1:-1].split(",")
        if pick and len(values) >= width and "NULL" not in values:
            return dict(zip(names, map(float, pick(values)), strict=True))
        return {
            name: float(value)
            for name in names
            if slots[name] < len(values) and (value := values[slots[name]]) != "NULL"
        }

    return read
