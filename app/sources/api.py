"""Sources over REST."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.records import Origin
from app.sources import service
from app.web.pagination import Page

router = APIRouter(tags=["sources"])


class SourceIn(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    origin: Origin
    license: str | None = Field(None, max_length=500, description="SPDX expression")
    licensor: str = Field("", max_length=500)
    url: str = Field("", max_length=2000)
    terms: str = Field("", max_length=20_000)


class SourceOut(SourceIn):
    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime


@router.get("/sources", name="api:list_sources")
def list_sources(session: SessionDep, _user: CurrentUser) -> Page[SourceOut]:
    """All sources."""
    items = [SourceOut.model_validate(source) for source in service.everything(session)]
    return Page(items=items, total=len(items))


@router.post("/sources", status_code=201, name="api:add_source")
def add_source(body: SourceIn, session: SessionDep, user: CurrentUser) -> SourceOut:
    """Register where samples come from; the licence must be an SPDX expression."""
    source = service.add(
        session,
        name=body.name,
        origin=body.origin,
        license_=body.license,
        licensor=body.licensor,
        url=body.url,
        terms=body.terms,
        by=user,
    )
    return SourceOut.model_validate(source)
