"""Label campaigns: which samples were drawn to be labelled, and by whom."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class Labeller(StrEnum):
    """Where the labels of a campaign come from."""

    JUDGE = "judge"
    PEOPLE = "people"
    COLUMN = "column"


class Campaign(CreatedAt, Base):
    """So many samples drawn in proportion to their strata, to be labelled.

    `how` holds what the labeller needs: rubric, provider and budget of a judge, or the column.
    `strata` tells of every stratum how many rows it has and how many of them were drawn.
    """

    __tablename__ = "campaigns"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]
    where: Mapped[str]
    size: Mapped[int]
    clusters: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    labeller: Mapped[str]
    how: Mapped[dict[str, Any]] = mapped_column(JSONB)
    drawn: Mapped[int | None]
    strata: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    judge_job_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="SET NULL")
    )
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class CampaignSample(Base):
    """A sample that a campaign drew, and the cluster it was drawn from."""

    __tablename__ = "campaign_samples"
    __table_args__ = (Index(None, "sample_id"),)

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True
    )
    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    cluster: Mapped[int | None]
