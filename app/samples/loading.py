"""Adding samples by the batch: COPY into a temporary table, then INSERT .. SELECT."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import Connection as PgConnection
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.curation.text.counting import count_words
from app.curation.text.identity import content_hash
from app.curation.text.parts import full_text
from app.samples import registry
from app.samples.models import DatasetSignal
from app.sources.models import Source


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a batch: rows that are new, rows that were there, rows refused by line."""

    created: int
    existing: int
    conflicts: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes: dataset, source and import, and its signals by name."""

    dataset_id: int
    source: Source
    import_id: uuid.UUID | None
    signals: Mapping[str, DatasetSignal]


_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
  n int, external_id text, content_hash bytea, line bigint, kind sample_kind, origin origin,
  domain text, language text, tags text[], chars int, words int, scores real[],
  body jsonb, metadata jsonb, text text
) ON COMMIT DELETE ROWS
"""
_COPY = (
    "COPY incoming (n, external_id, content_hash, line, kind, origin, domain, language, tags, "
    "chars, words, scores, body, metadata, text) FROM STDIN"
)
# Read once: two scans of a temporary table side by side can use up its buffers.
_INSERT = """
WITH one AS MATERIALIZED (SELECT * FROM incoming ORDER BY n), fresh AS (
  INSERT INTO samples (dataset_id, source_id, import_id, line, revision, chars, words, status,
                       kind, origin, kept, content_hash, external_id, domain, language, tags,
                       scores)
  SELECT :dataset_id, :source_id, :import_id, line, 1, chars, words, 'pending', kind, origin,
         false, content_hash, external_id, domain, language, tags, scores
  FROM one
  ON CONFLICT DO NOTHING
  RETURNING id, content_hash
), bodies AS (
  INSERT INTO sample_bodies (sample_id, revision, body, metadata, text, content_hash, reason)
  SELECT fresh.id, 1, one.body, one.metadata, one.text, one.content_hash, ''
  FROM fresh JOIN one USING (content_hash)
)
SELECT array_agg(content_hash) FROM fresh
"""
# Rows that are neither new nor the same content: their external_id is taken by another content.
_CONFLICTS = """
SELECT i.line, i.n, i.external_id FROM incoming i
WHERE NOT EXISTS (SELECT 1 FROM samples s
                  WHERE s.dataset_id = :dataset_id AND s.content_hash = i.content_hash)
ORDER BY i.n
"""


def expect_many(session: Session) -> None:
    """For this transaction: let the search index collect more words before it sorts them in.

    Another process does that meanwhile, with `index_all`; until then what is collected is searched
    word by word.
    """
    session.execute(text("SET LOCAL gin_pending_list_limit = '64MB'"))


def index_all(session: Session) -> None:
    """Sort into the search index what was only collected; free where there is nothing."""
    session.execute(text("SELECT gin_clean_pending_list('ix_sample_bodies_search')"))


def add_batch(session: Session, target: Target, records: Sequence[Record]) -> Added:
    """Add records as pending samples; the same content in one dataset is stored once."""
    if not records:
        return Added(0, 0, ())
    session.execute(text(_STAGE))
    session.execute(text("TRUNCATE incoming"))
    sent = _copy(session, target, records)
    params = {
        "dataset_id": target.dataset_id,
        "source_id": target.source.id,
        "import_id": target.import_id,
    }
    fresh = session.execute(text(_INSERT), params).scalar_one() or []
    created = len(fresh)
    registry.widen(session, _ends(target, [sent[digest] for digest in fresh]))
    if created == len(records):
        return Added(created, 0, ())
    taken = session.execute(text(_CONFLICTS), {"dataset_id": target.dataset_id}).all()
    conflicts = [
        (n, f"The external_id `{external_id}` belongs to a sample with other content.")
        for _, n, external_id in taken
    ]
    return Added(created, len(records) - created - len(conflicts), conflicts)


def _ends(target: Target, records: Iterable[Record]) -> dict[int, tuple[float, float]]:
    """The ends of each signal among these records."""
    found: dict[int, tuple[float, float]] = {}
    for record in records:
        for name, value in record.scores.items():
            signal_id = target.signals[name].id
            low, high = found.get(signal_id, (value, value))
            found[signal_id] = (min(low, value), max(high, value))
    return found


def _copy(session: Session, target: Target, records: Sequence[Record]) -> dict[bytes, Record]:
    """Send the records; the first of equal ones by its hash, the others are existing."""
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Samples are loaded by COPY, which takes psycopg.")
    width = max((signal.slot for signal in target.signals.values()), default=-1) + 1
    sent: dict[bytes, Record] = {}
    with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        for n, record in enumerate(records):
            row = _row(n, record, target, width)
            if row[_HASH] not in sent:
                sent[row[_HASH]] = record
                copy.write_row(row)
    return sent


_HASH = 2  # the place of content_hash in a row


def _row(n: int, record: Record, target: Target, width: int) -> tuple[Any, ...]:
    words = full_text(record.kind, record.body)
    return (
        n,
        record.external_id,
        content_hash(record.kind, record.body),
        record.line or None,
        record.kind.value,
        (record.origin or target.source.origin).value,
        record.domain,
        record.language,
        list(record.tags) or None,
        len(words),
        count_words(words),
        _scores(record.scores, target.signals, width),
        orjson.dumps(record.body).decode(),
        orjson.dumps(record.metadata).decode(),
        words,
    )


def _scores(
    values: Mapping[str, float], signals: Mapping[str, DatasetSignal], width: int
) -> list[float | None] | None:
    if not values:
        return None
    row: list[float | None] = [None] * width
    for name, value in values.items():
        row[signals[name].slot] = value
    return row
