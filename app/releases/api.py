"""Releases over REST: making them, their manifest, files in pieces, rows by cursor."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import WRITERS
from app.curation.writers.layouts import Unwritable
from app.datasets import service as datasets
from app.errors import InvalidError
from app.jobs.schemas import JobOut, accepted
from app.releases import rows, service
from app.releases.download import file_response
from app.releases.formats import FORMATS
from app.releases.models import Release
from app.releases.schemas import DifferenceOut, ReleaseIn, ReleaseOut
from app.web.methods import MethodOut, method_out
from app.web.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor, row_id

router = APIRouter(tags=["releases"])


_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_KINDS = (
    "application/octet-stream",
    "application/x-ndjson",
    "application/json",
    "text/markdown",
)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole file",
        "content": dict.fromkeys(_KINDS, _BYTES),
    },
    206: {"description": "The part that the Range header asks for"},
    304: {"description": "The file of the ETag that the caller has"},
}


def release_out(release: Release) -> ReleaseOut:
    """The release with its files."""
    out = ReleaseOut.model_validate(release)
    out.files = release.manifest.get("files", [])
    return out


@router.get("/writers", name="api:list_writers")
def list_writers(_user: CurrentUser) -> Page[MethodOut]:
    """What files can be written, with their parameters; `formats` of a release name them."""
    items = [method_out(one) for one in WRITERS.values()]
    return Page(items=items, total=len(items))


@router.get("/formats", name="api:list_formats")
def list_formats(_user: CurrentUser) -> Page[str]:
    """The formats a release can have."""
    return Page(items=list(FORMATS), total=len(FORMATS))


@router.get("/datasets/{name}/releases", name="api:list_releases")
def list_releases(name: str, session: SessionDep, _user: CurrentUser) -> Page[ReleaseOut]:
    """The releases of a dataset, newest first."""
    dataset = datasets.get(session, name)
    items = [release_out(one) for one in service.everything(session, dataset.id)]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/releases", status_code=202, name="api:make_release")
def make_release(
    name: str, body: ReleaseIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Freeze the approved rows that match; a job builds the files."""
    dataset = datasets.get(session, name)
    release, job = service.start(
        session, dataset, name=body.name, where=body.where, formats=body.formats, by=user
    )
    response.headers["Link"] = f'</api/v1/releases/{release.id}>; rel="related"'
    out = accepted(session, job, response)
    out.result = {"release": str(release.id)}
    return out


@router.get("/releases/{release_id}", name="api:get_release")
def get_release(release_id: str, session: SessionDep, _user: CurrentUser) -> ReleaseOut:
    """A release by its id or its name."""
    return release_out(service.find(session, release_id))


@router.get(
    "/releases/{release_id}/manifest",
    name="api:manifest",
    response_class=FileResponse,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def manifest(
    release_id: str, request: Request, session: SessionDep, _user: CurrentUser
) -> Response:
    """Recipe, row ids and revisions, counts, licences, and the SHA-256 of every file."""
    path, entry = service.file_of(service.find(session, release_id), service.MANIFEST)
    return file_response(request, path, service.MANIFEST, entry["sha256"])


@router.get("/releases/{release_id}/diff", name="api:diff_releases")
def diff(
    release_id: str,
    against: Annotated[str, Query(max_length=63)],
    session: SessionDep,
    _user: CurrentUser,
) -> DifferenceOut:
    """What came, went and changed since another release."""
    this, other = service.find(session, release_id), service.find(session, against)
    return DifferenceOut.model_validate(service.diff(session, this, other))


@router.get(
    "/releases/{release_id}/files/{file}",
    name="api:release_file",
    response_class=FileResponse,
    responses=_FILE,
)
@router.head("/releases/{release_id}/files/{file}", include_in_schema=False)
def download(
    release_id: str, file: str, request: Request, session: SessionDep, _user: CurrentUser
) -> Response:
    """A file of the release; takes Range and If-None-Match, so downloads can be resumed."""
    path, entry = service.file_of(service.find(session, release_id), file)
    return file_response(request, path, file, entry["sha256"])


@router.get("/releases/{release_id}/rows", name="api:release_rows")
def release_rows(
    release_id: str,
    session: SessionDep,
    _user: CurrentUser,
    format_: Annotated[str, Query(alias="format", max_length=50)] = "jsonl",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Rows of the release in a layout, from a cursor on; the same pages on every call.

    The layouts of KTO have two rows of each pair, so a page may have twice its limit.
    """
    release = service.ready(service.find(session, release_id))
    writer = FORMATS.get(format_)
    if writer is None:
        raise InvalidError(f"`{format_}` is no format. There are {', '.join(FORMATS)}.")
    key = decode_cursor(cursor, row_id)
    after = key[0] if key else 0
    found = list(rows.records(session, release, after=after, limit=limit + 1))
    shown = found[:limit]
    encoded = [writer.rows(record) for record in shown]
    return Page(
        items=[row for one in encoded if not isinstance(one, Unwritable) for row in one],
        next=encode_cursor(shown[-1].id) if len(found) > limit else None,
        total=_rows_in(release, format_),
    )


def _rows_in(release: Release, format_: str) -> int | None:
    """Rows of the release that this layout holds; unknown where no file of it was written."""
    files = release.manifest["files"]
    return next((one["rows"] for one in files if one["name"].split(".")[0] == format_), None)
