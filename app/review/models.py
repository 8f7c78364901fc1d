"""The review queue of a dataset, who holds which sample, and what was decided."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import REAL, BigInteger, CheckConstraint, Enum, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt
from app.samples.models import Status, StatusColumn


class Verdict(StrEnum):
    """What a reviewer says of a sample."""

    APPROVE = "approve"
    REJECT = "reject"
    SKIP = "skip"
    FLAG = "flag"


class ReviewQueue(Base):
    """How the samples of a dataset come to reviewers: which, in what order, what is hidden.

    A share of `random_share` (0 to 1) is drawn from all the rest, so that what the order never
    shows is seen too.
    """

    __tablename__ = "review_queues"
    __table_args__ = (CheckConstraint("random_share BETWEEN 0 AND 1", name="share"),)

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    where: Mapped[str] = mapped_column(default="")
    order_by: Mapped[str] = mapped_column(default="")
    random_share: Mapped[float] = mapped_column(REAL, default=0.0)
    blind: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)


class ReviewTally(Base):
    """How many samples of a queue waited and how many decisions stood when they were counted.

    `last_decision` is the newest decision the count knows of, `took_ms` what counting cost.
    """

    __tablename__ = "review_tallies"

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    generation: Mapped[int]
    waiting: Mapped[int]
    decided: Mapped[dict[str, int]] = mapped_column(JSONB)
    last_decision: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime]
    took_ms: Mapped[float] = mapped_column(REAL)


class ReviewItem(Base):
    """A sample that waits in the queue, and who holds it until when."""

    __tablename__ = "review_items"
    __table_args__ = (
        Index(None, "dataset_id", "position"),
        Index("ix_review_items_lease", "leased_by", postgresql_where=text("leased_by IS NOT NULL")),
    )

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(BigInteger)
    random: Mapped[bool] = mapped_column(default=False)
    leased_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    leased_until: Mapped[datetime | None]


class Decision(CreatedAt, Base):
    """One reviewer's verdict on one revision of a sample.

    Of a pair of answers `preferred` tells which one they preferred: chosen, rejected or tie, as
    the sides were built; `place` where it stood: a, b or tie.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "sample_id"),
        Index(None, "dataset_id", "user_id", "id"),
        Index(
            "ix_decisions_undone",
            "dataset_id",
            "undone_at",
            postgresql_where=text("undone_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    sample_id: Mapped[int] = mapped_column(ForeignKey("samples.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    revision: Mapped[int]
    edited_from: Mapped[int | None]
    verdict: Mapped[Verdict] = mapped_column(
        Enum(Verdict, name="verdict", values_callable=lambda items: [item.value for item in items])
    )
    note: Mapped[str] = mapped_column(default="")
    previous_status: Mapped[Status] = mapped_column(StatusColumn)
    previous_drop: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    blind: Mapped[bool] = mapped_column(default=False)
    preferred: Mapped[str | None]
    place: Mapped[str | None]
    undone_at: Mapped[datetime | None]
