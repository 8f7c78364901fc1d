"""Signatures of samples, and what runs of matchers found: pairs, clusters, their members."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class SignatureRecipe(CreatedAt, Base):
    """How a signature is made; signatures of one recipe compare with each other only."""

    __tablename__ = "signature_recipes"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    matcher: Mapped[str]


class MatchSignature(Base):
    """What a matcher keeps of one revision of a sample; empty where nothing can be compared."""

    __tablename__ = "match_signatures"
    __table_args__ = (Index(None, "dataset_id", "recipe_id"),)

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    recipe_id: Mapped[int] = mapped_column(ForeignKey("signature_recipes.id"), primary_key=True)
    dataset_id: Mapped[int]
    revision: Mapped[int]
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class MatchRun(CreatedAt, Base):
    """A matcher looked through a dataset, by itself, against another one or against a release.

    Of the same matcher against the same only what the newest finished run found is kept.
    """

    __tablename__ = "match_runs"
    __table_args__ = (Index(None, "dataset_id", "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    against_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    # Of the dataset above, which may be the same; None: all of that dataset.
    release_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("releases.id", ondelete="CASCADE")
    )
    matcher: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    fingerprint: Mapped[str]
    keep: Mapped[list[str]] = mapped_column(JSONB, default=list)
    where: Mapped[str] = mapped_column(default="")
    found: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    finished_at: Mapped[datetime | None]


class MatchPair(Base):
    """Two samples that a run found alike, and of which revisions; the better ranked is first."""

    __tablename__ = "match_pairs"
    __table_args__ = (
        Index(None, "run_id", "similarity"),
        Index(None, "first_id"),
        Index(None, "second_id"),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("match_runs.id", ondelete="CASCADE"), primary_key=True
    )
    first_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    second_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    first_revision: Mapped[int]
    second_revision: Mapped[int]
    similarity: Mapped[float] = mapped_column(REAL)


class MatchCluster(Base):
    """Samples that are all alike to the one that stays, which may be of the other dataset."""

    __tablename__ = "match_clusters"
    __table_args__ = (Index(None, "run_id", "size", "id"), Index(None, "keeper_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("match_runs.id", ondelete="CASCADE"))
    keeper_id: Mapped[int] = mapped_column(ForeignKey("samples.id", ondelete="CASCADE"))
    keeper_revision: Mapped[int]
    size: Mapped[int]
    most: Mapped[float] = mapped_column(REAL)
    source_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class MatchMember(Base):
    """A sample of a cluster besides the one that stays, and how alike it is to that one."""

    __tablename__ = "match_members"
    __table_args__ = (Index(None, "sample_id"),)

    cluster_id: Mapped[int] = mapped_column(
        ForeignKey("match_clusters.id", ondelete="CASCADE"), primary_key=True
    )
    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int]
    similarity: Mapped[float] = mapped_column(REAL)


class MatchException(CreatedAt, Base):
    """Two samples that are no duplicates, as somebody said: no run offers them again."""

    __tablename__ = "match_exceptions"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="ordered"),
        Index(None, "high_id"),
        Index(None, "action_id"),
    )

    low_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    high_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"))
