"""Datasets and imports over REST."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile

from app.accounts.current import CurrentUser, SessionDep
from app.accounts.policies import Principal
from app.datasets import imports, incoming, looking, policies, service
from app.datasets.models import Dataset, Import
from app.datasets.schemas import DatasetIn, DatasetOut, DatasetPatch, ImportOut, PathImport
from app.errors import InvalidError
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted, job_out
from app.sources import service as sources
from app.validation import build
from app.web.forms import multipart
from app.web.pagination import Page

router = APIRouter(tags=["datasets"])


@router.get("/datasets", name="api:list_datasets")
def list_datasets(session: SessionDep, _user: CurrentUser) -> Page[DatasetOut]:
    """All datasets."""
    items = [DatasetOut.model_validate(one) for one in service.everything(session)]
    return Page(items=items, total=len(items))


@router.post("/datasets", status_code=201, name="api:create_dataset")
def create_dataset(body: DatasetIn, session: SessionDep, user: CurrentUser) -> DatasetOut:
    """Make an empty dataset."""
    made = service.create(
        session, name=body.name, purpose=body.purpose, guidelines=body.guidelines, by=user
    )
    return DatasetOut.model_validate(made)


@router.get("/datasets/{name}", name="api:get_dataset")
def get_dataset(name: str, session: SessionDep, _user: CurrentUser) -> DatasetOut:
    """One dataset."""
    return DatasetOut.model_validate(service.get(session, name))


@router.patch("/datasets/{name}", name="api:change_dataset")
def change_dataset(
    name: str, body: DatasetPatch, session: SessionDep, user: CurrentUser
) -> DatasetOut:
    """Change the purpose or the guidelines."""
    dataset = service.get(session, name)
    changed = service.change(
        session, dataset, guidelines=body.guidelines, purpose=body.purpose, by=user
    )
    return DatasetOut.model_validate(changed)


@router.delete("/datasets/{name}", status_code=202, name="api:delete_dataset")
def delete_dataset(
    name: str,
    session: SessionDep,
    user: CurrentUser,
    releases: Annotated[bool, Query(description="Delete its releases too")] = False,
) -> JobOut:
    """Take a dataset away; its rows are removed in a job. Refused while it has releases."""
    job = service.delete(session, service.get(session, name), by=user, with_releases=releases)
    return job_out(job, jobs.progress(session, [job])[job.id])


@router.get("/datasets/{name}/imports", name="api:list_imports")
def list_imports(name: str, session: SessionDep, _user: CurrentUser) -> Page[ImportOut]:
    """Imports into a dataset, newest first, with what became of their rows."""
    dataset = service.get(session, name)
    query = select(Import).where(Import.dataset_id == dataset.id)
    found = session.scalars(query.order_by(Import.created_at.desc()).limit(1000))
    items = [ImportOut.model_validate(one) for one in found]
    return Page(items=items, total=len(items))


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What came: a path, or files; and how to read them."""

    settings: PathImport
    files: Sequence[UploadFile]


async def _import_request(request: Request) -> AsyncIterator[ImportRequest]:
    """A JSON body with a path, or a multipart form with files and the same fields."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form(max_files=1000)
        try:
            yield _from_form(form)
        finally:
            await form.close()
        return
    try:
        body = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidError(f"The body is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InvalidError("The body must be a JSON object.")
    yield ImportRequest(build(PathImport, body, "body"), ())


def _from_form(form: FormData) -> ImportRequest:
    files = [part for part in form.getlist("file") if isinstance(part, UploadFile)]
    fields: dict[str, Any] = {
        name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"
    }
    if "map" in fields:
        fields["map"] = _map(fields["map"])
    return ImportRequest(build(PathImport, {"path": "", **fields}, "form"), files)


def _map(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidError("`map` must be a JSON object, target to column.") from error
    if not isinstance(found, dict):
        raise InvalidError("`map` must be a JSON object, target to column.")
    return found


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PathImport.model_json_schema()},
            **multipart(PathImport),
        },
    }
}


@router.post("/datasets/{name}/imports", status_code=202, name="api:import", openapi_extra=_BODY)
def start_import(
    name: str,
    wanted: Annotated[ImportRequest, Depends(_import_request)],
    session: SessionDep,
    user: CurrentUser,
    response: Response,
) -> JobOut:
    """Import uploaded files, or a path below the server's import folder, in a job.

    Layouts are recognised; `map` changes what is taken for what. A source that is not there yet
    is made with the given origin and licence.
    """
    policies.may_import(user)
    dataset = service.get(session, name)
    import_id = uuid.uuid4()
    with incoming.only_if_taken(import_id):
        job = _start(session, dataset, wanted, import_id, user)
    return accepted(session, job, response)


def _start(
    session: Session, dataset: Dataset, wanted: ImportRequest, import_id: uuid.UUID, user: Principal
) -> Job:
    about = wanted.settings
    if wanted.files:
        files = [
            incoming.put_aside(import_id, part.filename or "upload", part.file)
            for part in wanted.files
        ]
    elif about.path:
        files = incoming.files_under(about.path)
    else:
        raise InvalidError("Send a file, or the `path` of one in the server's import folder.")
    source = sources.find_or_add(
        session,
        name=about.source or incoming.source_name(files),
        origin=about.origin,
        license_=about.license,
        licensor=about.licensor,
        url=about.url,
        terms=about.terms,
        by=user,
    )
    batch = imports.create(session, dataset, source, files, by=user, import_id=import_id)
    options = looking.Options(overrides=about.map, scores=about.scores)
    return imports.start(session, dataset, batch, options, by=user)
