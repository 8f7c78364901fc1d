"""Perplexity over REST: starting it, what was read by what and with which band."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.accounts.current import CurrentUser, SessionDep
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.perplexity import service
from app.perplexity.models import PerplexityModel
from app.perplexity.service import Order
from app.web.pagination import Page

router = APIRouter(tags=["perplexity"])


class PerplexityOut(BaseModel):
    """What rows were read by; `found` has the band of the middle 80 % as a filter expression."""

    version: int
    signals: list[str]
    model: str
    trained_on: str
    trained_where: str
    size: int
    trained_rows: int
    fingerprint: str
    found: dict[str, Any]
    created_at: datetime


def _out(row: PerplexityModel) -> PerplexityOut:
    fields = {name: getattr(row, name) for name in PerplexityOut.model_fields if name != "signals"}
    return PerplexityOut(**fields, signals=service.names(row))


@router.post("/datasets/{name}/perplexity", status_code=202, name="api:measure_perplexity")
def measure(
    name: str, body: Order, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Measure perplexity and the difficulty of instructions, by n-grams or by a transformer."""
    job = service.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/perplexity", name="api:list_perplexity")
def list_perplexity(name: str, session: SessionDep, _user: CurrentUser) -> Page[PerplexityOut]:
    """What rows of this dataset were read by, the newest first."""
    dataset = datasets.get(session, name)
    items = [_out(one) for one in service.versions(session, dataset.id)]
    return Page(items=items, total=len(items))
