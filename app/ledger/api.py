"""The ledger over REST."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.accounts.current import CurrentUser, SessionDep
from app.ledger import service
from app.samples import service as samples

router = APIRouter(tags=["samples"])


class EntryOut(BaseModel):
    at: datetime
    kind: str
    title: str
    by: str
    detail: str
    data: dict[str, Any]


class LedgerOut(BaseModel):
    """Events, newest first; `whole` is false when one was changed or removed behind our back."""

    items: list[EntryOut]
    whole: bool


@router.get("/samples/{sample_id}/ledger", name="api:sample_ledger")
def ledger(sample_id: int, session: SessionDep, _user: CurrentUser) -> LedgerOut:
    """Every event that touched the sample."""
    found = service.ledger(session, samples.get(session, sample_id))
    return LedgerOut(
        items=[
            EntryOut(
                at=entry.at,
                kind=entry.kind,
                title=entry.title,
                by=entry.by,
                detail=entry.detail,
                data=dict(entry.data),
            )
            for entry in found.entries
        ],
        whole=found.whole,
    )
