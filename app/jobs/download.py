"""The records that failed in a job as a file of any length."""

import uuid
from collections.abc import Iterable, Iterator

import orjson
from fastapi.responses import StreamingResponse

from app.db import session_scope
from app.jobs import queries
from app.jobs.models import DeadLetter

_PAGE = 1000


def letters(job_id: uuid.UUID) -> Iterator[DeadLetter]:
    """All of them in the order they failed, page by page: the session of the request is gone."""
    after = 0
    while True:
        with session_scope() as session:
            page = session.scalars(queries.dead_letters(job_id, after).limit(_PAGE)).all()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def json_lines(rows: Iterable[DeadLetter]) -> Iterator[bytes]:
    """One object per line: where it stood, why it failed, and the row as the file has it."""
    for row in rows:
        fields = {
            "file": row.place,
            "line": row.line,
            "column": row.column,
            "sample": row.sample_id,
            "reason": row.reason,
            "raw": row.raw,
        }
        yield orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def answer(content: Iterable[str | bytes], media_type: str, name: str) -> StreamingResponse:
    """A file to keep."""
    return StreamingResponse(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
