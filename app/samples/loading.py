"""Adding samples by the batch: COPY of what is new, straight into the catalog."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection as PgConnection
from psycopg.errors import DeadlockDetected, UniqueViolation
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.errors import ConflictError
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
SELECT content_hash FROM samples
WHERE dataset_id = :dataset_id AND content_hash = ANY(CAST(:hashes AS bytea[]))
"""
_TAKEN = """
SELECT external_id FROM samples
WHERE dataset_id = :dataset_id AND external_id = ANY(CAST(:external_ids AS text[]))
"""
_HOLD = """
SELECT 1 FROM datasets d, sources s WHERE d.id = :dataset_id AND s.id = :source_id
FOR KEY SHARE OF d, s
"""
_FIELDS = """
INSERT INTO metadata_fields (dataset_id, name)
SELECT d.id, n.name FROM datasets d, unnest(CAST(:names AS text[])) AS n(name)
WHERE d.id = :dataset_id
  AND (SELECT count(*) FROM metadata_fields f WHERE f.dataset_id = d.id) < :most
  AND NOT EXISTS (SELECT FROM metadata_fields f WHERE f.dataset_id = d.id AND f.name = n.name)
ORDER BY n.name
ON CONFLICT DO NOTHING
"""
_MAY_SKIP = "SELECT has_parameter_privilege('session_replication_role', 'SET')"
_TRIES = 20
_MOST_FIELDS = 1000  # of one dataset: who has more gave each row fields of its own


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
    """Add a batch that was laid out before: what is not there yet, in one COPY per table."""
    # Before rows are held: whoever waits here for another import holds nothing that it wants.
    _note_fields(session, target, batch.records)
    for _ in range(_TRIES):
        new, taken = _sorted_out(session, target, batch)
        if _copied(session, target, batch, new):
            break
    else:
        raise ConflictError("Other imports wrote the same rows all the time. Start it again.")
    conflicts = [
        (place, f"The external_id `{external_id}` belongs to a sample with other content.")
        for place, external_id in taken
    ]
    return Added(len(new), len(batch.records) - len(new) - len(conflicts), conflicts)


def _sorted_out(
    session: Session, target: Target, batch: Packed
) -> tuple[list[int], list[tuple[int, str]]]:
    """Rows of the batch that are new; places and ids of those whose external_id is taken."""
    given = [batch.records[place].external_id for place in batch.places]
    params = {"dataset_id": target.dataset_id, "hashes": list(batch.hashes)}
    known = set(session.scalars(text(_KNOWN), params))
    wanted = {"external_ids": [one for one in given if one is not None]}
    seen = set(session.scalars(text(_TAKEN), {**params, **wanted}))
    new: list[int] = []
    taken: list[tuple[int, str]] = []
    for row, (digest, external_id) in enumerate(zip(batch.hashes, given, strict=True)):
        if digest in known:
            continue
        if external_id in seen and external_id is not None:
            taken.append((batch.places[row], external_id))
        else:
            new.append(row)
            seen.add(external_id)
    return new, taken


def _copied(session: Session, target: Target, batch: Packed, rows: Sequence[int]) -> bool:
    """Send these rows into their tables; false, and nothing done, where another was quicker.

    Two imports that share rows in another order wait for each other: Postgres ends one, which
    looks again what is there.
    """
    if not rows:
        return True
    ids = session.execute(text(_IDS), {"count": len(rows)}).scalar_one()
    try:
        with session.begin_nested():
            skips = _skip_lookups(session, target)
            _copy(session, "samples", SAMPLE_COLUMNS, ids, [batch.samples[row] for row in rows])
            _copy(session, "sample_bodies", BODY_COLUMNS, ids, [batch.bodies[row] for row in rows])
            if skips:
                session.execute(text("SET LOCAL session_replication_role = origin"))
    except (UniqueViolation, DeadlockDetected):
        return False
    return True


def _note_fields(session: Session, target: Target, records: Sequence[Record]) -> None:
    """Remember what the metadata of these can be filtered by."""
    names = set().union(*(one.metadata for one in records))
    if names:
        params = {"dataset_id": target.dataset_id, "names": sorted(names), "most": _MOST_FIELDS}
        session.execute(text(_FIELDS), params)


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
