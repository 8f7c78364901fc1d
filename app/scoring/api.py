"""Signals over REST: what can be measured, measuring it, how the values spread."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import SIGNALS
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.schemas import JobOut, job_out
from app.scoring import coverage, service
from app.web.methods import MethodOut, method_out
from app.web.pagination import Page

router = APIRouter(tags=["signals"])


class SignalIn(BaseModel):
    key: str = Field(max_length=100)
    params: dict[str, Any] = {}


class ScoreIn(BaseModel):
    signals: list[SignalIn] = Field(min_length=1, max_length=100)
    where: str = Field("", max_length=4000)


class MarkedOut(BaseModel):
    """Rows that a flag marks, of those that have a value."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    rows: int
    measured: int
    share: float


@router.get("/signals", name="api:list_signals")
def list_signals(_user: CurrentUser) -> Page[MethodOut]:
    """What can be measured."""
    items = [method_out(one) for one in SIGNALS.values()]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/scores", status_code=202, name="api:score")
def score(
    name: str, body: ScoreIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Measure signals over the samples that match, in a job."""
    wanted = [service.Wanted(one.key, one.params) for one in body.signals]
    job = service.start(session, datasets.get(session, name), wanted, by=user, where=body.where)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_out(job, jobs.progress(session, [job])[job.id])


@router.get("/datasets/{name}/coverage", name="api:coverage")
def list_coverage(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Annotated[str, Query(max_length=100)],
    where: Annotated[str, Query(max_length=4000)] = "",
) -> Page[MarkedOut]:
    """How many rows each flag of a signal marks, such as each of the `skills`."""
    dataset = datasets.get(session, name)
    found = coverage.coverage(session, dataset, signal, where)
    items = [MarkedOut.model_validate(one) for one in found]
    return Page(items=items, total=len(items))
