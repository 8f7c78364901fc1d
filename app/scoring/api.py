"""Signals over REST: what can be measured, measuring it, how the values spread."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import SIGNALS
from app.datasets import service as datasets
from app.jobs.schemas import JobOut, accepted
from app.samples.search import schema_of
from app.scoring import coverage, league, ratings, service
from app.web.forms import FormFields, Uploads
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


class RatedOut(BaseModel):
    """What became of the rows of a file of ratings."""

    model_config = ConfigDict(from_attributes=True)

    rated: int
    signals: list[str]
    rejected: list[dict[str, Any]]
    rejected_count: int


_RATINGS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "on": {"enum": ["external_id", "id"]},
                        "column": {"type": "string", "maxLength": 200},
                        "columns": {"type": "string", "maxLength": 4000},
                        "values": {"type": "string", "maxLength": 4000},
                    },
                }
            }
        },
    }
}


@router.post("/datasets/{name}/ratings", name="api:add_ratings", openapi_extra=_RATINGS_BODY)
def add_ratings(
    name: str, files: Uploads, form: FormFields, session: SessionDep, user: CurrentUser
) -> RatedOut:
    """Put ratings from a file (JSON Lines, JSON, CSV, Parquet) on samples that are here.

    `on` and `column` say how rows find their samples, `columns` which ratings to take (all if
    empty), `values` what words are worth, as JSON. Rows that fit no sample are listed.
    """
    given = ratings.from_form(form)
    dataset = datasets.get(session, name)
    return RatedOut.model_validate(ratings.from_uploads(session, dataset, files, given, by=user))


class PlaceOut(BaseModel):
    """A group of a league: its measure with a 95 % interval, and what became of its rows."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    rows: int
    measured: int
    value: float | None
    low: float | None
    high: float | None
    approved: int
    rejected: int
    dropped: int


@router.get("/datasets/{name}/league", name="api:league")
def show_league(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    rank: Annotated[
        str,
        Query(max_length=4000, description="A signal, -signal, approved, or a filter expression"),
    ] = league.APPROVED,
    by: Annotated[Literal["source", "domain", "language", "origin", "kind"], Query()] = "source",
) -> Page[PlaceOut]:
    """Sources (or domains, languages) from the best to the worst by a measure."""
    schema = schema_of(session, datasets.get(session, name).id)
    found = league.league(session, schema, rank, by)
    return Page(items=[PlaceOut.model_validate(one) for one in found], total=len(found))


@router.post("/datasets/{name}/scores", status_code=202, name="api:score")
def score(
    name: str, body: ScoreIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Measure signals over the samples that match, in a job."""
    wanted = [service.Wanted(one.key, one.params) for one in body.signals]
    job = service.start(session, datasets.get(session, name), wanted, by=user, where=body.where)
    return accepted(session, job, response)


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
