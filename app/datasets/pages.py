"""Datasets in the browser: making one, importing into it with a look and a mapping, its jobs."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.readers.mapping import ABOUT, targets
from app.curation.records import Kind, Origin
from app.datasets import imports, incoming, looking, service
from app.datasets.models import Import, Purpose
from app.errors import InvalidError
from app.jobs import service as jobs
from app.sources import service as sources
from app.web.forms import FormFields, Uploads
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN = 100


@router.post("/datasets", name="datasets:create")
def create(
    session: SessionDep,
    user: CurrentLead,
    name: Annotated[str, Form(max_length=63)],
    purpose: Annotated[Purpose, Form()] = Purpose.ANY,
) -> Response:
    """Make a dataset and go on to fill it."""
    dataset = service.create(session, name=name.strip(), purpose=purpose, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/import", status_code=303)


@router.get("/menu/datasets", name="datasets:menu")
def menu(
    request: Request,
    session: SessionDep,
    _user: CurrentUser,
    current: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """All datasets, to switch between them."""
    return render(
        request, "datasets/_menu.html", datasets=service.everything(session), current=current
    )


@router.get("/datasets/{name}/import", name="datasets:import")
def import_page(
    request: Request, name: str, session: SessionDep, _user: CurrentLead
) -> HTMLResponse:
    """Choose files; where they come from; past imports."""
    dataset = service.get(session, name)
    return render(
        request,
        "datasets/import.html",
        page="import",
        dataset=dataset,
        sources=sources.everything(session),
        origins=list(Origin),
        history=imports.history(session, dataset.id),
    )


@router.post("/datasets/{name}/import", name="datasets:upload")
def upload(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    files: Uploads,
    form: FormFields,
) -> Response:
    """Put the files aside and go on to the mapping; nothing is imported yet."""
    dataset = service.get(session, name)
    import_id = uuid.uuid4()
    with incoming.only_if_taken(import_id):
        stored = _stored(import_id, files, form.get("path", ""))
        source = sources.find_or_add(
            session,
            name=form.get("source", "").strip() or incoming.source_name(stored),
            origin=_origin(form.get("origin", Origin.SYNTHETIC)),
            license_=form.get("license", ""),
            licensor=form.get("licensor", ""),
            url=form.get("url", ""),
            terms=form.get("terms", ""),
            by=user,
        )
        batch = imports.create(session, dataset, source, stored, by=user, import_id=import_id)
    return RedirectResponse(f"/datasets/{dataset.name}/imports/{batch.id}", status_code=303)


def _origin(chosen: str) -> Origin:
    if chosen not in list(Origin):
        raise InvalidError(f"`{chosen}` is no origin; there are {', '.join(Origin)}.")
    return Origin(chosen)


def _stored(import_id: uuid.UUID, files: list[UploadFile], path: str) -> list[dict[str, Any]]:
    named = [file for file in files if file.filename]
    if named:
        return [incoming.put_aside(import_id, file.filename or "", file.file) for file in named]
    if path.strip():
        return incoming.files_under(path.strip())
    raise InvalidError("Choose a file, or give the path of one in the server's import folder.")


@router.get("/datasets/{name}/imports/{import_id}", name="datasets:mapping")
def mapping_page(
    request: Request,
    name: str,
    import_id: uuid.UUID,
    session: SessionDep,
    _user: CurrentLead,
    kind: Annotated[Kind | None, Query()] = None,
) -> HTMLResponse:
    """What the files were taken for, with their first rows; the mapping can be changed."""
    dataset = service.get(session, name)
    batch = imports.get(session, import_id)
    look = looking.look(batch.files[0], looking.Options())
    job = jobs.get(session, batch.job_id) if batch.job_id is not None else None
    chosen = kind or (look.mapping.kind if look.mapping else Kind.INSTRUCTION)
    return render(
        request,
        "datasets/mapping.html",
        page="import",
        dataset=dataset,
        batch=batch,
        look=look,
        kind=chosen,
        kinds=list(Kind),
        targets=targets(chosen),
        about=ABOUT,
        taken=look.mapping.fields if look.mapping and look.mapping.kind is chosen else {},
        likely=looking.chosen_scores(look.proposal, "likely"),
        job=job,
        progress=jobs.progress(session, [job]) if job else {},
    )


@router.post("/datasets/{name}/imports/{import_id}", name="datasets:start_import")
def start(
    name: str,
    import_id: uuid.UUID,
    session: SessionDep,
    user: CurrentLead,
    form: FormFields,
    kind: Annotated[Kind, Form()],
    score: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Import with this mapping."""
    dataset = service.get(session, name)
    batch = imports.get(session, import_id)
    _refuse_second_start(batch)
    chosen = {
        target: form[f"field.{target}"] for target in targets(kind) if form.get(f"field.{target}")
    }
    options = looking.by_hand(batch, kind, chosen, score or [])
    imports.start(session, dataset, batch, options, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/imports/{batch.id}", status_code=303)


def _refuse_second_start(batch: Import) -> None:
    if batch.job_id is not None:
        raise InvalidError("This import was started already.")


@router.get("/datasets/{name}/jobs", name="jobs:page")
def jobs_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    job: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """All jobs of a dataset; one of them opened with what failed in it."""
    dataset = service.get(session, name)
    newest = jobs.newest(session, dataset.id, _SHOWN)
    opened = jobs.get(session, job) if job is not None else None
    return render(
        request,
        "jobs/page.html",
        page="jobs",
        dataset=dataset,
        jobs=newest,
        progress=jobs.progress(session, newest),
        opened=opened,
        letters=jobs.letters(session, opened.id, _SHOWN) if opened else [],
    )
