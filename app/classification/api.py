"""Classifiers over REST: what labels a model tells, reading samples by it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.accounts.current import CurrentLead, CurrentUser, SessionDep
from app.classification import service
from app.classification.service import Order
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.web.pagination import Page

router = APIRouter(tags=["signals"])


@router.post("/datasets/{name}/classify", status_code=202, name="api:classify")
def classify(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Write a signal by a classifier of Hugging Face's format, in a job of the queue gpu."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/classifier-labels", name="api:classifier_labels")
def labels(
    _user: CurrentLead, model: Annotated[str, Query(min_length=1, max_length=500)]
) -> Page[str]:
    """The labels of a classifier in a folder of this machine."""
    found = service.labels(model)
    return Page(items=found, total=len(found))
