"""Datasets and imports as JSON."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.curation.records import Origin
from app.datasets.models import Purpose

Column = Annotated[str, Field(max_length=1000)]


class DatasetIn(BaseModel):
    name: str = Field(max_length=63, description="a-z, 0-9, `-`, `_`, `.`")
    purpose: Purpose = Purpose.ANY
    guidelines: str = Field("", max_length=100_000, description="Markdown for reviewers")


class DatasetPatch(BaseModel):
    purpose: Purpose | None = None
    guidelines: str | None = Field(None, max_length=100_000)


class DatasetOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    purpose: Purpose
    protected: bool
    guidelines: str
    created_at: datetime


class PathImport(BaseModel):
    """An import by path, below the server's import folder."""

    path: str = Field(max_length=4000)
    source: str = Field("", max_length=200)
    origin: Origin = Origin.SYNTHETIC
    license: str = Field("", max_length=500)
    licensor: str = Field("", max_length=500)
    url: str = Field("", max_length=2000)
    terms: str = Field("", max_length=20_000)
    map: dict[str, Column] = Field({}, description="Target to column, over what is recognised")
    scores: Column | list[Column] = Field(
        "likely", description="Numeric columns that become signals: likely, all, none, or names"
    )


class ImportOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    job_id: uuid.UUID | None
    files: list[dict[str, Any]]
    mapping: dict[str, Any] | None
    created: int
    existing: int
    rejected: int
    warnings: list[str]
    created_at: datetime
