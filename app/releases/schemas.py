"""Releases as JSON."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.releases.models import ReleaseStatus


class ReleaseIn(BaseModel):
    name: str = Field(min_length=1, max_length=63)
    where: str = Field("", max_length=4000)
    formats: list[Annotated[str, Field(max_length=50)]] | None = Field(
        None, max_length=20, description="Left out: those that fit the kinds of its rows"
    )


class ReleaseOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    status: ReleaseStatus
    where: str
    formats: list[str]
    rows: int
    frozen_at: datetime
    job_id: uuid.UUID | None
    files: list[dict[str, Any]] = []


class DifferenceOut(BaseModel):
    """Sample ids that came, went or changed; lists hold at most 1,000, counts are complete."""

    model_config = ConfigDict(from_attributes=True)

    added: list[int]
    removed: list[int]
    changed: list[int]
    added_count: int
    removed_count: int
    changed_count: int
