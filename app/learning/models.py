"""Scorers that were learned from labels, by version."""

import uuid
from typing import Any

from sqlalchemy import REAL, ForeignKey, Identity, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class LearnedScorer(CreatedAt, Base):
    """A version of a learned signal: what it was learned from, how good it is, where its file is.

    `fingerprint` covers embedding model, features, labels, learner and parameters. The file holds
    plain arrays and is read only when its hash is the one noted here.
    """

    __tablename__ = "learned_scorers"
    __table_args__ = (UniqueConstraint("dataset_id", "name", "version"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]
    version: Mapped[int]
    signal: Mapped[str]
    labels: Mapped[str]
    cut: Mapped[float | None] = mapped_column(REAL)
    where: Mapped[str] = mapped_column(default="")
    learner: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    model_id: Mapped[int] = mapped_column(ForeignKey("embedding_models.id"))
    features: Mapped[list[str]] = mapped_column(JSONB)
    labelled: Mapped[int]
    labels_hash: Mapped[str]
    fingerprint: Mapped[str]
    metrics: Mapped[dict[str, Any]] = mapped_column(JSONB)
    curve: Mapped[list[Any]] = mapped_column(JSONB)
    bench: Mapped[list[Any]] = mapped_column(JSONB)
    drift: Mapped[float | None] = mapped_column(REAL)
    file_sha256: Mapped[str]
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
