"""Label campaigns: starting one, who labels, how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.campaigns import tagging
from app.campaigns.models import Campaign, CampaignSample, Labeller
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import DeadLetter, Job, JobKind
from app.judging import rubrics
from app.judging import service as judging
from app.llm import service as llm
from app.review import queue, verdicts
from app.samples import naming, registry
from app.samples.models import Sample
from app.samples.search import parsed, schema_of
from app.validation import Money

DECISIONS = verdicts.DECISIONS


class CampaignIn(BaseModel):
    """What to draw and who labels it."""

    name: str = Field(
        max_length=60, pattern=r"^[a-z][a-z0-9_-]*$", description="Also the tag of its samples"
    )
    size: int = Field(500, ge=1, le=100_000, description="How many samples are drawn")
    where: str = Field("", max_length=4000, description="Draw among samples that match")
    clusters: int = Field(
        20, ge=0, le=1000, description="Clusters of meaning that the draw is spread over; 0: none"
    )
    seed: int = Field(0, ge=0, le=2**53, description="Another seed draws other samples")
    labeller: Labeller = Field(description="judge, people, or column: a rating that is there")
    rubric: str = Field("", max_length=100)
    provider: str = Field("", max_length=100)
    budget: Money | None = Field(None, description="Judging pauses before it costs more")
    column: str = Field("", max_length=100, description="The rating that came with the samples")

    @model_validator(mode="after")
    def _has_a_labeller(self) -> "CampaignIn":
        if self.labeller is Labeller.JUDGE and not (self.rubric and self.provider):
            raise ValueError("a judge needs a rubric and a provider")
        if self.labeller is Labeller.COLUMN and not self.column:
            raise ValueError("name the column that holds the labels")
        return self

    def how(self) -> dict[str, Any]:
        """What the labeller needs, and nothing of the others."""
        if self.labeller is Labeller.JUDGE:
            budget = str(self.budget) if self.budget is not None else None
            return {"rubric": self.rubric, "provider": self.provider, "budget": budget}
        return {"column": self.column} if self.labeller is Labeller.COLUMN else {}


def start(session: Session, dataset: Dataset, given: CampaignIn, *, by: Principal) -> Campaign:
    """Draw samples in a job, then have them labelled."""
    require_role(by, Role.LEAD, "start a label campaign")
    if _find(session, dataset, given.name) is not None:
        raise ConflictError(f"There is a campaign `{given.name}` here already. Choose a name.")
    parsed(schema_of(session, dataset.id), given.where)
    _check(session, dataset, given)
    campaign = Campaign(
        dataset_id=dataset.id,
        how=given.how(),
        created_by=by.id,
        **given.model_dump(include={"name", "size", "where", "clusters", "seed", "labeller"}),
    )
    session.add(campaign)
    session.flush()
    job = jobs.start(
        session,
        JobKind.CAMPAIGN,
        f"Draw {given.size:,} samples for {given.name}",
        by=by,
        dataset_id=dataset.id,
        params={"dataset_id": dataset.id, "campaign": campaign.id},
    )
    campaign.job_id = job.id
    after = {"name": given.name, "size": given.size, "labeller": given.labeller, **given.how()}
    about = ("campaign", campaign.id)
    audit.record(session, by, "campaign.start", about, dataset_id=dataset.id, after=after)
    return campaign


def _check(session: Session, dataset: Dataset, given: CampaignIn) -> None:
    if given.labeller is Labeller.JUDGE:
        llm.get(session, given.provider)
        rubrics.get(session, given.rubric)
    if given.labeller is Labeller.COLUMN:
        known = [one.name for one in registry.signals(session, dataset.id)]
        if given.column not in known:
            raise InvalidError(naming.unknown(given.column, known, what="column"))


def among(campaign: Campaign) -> str:
    """The expression of the samples that a campaign draws from: those that can get its label."""
    limits = {
        Labeller.PEOPLE: " status:pending,in_review",
        Labeller.COLUMN: f" -missing:{campaign.how.get('column')}",
    }
    where = f"({campaign.where})" if campaign.where.strip() else ""
    return (where + limits.get(Labeller(campaign.labeller), "")).strip()


def label_them(session: Session, campaign: Campaign, *, by: Principal) -> Job | None:
    """Have the drawn samples labelled: a judge is started, or the review queue shows them.

    The queue is blind then: who sees the scores of a judge is drawn towards them.
    """
    if campaign.drawn is None:
        raise ConflictError(f"The samples of {campaign.name} are not drawn yet.")
    dataset = datasets.by_id(session, campaign.dataset_id)
    where = f"tag:{campaign.name}"
    if campaign.labeller == Labeller.PEOPLE:
        queue.configure(
            session, dataset, by=by, where=where, order_by="", random_share=0, blind=True
        )
    if campaign.labeller != Labeller.JUDGE:
        return None
    order = judging.Order.model_validate({**campaign.how, "where": where})
    job = judging.start(session, dataset, order, by=by)
    campaign.judge_job_id = job.id
    return job


def delete(session: Session, campaign: Campaign, *, by: Principal) -> None:
    """Forget a campaign and take its tag from the samples; the labels stay where they are."""
    require_role(by, Role.LEAD, "delete a label campaign")
    running = jobs.open_jobs(session, campaign.dataset_id, JobKind.CAMPAIGN)
    if any(job.id == campaign.job_id for job in running):
        raise ConflictError(f"{campaign.name} is being drawn right now. Cancel its job first.")
    tagging.untag(session, campaign, by)
    about, before = ("campaign", campaign.id), {"name": campaign.name, "drawn": campaign.drawn}
    audit.record(
        session, by, "campaign.delete", about, dataset_id=campaign.dataset_id, before=before
    )
    session.delete(campaign)
    session.flush()


def get(session: Session, dataset: Dataset, name: str) -> Campaign:
    """The campaign with this name."""
    found = _find(session, dataset, name)
    if found is None:
        known = ", ".join(one.name for one in everything(session, dataset)) or "none yet"
        raise NotFoundError(f"There is no campaign `{name}` here. There are: {known}.")
    return found


def _find(session: Session, dataset: Dataset, name: str) -> Campaign | None:
    query = select(Campaign).where(Campaign.dataset_id == dataset.id, Campaign.name == name)
    return session.scalar(query)


def everything(session: Session, dataset: Dataset) -> Sequence[Campaign]:
    """The campaigns of a dataset, the newest first."""
    query = select(Campaign).where(Campaign.dataset_id == dataset.id)
    return session.scalars(query.order_by(Campaign.id.desc())).all()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is: the signal (or decisions) that holds its labels, rows that have one.

    `failed` samples got a reply that holds no grade; `spent` is what the judge cost so far.
    """

    label: str
    labelled: int
    failed: int
    spent: dict[str, Any]


