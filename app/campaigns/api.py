"""Label campaigns over REST."""

import uuid
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.campaigns import service
from app.campaigns.models import Campaign, Labeller
from app.campaigns.service import CampaignIn
from app.datasets import service as datasets
from app.web.pagination import Page

router = APIRouter(tags=["campaigns"])


class CampaignOut(BaseModel):
    """A campaign: what was drawn, who labels, how far it is; its labels stand in `label`.

    `drawn` is null until the job has drawn. The samples carry the campaign's name as a tag.
    """

    name: str
    where: str
    size: int
    clusters: int
    seed: int
    labeller: Labeller
    how: dict[str, Any]
    drawn: int | None
    labelled: int
    failed: int
    label: str
    spent: dict[str, Any]
    strata: list[dict[str, Any]]
    job_id: uuid.UUID | None
    judge_job_id: uuid.UUID | None
    created_at: datetime


def _out(session: Session, campaign: Campaign) -> CampaignOut:
    progress = service.progress(session, campaign)
    stored = CampaignOut.model_fields.keys() - {"labelled", "failed", "label", "spent"}
    return CampaignOut(
        **{name: getattr(campaign, name) for name in stored},
        label=progress.label,
        labelled=progress.labelled,
        failed=progress.failed,
        spent=progress.spent,
    )


@router.post("/datasets/{name}/campaigns", status_code=202, name="api:start_campaign")
def start(
    name: str, body: CampaignIn, session: SessionDep, user: CurrentUser, response: Response
) -> CampaignOut:
    """Draw samples in proportion to source, domain and meaning, and have them labelled."""
    dataset = datasets.get(session, name)
    campaign = service.start(session, dataset, body, by=user)
    response.headers["Location"] = f"/api/v1/datasets/{name}/campaigns/{campaign.name}"
    return _out(session, campaign)


@router.get("/datasets/{name}/campaigns", name="api:list_campaigns")
def list_campaigns(name: str, session: SessionDep, _user: CurrentUser) -> Page[CampaignOut]:
    """The campaigns of a dataset, the newest first."""
    dataset = datasets.get(session, name)
    items = [_out(session, one) for one in service.everything(session, dataset)]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/campaigns/{campaign}", name="api:get_campaign")
def get(name: str, campaign: str, session: SessionDep, _user: CurrentUser) -> CampaignOut:
    """One campaign."""
    return _out(session, service.get(session, datasets.get(session, name), campaign))


@router.post("/datasets/{name}/campaigns/{campaign}/label", name="api:label_campaign")
def label(name: str, campaign: str, session: SessionDep, user: CurrentUser) -> CampaignOut:
    """Have the drawn samples labelled, once more where it could not be started, or stopped."""
    found = service.get(session, datasets.get(session, name), campaign)
    service.label_them(session, found, by=user)
    return _out(session, found)


@router.delete("/datasets/{name}/campaigns/{campaign}", status_code=204, name="api:drop_campaign")
def delete(name: str, campaign: str, session: SessionDep, user: CurrentUser) -> None:
    """Forget a campaign and take its tag from the samples; labels stay."""
    found = service.get(session, datasets.get(session, name), campaign)
    service.delete(session, found, by=user)
