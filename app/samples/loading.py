"""Adding samples by the batch: COPY into the catalog, by way of temporary tables if need be."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection as PgConnection
from psycopg.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.samples.packing import BODY_COLUMNS, SAMPLE_COLUMNS, Packed, Packer, Target, stream


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a batch: rows that are new, rows that were there, rows refused by place."""

    created: int
    existing: int
    conflicts: Sequence[tuple[int, str]]


_IDS = """
SELECT array_agg(nextval(s.name))
FROM (SELECT pg_get_serial_sequence('samples', 'id')::regclass AS name OFFSET 0) s,
     generate_series(1, :count)
"""
_KNOWN = """
SELECT EXISTS (SELECT 1 FROM samples
               WHERE dataset_id = :dataset_id AND content_hash = ANY(CAST(:hashes AS bytea[])))
    OR EXISTS (SELECT 1 FROM samples
               WHERE dataset_id = :dataset_id AND external_id = ANY(CAST(:external_ids AS text[])))
"""
_HOLD = """
SELECT 1 FROM datasets d, sources s WHERE d.id = :dataset_id AND s.id = :source_id
FOR KEY SHARE OF d, s
"""
_MAY_SKIP = "SELECT has_parameter_privilege('session_replication_role', 'SET')"
_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS {name} (LIKE {like} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS
"""
_INSERT = f"""
WITH fresh AS (
  INSERT INTO samples ({SAMPLE_COLUMNS})
  SELECT {SAMPLE_COLUMNS} FROM incoming_samples ORDER BY id
  ON CONFLICT DO NOTHING
  RETURNING id
), bodies AS (
  INSERT INTO sample_bodies ({BODY_COLUMNS})
  SELECT {BODY_COLUMNS} FROM incoming_bodies
  WHERE sample_id IN (SELECT id FROM fresh)
)
SELECT array_agg(id) FROM fresh
"""  # noqa: S608 - columns of our own
# Rows that are neither new nor the same content: their external_id is taken by another content.
_CONFLICTS = """
SELECT i.id, i.external_id FROM incoming_samples i
WHERE NOT EXISTS (SELECT 1 FROM samples s
                  WHERE s.dataset_id = :dataset_id AND s.content_hash = i.content_hash)
ORDER BY i.id
"""


def expect_many(session: Session) -> None:
    """For this transaction: do what is only worth it, or only safe, in a long import.

    The search index collects more words before it sorts them in. Another process does that
    meanwhile, with `index_all`; until then what is collected is searched word by word. And the
    commit does not wait for the disk: a crash of the database takes the batch back together with
    the checkpoint that stands in the same transaction, so the batch is read again.
    """
    session.execute(text("SET LOCAL gin_pending_list_limit = '64MB'"))
    session.execute(text("SET LOCAL synchronous_commit = off"))


def index_all(session: Session) -> None:
    """Sort into the search index what was only collected; free where there is nothing."""
    session.execute(text("SELECT gin_clean_pending_list('ix_sample_bodies_search')"))


def add_batch(session: Session, target: Target, records: Sequence[Record]) -> Added:
    """Add records as pending samples; the same content in one dataset is stored once."""
    return add_packed(session, target, Packer(target).pack(records))


def add_packed(session: Session, target: Target, batch: Packed) -> Added:
    """Add a batch that was laid out before: at once where all is new, else row by row."""
    if not batch.records:
        return Added(0, 0, ())
    ids = session.execute(text(_IDS), {"count": len(batch.places)}).scalar_one()
    places = dict(zip(ids, batch.places, strict=True))
    straight = not _known(session, target, batch) and _copy_straight(session, target, batch, ids)
    fresh = ids if straight else _insert_staged(session, batch, ids)
    taken = () if straight else _conflicts(session, target)
    conflicts = [
        (places[one], f"The external_id `{external_id}` belongs to a sample with other content.")
        for one, external_id in taken
    ]
    return Added(len(fresh), len(batch.records) - len(fresh) - len(conflicts), conflicts)


def _known(session: Session, target: Target, batch: Packed) -> bool:
    """Whether any of these is in the dataset already."""
    given = (batch.records[place].external_id for place in batch.places)
    params = {
        "dataset_id": target.dataset_id,
        "hashes": list(batch.hashes),
        "external_ids": [one for one in given if one is not None],
    }
    return bool(session.execute(text(_KNOWN), params).scalar_one())


def _copy_straight(session: Session, target: Target, batch: Packed, ids: Sequence[int]) -> bool:
    """Send all rows into their tables; false, and nothing done, where one is there by now."""
    try:
        with session.begin_nested():
            skips = _skip_lookups(session, target)
            _copy(session, "samples", SAMPLE_COLUMNS, ids, batch.samples)
            _copy(session, "sample_bodies", BODY_COLUMNS, ids, batch.bodies)
            if skips:
                session.execute(text("SET LOCAL session_replication_role = origin"))
    except UniqueViolation:
        return False
    return True


def _skip_lookups(session: Session, target: Target) -> bool:
    """Where the role may: look the parents up once, not once per row (a quarter of the time).

    The lock is the one that a foreign key takes, held until the end of the transaction; bodies
    refer to samples of the same transaction. The log of changes has a trigger that always fires.
    """
    params = {"dataset_id": target.dataset_id, "source_id": target.source.id}
    if not session.execute(text(_MAY_SKIP)).scalar_one():
        return False
    if session.execute(text(_HOLD), params).one_or_none() is None:
        return False
    session.execute(text("SET LOCAL session_replication_role = replica"))
    return True


def _insert_staged(session: Session, batch: Packed, ids: Sequence[int]) -> Sequence[int]:
    """Add what is not there yet; the ids of those rows."""
    session.execute(text(_STAGE.format(name="incoming_samples", like="samples")))
    session.execute(text(_STAGE.format(name="incoming_bodies", like="sample_bodies")))
    session.execute(text("TRUNCATE incoming_samples, incoming_bodies"))
    _copy(session, "incoming_samples", SAMPLE_COLUMNS, ids, batch.samples)
    _copy(session, "incoming_bodies", BODY_COLUMNS, ids, batch.bodies)
    return session.execute(text(_INSERT)).scalar_one() or []


def _conflicts(session: Session, target: Target) -> Sequence[tuple[int, str]]:
    found = session.execute(text(_CONFLICTS), {"dataset_id": target.dataset_id})
    return [(row.id, row.external_id) for row in found]


def _copy(
    session: Session, table: str, columns: str, ids: Sequence[int], rows: Sequence[bytes]
) -> None:
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Samples are loaded by COPY, which takes psycopg.")
    statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)"
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in stream(ids, rows, columns):
            copy.write(piece)
