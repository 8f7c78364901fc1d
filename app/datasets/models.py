"""Datasets and the imports that fill them."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.curation.records import Kind
from app.db import Base, CreatedAt


class Purpose(StrEnum):
    """What the dataset is for; it decides which kinds of sample it takes.

    Benchmarks are protected: models are measured on them, so nothing may be learned from them.
    """

    ANY = "any"
    SFT = "sft"
    PREFERENCE = "preference"
    PRETRAINING = "pretraining"
    RED_TEAM = "red_team"
    BENCHMARK = "benchmark"


KINDS_OF: dict[Purpose, frozenset[Kind]] = {
    Purpose.ANY: frozenset(Kind),
    Purpose.SFT: frozenset({Kind.INSTRUCTION, Kind.CHAT, Kind.COMPLETION}),
    Purpose.PREFERENCE: frozenset({Kind.PREFERENCE}),
    Purpose.PRETRAINING: frozenset({Kind.TEXT}),
    Purpose.RED_TEAM: frozenset({Kind.INSTRUCTION, Kind.CHAT, Kind.PREFERENCE}),
    Purpose.BENCHMARK: frozenset(Kind),
}


class Dataset(CreatedAt, Base):
    """A catalog of samples that are curated together."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[Purpose] = mapped_column(
        Enum(Purpose, name="purpose", values_callable=lambda items: [item.value for item in items])
    )
    guidelines: Mapped[str] = mapped_column(default="")
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    deleted_at: Mapped[datetime | None]
    # A release of which a smaller share is verified is refused.
    verified_at_least: Mapped[float | None]

    @property
    def protected(self) -> bool:
        """A benchmark: never released, never an example for a generator or a judge."""
        return self.purpose is Purpose.BENCHMARK


class Import(CreatedAt, Base):
    """Files that were, or wait to be, read into a dataset with one mapping.

    `files` holds {name, path, bytes, sha256} of each; counts are those of the finished job.
    """

    __tablename__ = "imports"
    __table_args__ = (Index(None, "dataset_id", "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    mapping: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created: Mapped[int] = mapped_column(default=0)
    existing: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[str]] = mapped_column(JSONB, default=list)
