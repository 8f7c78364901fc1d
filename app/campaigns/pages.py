"""Label campaigns in the browser: what was drawn, how far the labels are, a form for another."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.accounts.policies import Principal
from app.campaigns import service
from app.campaigns.models import Labeller
from app.campaigns.service import CampaignIn
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import Job
from app.judging import rubrics
from app.judging import service as judging
from app.judging.service import Order
from app.llm import service as llm
from app.samples import registry
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)
_SHOWN_STRATA = 40


@router.get("/datasets/{name}/campaigns", name="campaigns:page")
def campaigns_page(
    request: Request,
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    campaign: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """All campaigns; one opened with its progress and its strata."""
    dataset = datasets.get(session, name)
    known = service.everything(session, dataset)
    opened = next((one for one in known if one.name == campaign), known[0] if known else None)
    ids = (opened.job_id, opened.judge_job_id) if opened is not None else ()
    shown = [job for one in ids if one is not None and (job := session.get(Job, one)) is not None]
    return render(
        request,
        "campaigns/page.html",
        page="campaigns",
        dataset=dataset,
        campaigns=known,
        opened=opened,
        found=service.progress(session, opened) if opened is not None else None,
        strata=opened.strata[:_SHOWN_STRATA] if opened is not None else [],
        labellers=Labeller,
        rubrics=rubrics.everything(session),
        providers=llm.everything(session),
        signals=registry.signals(session, dataset.id),
        jobs=shown,
        progress=jobs.progress(session, shown),
    )


@router.post("/datasets/{name}/campaigns", name="campaigns:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Draw samples and have them labelled."""
    dataset = datasets.get(session, name)
    given: dict[str, Any] = {field: value for field, value in form.items() if value.strip()}
    given.pop("csrf", None)
    pilot = given.pop("then", "") == "pilot"
    if pilot:
        return _estimate(session, dataset, given, user)
    campaign = service.start(session, dataset, build(CampaignIn, given, "campaign"), by=user)
    return _back(dataset, campaign.name)


def _estimate(
    session: Session, dataset: Dataset, given: dict[str, Any], user: Principal
) -> Response:
    """A pilot of the judge over as many samples; its page tells what they would cost."""
    order: dict[str, Any] = {"sample": given.get("size"), "pilot": True}
    order |= {name: given[name] for name in ("rubric", "provider", "where") if name in given}
    body = build(Order, order, "judge")
    judging.start(session, dataset, body, by=user)
    address = f"/datasets/{dataset.name}/judges?rubric={body.rubric}"
    return RedirectResponse(address, status_code=303)


@router.post("/datasets/{name}/campaigns/{campaign}/label", name="campaigns:label")
def label(name: str, campaign: str, session: SessionDep, user: CurrentLead) -> Response:
    """Start the judge, or show the samples to people."""
    dataset = datasets.get(session, name)
    service.label_them(session, service.get(session, dataset, campaign), by=user)
    return _back(dataset, campaign)


@router.post("/datasets/{name}/campaigns/{campaign}/delete", name="campaigns:delete")
def delete(name: str, campaign: str, session: SessionDep, user: CurrentLead) -> Response:
    """Forget a campaign; its labels stay."""
    dataset = datasets.get(session, name)
    service.delete(session, service.get(session, dataset, campaign), by=user)
    return _back(dataset, "")


def _back(dataset: Dataset, campaign: str) -> Response:
    address = f"/datasets/{dataset.name}/campaigns?campaign={campaign}"
    return RedirectResponse(address, status_code=303)
