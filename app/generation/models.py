"""Runs that make samples, what came of each of their requests, and the prompts they used."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class GenerationPrompt(CreatedAt, Base):
    """A prompt of a generator as somebody edited it; the newest version is the one in use."""

    __tablename__ = "generation_prompts"
    __table_args__ = (UniqueConstraint("generator", "name", "version"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    generator: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    system: Mapped[str]
    user: Mapped[str]
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class GenerationRun(CreatedAt, Base):
    """A run of a generator: all that decided what it made.

    `prompts` holds {version, hash, system, user} by name. `judge` is the provider that the gates
    ask, empty where they ask the one that makes the drafts. Of what it made, the share
    `review_share` is drawn for people; more than `reject_limit` of it rejected blocks the batch.
    """

    __tablename__ = "generation_runs"
    __table_args__ = (
        Index(None, "dataset_id", "number"),
        Index(None, "job_id"),
        CheckConstraint("review_share BETWEEN 0 AND 1", name="share"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[int] = mapped_column(Identity(), unique=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    generator: Mapped[str]
    version: Mapped[int]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB)
    prompts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    provider: Mapped[str]
    model: Mapped[str]
    judge: Mapped[str] = mapped_column(default="")
    judge_model: Mapped[str] = mapped_column(default="")
    where: Mapped[str]
    language: Mapped[str]
    pilot: Mapped[bool]
    review_share: Mapped[float]
    reject_limit: Mapped[float]
    drawn_at: Mapped[datetime | None]


class GenerationDraft(CreatedAt, Base):
    """One line of the account of a run: the draft `item` of request `number`, what became of it.

    `tokens` and money are those of the request and stand with its first line. `body` is kept
    where no sample has it. `depth` is 1 more than that of the deepest parent. `leaf_id` is the
    leaf of a taxonomy that it was made for.
    """

    __tablename__ = "generation_drafts"
    __table_args__ = (
        UniqueConstraint("run_id", "number", "item"),
        Index(None, "sample_id"),
        Index(None, "run_id", "outcome"),
        Index(None, "leaf_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("generation_runs.id", ondelete="CASCADE"))
    number: Mapped[int]
    item: Mapped[int]
    outcome: Mapped[str]
    gate: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    gates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    sample_id: Mapped[int | None] = mapped_column(ForeignKey("samples.id", ondelete="SET NULL"))
    parents: Mapped[list[int]] = mapped_column(JSONB, default=list)
    depth: Mapped[int] = mapped_column(default=1)
    drawn: Mapped[bool] = mapped_column(default=False)
    leaf_id: Mapped[int | None] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="SET NULL")
    )
    raw: Mapped[str] = mapped_column(default="")
    body: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    money: Mapped[Decimal] = mapped_column(Numeric(14, 6), default=Decimal(0))


class SyntheticCap(CreatedAt, Base):
    """From which synthetic share on a dataset is warned of, and releases are blocked.

    An override lets releases pass with its reason, until it is taken back.
    """

    __tablename__ = "synthetic_caps"
    __table_args__ = (CheckConstraint("warn_at <= block_at", name="order"),)

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    warn_at: Mapped[float]
    block_at: Mapped[float]
    override_reason: Mapped[str] = mapped_column(default="")
