"""Duplicates as JSON."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.jobs.schemas import JobOut
from app.samples.models import Status

_Name = Annotated[str, Field(max_length=200)]


class MatchOrder(BaseModel):
    """Which matcher with which parameters; against another dataset, or a release, if named.

    A release is DATASET@RELEASE; of the dataset itself, the rows that are not in it are compared.

    `keep` says which sample of a cluster stays, the first policy that tells two apart: human,
    oldest, newest, longest, shortest, signal:NAME (the highest) or lowest:NAME. What people
    approved stays before all.
    """

    matcher: str = Field(max_length=100)
    params: dict[str, Any] = {}
    against: str = Field("", max_length=200)
    keep: list[_Name] = Field([], max_length=20)
    where: str = Field("", max_length=4000)


class RunOut(BaseModel):
    """What a run looked for and found: rows, pairs, clusters, members besides those that stay."""

    id: uuid.UUID
    matcher: str
    params: dict[str, Any]
    against: str | None
    keep: list[str]
    where: str
    found: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None


class SampleRef(BaseModel):
    id: int
    external_id: str | None


class EvidenceOut(BaseModel):
    """Why two samples are a pair; spans are (start, end) in the full text of each."""

    method: str
    similarity: float
    spans: dict[str, list[tuple[int, int]]]


class PairOut(BaseModel):
    """Two samples that are alike; `a` is the one that stays before the other."""

    a: SampleRef
    b: SampleRef
    similarity: float
    matcher: str
    evidence: EvidenceOut


class ClusterOut(BaseModel):
    """A cluster in a list; `open` of its samples would go."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    keeper_id: int
    size: int
    least: float
    most: float
    open: int
    text: str
    sources: list[str]


class MemberOut(BaseModel):
    """A sample of a cluster; `edited` since it was compared."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    external_id: str | None
    dataset: str
    source: str
    status: Status
    words: int
    similarity: float
    edited: bool


class ClusterDetailOut(BaseModel):
    """A cluster: the sample that stays, the others, how many are not listed."""

    model_config = ConfigDict(from_attributes=True)

    keeper: MemberOut
    members: list[MemberOut]
    more: int


class SpreadOut(BaseModel):
    """Members by how alike they are to the sample that stays."""

    model_config = ConfigDict(from_attributes=True)

    low: float
    high: float
    counts: list[int]


class ChosenIn(BaseModel):
    """The members meant: by matcher, similarity, source, cluster; all of them when left out."""

    matcher: str = Field("", max_length=100)
    against: str = Field("", max_length=200)
    min_similarity: float = Field(0.0, ge=0, le=1)
    source: str = Field("", max_length=200)
    clusters: list[int] | None = Field(None, max_length=10_000)


class KeepOrder(BaseModel):
    sample: int = Field(ge=1, le=2**63 - 1)


class DecidedOut(BaseModel):
    """What was done at once, or the job that does it; `action` undoes it as a bulk action."""

    action: uuid.UUID
    changed: int | None
    job: JobOut | None
