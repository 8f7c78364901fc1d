"""Vectors in and out of the table, in the binary form of Postgres."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as PgConnection
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.embeddings.models import EmbeddingModel, Part

Vectors = NDArray[np.float32]

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS embedded (id bigint, revision int, vector halfvec)
ON COMMIT DELETE ROWS
"""
_COPY = "COPY embedded FROM STDIN (FORMAT binary)"
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
# A sample that was removed meanwhile has no vector, one that was edited keeps its newer one.
_INSERT = """
INSERT INTO sample_embeddings (sample_id, model_id, part, dataset_id, revision, vector)
SELECT e.id, :model_id, CAST(:part AS embedding_part), s.dataset_id, e.revision, e.vector
FROM embedded e JOIN samples s ON s.id = e.id
ON CONFLICT (sample_id, model_id, part)
DO UPDATE SET revision = excluded.revision, vector = excluded.vector
WHERE sample_embeddings.revision <= excluded.revision
"""
_READ = """
SELECT string_agg(int8send(e.sample_id) || int4send(e.revision)
  || substr(halfvec_send(e.vector), 5), ''::bytea)
FROM sample_embeddings e
WHERE e.sample_id = ANY(CAST(:ids AS bigint[])) AND e.model_id = :model_id
  AND e.part = CAST(:part AS embedding_part) AND e.vector IS NOT NULL
"""


def write(
    session: Session,
    model: EmbeddingModel,
    part: Part,
    ids: Sequence[int],
    revisions: Sequence[int],
    vectors: Vectors,
) -> None:
    """Store vectors of samples; what stands there of an older revision is replaced."""
    session.execute(text(_STAGE))
    raw = session.connection().connection.driver_connection
    if not isinstance(raw, PgConnection):
        raise TypeError("Vectors are written by COPY, which takes psycopg.")
    with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(packed(ids, revisions, vectors))
    session.execute(text(_INSERT), {"model_id": model.id, "part": part.value})
    session.execute(text("DELETE FROM embedded"))


def packed(ids: Sequence[int], revisions: Sequence[int], vectors: Vectors) -> bytes:
    """Rows (id, revision, vector) as binary COPY takes them; zeros become NULL."""
    count, width = vectors.shape
    rows = np.zeros(count, _layout(width))
    rows["fields"], rows["id_size"], rows["revision_size"] = 3, 8, 4
    rows["id"], rows["revision"] = ids, revisions
    empty = ~vectors.any(1)
    rows["size"] = np.where(empty, -1, 4 + 2 * width)
    rows["width"] = width
    rows["values"] = vectors
    laid_out = rows.view(np.uint8).reshape(count, -1)
    stays = np.ones_like(laid_out, dtype=bool)
    stays[empty, -(4 + 2 * width) :] = False
    return b"".join((_HEAD, laid_out[stays].tobytes(), _TAIL))


def _layout(width: int) -> np.dtype[Any]:
    return np.dtype(
        [
            *(("fields", ">i2"), ("id_size", ">i4"), ("id", ">i8")),
            *(("revision_size", ">i4"), ("revision", ">i4"), ("size", ">i4")),
            *(("width", ">i2"), ("unused", ">i2"), ("values", ">f2", (width,))),
        ]
    )


def read(
    session: Session,
    model: EmbeddingModel,
    part: Part,
    ids: Sequence[int],
    revisions: Sequence[int],
) -> Vectors:
    """Vectors of samples in the order given; zeros where none of that revision is stored."""
    params = {"ids": list(ids), "model_id": model.id, "part": part.value}
    raw = session.scalar(text(_READ), params)
    layout = np.dtype([("id", ">i8"), ("revision", ">i4"), ("values", ">f2", (model.width,))])
    found = np.frombuffer(raw or b"", layout)
    vectors = np.zeros((len(ids), model.width), np.float32)
    place = {
        (number, revision): row
        for row, (number, revision) in enumerate(zip(ids, revisions, strict=True))
    }
    keys = zip(found["id"].tolist(), found["revision"].tolist(), strict=True)
    rows = np.array([place.get(key, -1) for key in keys], np.int64)
    vectors[rows[rows >= 0]] = found["values"][rows >= 0]
    return vectors
