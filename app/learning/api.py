"""Learning over REST: starting it, what was learned and how good it is."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import LEARNERS
from app.curation.learners.drift import ALARM
from app.curation.methods import Method
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.learning import service
from app.learning.models import LearnedScorer
from app.learning.service import Order
from app.providers.embedders import Tier
from app.web.pagination import Page

router = APIRouter(tags=["learning"])


class LearnIn(BaseModel):
    """The new signal, the labels it is learned from, and the learner."""

    signal: str = Field(min_length=1, max_length=60)
    labels: str = Field(max_length=100, description="A signal, `decisions`, or `ladder`")
    cut: float | None = Field(
        None, allow_inf_nan=False, description="Labels from it on count as good; none: as numbers"
    )
    where: str = Field("", max_length=4000, description="Only labels of rows that match")
    learner: str = Field("forest", max_length=100)
    params: dict[str, Any] = {}
    tier: Tier = Tier.STATIC


class LearnedOut(BaseModel):
    """A learned signal: its origin, metrics out of fold with intervals, curve and bench."""

    signal: str
    name: str
    version: int
    labels: str
    cut: float | None
    where: str
    learner: str
    params: dict[str, Any]
    labelled: int
    fingerprint: str
    metrics: dict[str, Any]
    curve: list[Any]
    bench: list[Any]
    drift: float | None
    drift_alarm: bool
    created_at: datetime


class LearnerOut(BaseModel):
    key: str
    title: str
    help: str
    parameters: dict[str, Any]


def _method(method: type[Method]) -> LearnerOut:
    return LearnerOut(
        key=method.key,
        title=method.title,
        help=method.help(),
        parameters=method.model_json_schema(),
    )


@router.get("/learners", name="api:list_learners")
def list_learners(_user: CurrentUser) -> Page[LearnerOut]:
    """What can learn a score from labels."""
    items = [_method(one) for one in LEARNERS.values()]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/learn", status_code=202, name="api:learn")
def learn(
    name: str, body: LearnIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Learn a signal from the rows that have a label, and score every row by it, in a job."""
    job = service.start(session, datasets.get(session, name), Order(**body.model_dump()), by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/learned", name="api:list_learned")
def list_learned(name: str, session: SessionDep, _user: CurrentUser) -> Page[LearnedOut]:
    """What was learned here, the newest first."""
    dataset = datasets.get(session, name)
    items = [_out(one) for one in service.of_dataset(session, dataset.id)]
    return Page(items=items, total=len(items))


def _out(row: LearnedScorer) -> LearnedOut:
    fields = {name: getattr(row, name) for name in LearnedOut.model_fields if name != "drift_alarm"}
    fields["metrics"] = service.shown_metrics(row)
    return LearnedOut(**fields, drift_alarm=row.drift is not None and row.drift > ALARM)
