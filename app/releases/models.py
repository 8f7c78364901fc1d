"""Releases: what was frozen, and which rows at which revision."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Enum,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class ReleaseStatus(StrEnum):
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class Release(CreatedAt, Base):
    """An immutable set of approved rows; the manifest says what is in it and how it was made."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]
    status: Mapped[ReleaseStatus] = mapped_column(
        Enum(
            ReleaseStatus,
            name="release_status",
            values_callable=lambda items: [item.value for item in items],
        ),
        default=ReleaseStatus.BUILDING,
    )
    where: Mapped[str] = mapped_column(default="")
    formats: Mapped[list[str]] = mapped_column(JSONB)
    frozen_at: Mapped[datetime]
    slots: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    rows: Mapped[int] = mapped_column(default=0)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class ReleaseItem(Base):
    """A row of a release: the sample, its revision, and what else the catalog said of it then."""

    __tablename__ = "release_items"
    __table_args__ = (Index(None, "sample_id"),)

    # No foreign keys: checked row by row, they were two thirds of freezing a release, and each
    # check of a sample wrote a lock into its row.
    release_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sample_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    revision: Mapped[int]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    domain: Mapped[str | None]
    language: Mapped[str | None]
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    scores: Mapped[list[float | None] | None] = mapped_column(ARRAY(REAL))
