"""Choosing rows in the browser: scores as one, so many rows by a score, what was chosen."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import SELECTORS
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.filtering.preview import preview
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.samples import distribution, registry
from app.samples.search import schema_of
from app.selection import service
from app.selection.service import EnsembleOrder, SelectionOrder
from app.validation import build
from app.web.forms import FormFields, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/select", name="selection:page")
def select_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """What was chosen and combined here, one of them opened, and two forms to do more of it."""
    dataset = datasets.get(session, name)
    schema = schema_of(session, dataset.id)
    running = jobs.open_jobs(session, dataset.id, JobKind.DERIVE)
    made = service.signals(session, dataset)
    opened = next((one for one in made if one.name == signal), made[-1] if made else None)
    chosen = opened is not None and opened.key == service.SELECTION
    return render(
        request,
        "selection/page.html",
        page="select",
        dataset=dataset,
        made=made,
        opened=opened,
        effect=preview(session, schema, f"{opened.name}:1") if opened and chosen else None,
        histogram=distribution.histogram(session, schema, opened.name) if opened else None,
        signals=registry.signals(session, dataset.id),
        selectors=[(method, fields_of(method)) for method in SELECTORS.values()],
        groups=service.GROUPS,
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/select/ensemble", name="selection:combine")
def combine(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Write one score made of several."""
    dataset = datasets.get(session, name)
    chosen = [field.partition(".")[2] for field in form if field.startswith("of.")]
    order = {"signal": form.get("signal", "").strip(), "signals": chosen, "by": form.get("by")}
    service.start_ensemble(session, dataset, build(EnsembleOrder, order, "ensemble"), by=user)
    return _back(dataset)


@router.post("/datasets/{name}/select", name="selection:select")
def select(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Choose rows by a score."""
    dataset = datasets.get(session, name)
    wanted = build(SelectionOrder, _order(form), "selection")
    service.start_selection(session, dataset, wanted, by=user)
    return _back(dataset)


def _order(form: FormFields) -> dict[str, Any]:
    names = ("signal", "score", "count", "selector", "group", "where", "seed")
    given = {name: form[name].strip() for name in names if form.get(name, "").strip()}
    key = given.get("selector", "")
    params = params_from_form(SELECTORS[key], form, key) if key in SELECTORS else {}
    return {**given, "params": params}


def _back(dataset: Dataset) -> Response:
    return RedirectResponse(f"/datasets/{dataset.name}/select", status_code=303)
