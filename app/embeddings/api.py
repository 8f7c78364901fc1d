"""Embeddings over REST: making them, how far they are, search by meaning."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.datasets import service as datasets
from app.embeddings import nearest, service
from app.embeddings.nearest import Found, Like
from app.jobs.schemas import JobOut, accepted
from app.providers.embedders import Tier
from app.samples import registry
from app.samples.models import Sample, SampleBody
from app.samples.schemas import SampleOut, sample_out
from app.sources.models import Source
from app.web.pagination import Limit, Page

router = APIRouter(tags=["embeddings"])


class EmbedIn(BaseModel):
    """Which tier: static for whole catalogs on a CPU, transformer where accuracy is needed."""

    tier: Tier = Tier.STATIC


class CoverageOut(BaseModel):
    """How many samples have a vector of their present revision by the model that is set."""

    tier: Tier
    model: str
    embedded: int
    total: int


class FoundOut(SampleOut):
    """A sample and how near it is: the cosine, 1 for the same meaning."""

    similarity: float


@router.post("/datasets/{name}/embeddings", status_code=202, name="api:embed")
def embed(
    name: str, body: EmbedIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Embed what has no vector yet, or one of an older revision, in a job."""
    job = service.start(session, datasets.get(session, name), body.tier, by=user)
    return accepted(session, job, response)


@router.get("/datasets/{name}/embeddings", name="api:list_embeddings")
def coverage(name: str, session: SessionDep, _user: CurrentUser) -> Page[CoverageOut]:
    """How far the dataset is embedded, by tier."""
    dataset = datasets.get(session, name)
    found = [service.coverage(session, dataset, tier) for tier in Tier]
    items = [
        CoverageOut(tier=one.tier, model=one.model, embedded=one.embedded, total=one.total)
        for one in found
    ]
    return Page(items=items, total=len(items))


@router.get("/datasets/{name}/search", name="api:search")
def search(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    like: Annotated[str, Query(max_length=20_000, description="A text to look for")] = "",
    like_sample: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="A sample to look for the like of")
    ] = None,
    where: Annotated[str, Query(max_length=4000, description="Filter expression")] = "",
    tier: Tier = Tier.STATIC,
    limit: Limit = 20,
) -> Page[FoundOut]:
    """The samples nearest in meaning, nearest first, each with its similarity."""
    dataset = datasets.get(session, name)
    wanted = Like(like, like_sample)
    found = nearest.search(session, dataset, wanted, where=where, limit=limit, tier=tier)
    return Page(items=_out(session, dataset.id, found))


def _out(session: Session, dataset_id: int, found: Sequence[Found]) -> list[FoundOut]:
    signals = registry.signals(session, dataset_id)
    sources = dict(session.execute(select(Source.id, Source.name)).all())
    bodies = _bodies(session, [one.sample.id for one in found])
    return [
        FoundOut(
            **_fields(sample_out(one.sample, bodies[one.sample.id], signals, sources)),
            similarity=one.similarity,
        )
        for one in found
    ]


def _fields(sample: SampleOut) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in SampleOut.model_fields}


def _bodies(session: Session, ids: Sequence[int]) -> dict[int, SampleBody]:
    query = (
        select(SampleBody)
        .join(
            Sample, (Sample.id == SampleBody.sample_id) & (Sample.revision == SampleBody.revision)
        )
        .where(SampleBody.sample_id.in_(ids))
    )
    return {body.sample_id: body for body in session.scalars(query)}
