"""Signatures in and out of the table: made once per revision, whatever is looked for later."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as PgConnection
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.curation.matchers.base import Matcher, Signed
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.matching.models import MatchSignature, SignatureRecipe
from app.samples.models import Sample, SampleBody, Status

_BATCH = 2500
_READ_ROWS = 20_000
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_ROW = struct.Struct(">hiqiii")
_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS signed (id bigint, revision int, signature bytea)
ON COMMIT DELETE ROWS
"""
# A sample that was removed meanwhile has no signature, one that was edited keeps its newer one.
_INSERT = """
INSERT INTO match_signatures (sample_id, recipe_id, dataset_id, revision, signature)
SELECT n.id, :recipe, s.dataset_id, n.revision, n.signature FROM signed n
JOIN samples s ON s.id = n.id
ON CONFLICT (sample_id, recipe_id)
DO UPDATE SET revision = excluded.revision, signature = excluded.signature
WHERE match_signatures.revision <= excluded.revision
"""
_READ = """
SELECT string_agg(int8send(sample_id) || int4send(revision) || int4send(length(signature)),
                  ''::bytea ORDER BY sample_id),
       string_agg(signature, ''::bytea ORDER BY sample_id)
FROM match_signatures WHERE recipe_id = %s AND sample_id = ANY(%s)
"""
_PLACE = np.dtype([("id", ">i8"), ("revision", ">i4"), ("size", ">i4")])


def recipe_of(session: Session, matcher: Matcher) -> int:
    """The number of the recipe by which this matcher signs, made with its first use."""
    values = {"fingerprint": matcher.signature_fingerprint(), "matcher": matcher.key}
    session.execute(insert(SignatureRecipe).values(**values).on_conflict_do_nothing())
    query = select(SignatureRecipe.id).where(SignatureRecipe.fingerprint == values["fingerprint"])
    return session.scalars(query).one()


def unsigned(recipe: int) -> ColumnElement[bool]:
    """Samples without a signature of their present revision; what is dropped is not looked at."""
    signed = select(MatchSignature.sample_id).where(
        MatchSignature.sample_id == Sample.id,
        MatchSignature.recipe_id == recipe,
        MatchSignature.revision == Sample.revision,
    )
    return and_(Sample.status != Status.DROPPED, ~signed.correlate(Sample).exists())


def count_unsigned(session: Session, dataset_id: int, recipe: int) -> int:
    """How many samples of a dataset are still to be signed."""
    query = select(func.count()).select_from(Sample)
    return session.scalar(query.where(Sample.dataset_id == dataset_id, unsigned(recipe))) or 0


def sign_range(
    session: Session, matcher: Matcher, recipe: int, dataset_id: int, ids: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Sign what is unsigned of a range of ids; after each batch its rows and its last id."""
    low, high = ids
    mine = and_(Sample.dataset_id == dataset_id, Sample.id <= high, unsigned(recipe))
    last = low - 1
    while rows := session.execute(_rows().where(mine, Sample.id > last).limit(_BATCH)).all():
        last = rows[-1].id
        signatures = matcher.sign(Batch([_record(row) for row in rows]))
        _write(session, recipe, rows, signatures)
        yield len(rows), last


def records(session: Session, ids: Sequence[int], revisions: Sequence[int]) -> Batch:
    """The records of these revisions, in the order given; those that are gone have no text."""
    wanted = dict(zip(ids, revisions, strict=True))
    query = _rows(latest=False).where(Sample.id == any_(cast(list(wanted), ARRAY(BigInteger))))
    found = {
        row.id: _record(row) for row in session.execute(query) if row.revision == wanted.get(row.id)
    }
    return Batch([found[one] if one in found else _gone(one) for one in ids])


def _gone(sample_id: int) -> Record:
    return Record(Kind.TEXT, {"text": ""}, id=sample_id)


def _rows(*, latest: bool = True) -> Select[Any]:
    joined = SampleBody.sample_id == Sample.id
    if latest:
        joined &= SampleBody.revision == Sample.revision
    return (
        select(
            Sample.id,
            SampleBody.revision,
            Sample.kind,
            Sample.domain,
            Sample.language,
            SampleBody.body,
            SampleBody.sample_metadata,
        )
        .join(SampleBody, joined)
        .order_by(Sample.id)
    )


def _record(row: Row[Any]) -> Record:
    return Record(
        kind=row.kind,
        body=row.body,
        domain=row.domain,
        language=row.language,
        metadata=row.sample_metadata,
        id=row.id,
    )


def _write(
    session: Session, recipe: int, rows: Sequence[Row[Any]], signatures: Sequence[bytes]
) -> None:
    session.execute(text(_STAGE))
    packed = [_HEAD]
    for row, signature in zip(rows, signatures, strict=True):
        packed += (_ROW.pack(3, 8, row.id, 4, row.revision, len(signature)), signature)
    raw = _driver(session)
    with raw.cursor() as cursor, cursor.copy("COPY signed FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"".join([*packed, _TAIL]))
    session.execute(text(_INSERT), {"recipe": recipe})
    session.execute(text("DELETE FROM signed"))


def _driver(session: Session) -> PgConnection:
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Signatures are written by COPY, which takes psycopg.")
    return raw


def read(
    session: Session, matcher: Matcher, recipe: int, ids: Ints, revisions: NDArray[np.int32]
) -> Signed:
    """Signatures of these revisions in the order given; empty where there is none of it."""
    width = matcher.signed_width()
    if width:
        return _read_wide(session, recipe, ids, revisions, width)
    signatures: list[bytes] = [b""] * len(ids)
    for places, found, blob in _blocks(session, recipe, ids, revisions):
        ends = np.cumsum(found["size"])
        for place, end, size in zip(places, ends.tolist(), found["size"].tolist(), strict=True):
            if place >= 0:
                signatures[place] = blob[end - size : end]
    return Signed.of(signatures)


def _read_wide(
    session: Session, recipe: int, ids: Ints, revisions: NDArray[np.int32], width: int
) -> Signed:
    """Of one width: straight into one array, which is all the memory a million rows take."""
    data = np.zeros((len(ids), width), np.uint8)
    there = np.zeros(len(ids), bool)
    for places, found, blob in _blocks(session, recipe, ids, revisions):
        full = found["size"] == width
        rows = np.frombuffer(blob, np.uint8).reshape(-1, width)
        known = places[full] >= 0
        data[places[full][known]] = rows[known]
        there[places[full][known]] = True
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(there * width, out=offsets[1:])
    flat = data if there.all() else data[there]
    return Signed(flat.reshape(-1), offsets, np.zeros(len(ids), bool))


def _blocks(
    session: Session, recipe: int, ids: Ints, revisions: NDArray[np.int32]
) -> Iterator[tuple[Ints, NDArray[np.void], bytes]]:
    """Places among the ids (-1: another revision), what is there, the signatures end to end."""
    order = np.argsort(ids)
    ordered = ids[order]
    with _driver(session).cursor(binary=True) as cursor:
        for start in range(0, len(ids), _READ_ROWS):
            some = ordered[start : start + _READ_ROWS].tolist()
            heads, blob = cursor.execute(_READ, (recipe, some)).fetchone() or (b"", b"")
            found = np.frombuffer(heads or b"", _PLACE)
            places = order[np.searchsorted(ordered, found["id"].astype(np.int64))]
            fresh = revisions[places] == found["revision"]
            yield np.where(fresh, places, -1), found, blob or b""
