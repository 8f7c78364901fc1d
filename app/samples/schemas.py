"""Samples as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.curation.records import Kind, Origin
from app.samples.models import DatasetSignal, Sample, SampleBody, Status
from app.samples.service import named_scores


class SampleOut(BaseModel):
    """A sample as the catalog has it; `scores` holds what was measured, by signal."""

    id: int
    external_id: str | None
    kind: Kind
    status: Status
    origin: Origin | None
    source: str
    domain: str | None
    topic: str | None = None
    language: str | None
    revision: int
    body: dict[str, Any]
    scores: dict[str, float]
    tags: list[str]
    parents: list[int]
    metadata: dict[str, Any]
    created_at: datetime
    changed_at: datetime


class RevisionOut(BaseModel):
    revision: int
    body: dict[str, Any]
    author: str | None
    reason: str
    created_at: datetime


class SampleEdit(BaseModel):
    """An edit: the revision it was made on, and the new body."""

    revision: int
    body: dict[str, Any]
    reason: str = Field("", max_length=1000)


class MemberOut(BaseModel):
    """A sample of a family; `level` is below 0 for ancestors, above for what came of it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    level: int
    status: Status
    origin: Origin
    opening: str


class EdgeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    parent: int
    child: int
    relation: str


class ChildOut(BaseModel):
    """What was made from a sample, with its text from shortly before where it differs."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    relation: str
    status: Status
    text: str
    elsewhere: bool = Field(description="In another dataset, and decided on there")


class LineageOut(BaseModel):
    """Parents and children, and the graph: five generations back, three ahead, 12 samples of each.

    Of very many children the first thousand, those that are open before the others.

    `more` counts by level those that are not among the members.
    """

    parents: list[dict[str, Any]]
    children: Sequence[ChildOut]
    members: Sequence[MemberOut]
    edges: Sequence[EdgeOut]
    more: dict[int, int]


def sample_out(
    sample: Sample,
    body: SampleBody,
    signals: Sequence[DatasetSignal],
    sources: dict[int, str],
    parents: Sequence[int] = (),
    topic: str | None = None,
) -> SampleOut:
    """The sample with its body, scores and source by name."""
    return SampleOut(
        id=sample.id,
        external_id=sample.external_id,
        kind=sample.kind,
        status=sample.status,
        origin=sample.origin,
        source=sources.get(sample.source_id, ""),
        domain=sample.domain,
        topic=topic,
        language=sample.language,
        revision=sample.revision,
        body=body.body,
        scores=named_scores(sample, signals),
        tags=list(sample.tags or ()),
        parents=list(parents),
        metadata=body.sample_metadata,
        created_at=sample.created_at,
        changed_at=sample.changed_at,
    )
