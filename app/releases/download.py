"""Sending a file of a release: ETag from its SHA-256, Range, resume."""

import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

from app.errors import InvalidError, NotFoundError, UnsatisfiableError

_TYPES = {".jsonl": "application/x-ndjson", ".json": "application/json", ".md": "text/markdown"}
_PIECE = r"\s*(?:\d{1,18}\s*-\s*(?:\d{1,18})?|-\s*\d{1,18})\s*"
_RANGE = re.compile(rf"bytes\s*=({_PIECE}(?:,{_PIECE})*)\Z", re.ASCII | re.IGNORECASE)


def file_response(request: Request, path: Path, name: str, sha256: str) -> Response:
    """The file, a part of it, or 304; a release never changes, so its ETag never does."""
    if not path.is_file():
        raise NotFoundError(
            f"The file {name} is gone from the server's disk. Retry the job of this release: it "
            "builds the same bytes again."
        )
    etag = f'"{sha256}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    seen = request.headers.get("If-None-Match", "")
    if etag in seen or seen.strip() == "*":
        return Response(status_code=304, headers=headers)
    if request.headers.get("If-Range", etag) == etag:
        _check_range(request.headers.get("Range"), path.stat().st_size)
    return FileResponse(
        path,
        filename=name,
        media_type=_TYPES.get(path.suffix, "application/octet-stream"),
        headers=headers,
    )


def _check_range(wanted: str | None, size: int) -> None:
    """Refuse in words what the library below refuses without: no range, or none of this file."""
    if wanted is None:
        return
    found = _RANGE.match(wanted)
    pieces = [piece.strip().split("-") for piece in found[1].split(",")] if found else []
    backwards = [
        low for low, high in pieces if low.strip() and high.strip() and int(low) > int(high)
    ]
    if not pieces or backwards:
        raise InvalidError("The Range header is none: send for example `bytes=0-1023`.")
    if not all(_within(low.strip(), high.strip(), size) for low, high in pieces):
        raise UnsatisfiableError(f"The file has {size:,} bytes; the range lies beyond them.", size)


def _within(low: str, high: str, size: int) -> bool:
    return int(low) < size if low else int(high) > 0
