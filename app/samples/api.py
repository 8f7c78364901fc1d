"""Samples over REST."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.accounts.models import User
from app.datasets import service as datasets
from app.errors import InvalidError
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted
from app.samples import bulk, catalog, family, places, posting, queries, registry, service
from app.samples import lineage as families
from app.samples.models import Sample
from app.samples.schemas import (
    ChildOut,
    EdgeOut,
    LineageOut,
    MemberOut,
    RevisionOut,
    SampleEdit,
    SampleOut,
    sample_out,
)
from app.web.pagination import Cursor, Limit, Page

router = APIRouter(tags=["samples"])


@router.get("/datasets/{name}/samples", name="api:list_samples")
def list_samples(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    where: Annotated[str, Query(max_length=4000, description="Filter expression")] = "",
    q: Annotated[str, Query(max_length=1000, description="Words in the text")] = "",
    sort: Annotated[str, Query(max_length=100, description="`field` or `-field`")] = "",
    fields: Annotated[str, Query(max_length=1000, description="Only these, by comma")] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
    total: Annotated[bool, Query(description="Count all matches too")] = False,
) -> Page[dict[str, Any]]:
    """Samples that match, in order; pages never repeat or skip a row."""
    dataset = datasets.get(session, name)
    wanted = _fields(fields)
    page = catalog.read(session, dataset, where=where, q=q, sort=sort, cursor=cursor, limit=limit)
    samples = [row.sample for row in page.rows]
    bodies = queries.bodies(session, samples)
    parents = queries.parents(session, [sample.id for sample in samples])
    sources = queries.source_names(session)
    titles = places.topic_titles(session, dataset.id)
    items = [
        sample_out(
            sample,
            bodies[sample.id],
            page.signals,
            sources,
            parents.get(sample.id, ()),
            titles.of(sample.scores),
        ).model_dump(mode="json", include=wanted)
        for sample in samples
    ]
    counted = queries.count(session, page.schema, page.node) if total else None
    return Page(items=items, next=page.next, total=counted)


def _fields(fields: str) -> set[str] | None:
    wanted = {name.strip() for name in fields.split(",") if name.strip()}
    unknown = wanted - set(SampleOut.model_fields)
    if unknown:
        raise InvalidError(
            f"There is no field `{min(unknown)}`. There are {', '.join(SampleOut.model_fields)}."
        )
    return wanted or None


@router.post("/datasets/{name}/samples", name="api:post_samples")
async def post_samples(name: str, request: Request, user: CurrentUser) -> JSONResponse:
    """Add samples: a JSON array, or NDJSON with one sample a line, of any length.

    The same external_id or the same content makes no second row, so a repeated request changes
    nothing. Rows that are wrong are listed with their line and reason; the others land.
    """
    result = await posting.receive(name, request, user)
    return JSONResponse(result.as_json())


@router.get("/samples/{sample_id}", name="api:get_sample")
def get_sample(sample_id: int, session: SessionDep, _user: CurrentUser) -> SampleOut:
    """One sample."""
    return _out(session, service.get(session, sample_id))


@router.patch("/samples/{sample_id}", name="api:edit_sample")
def edit_sample(
    sample_id: int, edit: SampleEdit, session: SessionDep, user: CurrentUser
) -> SampleOut:
    """Store a new revision; needs the revision that the editor saw, else 409."""
    sample = service.edit(
        session, sample_id, edit.body, revision=edit.revision, by=user, reason=edit.reason
    )
    return _out(session, sample)


@router.post("/samples/{sample_id}/restore", name="api:restore_sample")
def restore_sample(sample_id: int, session: SessionDep, user: CurrentUser) -> SampleOut:
    """Bring a dropped sample back; rules leave it alone from now on."""
    return _out(session, service.restore(session, sample_id, by=user))


@router.get("/samples/{sample_id}/history", name="api:sample_history")
def history(sample_id: int, session: SessionDep, _user: CurrentUser) -> Page[RevisionOut]:
    """All revisions, oldest first."""
    service.get(session, sample_id)
    found = service.revisions(session, sample_id)
    authors = dict(session.execute(select(User.id, User.email)).all())
    items = [
        RevisionOut(
            revision=one.revision,
            body=one.body,
            author=authors.get(one.author_id) if one.author_id else None,
            reason=one.reason,
            created_at=one.created_at,
        )
        for one in found
    ]
    return Page(items=items, total=len(items))


@router.get("/samples/{sample_id}/lineage", name="api:sample_lineage")
def lineage(sample_id: int, session: SessionDep, _user: CurrentUser) -> LineageOut:
    """What it was made from, and what was made from it."""
    parents, _ = service.parents_and_children(session, sample_id)
    children = families.children_of(session, sample_id)
    found = family.family(session, service.get(session, sample_id))
    return LineageOut(
        parents=[{"id": one.parent_id, "relation": one.relation} for one in parents],
        children=[ChildOut.model_validate(one) for one in children],
        members=[MemberOut.model_validate(one) for one in found.members],
        edges=[EdgeOut.model_validate(one) for one in found.edges],
        more=found.more,
    )


class ChildrenIn(BaseModel):
    action: bulk.Action = Field(description="approve or reject")


@router.post("/samples/{sample_id}/children", status_code=202, name="api:decide_children")
def decide_children(
    sample_id: int, body: ChildrenIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Approve or reject all that was made from a sample and that nobody decided on."""
    sample = service.get(session, sample_id)
    dataset = datasets.by_id(session, sample.dataset_id)
    job = families.decide_children(session, dataset, sample, body.action, by=user)
    return _job(session, job, response)


class BulkIn(BaseModel):
    """One action on all matches; `confirmed` is how many it may change, where that matters."""

    action: bulk.Action
    where: str = Field("", max_length=4000)
    argument: str = Field("", max_length=100, description="The tag, for tag and untag")
    confirmed: int | None = Field(None, ge=0)


@router.post("/datasets/{name}/bulk", status_code=202, name="api:bulk")
def start_bulk(
    name: str, body: BulkIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Approve, reject, send to review, quarantine or tag all matches, in a job."""
    job = bulk.start(
        session,
        datasets.get(session, name),
        body.action,
        where=body.where,
        argument=body.argument,
        confirmed=body.confirmed,
        by=user,
    )
    return _job(session, job, response)


@router.post("/bulk/{action_id}/undo", status_code=202, name="api:undo_bulk")
def undo_bulk(
    action_id: uuid.UUID, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Take a bulk action back where it still stands; its id is in the result of its job."""
    return _job(session, bulk.undo(session, action_id, by=user), response)


def _job(session: Session, job: Job, response: Response) -> JobOut:
    return accepted(session, job, response)


def _out(session: Session, sample: Sample) -> SampleOut:
    signals = registry.signals(session, sample.dataset_id)
    parents = queries.parents(session, [sample.id]).get(sample.id, [])
    body = service.body(session, sample)
    topic = places.topic_titles(session, sample.dataset_id).of(sample.scores)
    return sample_out(sample, body, signals, queries.source_names(session), parents, topic)
