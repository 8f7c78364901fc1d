"""Personal data in the browser: what there is, what masking would change, masking it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.datasets import service as datasets
from app.errors import InvalidError
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.masking import preview, service
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/personal-data", name="masking:page")
def masking_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    kinds: Annotated[list[str] | None, Query(max_length=50)] = None,
    where: Annotated[str, Query(max_length=4000)] = "",
) -> HTMLResponse:
    """Samples and places by kind, and what masking the chosen kinds would change."""
    dataset = datasets.get(session, name)
    wrong = None
    try:
        chosen = service.checked(kinds or [])
        found = preview.preview(session, dataset, kinds=chosen, where=where)
    except InvalidError as error:
        wrong, chosen = error, service.checked([])
        found = preview.preview(session, dataset, kinds=chosen, where="")
    running = jobs.open_jobs(session, dataset.id, JobKind.MASK)
    return render(
        request,
        "masking/page.html",
        page="personal-data",
        dataset=dataset,
        chosen=chosen,
        where=where,
        wrong=wrong,
        found=found,
        latest=service.latest(session, dataset.id),
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/personal-data", name="masking:start")
def start(
    name: str,
    session: SessionDep,
    user: CurrentLead,
    kinds: Annotated[list[str] | None, Form(max_length=50)] = None,
    where: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Mask the chosen kinds in the samples that match."""
    dataset = datasets.get(session, name)
    service.start(session, dataset, kinds=kinds or [], where=where, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/personal-data", status_code=303)


@router.post("/datasets/{name}/personal-data/undo", name="masking:undo")
def undo(name: str, session: SessionDep, user: CurrentLead) -> Response:
    """Bring back the texts that the newest masking changed."""
    dataset = datasets.get(session, name)
    service.undo(session, dataset, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/personal-data", status_code=303)
