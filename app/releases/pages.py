"""Releases in the browser: making one, its card, its files, what changed since another."""

import uuid
from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import Job
from app.releases import service
from app.releases.download import file_response
from app.releases.formats import FORMATS
from app.releases.models import ReleaseStatus
from app.samples.search import schema_of
from app.scoring import trust
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/releases", name="releases:page")
def releases_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000)] = "",
) -> HTMLResponse:
    """All releases, and the form for the next."""
    dataset = datasets.get(session, name)
    found = service.everything(session, dataset.id)
    schema, known = schema_of(session, dataset.id), trust.badges(session, dataset.id)
    running = [
        session.get_one(Job, one.job_id)
        for one in found
        if one.status is ReleaseStatus.BUILDING and one.job_id is not None
    ]
    return render(
        request,
        "releases/page.html",
        page="releases",
        dataset=dataset,
        releases=found,
        badges={one.id: trust.named_in(schema, one.where, known) for one in found},
        next_badges=trust.named_in(schema, where, known),
        changes={one.id: service.diff(session, one, before) for one, before in pairwise(found)},
        running=running,
        progress=jobs.progress(session, running),
        where=where,
        approved=service.approved(session, dataset, where),
        formats=list(FORMATS),
        usual=service.usual_formats(session, dataset, where),
        next_name=f"v{len(found) + 1}",
    )


@router.post("/datasets/{name}/releases", name="releases:make")
def make(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    release: Annotated[str, Form(max_length=63)],
    formats: Annotated[list[str], Form()],
    where: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Freeze and build."""
    dataset = datasets.get(session, name)
    service.start(session, dataset, name=release, where=where, formats=formats, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/releases", status_code=303)


@router.get("/releases/{release_id}", name="releases:release")
def release_page(
    request: Request,
    release_id: uuid.UUID,
    session: SessionDep,
    _user: CurrentUser,
    against: Annotated[uuid.UUID | None, Query()] = None,
) -> HTMLResponse:
    """One release: its card, its files, and what changed since another."""
    release = service.get(session, release_id)
    dataset = datasets.by_id(session, release.dataset_id)
    others = [one for one in service.everything(session, dataset.id) if one.id != release.id]
    other = next((one for one in others if one.id == against), None)
    ready = release.status is ReleaseStatus.READY
    card = service.folder(release) / "README.md"
    return render(
        request,
        "releases/release.html",
        page="releases",
        dataset=dataset,
        release=release,
        others=others,
        other=other,
        diff=service.diff(session, release, other) if other else None,
        card=_body(card.read_text()) if ready and card.is_file() else "",
    )


def _body(card: str) -> str:
    """The card without the header that only machines read."""
    return card.split("\n---\n", 1)[-1] if card.startswith("---\n") else card


@router.get("/releases/{release_id}/download/{file}", name="releases:download")
def download(
    request: Request, release_id: uuid.UUID, file: str, session: SessionDep, _user: CurrentUser
) -> Response:
    """A file of the release."""
    path, entry = service.file_of(service.get(session, release_id), file)
    return file_response(request, path, file, entry["sha256"])
