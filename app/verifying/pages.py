"""Verifying in the browser: how much is verified, what was refuted and why, the gate, a run."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.curation.catalog import VERIFIERS
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import JobKind
from app.llm import service as llm
from app.sandbox import reported
from app.validation import build
from app.verifying import rates, service, shown
from app.verifying.service import Order
from app.web.forms import FormFields, fields_of, params_from_form
from app.web.render import render

router = APIRouter(include_in_schema=False)


class _Gate(BaseModel):
    percent: float = Field(ge=0, le=100)


@router.get("/datasets/{name}/verify", name="verifying:page")
def verify_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    verifier: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """The rates of a dataset; one verifier opened with samples of each verdict."""
    dataset = datasets.get(session, name)
    known = service.signals(session, dataset.id)
    opened = next((one for one in known if one.name == verifier), known[0] if known else None)
    running = jobs.open_jobs(session, dataset.id, JobKind.VERIFY)
    return render(
        request,
        "verifying/page.html",
        page="verify",
        dataset=dataset,
        rates=rates.rates(session, dataset),
        opened=opened,
        groups=shown.groups(session, dataset, opened) if opened else [],
        methods=[(method, fields_of(method)) for method in VERIFIERS.values()],
        providers=[one.name for one in llm.everything(session)],
        sandboxes=reported.everything(),
        jobs=running,
        progress=jobs.progress(session, running),
    )


@router.post("/datasets/{name}/verify", name="verifying:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Verify by the chosen verifier."""
    dataset = datasets.get(session, name)
    key = form.get("verifier", "")
    given = {
        "verifier": key,
        "params": params_from_form(VERIFIERS[key], form, key) if key in VERIFIERS else {},
        "where": form.get("where", ""),
        "provider": form.get(f"{key}.provider", ""),
        "budget": form.get(f"{key}.budget") or None,
        "again": "again" in form,
    }
    service.start(session, dataset, build(Order, given, "verify"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/verify?verifier={key}", status_code=303)


@router.post("/datasets/{name}/verify/gate", name="verifying:gate")
def set_gate(
    name: str, session: SessionDep, user: CurrentLead, percent: Annotated[str, Form()] = ""
) -> Response:
    """Set the share of a release that must be verified; an empty field is no gate."""
    dataset = datasets.get(session, name)
    at_least = build(_Gate, {"percent": percent}, "gate").percent / 100 if percent.strip() else None
    rates.set_gate(session, dataset, at_least, by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/verify", status_code=303)
