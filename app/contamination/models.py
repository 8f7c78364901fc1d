"""Runs of decontamination, what they found, and what people said to it."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import REAL, BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt
from app.samples.models import Status, StatusColumn


class Judgement(StrEnum):
    """What becomes of a row in which an item was found."""

    REMOVE = "remove"
    QUARANTINE = "quarantine"
    ALLOW = "allow"


class ContaminationRun(CreatedAt, Base):
    """A search for the items of benchmarks in a dataset.

    `benchmarks` holds {dataset, id, items, sha256}, `layers` {key, version, params, fingerprint}.
    `recipe` covers both: a run with that of an earlier one reads only what is new `since` then.
    `read_at` and `last_id` tell which rows were there.
    """

    __tablename__ = "contamination_runs"
    __table_args__ = (Index(None, "dataset_id", "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    benchmarks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    layers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    recipe: Mapped[str]
    rows: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    last_id: Mapped[int] = mapped_column(BigInteger, default=0)
    finished_at: Mapped[datetime | None]


class ContaminationHit(CreatedAt, Base):
    """An item of a benchmark that a layer found in a sample, with the places on both sides."""

    __tablename__ = "contamination_hits"
    __table_args__ = (
        UniqueConstraint("sample_id", "item_id", "layer"),
        Index(None, "dataset_id", "benchmark_id", "item_id"),
        Index(None, "item_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    benchmark_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("contamination_runs.id", ondelete="CASCADE")
    )
    sample_id: Mapped[int] = mapped_column(ForeignKey("samples.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("samples.id", ondelete="CASCADE"))
    revision: Mapped[int]
    item_revision: Mapped[int]
    layer: Mapped[str]
    finding: Mapped[str]
    score: Mapped[float] = mapped_column(REAL)
    likely: Mapped[float] = mapped_column(REAL)
    sample_spans: Mapped[list[list[int]]] = mapped_column(JSONB)
    item_spans: Mapped[list[list[int]]] = mapped_column(JSONB)


class ContaminationVerdict(CreatedAt, Base):
    """What somebody said to an item in a sample; undoing it takes the row away, the ledger stays.

    `previous_status` is where the sample stood, if the verdict moved it; `model` names who settled
    it where no person did: `made_by` started the job then.
    """

    __tablename__ = "contamination_verdicts"
    __table_args__ = (Index(None, "dataset_id"), Index(None, "item_id"))

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    item_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    verdict: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(default="")
    made_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    previous_status: Mapped[Status | None] = mapped_column(StatusColumn)
