"""Sending a file of a release: ETag from its SHA-256, Range, resume."""

from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

from app.errors import NotFoundError

_TYPES = {".jsonl": "application/x-ndjson", ".json": "application/json", ".md": "text/markdown"}


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
    return FileResponse(
        path,
        filename=name,
        media_type=_TYPES.get(path.suffix, "application/octet-stream"),
        headers=headers,
    )
