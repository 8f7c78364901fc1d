"""Rubrics and judges over REST."""

from typing import Any

from fastapi import APIRouter, Response

from app.accounts.current import CurrentUser, SessionDep
from app.curation.rubrics.base import Rubric
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.judging import rubrics, service
from app.judging.rubrics import Versioned
from app.judging.service import Order
from app.web.pagination import Page

router = APIRouter(tags=["judges"])


class RubricOut(Rubric):
    version: int


def _out(versioned: Versioned) -> RubricOut:
    return RubricOut(**versioned.rubric.model_dump(), version=versioned.version)


@router.get("/rubrics", name="api:list_rubrics")
def list_rubrics(session: SessionDep, _user: CurrentUser) -> Page[RubricOut]:
    """All rubrics in their newest version; those that come with Winnow first."""
    items = [_out(one) for one in rubrics.everything(session)]
    return Page(items=items, total=len(items))


@router.get("/rubrics/{name}", name="api:get_rubric")
def get_rubric(
    name: str, session: SessionDep, _user: CurrentUser, version: int | None = None
) -> RubricOut:
    """One rubric, the newest version unless another is asked for."""
    return _out(rubrics.get(session, name, version))


@router.post("/rubrics", status_code=201, name="api:save_rubric")
def save_rubric(body: Rubric, session: SessionDep, user: CurrentUser) -> RubricOut:
    """Store a rubric as the next version of its name; earlier versions and scores stay."""
    return _out(rubrics.save(session, body.model_dump(), by=user))


@router.post("/datasets/{name}/judge", status_code=202, name="api:judge")
def judge(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Grade samples by a rubric; with `pilot`, say what it would cost (`result.estimate`)."""
    dataset = datasets.get(session, name)
    job = service.start(session, dataset, body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/judges", name="api:list_judges")
def list_judges(name: str, session: SessionDep, _user: CurrentUser) -> Page[dict[str, Any]]:
    """Signals of this dataset that judges wrote: rubric, version, model."""
    dataset = datasets.get(session, name)
    items = [
        {"signal": one.name, "version": one.version, **one.params}
        for one in service.signals(session, dataset)
    ]
    return Page(items=items, total=len(items))
