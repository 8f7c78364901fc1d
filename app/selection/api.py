"""Ensembles and selections over REST."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import SELECTORS
from app.datasets import service as datasets
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted
from app.selection import service
from app.selection.service import EnsembleOrder, SelectionOrder
from app.web.methods import MethodOut, method_out
from app.web.pagination import Page

router = APIRouter(tags=["selection"])


class DerivedOut(BaseModel):
    """A signal that was made of others: its kind (ensemble or selection) and its recipe."""

    signal: str
    title: str
    kind: str
    recipe: dict[str, Any]
    fingerprint: str


@router.get("/selectors", name="api:list_selectors")
def list_selectors(_user: CurrentUser) -> Page[MethodOut]:
    """What can choose rows by their scores."""
    items = [method_out(one) for one in SELECTORS.values()]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/ensembles", status_code=202, name="api:combine")
def combine(
    name: str, body: EnsembleOrder, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Write one score made of several, in a job."""
    job = service.start_ensemble(session, datasets.get(session, name), body, by=user)
    return _accepted(session, response, job)


@router.post("/datasets/{name}/selections", status_code=202, name="api:select")
def select(
    name: str, body: SelectionOrder, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Choose rows by a score, in a job: the new signal is 1 for those chosen, 0 for the others."""
    job = service.start_selection(session, datasets.get(session, name), body, by=user)
    return _accepted(session, response, job)


def _accepted(session: Session, response: Response, job: Job) -> JobOut:
    return accepted(session, job, response)


@router.get("/datasets/{name}/derived", name="api:list_derived")
def list_derived(name: str, session: SessionDep, _user: CurrentUser) -> Page[DerivedOut]:
    """Ensembles and selections of a dataset."""
    items = [
        DerivedOut(
            signal=one.name,
            title=one.title,
            kind=one.key,
            recipe=one.params,
            fingerprint=one.fingerprint,
        )
        for one in service.signals(session, datasets.get(session, name))
    ]
    return Page(items=items, total=len(items))
