"""Previews, histograms and rules over REST."""

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import PROFILES
from app.datasets import service as datasets
from app.errors import InvalidError, NotFoundError
from app.filtering import preview, service
from app.filtering.models import RuleApplication, RuleSet, RuleVersion
from app.jobs.schemas import JobOut, accepted
from app.samples import distribution
from app.samples.search import schema_of
from app.web.pagination import Page

router = APIRouter(tags=["filters"])
Where = Annotated[str, Query(max_length=4000)]


class PreviewIn(BaseModel):
    where: str = Field("", max_length=4000)


class ConditionIn(BaseModel):
    expression: str = Field(min_length=1, max_length=4000)
    enabled: bool = True


class RulesIn(BaseModel):
    """A rule set: conditions a row must meet to stay, or a profile that names them."""

    name: str = Field(min_length=1, max_length=100)
    conditions: list[ConditionIn] = Field([], max_length=100)
    where: str = Field("", max_length=4000, description="The conditions as one expression")
    profile: str = Field("", max_length=100, description="Conditions of a published profile")


class ApplicationOut(BaseModel):
    id: uuid.UUID
    version: int
    dropped: int
    restored: int
    applied_at: datetime | None
    undone_at: datetime | None


class RulesOut(BaseModel):
    id: uuid.UUID
    name: str
    version: int
    conditions: list[ConditionIn]
    applications: list[ApplicationOut]


@router.post("/datasets/{name}/preview", name="api:preview")
def preview_filter(
    name: str, body: PreviewIn, session: SessionDep, _user: CurrentUser
) -> dict[str, Any]:
    """What an expression keeps: counts, a funnel per condition, the effect per source and domain.

    `unmeasured` rows fail no condition but lack a value that one asks for.
    """
    dataset = datasets.get(session, name)
    return asdict(preview.preview(session, schema_of(session, dataset.id), body.where))


@router.get("/datasets/{name}/histogram", name="api:histogram")
def histogram(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    signal: Annotated[str, Query(max_length=100)],
    where: Where = "",
    bins: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """How a signal spreads over the samples that match, in equal bins."""
    dataset = datasets.get(session, name)
    schema = schema_of(session, dataset.id)
    field = schema.fields.get(signal)
    if field is None or field.type != "number":
        known = [one.name for one in schema.fields.values() if one.type == "number"]
        raise NotFoundError(f"There is no signal `{signal}` here. There are {', '.join(known)}.")
    found = distribution.histogram(session, schema, signal, where=where, bins=bins)
    return {**asdict(found), "edges": found.edges, "total": sum(found.counts)}


@router.get("/profiles", name="api:list_profiles")
def list_profiles(_user: CurrentUser) -> Page[dict[str, Any]]:
    """Published thresholds for kinds of text, as conditions."""
    items = [
        {
            "key": one.key,
            "title": one.title,
            "help": one.help,
            "conditions": [
                {"expression": condition.expression(), "source": condition.source}
                for condition in one.conditions
            ],
        }
        for one in PROFILES.values()
    ]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/rules", name="api:list_rules")
def list_rules(name: str, session: SessionDep, _user: CurrentUser) -> Page[RulesOut]:
    """The rule sets of a dataset, each with its newest version and its applications."""
    dataset = datasets.get(session, name)
    items = [_out(session, one) for one in service.rule_sets(session, dataset.id)]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/rules", status_code=201, name="api:save_rules")
def save_rules(name: str, body: RulesIn, session: SessionDep, user: CurrentUser) -> RulesOut:
    """Save conditions as the next version of a rule set; nothing is dropped yet."""
    dataset = datasets.get(session, name)
    conditions = [one.model_dump() for one in body.conditions]
    if body.where:
        schema = schema_of(session, dataset.id)
        conditions += service.from_expression(schema, body.where)
    if body.profile:
        conditions += service.from_profile(body.profile)
    if not conditions:
        raise InvalidError("Give `conditions`, `where` or `profile`.")
    version = service.save(session, dataset, name=body.name, conditions=conditions, by=user)
    return _out(session, service.get_set(session, version.rule_set_id))


@router.post("/rules/{rule_id}/apply", status_code=202, name="api:apply_rules")
def apply_rules(
    rule_id: uuid.UUID, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Apply the newest version: rows that fail are dropped, with the condition and the value."""
    version = service.newest(session, service.get_set(session, rule_id))
    _, job = service.apply(session, version, by=user)
    return accepted(session, job, response)


@router.post("/rules/{rule_id}/undo", status_code=202, name="api:undo_rules")
def undo_rules(
    rule_id: uuid.UUID, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Undo the newest application that stands: exactly the rows that it changed."""
    job = service.undo_standing(session, service.get_set(session, rule_id), by=user)
    return accepted(session, job, response)


def _out(session: Session, rule_set: RuleSet) -> RulesOut:
    newest = service.newest(session, rule_set)
    numbers = {one.id: one.number for one in service.versions(session, rule_set)}
    return RulesOut(
        id=rule_set.id,
        name=rule_set.name,
        version=newest.number,
        conditions=_conditions(newest),
        applications=[
            _application(one, numbers) for one in service.applications(session, rule_set)
        ],
    )


def _conditions(version: RuleVersion) -> list[ConditionIn]:
    return [ConditionIn.model_validate(one) for one in version.conditions]


def _application(one: RuleApplication, numbers: dict[uuid.UUID, int]) -> ApplicationOut:
    return ApplicationOut(
        id=one.id,
        version=numbers[one.version_id],
        dropped=one.dropped,
        restored=one.restored,
        applied_at=one.applied_at,
        undone_at=one.undone_at,
    )
