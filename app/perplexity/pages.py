"""Perplexity in the browser: what rows were read by, the band to keep, reading them by another."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.perplexity import service
from app.perplexity.service import Order
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/perplexity", name="perplexity:page")
def perplexity_page(
    request: Request, name: str, session: SessionDep, _user: CurrentUser
) -> HTMLResponse:
    """All versions with their bands; the form for another one."""
    dataset = datasets.get(session, name)
    running = jobs.open_jobs(session, dataset.id, JobKind.PERPLEXITY)
    known = service.versions(session, dataset.id)
    return render(
        request,
        "perplexity/page.html",
        page="scores",
        dataset=dataset,
        versions=[(one, service.names(one)) for one in known],
        datasets=[one.name for one in datasets.everything(session)],
        fewest=service.FEWEST,
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/perplexity", name="perplexity:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Count n-grams, or load a transformer, and read every sample."""
    dataset = datasets.get(session, name)
    given = {field: form[field].strip() for field in Order.model_fields if form.get(field)}
    if given.get("model"):
        given.pop("on", None)  # the form always names a dataset
    service.start(session, dataset, build(Order, given, "perplexity"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/perplexity", status_code=303)