def progress(session: Session, campaign: Campaign) -> Progress:
    """Labels, failures and costs of a campaign as they are now."""
    label = _label(session, campaign)
    job_id = campaign.judge_job_id
    failed = select(func.count()).select_from(DeadLetter).where(DeadLetter.job_id == job_id)
    return Progress(
        label=label,
        labelled=_labelled(session, campaign, label),
        failed=(session.scalar(failed) or 0) if job_id is not None else 0,
        spent=dict(llm.spent(session, job_id)) if job_id is not None else {},
    )


def _label(session: Session, campaign: Campaign) -> str:
    if campaign.labeller == Labeller.PEOPLE:
        return DECISIONS
    if campaign.labeller == Labeller.COLUMN:
        return str(campaign.how["column"])
    job = session.get(Job, campaign.judge_job_id) if campaign.judge_job_id is not None else None
    return str(job.params["signal"]) if job is not None else ""


def _labelled(session: Session, campaign: Campaign, label: str) -> int:
    has = _has_label(session, campaign, label)
    if has is None:
        return 0
    query = (
        select(func.count())
        .select_from(Sample)
        .join(CampaignSample, CampaignSample.sample_id == Sample.id)
        .where(CampaignSample.campaign_id == campaign.id, has)
    )
    return session.scalar(query) or 0


def _has_label(session: Session, campaign: Campaign, label: str) -> ColumnElement[bool] | None:
    if label == DECISIONS:
        shares = verdicts.shares(campaign.dataset_id).subquery()
        return Sample.id.in_(select(shares.c.sample_id))
    known = {one.name: one.slot for one in registry.signals(session, campaign.dataset_id)}
    return Sample.scores[known[label] + 1].is_not(None) if label in known else None
